"""Watches all targets at once: opens the breaker when too much goes wrong to go on alone."""

from collections.abc import Callable, Iterable

from watchdog.domain.breaker import BreakerLimits, BreakerOpened, TargetSight, why_open
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Firing, Trigger, TriggerStatus
from watchdog.engine.evaluator import Evaluator
from watchdog.ports import Clock


class Breaker:
    """Decides whether it has to open; whoever asks journals that, and the ledger keeps it.

    `evaluators` are those of all targets, as they are now.
    """

    def __init__(
        self,
        limits: BreakerLimits,
        ledger: Ledger,
        clock: Clock,
        evaluators: Callable[[], Iterable[Evaluator]],
    ) -> None:
        self._limits = limits
        self._ledger = ledger
        self._clock = clock
        self._evaluators = evaluators

    def before_a_run(self) -> list[BreakerOpened]:
        """What to journal before anything begins: the third of many must not begin any more."""
        return self._opened(_has_lost_sight)

    def meanwhile(self) -> list[BreakerOpened]:
        """What to journal while nothing begins: a short outage of a source is no reason."""
        return self._opened(_is_blind)

    def _opened(self, counts: "Counts") -> list[BreakerOpened]:
        state, now = self._ledger.breaker, self._clock.now()
        if state.why:
            return []
        sights = [_sight(one, counts, now) for one in self._evaluators()]
        why = why_open(self._limits, state, sights, now)
        return [BreakerOpened(why)] if why else []


Counts = Callable[[Trigger, TriggerStatus, Moment], bool]


def _has_lost_sight(trigger: Trigger, status: TriggerStatus, now: Moment) -> bool:
    """More unknown looks in a row than a pending trigger survives, or no look at all."""
    patience = trigger.max_gap * trigger.every
    if status.dark_since is not None:
        return now.elapsed - status.dark_since >= patience
    at = status.judged_at
    return at is not None and now.since(at) > patience + trigger.every


def _is_blind(_: Trigger, status: TriggerStatus, __: Moment) -> bool:
    """People have been told already."""
    return status.blind


def _sight(evaluator: Evaluator, counts: Counts, now: Moment) -> TargetSight:
    own = [one.trigger for one in evaluator.instances.values() if one.value is None]
    dark: list[float] = []
    # What is dead says nothing any more: its own liveness trigger explains that.
    if not any(_is_seen_dead(evaluator, trigger) for trigger in own):
        for trigger in own:
            status = evaluator.statuses[trigger.name]
            if counts(trigger, status, now):
                dark.append(_since(status, now))
    return TargetSight(evaluator.target.name, len(own), tuple(dark), _fired(evaluator))


def _is_seen_dead(evaluator: Evaluator, trigger: Trigger) -> bool:
    if trigger.plain is None or not trigger.plain.breach_when.yes_or_no:
        return False
    judgement = evaluator.judgements.get(trigger.name)
    return judgement is not None and judgement.verdict is Verdict.BREACH


def _since(status: TriggerStatus, now: Moment) -> float:
    if status.dark_since is not None:
        return status.dark_since
    return status.judged_at.elapsed if status.judged_at is not None else now.elapsed


def _fired(evaluator: Evaluator) -> Moment | None:
    """When the last of the triggers that fire now began to."""
    states = (status.state for status in evaluator.statuses.values())
    moments = [state.since for state in states if isinstance(state, Firing)]
    return max(moments, key=lambda moment: moment.elapsed, default=None)
