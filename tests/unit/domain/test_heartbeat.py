from collections.abc import Sequence

import pytest

from tests.builders import at
from watchdog.domain.heartbeat import (
    Beats,
    Heartbeat,
    Place,
    first_lacking,
    why_withheld,
)

SHOP, BANK = ("shop", "prometheus"), ("bank", "health")


def withheld(
    *,
    ready: bool = True,
    stopping: bool = False,
    journal_healthy: bool = True,
    lifeless: Sequence[str] = (),
    watched: bool = True,
    lacking: Place | None = None,
) -> str:
    return why_withheld(
        ready=ready,
        stopping=stopping,
        journal_healthy=journal_healthy,
        lifeless=lifeless,
        watched=watched,
        lacking=lacking,
    )


def test_a_round_is_whole_once_each_source_of_each_target_was_evaluated() -> None:
    assert first_lacking([SHOP, BANK], {SHOP: at(5)}, at(0)) == BANK
    assert first_lacking([SHOP, BANK], {SHOP: at(5), BANK: at(1)}, at(0)) is None


def test_a_round_of_before_the_last_beat_does_not_count_again() -> None:
    assert first_lacking([SHOP], {SHOP: at(60)}, at(60)) == SHOP
    assert first_lacking([SHOP], {SHOP: at(61)}, at(60)) is None


def test_what_was_dropped_from_the_files_is_waited_for_no_more() -> None:
    assert first_lacking([SHOP], {SHOP: at(5)}, at(0)) is None


def test_all_is_well_and_a_beat_may_be_sent() -> None:
    assert withheld() == ""


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ({"ready": False}, "it has not started yet"),
        ({"stopping": True}, "it is stopping"),
        ({"journal_healthy": False}, "the journal cannot be written"),
        ({"lifeless": ["shop/a: no round for 61 s"]}, "shop/a: no round for 61 s"),
        ({"watched": False}, "it watches no source"),
        ({"lacking": SHOP}, "shop/prometheus: no round since the last beat"),
    ],
)
def test_each_reason_alone_withholds_the_beat(why: dict[str, object], said: str) -> None:
    assert withheld(**why) == said  # type: ignore[arg-type]


def test_the_first_beat_is_due_at_once_and_the_next_a_little_before_its_time() -> None:
    beats = Beats(at(0))
    assert beats.is_due(60, at(0))

    beats = beats.taken(at(10))
    assert not beats.is_due(60, at(60))
    # Rounds come every 15 s, give or take: at 70 s it would else be late by a whole one.
    assert beats.is_due(60, at(69))


def test_a_beat_that_was_not_taken_is_tried_again_soon_and_counted() -> None:
    beats = Beats(at(0)).taken(at(0)).refused(at(60), "refused").refused(at(70), "no answer")

    assert (beats.failures, beats.failure, beats.all_failed, beats.all_sent) == (
        2,
        "no answer",
        2,
        1,
    )
    assert beats.sent == at(0)
    assert not beats.is_due(60, at(75))
    assert beats.is_due(60, at(80))
    assert beats.taken(at(80)).failures == 0


def test_a_beat_more_often_than_the_pause_after_a_failure_keeps_its_pace() -> None:
    assert Beats(at(0)).refused(at(0), "refused").is_due(1, at(1))


def test_the_address_is_never_shown() -> None:
    assert "secret-path" not in repr(Heartbeat("https://host/secret-path"))
