import pytest

from watchdog.domain.decision_table import (
    Cell,
    Row,
    Seen,
    States,
    Then,
    is_settled,
    may_hold,
    named,
    selected,
)

F, Q, U = Seen.FIRING, Seen.QUIET, Seen.UNKNOWN


def row(name: str, *, then: Then = Then.INVESTIGATE, **cells: str) -> Row:
    return Row(name, then, tuple((trigger, Cell(cell)) for trigger, cell in cells.items()))


BOTH = row("both", a="firing", b="firing")
ALONE = row("alone", a="firing", b="quiet")
WILD = row("wild", a="any", c="firing")
DEFAULT = row("default")
TABLE = [BOTH, ALONE, WILD, DEFAULT]


@pytest.mark.parametrize(
    ("states", "name"),
    [
        ({"a": F, "b": F, "c": Q}, "both"),
        ({"a": F, "b": F, "c": F}, "both"),
        ({"a": F, "b": Q, "c": F}, "alone"),
        ({"a": U, "b": U, "c": F}, "wild"),
        ({"a": Q, "b": F, "c": Q}, "default"),
        # Unknown is neither firing nor quiet.
        ({"a": F, "b": U, "c": Q}, "default"),
    ],
)
def test_the_first_row_that_holds_for_certain_decides(states: dict[str, Seen], name: str) -> None:
    found = selected(TABLE, states)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("seen", [Q, U])
def test_nothing_is_decided_while_nothing_fires(seen: Seen) -> None:
    assert selected(TABLE, dict.fromkeys("abc", seen)) is None


def test_without_a_default_row_a_hole_decides_nothing() -> None:
    assert selected(TABLE[:-1], {"a": Q, "b": F, "c": Q}) is None


@pytest.mark.parametrize(
    ("states", "still"),
    [
        ({"a": F, "b": Q, "c": Q}, True),
        ({"a": F, "b": U, "c": Q}, True),
        ({"a": U, "b": U, "c": U}, True),
        ({"a": Q, "b": U, "c": Q}, False),
        ({"a": F, "b": F, "c": Q}, False),
    ],
)
def test_what_is_unknown_does_not_show_that_a_row_is_over(
    states: dict[str, Seen], still: bool
) -> None:
    assert may_hold(TABLE, ALONE, states) is still


def test_the_default_row_is_over_when_all_is_quiet_or_another_row_holds() -> None:
    assert may_hold(TABLE, DEFAULT, {"a": Q, "b": F, "c": Q})
    assert may_hold(TABLE, DEFAULT, {"a": Q, "b": U, "c": Q})
    assert not may_hold(TABLE, DEFAULT, dict.fromkeys("abc", Q))
    assert not may_hold(TABLE, DEFAULT, {"a": F, "b": F, "c": Q})


def test_a_trigger_under_a_wildcard_belongs_to_the_table() -> None:
    assert named(TABLE) == {"a", "b", "c"}
    assert WILD.firing == ("c",)


@pytest.mark.parametrize(
    ("first", "states", "settled"),
    [
        (Then.INVESTIGATE, {"a": F, "b": F}, True),
        (Then.INVESTIGATE, {"a": F, "b": U}, False),
        # Whatever is unknown, the same would be done.
        (Then.ROLLBACK, {"a": F, "b": U}, True),
    ],
)
def test_a_row_is_settled_when_no_earlier_one_may_do_something_else(
    first: Then, states: States, *, settled: bool
) -> None:
    rows = [
        row("first", then=first, a="firing", b="quiet"),
        row("last", then=Then.ROLLBACK, a="firing"),
    ]

    assert selected(rows, states) is rows[1]
    assert is_settled(rows, rows[1], states) is settled
