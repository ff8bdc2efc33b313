"""Whether automatic runs kept to their limits, counted anew and in the world's time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.storms.daemon import GLOBAL_PER_HOUR
from tests.storms.storm import Aftermath
from watchdog.domain.events import (
    LatchCleared,
    Outcome,
    Record,
    RunEnded,
    RunStarted,
    StopRequested,
    VersionGood,
    VersionQuarantined,
    VersionReleased,
)
from watchdog.domain.plan import Return
from watchdog.domain.target import Limits
from watchdog.domain.trigger import Severity

HOUR = 3600.0
DAY = 24 * HOUR
# The clock that counts may run a tenth too fast.
DRIFT = 0.9


@dataclass(frozen=True, slots=True)
class _Counted:
    """A run that counts; one that takes the place of a lower one counts with it."""

    start: RunStarted
    began: float
    severity: Severity
    ended: float | None = None
    cleared: bool = False
    gave_way: bool = False


def wrong_with_limits(told: Aftermath) -> Iterator[str]:
    """Every limit that was passed, in words."""
    yield from _versions(told)
    yield from _destinations(told)
    steps = bool(told.weather.steps)
    if steps and told.happened["reboots"]:
        # Over a reboot time is known by the wall clock alone, and that was wrong.
        return
    counted: dict[str, list[_Counted]] = {target.name: [] for target in told.weather.targets}
    limits = {target.name: target.limits for target in told.weather.targets}
    for record in told.records:
        event, at = record.event, told.written[record.seq]
        match event:
            case RunStarted(target=target, by=""):
                if _takes_over(counted[target], event):
                    last = counted[target][-1]
                    counted[target][-1] = _Counted(event, last.began, event.severity)
                    continue
                yield from _too_soon(counted, limits[target], event, at)
                counted[target].append(_Counted(event, at, event.severity))
            case RunStarted(target=target):
                counted[target] = [replace(one, gave_way=False) for one in counted[target]]
            case RunEnded(run=run, target=target):
                counted[target] = [
                    replace(one, ended=at) if one.start.run == run else one
                    for one in counted[target]
                ]
            case StopRequested(run=run, why=Outcome.SUPERSEDED):
                for target, some in counted.items():
                    counted[target] = [
                        replace(one, gave_way=True) if one.start.run == run else one for one in some
                    ]
            case LatchCleared(target=target):
                counted[target] = [replace(one, cleared=True) for one in counted[target]]
            case _:
                pass


def _takes_over(counted: list[_Counted], event: RunStarted) -> bool:
    """Whether a lower run of the same incident gave way to it, or was told to in its watch."""
    if not counted:
        return False
    last = counted[-1]
    same = last.start.incident == event.incident and event.severity > last.severity
    return same and last.gave_way


def _too_soon(
    counted: dict[str, list[_Counted]], limits: Limits, event: RunStarted, at: float
) -> Iterator[str]:
    before = counted[event.target]
    graver = bool(before) and event.severity > before[-1].severity
    hour = [one for one in before if at - one.began < HOUR * DRIFT]
    day = [one for one in before if at - one.began < DAY * DRIFT]
    everywhere = [one for some in counted.values() for one in some if at - one.began < HOUR * DRIFT]
    if len(hour) >= limits.per_hour and not graver:
        yield f"run {event.run} began too soon: {len(hour)} in the last hour"
    if len(day) >= limits.per_day:
        yield f"run {event.run} began too soon: {len(day)} in the last day"
    if len(everywhere) >= GLOBAL_PER_HOUR:
        yield f"run {event.run} began too soon: {len(everywhere)} of all targets"
    last = before[-1] if before else None
    if last is None or graver or last.cleared or last.ended is None:
        return
    if at - last.ended < limits.cooldown * DRIFT:
        yield f"run {event.run} began too soon: within the cool-down"


def _versions(told: Aftermath) -> Iterator[str]:
    """No version of a target is rolled back by itself twice, ever."""
    had: dict[tuple[str, str], str] = {}
    for event in (record.event for record in told.records):
        judged = isinstance(event, RunStarted) and not event.by and event.plan.judges_version
        if not isinstance(event, RunStarted) or not judged:
            continue
        key = (event.target, event.from_version)
        if key in had:
            yield f"run {event.run} rolls {event.from_version} back again, after run {had[key]}"
        had[key] = event.run


def _destinations(told: Aftermath) -> Iterator[str]:
    """A run returns to a version that was good, runs no more, and is not held back."""
    good: set[str] = set()
    held: set[str] = set()
    for record in told.records:
        match record.event:
            case VersionGood(version=version):
                good.add(version)
            case VersionQuarantined(version=version):
                held.add(version)
            case VersionReleased(version=version):
                held.discard(version)
            case RunStarted(by="") as start if start.plan.returns_to != Return.NOWHERE:
                yield from _destination(record, start, good, held)
            case _:
                pass


def _destination(
    record: Record, start: RunStarted, good: set[str], held: set[str]
) -> Iterator[str]:
    to, name = start.to_version, f"record {record.seq}: run {start.run}"
    if to not in good:
        yield f"{name} returns to {to}, which was never good"
    if to in held:
        yield f"{name} returns to {to}, which is held back"
    if to == start.from_version:
        yield f"{name} returns to {to}, which runs already"
