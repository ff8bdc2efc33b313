"""Every shadow decision ends once, and truly; and each planted lie about it is found out."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import pytest

from tests.simulation.shadows import broken, play
from watchdog.domain.events import Ending, Event, Record, RunStarted, ShadowOutcome, TriggerChanged
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.shadow_book import ShadowBook
from watchdog.domain.target import Target
from watchdog.engine.lane import Lane

SEEDS = range(60)


def test_every_shadow_decision_ends_once_and_truly() -> None:
    seen: Counter[Ending] = Counter()
    for seed in SEEDS:
        lived = play(seed)
        assert broken(lived) == [], f"seed {seed}"
        seen.update(
            record.event.what for record in lived.records if isinstance(record.event, ShadowOutcome)
        )

    # A test that never sees one of them proves nothing about it.
    assert all(seen[what] >= 5 for what in Ending), seen


class Forgetful(ShadowBook):
    """Knows nothing of what ended before a restart."""

    def apply(self, record: Record) -> None:
        if not isinstance(record.event, ShadowOutcome):
            super().apply(record)
        else:
            self.ended.pop(record.event.episode, None)


class BlindToPeople(ShadowBook):
    """Takes what a person mended for what mended itself."""

    def apply(self, record: Record) -> None:
        if not isinstance(record.event, RunStarted):
            super().apply(record)


class DeafToTheEnd(ShadowBook):
    """Does not see a trigger resolve."""

    def apply(self, record: Record) -> None:
        if not isinstance(record.event, TriggerChanged):
            super().apply(record)


class _Hasty(ShadowBook):
    unseen_is: ClassVar[Ending]

    def due(
        self, target: Target, firing: Sequence[Proposal], coming: Sequence[Event], now: Moment
    ) -> list[ShadowOutcome]:
        told = super().due(target, firing, coming, now)
        return [
            ShadowOutcome(
                one.target, one.incident, one.trigger, one.plan, one.episode, self.unseen_is, 1.0
            )
            if one.what is Ending.UNKNOWN
            else one
            for one in told
        ]


class UnseenIsBad(_Hasty):
    """Blind at the hour means still bad."""

    unseen_is = Ending.STILL_BAD


class UnseenIsGood(_Hasty):
    """Blind at the hour means recovered."""

    unseen_is = Ending.RECOVERED


class Impatient(ShadowBook):
    """Does not wait for what is about to be written."""

    def due(
        self, target: Target, firing: Sequence[Proposal], coming: Sequence[Event], now: Moment
    ) -> list[ShadowOutcome]:
        del coming
        return super().due(target, firing, (), now)


class HalfAnHour(ShadowBook):
    """Judges too early."""

    def due(
        self, target: Target, firing: Sequence[Proposal], coming: Sequence[Event], now: Moment
    ) -> list[ShadowOutcome]:
        return super().due(target, firing, coming, now.after(1800))


class TellsOnceALife(ShadowBook):
    """Forgets to journal what ended while it was away."""

    def due(
        self, target: Target, firing: Sequence[Proposal], coming: Sequence[Event], now: Moment
    ) -> list[ShadowOutcome]:
        told = super().due(target, firing, coming, now)
        return [one for one in told if one.episode not in self.ended]


PLANTED = [
    *(Forgetful, BlindToPeople, DeafToTheEnd, UnseenIsBad, UnseenIsGood),
    *(Impatient, HalfAnHour, TellsOnceALife),
]


@pytest.mark.parametrize("book", PLANTED, ids=lambda book: book.__name__)
def test_a_planted_lie_is_found_out(book: type[ShadowBook]) -> None:
    class Planted(Lane):
        def __init__(self, *parts: object) -> None:
            super().__init__(*parts)  # type: ignore[arg-type]
            self.shadows = book()

    assert any(broken(play(seed, Planted)) for seed in SEEDS)
