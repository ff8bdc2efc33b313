"""Tests the triggers of a file on the past: replays them, asks the guards, and keeps the score."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watchdog.adapters.backtest.history import History
from watchdog.app.backtest_history import Need, Needs, columns_of
from watchdog.app.not_simulated import not_simulated
from watchdog.app.replaying import Ran, run_of, untested
from watchdog.app.sweeping import Sweep, swept
from watchdog.domain.backtest import Course, Firing, Labelled, LeftOut, Ruling, Span
from watchdog.domain.backtest_score import Backtest, Score, Swept, Tested, score
from watchdog.domain.target import Target
from watchdog.domain.words import duration
from watchdog.engine.would_be import Assumed, Fired, by_episode, rulings

_UNSEEN = (
    (
        "How old samples were is not replayed. Where a service stopped reporting, Prometheus goes"
        " on with its last value for up to five minutes; live that is unknown (stale)."
    ),
    "A failed or slow query leaves no trace in history: live, more looks are unknown.",
    (
        "Pauses, vetoes, the breaker, preflight, deployments and restarts are not in history: each"
        " can only keep a run from starting."
    ),
    "The past had no rollback in it: a breach that one would have ended goes on here.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for beside the files."""

    incidents: tuple[Labelled, ...] = ()
    has_labels: bool = False
    sweeps: tuple[Sweep, ...] = ()
    assumed: Assumed = field(default_factory=Assumed)


@dataclass(frozen=True, slots=True)
class _Run:
    need: Need
    ran: tuple[Ran, ...]
    sweep: tuple[Swept, ...]
    untested: str


def backtest(
    needs: Needs, history: History, asked: Asked, tell: Callable[[int, int], None]
) -> Backtest:
    """Everything, from a history that was loaded; `tell(done, all)` triggers."""
    span = Span(*(history.span or (0.0, 0.0)))
    runs = []
    for number, need in enumerate(needs.tested):
        tell(number, len(needs.tested))
        columns = columns_of(need, history)
        ran = tuple(run_of(need.trigger, columns))
        sweep = swept(need, columns, asked.sweeps, asked.incidents, span)
        runs.append(_Run(need, ran, sweep, untested(need.trigger, columns)))
    tell(len(needs.tested), len(needs.tested))
    ruled = rulings(_fired(runs), asked.assumed, span.start)
    tested = tuple(_tested(run, ruled, asked, span) for run in runs)
    return Backtest(
        span=span,
        incidents=asked.incidents,
        has_labels=asked.has_labels,
        tested=tested,
        left_out=(*needs.left_out, *_untested(runs)),
        totals=_totals(tested, asked.incidents, span),
        looks=sum(sum(course.slots.values()) for one in tested for course in one.courses),
        evaluated=sum(each.evaluated for run in runs for each in run.ran),
        assumed=(
            _assumption(asked.assumed),
            *not_simulated(
                {one.target.name: one.target for one in needs.tested}.values(), needs.left_out
            ),
            *_UNSEEN,
        ),
    )


def _fired(runs: Iterable[_Run]) -> list[tuple[Target, list[Fired]]]:
    targets: dict[str, Target] = {}
    fired: dict[str, list[Fired]] = defaultdict(list)
    for run in runs:
        targets[run.need.target.name] = run.need.target
        fired[run.need.target.name] += [Fired(one.trigger, one.grid, one.held) for one in run.ran]
    return [(target, fired[name]) for name, target in targets.items()]


def _untested(runs: Iterable[_Run]) -> Iterator[LeftOut]:
    for run in runs:
        if run.untested:
            yield LeftOut(run.need.target.name, run.need.trigger.name, run.untested)


def _tested(
    run: _Run,
    ruled: Mapping[tuple[str, str], tuple[Ruling, ...]],
    asked: Asked,
    span: Span,
) -> Tested:
    target = run.need.target.name
    courses = tuple(_ruled(one.course, target, ruled) for one in run.ran)
    firings = [firing for course in courses for firing in course.firings]
    return Tested(
        target=target,
        trigger=run.need.trigger,
        courses=courses,
        curves=tuple(one.curve for one in run.ran),
        score=score(firings, asked.incidents, span),
        sweep=run.sweep,
    )


def _ruled(
    course: Course, target: str, ruled: Mapping[tuple[str, str], tuple[Ruling, ...]]
) -> Course:
    def with_rulings(firing: Firing) -> Firing:
        told = by_episode(ruled, target, firing.trigger, firing.fired)
        return replace(firing, rulings=told)

    return replace(course, firings=tuple(map(with_rulings, course.firings)))


def _totals(
    tested: Sequence[Tested], incidents: Sequence[Labelled], span: Span
) -> dict[str, Score]:
    firings: dict[str, list[Firing]] = {one.target: [] for one in tested}
    for one in tested:
        firings[one.target] += one.firings
    return {target: score(each, incidents, span) for target, each in firings.items()}


def _assumption(assumed: Assumed) -> str:
    takes = "as long as its plan may take (within)"
    if assumed.run_takes is not None:
        takes = duration(assumed.run_takes)
    return (
        f"Every target is taken as armed, every run as a success after {takes}, and its watch as"
        " passed: what fires until then joins the run."
    )
