import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_plan, a_step, at, started
from watchdog.adapters.memory_codec import lines_of, packed, take_line, unpacked
from watchdog.domain.account import Account
from watchdog.domain.errors import JournalError
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
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
        {("a", 1): frozenset({"x", "y"})},
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
