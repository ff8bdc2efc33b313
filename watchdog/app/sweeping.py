"""The same history with other limits: what each would have found, missed and cried about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from watchdog.adapters.backtest.history import Column
from watchdog.app.backtest_history import Need
from watchdog.app.replaying import run_of, with_limit
from watchdog.config.fields import amount
from watchdog.config.thresholds import limit_in
from watchdog.domain.backtest import Labelled, Span
from watchdog.domain.backtest_score import Swept, score
from watchdog.domain.errors import ConfigError
from watchdog.domain.trigger import Trigger

ALL = "all"
_LIMITS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
_HOLDS = (0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Which trigger (or ALL), and the limits to try as written; none: around its own."""

    trigger: str
    limits: tuple[str, ...] = ()


def parsed(text: str) -> Sweep:
    """`TRIGGER`, `all` or `TRIGGER=1%,2%`. Raises ConfigError."""
    name, equals, limits = text.partition("=")
    tried = tuple(one.strip() for one in limits.split(",") if one.strip())
    if not name or (equals and not tried):
        raise ConfigError(f"--sweep {text}: write TRIGGER, TRIGGER=1%,2%,5% or all")
    return Sweep(name, tried)


def check_sweeps(sweeps: Sequence[Sweep], needs: Sequence[Need]) -> None:
    """Whether each sweep names a trigger that is tested. Raises ConfigError."""
    names = {need.trigger.name for need in needs}
    for sweep in sweeps:
        if sweep.trigger != ALL and sweep.trigger not in names:
            known = ", ".join(sorted(names)) or "none"
            raise ConfigError(
                f"--sweep {sweep.trigger}: no trigger of that name is tested; there are: {known}"
            )
        for need in needs:
            if need.trigger.name == sweep.trigger:
                list(_written(need.trigger, sweep))


def swept(
    need: Need,
    columns: Mapping[str, Column],
    sweeps: Sequence[Sweep],
    incidents: Sequence[Labelled],
    span: Span,
) -> tuple[Swept, ...]:
    """A row for each limit and `for` that `sweeps` ask of this trigger; none where none does."""
    trigger = need.trigger
    mine = [one for one in sweeps if one.trigger in (ALL, trigger.name)]
    term = trigger.plain
    if not mine or term is None or term.breach_when.yes_or_no:
        return ()
    limit = term.breach_when.limit
    variants = dict.fromkeys(pair for sweep in mine for pair in _variants(trigger, sweep, limit))
    found = []
    for tried, hold in variants:
        other = replace(with_limit(trigger, tried), hold=hold)
        courses = [ran.course for ran in run_of(other, columns, draw=False)]
        firings = [firing for course in courses for firing in course.firings]
        is_now = (tried, hold) == (limit, trigger.hold)
        found.append(Swept(tried, hold, is_now, len(firings), score(firings, incidents, span)))
    return tuple(found)


def _variants(trigger: Trigger, sweep: Sweep, limit: float) -> Iterator[tuple[float, float]]:
    """Pairs of limit and `for`, in ascending order of what is tried, its own among them."""
    if sweep.limits:
        limits = sorted({*_written(trigger, sweep), limit})
        yield from ((tried, trigger.hold) for tried in limits)
        return
    limits = sorted({limit * factor for factor in _LIMITS} if limit else {limit})
    yield from ((tried, trigger.hold) for tried in limits)
    if trigger.hold and not trigger.fails:
        holds = sorted({trigger.hold * factor for factor in _HOLDS})
        yield from ((limit, hold) for hold in holds)


def _written(trigger: Trigger, sweep: Sweep) -> Iterator[float]:
    """The limits as written, in the unit of the signal. Raises ConfigError."""
    term = trigger.plain
    if term is None or (sweep.limits and term.breach_when.yes_or_no):
        raise ConfigError(f"--sweep {trigger.name}: it is not compared with one limit")
    for text in sweep.limits:
        try:
            yield limit_in(amount(text), term.signal.unit)
        except ValueError as error:
            raise ConfigError(f"--sweep {trigger.name}: {error}") from error
