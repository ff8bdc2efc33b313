from dataclasses import replace

import pytest

from watchdog.domain.claims import Claim, SignalReceived, Voice, Word
from watchdog.domain.inbound import MOST, Board
from watchdog.engine.reception import MOST_A_MINUTE, BusyError, Reception
from watchdog.testing.doubles import ManualClock, MemoryJournal

ALERT = Claim("Burns", Voice.ALERTMANAGER, Word.FIRING, "f0", 390.0, starts_at=0.0)
BY_ANN = Claim("fraud", Voice.CLI, Word.FIRING, "shop/fraud", 3600.0, target="shop", by="ann")


def a_reception() -> tuple[Reception, ManualClock]:
    clock = ManualClock()
    return Reception(MemoryJournal(clock), clock, Board()), clock


def alerts(count: int) -> list[Claim]:
    return [replace(ALERT, fingerprint=f"f{number}") for number in range(count)]


def full(reception: Reception, clock: ManualClock) -> None:
    for number, claim in enumerate(alerts(MOST)):
        event = reception.board.recorded(claim, clock.now())
        assert isinstance(event, SignalReceived)
        reception.board.take(number + 1, clock.now(), event)


async def test_a_full_board_still_hears_of_what_stands_on_it() -> None:
    reception, clock = a_reception()
    full(reception, clock)

    over = replace(ALERT, status=Word.RESOLVED)
    assert await reception.take([over]) == 1
    with pytest.raises(BusyError):
        await reception.take([replace(ALERT, fingerprint="new")])


async def test_a_person_is_heard_whatever_floods_the_board() -> None:
    reception, clock = a_reception()
    full(reception, clock)

    assert await reception.take([BY_ANN]) == 1


async def test_a_person_is_heard_whatever_came_within_the_minute() -> None:
    reception, _ = a_reception()
    await reception.take(alerts(MOST_A_MINUTE))

    with pytest.raises(BusyError):
        await reception.take([replace(ALERT, fingerprint="new")])
    assert await reception.take([BY_ANN]) == 1
