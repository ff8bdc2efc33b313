"""Commands that look at the world and change nothing: run --once, verify, doctor, status."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.command_line import called
from tests.bed.shop import Shop, a_shop, write_files

BLIND = """\
target: blind
sources:
  metrics: {use: prometheus, url: "http://127.0.0.1:9", every: 15s, timeout: 1s}
signals:
  load: {from: metrics, query: "a_metric"}
triggers:
  busy: {signal: load, above: 5, for: 1m, plan: undo}
plans:
  undo:
    steps: [{use: command, with: {argv: ["true"]}}]
    verify: [{signal: load, below: 5, tries: 2, pause: 100ms, within: 300ms}]
"""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


@pytest.fixture
def file(shop: Shop, tmp_path: Path) -> Path:
    return write_files(tmp_path, shop)


@pytest.fixture
def blind(tmp_path: Path) -> Path:
    path = tmp_path / "blind.yaml"
    path.write_text(BLIND)
    return path


# -- run --once


def test_one_look_that_finds_nothing_wrong_is_zero(shop: Shop, file: Path) -> None:
    said = called("run", file, "--once")

    assert (said.code, said.out) == (0, "shop  down  ok  yes\n")


def test_one_look_at_a_breach_is_ten_and_nothing_is_done(shop: Shop, file: Path) -> None:
    shop.bad = True

    said = called("run", file, "--once")

    assert (said.code, said.out) == (10, "shop  down  BREACH  no  HTTP 503, expected 200\n")
    assert shop.undone == 0
    assert list((file.parent / "state").iterdir()) == []


def test_one_look_that_learns_nothing_is_eleven(blind: Path) -> None:
    said = called("run", blind, "--once", "--json")

    (trigger,) = said.json["triggers"]
    assert said.code == 11
    assert (trigger["verdict"], trigger["value"]) == ("unknown", None)
    assert trigger["note"]


def test_a_breach_outweighs_what_is_unknown(shop: Shop, file: Path, blind: Path) -> None:
    shop.bad = True

    assert called("run", file, blind, "--once").code == 10


# -- verify


def test_checks_that_pass_are_zero_and_every_look_is_printed(shop: Shop, file: Path) -> None:
    said = called("verify", file, "undo")

    assert said.code == 0
    assert said.out.count("check healthy is ok: ok") == 2
    assert said.out.endswith("undo: passed: all 2 checks passed\n")
    assert shop.undone == 0


def test_a_check_that_fails_is_one(shop: Shop, file: Path) -> None:
    shop.bad = True

    said = called("verify", file, "undo", "--json")

    assert (said.code, said.json["proof"]) == (1, "failed")
    assert {look["event"]["verdict"] for look in said.json["looks"][:-1]} == {"breach"}


def test_a_check_that_cannot_tell_is_three(blind: Path) -> None:
    said = called("verify", blind, "undo")

    assert said.code == 3
    assert "inconclusive" in said.out


# -- doctor


def test_the_doctor_reaches_everything_and_changes_nothing(shop: Shop, file: Path) -> None:
    said = called("doctor", file)

    assert said.code == 0
    assert "shop: signal healthy from health: yes" in said.out
    assert "shop: plan undo: Undo the release: could run" in said.out
    assert "channel log: configured" in said.out
    assert {method for method, _ in shop.asked} == {"GET"}


def test_the_doctor_says_what_is_wrong_and_ends_with_one(
    shop: Shop, file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "shop.yaml"
    with_secret = f'{{url: "{shop.url}/undo", auth: admin}}'
    target.write_text(
        target.read_text().replace(f'{{url: "{shop.url}/undo"}}', with_secret)
        + "auth:\n  admin: {bearer: {env: NO_SUCH_TOKEN}}\n"
    )

    said = called("doctor", file, "--json")

    wrong = [one for one in said.json["examined"] if one["health"] == "wrong"]
    assert said.code == 1
    assert [one["about"] for one in wrong] == ["shop: plan undo: Undo the release"]
    assert "NO_SUCH_TOKEN" in wrong[0]["text"]


def test_the_doctor_tells_a_source_that_does_not_answer(blind: Path) -> None:
    said = called("doctor", blind)

    assert said.code == 1
    assert "WRONG  blind: signal load from metrics: unknown" in said.out


def test_the_doctor_sends_a_message_only_when_it_is_asked(
    shop: Shop, file: Path, tmp_path: Path
) -> None:
    file.write_text(
        file.read_text() + f'channels:\n  hook: {{use: webhook, url: "{shop.url}/undo"}}\n'
    )

    silent = called("doctor", file)
    assert (silent.code, shop.undone) == (0, 0)

    loud = called("doctor", file, "--send-test")
    assert loud.code == 0, loud.out
    assert "channel hook: the test message was taken" in loud.out
    assert shop.undone == 1


# -- status without a daemon


def test_a_status_without_a_daemon_says_so_and_still_says_what_it_can(file: Path) -> None:
    said = called("status", file)

    assert said.code == 0
    assert "no daemon answers at" in said.err
    assert said.out.startswith("shop: would NOT act now\n  - not_running: no daemon is running")


def test_a_status_needs_no_target_file_to_be_right(file: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("target: shop\n  broken: [\n")

    said = called("status", tmp_path / "shop.yaml", file, "--journal", tmp_path / "none.db")

    assert "shop.yaml:2" in said.err
    assert (said.code, "there is no journal" in said.err) == (4, True)
