"""What was seen of each signal last, and what a trigger's conditions say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watchdog.domain.expression import Term, weigh
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.domain.signal import Judgement, Signal, Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.engine.memories import Memories

# Of a source's own `every`: what another source saw longer ago is not known any longer.
_COUNTS_FOR = 2.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What one round of one source brought: an observation a signal.

    `at` is the start of the slot, `looked` when it was really looked at (None: at the start).
    """

    source: str
    slot: int
    at: Moment
    observations: Mapping[str, Observation]
    looked: Moment | None = None


class Sights:
    """The last round of each source, for the triggers that rest on several of them."""

    def __init__(self, target: Target, memories: Memories) -> None:
        self._memories = memories
        self._every = {name: source.every for name, source in target.sources.items()}
        self._rounds: dict[str, Looked] = {}

    def take(self, looked: Looked) -> None:
        """Remember the round."""
        self._rounds[looked.source] = looked

    def of(self, signal: Signal, now: Looked) -> Observation:
        """What is known of `signal` as of the round `now`, which may be another source's."""
        looked = now
        if signal.source != now.source:
            last = self._rounds.get(signal.source)
            if last is None:
                return Gap(Unknown.MISSED, f"{signal.source} was not looked at yet")
            age = now.at.since(last.at)
            if age > _COUNTS_FOR * self._every[signal.source]:
                return Gap(Unknown.MISSED, f"{signal.source} was looked at {age:.0f} s ago")
            looked = last
        observation = looked.observations.get(signal.name)
        if observation is None:
            return Gap(Unknown.NODATA, "the source did not answer this signal")
        return observation

    def judge(self, trigger: Trigger, now: Looked) -> Judgement:
        """The verdict on all that `trigger` watches."""
        watches = trigger.watches
        if isinstance(watches, Term):
            return self.cleared(trigger, self._judged(trigger, watches, now))
        return weigh(watches, lambda term: self._judged(trigger, term, now))

    def _judged(self, trigger: Trigger, term: Term, now: Looked) -> Judgement:
        return self._memories.judge(trigger.name, term, self.of(term.signal, now), now.at)

    @staticmethod
    def cleared(trigger: Trigger, judgement: Judgement) -> Judgement:
        """`judgement`, with whether it is good enough to end a firing."""
        clear_when = trigger.clear_when
        if clear_when is None or judgement.verdict is not Verdict.OK:
            return judgement
        # Silence where traffic is proven is as good as a number gets.
        if judgement.value is None or clear_when.holds(judgement.value):
            return judgement
        return replace(judgement, clears=False)
