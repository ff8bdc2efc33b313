"""When the automation stops itself, and that only a named person lets it go on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from watchdog.domain.moment import Moment, age
from watchdog.domain.words import duration

# With fewer triggers than this, half of them in the dark says nothing about the world at large.
LEAST_TRIGGERS = 4
# More failures than any limit counts need not be remembered.
_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """What opens the breaker. `unknown` is a share of all triggers; times in seconds."""

    unknown: float = 0.5
    targets: int = 3
    targets_within: float = 120.0
    failed: int = 2
    failed_within: float = 86400.0


@dataclass(frozen=True, slots=True)
class BreakerOpened:
    """The automation stopped itself, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class BreakerClosed:
    """A named person lets it go on."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What the journal says of the breaker: `why` is empty while it is closed.

    `failures` are the ends of automatic runs that did not prove that they helped, `closed_at`
    when a person last looked at all that was before.
    """

    why: str = ""
    opened_at: Moment | None = None
    closed_at: Moment | None = None
    failures: tuple[Moment, ...] = ()

    def opened(self, why: str, at: Moment) -> "BreakerState":
        """From now on nothing begins by itself."""
        return replace(self, why=why, opened_at=at)

    def closed(self, at: Moment) -> "BreakerState":
        """A person has looked at what was: it does not count any longer."""
        return BreakerState(closed_at=at)

    def failed(self, at: Moment) -> "BreakerState":
        """An automatic run did not prove that it helped, or its watch showed a relapse."""
        return replace(self, failures=(*self.failures, at)[-_REMEMBERED:])


@dataclass(frozen=True, slots=True)
class TargetSight:
    """What is seen of one target, as far as the breaker asks.

    `dark_since` holds an elapsed second for each trigger that counts as unknown, `fired` the
    moment at which the last of its firing triggers began to.
    """

    target: str
    triggers: int
    dark_since: tuple[float, ...] = ()
    fired: Moment | None = None


def why_open(
    limits: BreakerLimits, state: BreakerState, sights: Sequence[TargetSight], now: Moment
) -> str:
    """Why the breaker has to open as of `now`; empty when it has not."""
    reasons = (
        _firing(limits, state, sights, now),
        _unknown(limits, state, sights),
        _failed(limits, state.failures, now),
    )
    return "; ".join(filter(None, reasons))


def _firing(
    limits: BreakerLimits, state: BreakerState, sights: Iterable[TargetSight], now: Moment
) -> str:
    targets = [
        sight.target
        for sight in sights
        if sight.fired is not None
        and now.since(sight.fired) <= limits.targets_within
        and _is_new(sight.fired.elapsed, state)
    ]
    if len(targets) < limits.targets:
        return ""
    within = duration(limits.targets_within)
    return f"triggers of {len(targets)} targets fired within {within}: {_some(targets)}"


def _unknown(limits: BreakerLimits, state: BreakerState, sights: Sequence[TargetSight]) -> str:
    known = sum(sight.triggers for sight in sights)
    dark = {sight.target: _new(sight.dark_since, state) for sight in sights}
    unknown = sum(dark.values())
    if known < LEAST_TRIGGERS or not unknown or unknown < limits.unknown * known:
        return ""
    targets = [target for target, count in dark.items() if count]
    return f"{unknown} of {known} triggers are unknown, of {_some(targets)}"


def _failed(limits: BreakerLimits, failures: Iterable[Moment], now: Moment) -> str:
    # As limits count: neither a clock that steps nor a restart forgets a failure.
    count = sum(age(one, now) < limits.failed_within for one in failures)
    if count < limits.failed:
        return ""
    return f"{count} plans failed within {duration(limits.failed_within)}"


def _new(seconds: Iterable[float], state: BreakerState) -> int:
    return sum(_is_new(one, state) for one in seconds)


def _is_new(elapsed: float, state: BreakerState) -> bool:
    """Whether whoever closed the breaker last cannot have seen it."""
    return state.closed_at is None or elapsed > state.closed_at.elapsed


def _some(names: Sequence[str]) -> str:
    shown = 5
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
