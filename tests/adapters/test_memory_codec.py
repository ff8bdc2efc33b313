import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.bed.any_events import any_event, any_records
from tests.builders import a_plan, a_step, at, started
from watchdog.adapters.memory_codec import lines_of, packed, take_line, unpacked
from watchdog.domain.account import Account
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.recollection import KINDS, Recollection
from watchdog.domain.trigger import Severity


@dataclass(frozen=True)
class Foreign:
    x: int


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "text",
        1.5,
        float("inf"),
        (),
        (1, (2, [3, {"a": None}])),
        pytest.param({("a", 1): frozenset({"x", "y"})}, id="a set in a table"),
        {1, 2},
        Severity.CRITICAL,
        at("2m"),
        Moment(float("-inf"), 0.0),
        Account(episodes=frozenset({"e"})),
        started(a_plan(a_step("one")), run="r1"),
    ],
    ids=str,
)
def test_what_is_read_is_what_was_written(value: object) -> None:
    again = unpacked(json.loads(json.dumps(packed(value))), Moment)

    assert again == value
    assert type(again) is type(value)


def test_what_changes_in_place_is_written_in_lines_and_put_together_again() -> None:
    ledger = Ledger(killed="signal")
    for number in range(3):
        ledger.apply(started(run=f"r{number}", target=f"shop-{number}"), at(number))
    again = Ledger()

    for line in json.loads(json.dumps(list(lines_of(ledger)))):
        take_line(again, line, Moment)

    assert again == ledger


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_journal_holds_a_snapshot_says_the_same_as_all_of_it(seed: int) -> None:
    """Limits, latches, versions, approvals, windows, changes that lapse, ladders, and the rest."""
    random = Random(seed)
    records = list(any_records(random, 250))
    cut = random.randrange(len(records))
    again = Recollection()

    for line in json.loads(json.dumps(list(lines_of(folded(Recollection(), records[:cut]))))):
        take_line(again, line, Moment)
    folded(again, records[cut:])

    whole = folded(Recollection(), records)
    assert again == whole
    assert packed(again) == packed(whole)


def folded(memory: Recollection, records: Sequence[Record]) -> Recollection:
    """`memory` as a start goes on with it."""
    for record in records:
        target = getattr(record.event, "target", None)
        if memory.wants(type(record.event).__name__, target):
            memory.apply(record)
    return memory


def test_every_kind_of_event_that_a_fold_takes_is_among_them() -> None:
    random = Random(0)

    made = {type(any_event(kind, random)) for kind in KINDS}

    assert made == set(KINDS)


def test_what_is_not_of_the_domain_is_not_kept() -> None:
    with pytest.raises(JournalError, match="is not of the domain"):
        packed(Foreign(1))
    with pytest.raises(JournalError, match="a PosixPath cannot be kept"):
        packed(Path("x"))


@pytest.mark.parametrize(
    "value",
    [
        ["o", "os:system", "true"],
        ["o", "..adapters.clock:SystemClock"],
        ["o", "ledger:replace"],
        ["o", "ledger:Moment", 1.0, 2.0],
        ["o", "ledger:DAY"],
        ["o", "moment:Moment", 1.0],
        ["e", "trigger:Severity", 99],
        ["?", 1],
        [],
    ],
    ids=str,
)
def test_nothing_but_values_of_the_domain_is_ever_made(value: Any) -> None:  # noqa: ANN401
    with pytest.raises((ValueError, TypeError, AttributeError, LookupError, ImportError)):
        unpacked(value, Moment)
