"""Takes one trigger through its history, by the state machine that runs live, slot by slot."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from watchdog.domain.grid import Grid
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.steadiness import rested, steady
from watchdog.domain.trigger import (
    Change,
    Firing,
    Inactive,
    Trigger,
    TriggerState,
    TriggerStatus,
    evaluate,
    vanish,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """`slots` looks in a row that all gave `judgement`.

    `absent`: nobody sees this value of the label any longer; once the trigger is quiet, it is
    forgotten, as live.
    """

    judgement: Judgement
    slots: int
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """From slot `first` to slot `last` the firing state was `state`; indices of the grid."""

    first: int
    last: int
    state: Firing


@dataclass(frozen=True, slots=True)
class Passed:
    """What changed: at which index of the grid, and since when the state before it held."""

    index: int
    change: Change
    since: Moment


@dataclass(slots=True)
class Replayed:
    """All that a replay brought. `evaluated` counts the looks of the state machine itself."""

    changes: list[Passed] = field(default_factory=list)
    firing: list[Held] = field(default_factory=list)
    slots: Counter[str] = field(default_factory=Counter)
    evaluated: int = 0
    status: TriggerStatus = field(default_factory=TriggerStatus)


def replay(trigger: Trigger, stretches: Iterable[Stretch], grid: Grid) -> Replayed:
    """What `evaluate` makes of the looks in `stretches`, which fill `grid` from its start.

    Looks that provably change nothing (`steady`) are counted, and not evaluated.
    """
    found = Replayed()
    index = 0
    for stretch in stretches:
        end = index + stretch.slots
        found.slots[stretch.judgement.verdict.value] += stretch.slots
        while index < end:
            if steady(found.status, stretch.judgement):
                _rest(found, stretch.judgement, index, end, grid)
                break
            _evaluate(found, trigger, stretch.judgement, index, grid)
            index += 1
            if stretch.absent and _is_forgotten(found, trigger, index - 1, grid):
                break
        index = end
    return found


def _is_forgotten(found: Replayed, trigger: Trigger, index: int, grid: Grid) -> bool:
    """Whether the value that nobody sees any longer has no state from now on."""
    before = found.status.state
    found.status, changes = vanish(trigger, found.status)
    since = _since(before, grid.moment(index))
    found.changes += [Passed(index, change, since) for change in changes]
    if not isinstance(found.status.state, Inactive):
        return False
    found.status = TriggerStatus()
    return True


def _rest(found: Replayed, judgement: Judgement, index: int, end: int, grid: Grid) -> None:
    last = end - 1
    now = grid.moment(last)
    found.status = rested(found.status, judgement, end - index, now, grid.first + last)
    _hold(found, index, last)


def _evaluate(
    found: Replayed, trigger: Trigger, judgement: Judgement, index: int, grid: Grid
) -> None:
    now = grid.moment(index)
    before = found.status.state
    found.status, changes = evaluate(trigger, found.status, judgement, now, grid.first + index)
    found.evaluated += 1
    for change in changes:
        since = _since(found.status.state if change is Change.FIRING else before, now)
        found.changes.append(Passed(index, change, since))
    _hold(found, index, index)


def _since(state: TriggerState, now: Moment) -> Moment:
    """When the breach behind `state` was first seen; `now` where there is none."""
    match state:
        case Inactive():
            return now
        case Firing(since=since, began=began):
            return began or since
        case _:
            return state.since


def _hold(found: Replayed, first: int, last: int) -> None:
    """Note the firing state of these slots, together with the one before where it is the same."""
    state = found.status.state
    if not isinstance(state, Firing):
        return
    before = found.firing[-1] if found.firing else None
    if before is not None and before.last == first - 1 and before.state == state:
        found.firing[-1] = Held(before.first, last, state)
    else:
        found.firing.append(Held(first, last, state))


def unknown_share(found: Replayed) -> float:
    """The share of looks in which nothing was decided."""
    total = found.slots.total()
    return found.slots[Verdict.UNKNOWN.value] / total if total else 0.0
