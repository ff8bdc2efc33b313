"""What a file says of approvals, and what `check` makes of it."""

from pathlib import Path

import pytest

from watchdog import catalog
from watchdog.config.loading import load_files, load_target
from watchdog.domain.approval import Approval, ChecklistItem, Member, OnTimeout
from watchdog.domain.plan import Plan
from watchdog.domain.target import Mode, Target

FILE = """
target: shop
mode: approve
sources: {health: {use: http, url: "http://shop/health"}}
signals: {healthy: {from: health}}
triggers: {down: {signal: healthy, fails: 3, plan: undo, cause: outage}}
plans:
  undo:
    steps: [{use: command, with: {argv: [undo]}, repeat: idempotent}]
    %s
"""
PEOPLE = "people: {ann: {roles: [lead, dba]}, bob: {roles: [ops]}}\ntargets: [shop.yaml]\n"


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "shop.yaml"


def target_with(file: Path, keys: str) -> Target:
    file.write_text(FILE % keys.replace("\n", "\n    "))
    return load_target(file, catalog)


def plan_with(file: Path, keys: str) -> Plan:
    return target_with(file, keys).plans["undo"]


def warnings(file: Path, keys: str, *, daemon: str = PEOPLE) -> list[str]:
    file.write_text(FILE % keys.replace("\n", "\n    "))
    own = file.with_name("daemon.yaml")
    own.write_text(daemon)
    return [str(one).partition("plans.undo")[2] for one in load_files([own], catalog).warnings]


@pytest.mark.parametrize(
    ("keys", "approval"),
    [
        ("", Approval()),
        ("approval: auto", Approval()),
        ("approval: anyone", Approval(people=1)),
        ("approval: {any_of: [cto, lead]}", Approval(any_of=("cto", "lead"))),
        ("approval: {any_of: [dba], people: 2}", Approval(any_of=("dba",), people=2)),
        ("approval: {people: 3}", Approval(people=3)),
        (
            (
                "approval: {all_of: [lead, {role: security, when: {causes: [security]}}], "
                "distinct: false, ttl: 5m, on_timeout: deny}"
            ),
            Approval(
                all_of=(Member("lead"), Member("security", ("security",))),
                distinct=False,
                ttl=300.0,
                on_timeout=OnTimeout.DENY,
            ),
        ),
        (
            "approval: {any_of: [cto], except: {causes: [outage]}}",
            Approval(any_of=("cto",), exempt=("outage",)),
        ),
        (
            "checklist: [{name: told, by: lead}]",
            Approval(checklist=(ChecklistItem("told", "lead"),)),
        ),
    ],
)
def test_a_policy_means_what_is_written(write: Path, keys: str, approval: Approval) -> None:
    assert plan_with(write, keys).approval == approval


def test_an_item_that_the_machine_answers_is_a_look_by_the_name_of_the_item(write: Path) -> None:
    plan = plan_with(
        write,
        'checklist: [{name: backup, check: {get: "http://b/age", value: s, unit: s, below: 6h}}]',
    )
    (check,) = plan.checklist

    assert plan.approval.checklist == (ChecklistItem("backup"),)
    assert (check.name, check.look.use, check.expect.limit) == ("backup", "http", 21600.0)


def test_the_mode_and_the_cause_are_kept(write: Path) -> None:
    target = target_with(write, "")

    assert target.mode is Mode.APPROVE
    assert target.triggers[0].cause == "outage"


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ("approval: {any_of: [lead]}", []),
        ("approval: {any_of: [lead, cto]}", []),
        ("approval: {any_of: [cto]}", [".approval: nobody can answer as cto:"]),
        ("approval: {all_of: [lead, sre]}", [".approval: nobody can answer as sre:"]),
        ("approval: {people: 3}", [".approval: too few people to grant it: it takes 3"]),
        (
            "approval: {any_of: [lead], except: {causes: [security]}}",
            [".approval: has no effect for 'security'"],
        ),
        ("approval: {any_of: [lead], except: {causes: [outage]}}", []),
        ("level: data", [": whoever is asked does not see how old"]),
        (
            "level: data\napproval: {any_of: [dba]}",
            [": whoever is asked does not", ".approval: one person alone decides"],
        ),
        (
            "loses_data: true\nchecklist: [{name: backup, check: {run: [age]}}]",
            [],
        ),
    ],
)
def test_what_nobody_can_give_and_what_one_gives_alone_is_warned_of(
    write: Path, keys: str, warned: list[str]
) -> None:
    found = [one for one in warnings(write, keys) if "verify" not in one]

    assert len(found) == len(warned), found
    assert all(any(one.startswith(words) for one in found) for words in warned), found


def test_without_a_file_of_the_daemon_nothing_is_said_about_people(write: Path) -> None:
    write.write_text(FILE % "approval: {any_of: [cto]}")

    assert load_files([write], catalog).warnings == ()
