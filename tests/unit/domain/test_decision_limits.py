"""The guards of windows, groups and the data level, and a pause on a clock that steps."""

from dataclasses import replace

import pytest

from tests.builders import EPOCH, a_plan, a_proposal, a_target, a_trigger, at, started
from watchdog.domain.account import Account
from watchdog.domain.decision import (
    SETTLING,
    Facts,
    Reason,
    Refusal,
    decide,
    standing_refusals,
)
from watchdog.domain.events import Event, Paused, Record
from watchdog.domain.groups import Group, busy, data_run, group_of
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment, is_over
from watchdog.domain.plan import Level
from watchdog.domain.progress import Outcome, RunEnded
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import OpenWindow, Spared, WindowKind

HOUR = 3600.0
WEEKEND = OpenWindow(WindowKind.FREEZE, "weekend", EPOCH + HOUR)
WORK = OpenWindow(WindowKind.MAINTENANCE, "disks", EPOCH + HOUR, "ann")


def facts(**more: object) -> Facts:
    calm = Facts(Mode.AUTO, Limits(), Account(), target=a_target())
    return replace(calm, **more)  # type: ignore[arg-type]


def refused(some: Facts, proposal: Proposal | None = None) -> Refusal:
    refusal = decide(proposal or a_proposal(), some, at("1m"))
    assert refusal is not None
    return refusal


def acts(some: Facts, proposal: Proposal | None = None) -> bool:
    return decide(proposal or a_proposal(), some, at("1m")) is None


# -- freeze, planned work


def test_a_freeze_refuses_until_it_is_over() -> None:
    refusal = refused(facts(windows=(WEEKEND,)))

    assert refusal == Refusal(Reason.FROZEN, "weekend", EPOCH + HOUR)


@pytest.mark.parametrize(
    ("spared", "passes"),
    [(Spared(Severity.CRITICAL), True), (Spared(causes=("leak",)), True), (Spared(), False)],
)
def test_what_a_freeze_spares_passes(spared: Spared, *, passes: bool) -> None:
    leak = replace(a_trigger("leak"), cause="leak")
    some = facts(windows=(replace(WEEKEND, spared=spared),), target=a_target(leak))

    assert acts(some, a_proposal("leak", severity=Severity.CRITICAL)) is passes


def test_a_row_passes_by_the_cause_of_any_trigger_that_asks_for_it() -> None:
    leak = replace(a_trigger("leak"), cause="leak")
    some = facts(
        windows=(replace(WEEKEND, spared=Spared(causes=("leak",))),),
        target=a_target(a_trigger("errors"), leak),
    )

    assert acts(some, a_proposal("errors", because=("errors", "leak")))
    assert not acts(some, a_proposal("errors", because=("errors",)))


def test_deny_overrides_allow_and_the_one_that_lasts_longest_is_told() -> None:
    lenient = replace(WEEKEND, until=EPOCH + 9 * HOUR, spared=Spared(Severity.INFO))
    longer = replace(WEEKEND, until=EPOCH + 2 * HOUR, reason="fair")
    refusal = refused(facts(windows=(lenient, WEEKEND, longer)))

    assert (refusal.detail, refusal.until) == ("fair", EPOCH + 2 * HOUR)


def test_planned_work_comes_before_all_else_there_is_to_say() -> None:
    some = facts(windows=(WORK,), killed="the file", account=Account(latched="x"))

    assert refused(some).reason is Reason.MAINTENANCE
    assert refused(some, a_proposal(plan="")).reason is Reason.MAINTENANCE


def test_a_status_names_each_that_holds_whomever_it_spares() -> None:
    spared = replace(WEEKEND, spared=Spared(Severity.INFO))
    found = standing_refusals(facts(windows=(spared, WORK), group_busy="run r"), at("1m"))

    assert [one.reason for one in found] == [Reason.MAINTENANCE, Reason.FROZEN, Reason.GROUP_BUSY]


# -- groups


def test_a_member_waits_for_the_run_of_another_and_for_who_goes_first() -> None:
    assert refused(facts(group_busy="run r1")).reason is Reason.GROUP_BUSY
    assert refused(facts(group_first="target db")).reason is Reason.GROUP_ORDER


@pytest.mark.parametrize(
    ("looked", "fired", "waits"),
    [("55s", "50s", False), ("45s", "50s", True), ("45s", "30s", False), ("29s", "31s", True)],
)
def test_those_before_it_are_looked_at_once_more_but_nobody_waits_long(
    looked: str, fired: str, *, waits: bool
) -> None:
    some = facts(group_looked=at(looked))

    assert acts(some, a_proposal(since=at(fired))) is not waits
    assert SETTLING == 30.0


def ledger(*events: tuple[str, Event]) -> Ledger:
    records = [Record(n, at(when), event) for n, (when, event) in enumerate(events, 1)]
    return Ledger().replay(records)


def test_a_target_is_in_the_group_that_names_it() -> None:
    groups = {"a": ("x", "y"), "b": ("z", "u")}

    assert group_of(groups, "z") == Group("b", ("z", "u"))
    assert group_of(groups, "v") is None


def test_who_is_at_it_goes_first_then_the_order_counts() -> None:
    group = Group("g", ("db", "api", "web"))
    at_it = ledger(("0s", started(a_plan(), run="r", target="web")))

    assert group.before("web", Ledger()) == ["db", "api"]
    assert group.before("db", at_it) == ["web"]
    assert group.before("web", at_it) == []
    gave_way = ledger(
        ("0s", started(a_plan(), run="r", target="web")),
        ("1s", RunEnded("r", "web", Outcome.SUPERSEDED, "", 1.0)),
    )
    assert group.before("db", gave_way) == ["web"]


def test_one_is_busy_until_its_run_is_over_and_only_for_the_others() -> None:
    group = Group("g", ("db", "web"))
    begun = ("0s", started(a_plan(), run="r", target="web"))
    over = ("1s", RunEnded("r", "web", Outcome.FAILED, "", 1.0))

    assert busy(group, "db", ledger(begun)) == "run r of plan undo on target web"
    assert busy(group, "web", ledger(begun)) == ""
    assert busy(group, "db", ledger(begun, over)) == ""


# -- the data level


def a_database() -> Target:
    plan = replace(a_plan(), level=Level.DATA)
    return a_target(plans=[plan, a_plan(name="flag")])


def test_a_second_plan_of_the_data_level_waits_and_others_do_not() -> None:
    some = facts(target=a_database(), data_run="run r")

    assert refused(some).reason is Reason.DATA_PLAN_RUNNING
    assert acts(some, a_proposal(plan="flag"))


def test_only_a_run_of_the_data_level_on_another_target_is_one() -> None:
    data = replace(a_plan(), level=Level.DATA)
    some = ledger(
        ("0s", started(a_plan(), run="a", target="web")),
        ("0s", started(data, run="b", target="db")),
    )

    assert data_run("web", some) == "run b of plan undo on target db"
    assert data_run("db", some) == ""


# -- a pause


@pytest.mark.parametrize("step", [-9 * HOUR, 0.0, 9 * HOUR])
def test_a_clock_that_steps_ends_no_pause_early(step: float) -> None:
    paused = Paused("shop", "ann", "x", EPOCH + HOUR)
    account = ledger(("0s", paused)).account("shop")
    now = Moment(at("59m").elapsed, at("59m").wall + step)

    refusal = decide(a_proposal(), facts(account=account), now)
    assert refusal is not None
    assert refusal.reason is Reason.PAUSED


def test_what_a_person_said_is_over_in_time_and_never_without_an_end() -> None:
    assert not is_over(EPOCH + HOUR, at(0), at("59m59s"))
    assert is_over(EPOCH + HOUR, at(0), at("1h"))
    assert is_over(EPOCH + HOUR, None, at("1h"))
    assert not is_over(None, at(0), at("99h"))
