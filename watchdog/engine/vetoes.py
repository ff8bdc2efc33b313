"""What the veto signals of one target said last: whether they forbid to act, and in whose words."""

from dataclasses import dataclass

from watchdog.domain.condition import Condition, Op
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.domain.signal import Verdict, judge
from watchdog.domain.target import Target, Veto
from watchdog.engine.sights import Looked

# A yes forbids.
_FORBIDS = Condition(Op.PASSING)
# Rounds after which what was seen says nothing any more.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Seen:
    observation: Observation
    at: Moment


class Vetoes:
    """Fed with the same rounds as the triggers."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._seen: dict[str, _Seen] = {}

    def take(self, looked: Looked) -> None:
        """Remember what the veto signals said in this round."""
        for veto in self._target.vetoes:
            signal = self._target.signals[veto.signal].signal
            if signal.source == looked.source:
                gap = Gap(Unknown.NODATA, "the source did not answer this signal")
                seen = looked.observations.get(veto.signal, gap)
                self._seen[veto.signal] = _Seen(seen, looked.looked or looked.at)

    def standing(self, now: Moment) -> str:
        """Why nothing may be done at `now`; empty when nothing forbids it."""
        return next(filter(None, (self._word(veto, now) for veto in self._target.vetoes)), "")

    def _word(self, veto: Veto, now: Moment) -> str:
        signal = self._target.signals[veto.signal].signal
        judgement = judge(signal, _FORBIDS, self._last(veto, now))
        if judgement.verdict is Verdict.BREACH:
            return f"{veto.signal}: {judgement.note}".rstrip(": ")
        if judgement.verdict is Verdict.UNKNOWN and veto.refuses_unknown:
            return f"{veto.signal} cannot be told: {judgement.note}".rstrip(": ")
        return ""

    def _last(self, veto: Veto, now: Moment) -> Observation:
        source = self._target.sources[self._target.signals[veto.signal].signal.source]
        seen = self._seen.get(veto.signal)
        if seen is None:
            return Gap(Unknown.MISSED, "nobody has looked yet")
        age = now.since(seen.at)
        if age > _ROUNDS * source.every + 1:
            return Gap(Unknown.STALE, f"the last look is {age:.0f} s old")
        return seen.observation
