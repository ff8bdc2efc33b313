"""The scorecard, a person's word on it, and arming, with a real daemon and its journal."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.bed.command_line import called, daemon
from tests.bed.shop import Shop, a_shop, wait_until, write_files
from watchdog.cli.scorecard_text import text


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def bodies(folder: Path, kind: str) -> list[str]:
    path = folder / "state/journal.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT body FROM events WHERE kind = ? ORDER BY seq", (kind,))
        return [body for (body,) in found]


def the_trigger(file: Path) -> Any:  # noqa: ANN401 (whatever it printed)
    (target,) = called("scorecard", file, "--json").json["targets"]
    (trigger,) = target["triggers"]
    return trigger


def test_a_rollback_by_hand_shows_that_to_act_was_right_until_a_person_says_otherwise(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop, mode="alert-only")
    with daemon(file) as running:
        shop.bad = True
        assert running.wait_for("decision")["refusal"] == "alert_only"
        assert (the_trigger(file)["would_act"], the_trigger(file)["open"]) == (1, 1)
        assert "not over yet" in called("scorecard", file).out

        assert called("rollback", file, "undo", "--reason", "bad release", "--yes").code == 0
        running.wait_for("shadow_outcome")

        trigger = the_trigger(file)
        assert (trigger["right"], trigger["wrong"], trigger["bar_met"]) == (1, 0, False)
        out = called("scorecard", file).out
        assert "1 (100%)" in out
        assert "a person rolled back after" in out

        judged = called(
            "judge", "last", "wrong", file, "--by", "Ann", "--reason", "it was the probe"
        )
        assert judged.out.endswith("is judged wrong by Ann\n")
        assert (the_trigger(file)["right"], the_trigger(file)["wrong"]) == (0, 1)
        assert "WRONG, says Ann: it was the probe" in called("scorecard", file).out
        assert '"detail":"last: wrong: it was the probe"' in bodies(tmp_path, "CommandReceived")[-1]

    # And without a daemon.
    assert the_trigger(file)["wrong"] == 1
    assert len(bodies(tmp_path, "ShadowOutcome")) == 1


def test_nobody_judges_what_was_never_decided(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop, mode="alert-only")
    with daemon(file):
        refused = called("judge", "4711", "right", file, "--by", "Ann", "--reason", "because")

        assert refused.code == 6
        assert "no decision '4711' that alert-only held back; there has been none" in refused.err
        assert called("judge", "1", "perhaps", file, "--by", "A", "--reason", "b").code == 2


def test_to_arm_early_is_told_once_and_not_refused(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop, mode="alert-only")
    with daemon(file) as running:
        assert running.logged("mode_changed") == []
        write_files(tmp_path, shop, mode="auto")
        assert running.wait_for("mode_changed")["armed_by"] == "ann"
        assert "watched 0.0 of 14 days" in running.wait_for("armed_early")["short"][0]
        wait_until(lambda: running.target["mode"] == "auto", "it is armed")

    with daemon(file) as again:
        again.wait_for("watching")
    assert len(bodies(tmp_path, "ModeChanged")) == len(bodies(tmp_path, "ArmedEarly")) == 1


def test_a_window_that_is_no_time_is_an_error(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)

    wrong = called("scorecard", file, "--since", "yesterday")

    assert wrong.code == 2
    assert "--since: 'yesterday' is not a duration" in wrong.err


def a_trigger(name: str, **more: object) -> dict[str, object]:
    calm = {"would_act": 0, "right": 0, "wrong": 0, "unknown": 0, "open": 0, "right_share": None}
    return {
        **calm,
        "trigger": name,
        "a_week": None,
        "bar_met": False,
        "short_of": ["watched 0.0 of 14 days"],
        "note": "",
        **more,
    }


def test_the_text_says_first_how_many_triggers_meet_the_bar_and_why_the_others_do_not() -> None:
    decision = {
        "number": 7,
        "at": "2026-01-01T00:00:00Z",
        "trigger": "down",
        "plan": "undo",
        "what": "recovered",
        "after_seconds": 720.4,
        "note": "",
        "right": False,
        "judged_by": "",
        "reason": "",
        "counts": False,
    }
    target = {
        "target": "shop",
        "mode": "alert-only",
        "armed_by": "",
        "file": "shop.yaml",
        "bar": {"decisions": 3, "right": 0.9, "days": 14.0},
        "triggers": [
            a_trigger("down", would_act=4, right=4, right_share=1.0, a_week=1.26, bar_met=True),
            a_trigger("errors"),
        ],
        "decisions": [decision],
    }

    short = "NOT MET: watched 0.0 of 14 days"
    counted = "WRONG (before the trigger was changed: does not count)"
    lines = text({"targets": [target]}, "30d").splitlines()

    assert lines == [
        "shop  (alert-only)  shop.yaml",
        "  1 of 2 triggers meet the bar: 3 decisions, 90% right, 14 days",
        "  trigger  would act  right     wrong  unknown  open  a week  bar",
        "  down     4          4 (100%)  0      0        0     1.3     met",
        f"  errors   0          0         0      0        0     -       {short}",
        "",
        "  the last decisions, of 1 in the last 30d",
        f"  #7  2026-01-01T00:00:00Z  down  undo  recovered by itself in 12m  {counted}",
        "  to overrule one: rollback-watchdog judge NUMBER right|wrong --by NAME --reason WHY",
    ]
