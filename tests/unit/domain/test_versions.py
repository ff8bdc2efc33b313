from dataclasses import replace

import pytest

from tests.builders import EPOCH, a_plan, at, started
from watchdog.domain.change import (
    ChangeKind,
    ChangeSeen,
    News,
    VersionGood,
    VersionQuarantined,
    VersionReleased,
    is_version,
    objection,
)
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Return
from watchdog.domain.progress import Outcome, Proof, RunEnded, Stage, WatchEnded
from watchdog.domain.versions import KEPT, ROLLBACK, Standing, VersionBook, Versions

HOUR = 3600.0


def seen(version: str, hours: float, **more: object) -> ChangeSeen:
    facts: dict[str, object] = {"previous": "", "source": "webhook", **more}
    return ChangeSeen(target="shop", version=version, at=EPOCH + hours * HOUR, **facts)  # type: ignore[arg-type]


def book(*events: object, now: Moment | None = None) -> VersionBook:
    found = VersionBook()
    for event in events:
        found.apply(event, now or at(0))
    return found


def versions(*events: object) -> Versions:
    return book(*events).of("shop")


def returning(*, by: str = "", trigger: str = "errors") -> object:
    start = started(replace(a_plan(), returns_to=Return.PREVIOUS), by=by, trigger=trigger)
    return replace(start, from_version="v2", to_version="v1")


# -- what runs


def test_the_newest_change_says_which_version_runs_and_the_one_before_which_ran() -> None:
    known = versions(seen("v1", -9), seen("v2", -1))

    assert (known.running, known.previous) == ("v2", "v1")
    assert known.running_since == EPOCH - HOUR


def test_a_change_told_late_takes_its_place_in_time() -> None:
    known = versions(seen("v2", -1), seen("v1", -9))

    assert (known.running, known.previous) == ("v2", "v1")


def test_a_change_told_twice_is_one_change() -> None:
    known = versions(seen("v1", -1), seen("v1", -1, source="file"))

    assert len(known.changes) == 1


def test_the_same_version_deployed_again_runs_since_its_first_time() -> None:
    known = versions(seen("v1", -9), seen("v2", -3), seen("v2", -1))

    assert known.previous == "v1"
    assert known.running_since == EPOCH - 3 * HOUR


def test_what_a_change_took_the_place_of_is_the_version_before_where_nobody_told_of_it() -> None:
    assert versions(seen("v2", -1, previous="v1")).previous == "v1"


def test_a_flag_is_a_change_and_no_version() -> None:
    known = versions(seen("v1", -9), seen("cart=on", -1, kind=ChangeKind.FLAG))

    assert known.running == "v1"
    assert len(known.since(EPOCH - 2 * HOUR, frozenset(ChangeKind))) == 1


def test_nothing_runs_as_long_as_nobody_told() -> None:
    assert (Versions().running, Versions().previous, Versions().at(EPOCH)) == ("", "", "")


def test_the_version_of_a_moment_is_the_newest_that_had_come_by_then() -> None:
    known = versions(seen("v1", -9), seen("v2", -1))

    assert known.at(EPOCH - 2 * HOUR) == "v1"
    assert known.at(EPOCH - HOUR) == "v2"
    assert known.at(EPOCH - 10 * HOUR) == ""


def test_an_endless_history_is_forgotten_from_its_beginning_and_not_told_anew() -> None:
    known = versions(*(seen(f"v{hours}", hours) for hours in range(KEPT + 50)))

    assert len(known.changes) == KEPT
    assert known.running == f"v{KEPT + 49}"
    assert not known.has_room_for(EPOCH + 10 * HOUR)
    assert known.has_room_for(EPOCH + 1000 * HOUR)


def test_a_flood_of_flags_makes_nobody_forget_which_version_runs() -> None:
    flags = [seen(f"cart={n}", -1 + n / 1e5, kind=ChangeKind.FLAG) for n in range(KEPT + 5)]
    known = versions(seen("v1", -9), seen("v2", -8), *flags)

    assert (known.running, known.previous) == ("v2", "v1")
    assert known.newest(ChangeKind.FLAG) == f"cart={KEPT + 4}"
    assert len(known.changes) == KEPT + 2
    assert known.has_room_for(EPOCH - 20 * HOUR)
    assert not known.has_room_for(EPOCH - 20 * HOUR, ChangeKind.FLAG)


# -- good, quarantined, released


def test_a_version_that_was_good_is_what_last_good_returns_to() -> None:
    known = versions(
        seen("v0", -9),
        seen("v1", -5),
        seen("v2", -1),
        VersionGood("shop", "v0", EPOCH),
        VersionGood("shop", "v2", EPOCH),
    )

    assert (known.previous, known.last_good) == ("v1", "v0")


def test_what_proved_itself_while_another_one_ran_unheard_of_is_not_good() -> None:
    good = VersionGood("shop", "v2", EPOCH - HOUR)
    later = seen("v3", 1)
    meanwhile, same = seen("v3", -0.5), seen("v2", -0.5)

    assert "v2" in versions(seen("v2", -2), good, later).good
    assert "v2" in versions(seen("v2", -2), good, same).good
    assert "v2" in versions(seen("v2", -2), good, seen("cart", -0.5, kind=ChangeKind.FLAG)).good
    assert versions(seen("v2", -2), good, meanwhile).good == {}


def test_a_version_rolled_back_from_is_quarantined_and_no_longer_good() -> None:
    known = versions(
        seen("v2", -1),
        VersionGood("shop", "v2", EPOCH),
        VersionQuarantined("shop", "v2", "r1", "errors fires"),
    )

    standing, why = known.standing("v2")
    assert standing is Standing.QUARANTINED
    assert why == "since 2026-01-01T00:00:00Z, by run r1: errors fires"
    assert "v2" not in known.good


def test_what_is_quarantined_does_not_become_good_by_staying_up() -> None:
    known = versions(
        seen("v2", -1),
        VersionQuarantined("shop", "v2", "r1", "errors fires"),
        VersionGood("shop", "v2", EPOCH),
    )

    assert known.standing("v2")[0] is Standing.QUARANTINED
    assert known.good == {}


def test_a_released_version_must_prove_itself_anew() -> None:
    quarantined = VersionQuarantined("shop", "v1", "r1", "errors fires")
    known = versions(
        seen("v1", -9),
        VersionGood("shop", "v1", EPOCH),
        quarantined,
        VersionReleased("shop", "v1", "ann", "it was the disk"),
        seen("v2", -1),
    )

    assert known.standing("v1")[0] is Standing.UNKNOWN
    assert known.last_good == ""


def test_each_version_has_one_standing() -> None:
    known = versions(seen("v1", -9), seen("v2", -1), VersionGood("shop", "v1", EPOCH))

    assert known.standing("v1")[0] is Standing.GOOD
    assert known.standing("v2")[0] is Standing.RUNNING
    assert known.standing("v3") == (Standing.UNKNOWN, "nobody told of this version")
    assert known.standing("")[0] is Standing.UNKNOWN


def test_targets_do_not_share_their_versions() -> None:
    known = book(seen("v1", -1), replace(seen("v9", -1), target="other"))

    assert (known.of("shop").running, known.of("other").running) == ("v1", "v9")
    assert known.targets == ["shop", "other"]


# -- runs


def test_after_a_proven_rollback_the_version_returned_to_is_what_runs() -> None:
    known = versions(
        seen("v1", -9),
        seen("v2", -1),
        returning(),
        RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 60),
    )

    assert known.running == "v1"
    assert known.changes[-1].source == ROLLBACK
    assert known.changes[-1].reference == "r1"


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.SUCCEEDED])
def test_after_any_other_end_what_runs_is_what_was_told(outcome: Outcome) -> None:
    known = versions(
        seen("v1", -9), seen("v2", -1), returning(), RunEnded("r1", "shop", outcome, "", 60)
    )

    assert known.running == "v2"


def test_the_version_returned_to_is_good_once_its_watch_ended_well() -> None:
    events = [
        seen("v1", -9),
        seen("v2", -1),
        returning(),
        RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 60),
        WatchEnded("r1", "shop", Stage.WATCH_SHORT, Proof.PASSED),
    ]

    assert versions(*events[:-1]).good == {}
    assert versions(*events).good == {"v1": EPOCH}


def test_a_watch_under_another_version_proves_nothing_of_the_one_returned_to() -> None:
    known = versions(
        seen("v1", -9),
        seen("v2", -1),
        returning(),
        RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 60),
        seen("v3", 1),
        WatchEnded("r1", "shop", Stage.WATCH_SHORT, Proof.PASSED),
    )

    assert known.good == {}


def test_an_automatic_run_is_remembered_for_its_version_and_its_trigger() -> None:
    known = versions(seen("v2", -1), returning(trigger='errors{route="/a"}'))

    assert known.runs == {"v2": "r1"}
    assert known.fired == {("errors", "v2"): "r1"}


def test_a_run_by_hand_uses_nothing_up() -> None:
    known = versions(seen("v2", -1), returning(by="ann"))

    assert (known.runs, known.fired) == ({}, {})


def test_a_plan_that_asks_for_no_change_uses_up_the_trigger_alone() -> None:
    known = versions(seen("v2", -1), replace(started(), from_version="v2"))

    assert (known.runs, known.fired) == ({}, {("errors", "v2"): "r1"})


# -- what can be believed


@pytest.mark.parametrize(
    "text", ["v1", "1.2.3", "sha256:0a1b", "release/2026-01", "app@1", "new-cart=on", "a" * 200]
)
def test_these_are_versions(text: str) -> None:
    assert is_version(text)


@pytest.mark.parametrize(
    "text",
    ["", "-rf", "a b", "v1\n", "../../etc", "v1;ls", "$(id)", "é", "a" * 201, "{{x}}", "v1?"],
)
def test_these_are_none(text: str) -> None:
    assert not is_version(text)


@pytest.mark.parametrize(
    ("news", "why"),
    [
        (News("-x", EPOCH), "'-x' is no version"),
        (News("v1", EPOCH, previous="a b"), "'a b' is no version"),
        (News("v1", EPOCH, by="a\nb"), "printable"),
        (News("v1", EPOCH, reference="x" * 501), "500"),
        (News("v1", float("nan")), "at is no time"),
        (News("v1", float("inf")), "at is no time"),
        (News("v1", -5), "at is no time"),
        (News("v1", EPOCH + 61), "begin 61 s from now"),
    ],
)
def test_what_cannot_be_believed_is_said(news: News, why: str) -> None:
    assert why in objection(news, EPOCH)


def test_a_clock_that_is_a_little_ahead_is_believed() -> None:
    assert objection(News("v1", EPOCH + 59, "v0", "ci", reference="https://ci/1"), EPOCH) == ""
