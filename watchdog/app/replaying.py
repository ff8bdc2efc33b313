"""Takes triggers through a kept history: numbers to verdicts, verdicts to firings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from watchdog.adapters.backtest.curve import curve_of, peak_of
from watchdog.adapters.backtest.history import Column
from watchdog.adapters.backtest.parts import parts_of, present
from watchdog.adapters.backtest.verdicts import JUDGEMENTS, Codes, codes_of_trigger, stretches
from watchdog.domain.backtest import Course, Curve, Firing, Span
from watchdog.domain.condition import Op
from watchdog.domain.grid import Grid
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Change, Trigger
from watchdog.engine.instances import MAX_VALUES, instance
from watchdog.engine.replay import Held, Replayed, Stretch, replay

_LOW_IS_BAD = (Op.BELOW, Op.AT_MOST, Op.FAILING)


@dataclass(frozen=True, slots=True)
class Ran:
    """One trigger, or one value of its label, after its history. `curve`: of one number only."""

    trigger: Trigger
    grid: Grid
    course: Course
    held: tuple[Held, ...]
    curve: Curve | None
    evaluated: int


def run_of(trigger: Trigger, columns: Mapping[str, Column], *, draw: bool = True) -> list[Ran]:
    """`trigger` over `columns`: one a value of its label, or one in all."""
    if not trigger.for_each:
        codes = codes_of_trigger(trigger, columns)
        return [_ran(trigger, trigger.name, columns, _plain(codes), draw=draw)]
    [(signal, column)] = columns.items()
    ran = []
    anything = _seen(trigger, column)
    for value, part in list(parts_of(column, trigger.for_each).items())[:MAX_VALUES]:
        one = instance(trigger, value)
        codes = codes_of_trigger(one.trigger, {signal: part})
        gone = ~_seen(trigger, part) & anything
        ran.append(_ran(one.trigger, trigger.name, {signal: part}, _parted(codes, gone), draw=draw))
    return ran


def _seen(trigger: Trigger, column: Column) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """In which slots there was a series, or the traffic that is as good as one."""
    signal = trigger.terms[0].signal
    if column.volume is None or not (signal.nodata_is_ok and signal.has_volume):
        return present(column)
    return present(column) | present(replace(column, query=column.volume))


def untested(trigger: Trigger, columns: Mapping[str, Column]) -> str:
    """Which values of its label `run_of` leaves out, and why; empty where it takes them all."""
    if not trigger.for_each:
        return ""
    [column] = columns.values()
    count = len(parts_of(column, trigger.for_each))
    if count <= MAX_VALUES:
        return ""
    return (
        f"{count - MAX_VALUES} of {count} values of {trigger.for_each}: the first {MAX_VALUES}"
        " are tested; live, so many count at a time"
    )


def _plain(codes: Codes) -> Iterator[Stretch]:
    for code, slots in stretches(codes):
        yield Stretch(JUDGEMENTS[code], slots)


def _parted(codes: Codes, gone: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Iterator[Stretch]:
    """As `_plain`; where the value is `gone` while others are there, it may be forgotten."""
    marked = codes + gone * np.uint8(len(JUDGEMENTS))
    for code, slots in stretches(marked):
        yield Stretch(JUDGEMENTS[code % len(JUDGEMENTS)], slots, absent=code >= len(JUDGEMENTS))


def _ran(
    trigger: Trigger,
    of: str,
    columns: Mapping[str, Column],
    looks: Iterable[Stretch],
    *,
    draw: bool,
) -> Ran:
    grid = next(iter(columns.values())).grid
    looks = list(looks)
    found = replay(trigger, looks, grid)
    plain = trigger.plain
    column = columns[plain.signal.name] if plain else None
    course = Course(
        trigger=trigger,
        of=of,
        span=Span(grid.start, grid.end),
        firings=tuple(_firings(trigger, found, grid, column)),
        slots=dict(found.slots),
        pendings=sum(
            one.change in (Change.PENDING_CLEARED, Change.PENDING_LOST) for one in found.changes
        ),
        unknown=tuple(_unknown(trigger, looks, grid)),
        blind=tuple(_blind(found, grid)),
    )
    curve = curve_of(column) if draw and column else None
    return Ran(trigger, grid, course, tuple(found.firing), curve, found.evaluated)


def _firings(
    trigger: Trigger, found: Replayed, grid: Grid, column: Column | None
) -> Iterator[Firing]:
    open_one: tuple[int, float] | None = None
    for one in found.changes:
        if one.change is Change.FIRING:
            open_one = (one.index, one.since.wall)
        elif one.change is Change.RESOLVED and open_one is not None:
            yield _firing(trigger, open_one, one.index, grid, column)
            open_one = None
    if open_one is not None:
        yield _firing(trigger, open_one, None, grid, column)


def _firing(
    trigger: Trigger,
    began: tuple[int, float],
    cleared: int | None,
    grid: Grid,
    column: Column | None,
) -> Firing:
    index, pending = began
    first = max(0, round(pending / grid.every) - grid.first)
    last = grid.count - 1 if cleared is None else cleared
    peak = None
    if column is not None and trigger.plain is not None:
        low_is_bad = trigger.plain.breach_when.op in _LOW_IS_BAD
        peak = peak_of(column, first, last, low_is_bad=low_is_bad)
    return Firing(
        trigger=trigger.name,
        plan=trigger.plan,
        severity=trigger.severity,
        pending=pending,
        fired=grid.wall(index),
        cleared=None if cleared is None else grid.wall(cleared),
        peak=peak,
    )


def _unknown(trigger: Trigger, looks: Iterable[Stretch], grid: Grid) -> Iterator[Span]:
    """Where nothing was decided for longer than a pending trigger survives."""
    index, began = 0, 0
    dark = False
    for look in (*looks, None):
        is_dark = look is not None and look.judgement.verdict is Verdict.UNKNOWN
        if is_dark and not dark:
            began = index
        if dark and not is_dark and index - began > trigger.max_gap:
            yield Span(grid.wall(began), grid.wall(index))
        dark = is_dark
        index += look.slots if look else 0


def _blind(found: Replayed, grid: Grid) -> Iterator[Span]:
    began = None
    for one in found.changes:
        if one.change is Change.BLIND:
            began = grid.wall(one.index)
        elif one.change is Change.SEEING and began is not None:
            yield Span(began, grid.wall(one.index))
            began = None
    if began is not None:
        yield Span(began, grid.end)


def with_limit(trigger: Trigger, limit: float) -> Trigger:
    """`trigger` with another limit. Only for one that is one comparison."""
    term = trigger.plain
    if term is None:
        return trigger
    condition = replace(term.breach_when, limit=limit)
    return replace(trigger, watches=replace(term, breach_when=condition))
