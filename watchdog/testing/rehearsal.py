"""A stage for a target's own plans: signals say what a case says, and every step works."""

import json
from collections.abc import Iterable, Sequence

from watchdog.domain.case import Case
from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import Effect
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation, Sample
from watchdog.domain.plan import Check, Look, Plan, Step
from watchdog.domain.plan_parts import looks
from watchdog.domain.target import SignalSpec, Target
from watchdog.ports import Executor, Finding, Probe

_PLENTY = 1e9
_BESIDE = {Op.ABOVE: 1.0, Op.BELOW: -1.0, Op.NOT: 1.0}


class Rehearsal:
    """Satisfies `ports.Eyes` and `ports.Hands`. `sent` are the steps carried out, in order.

    A check of a signal that the case speaks of is answered by the case; any other check passes,
    as if the step before it had done what it should.
    """

    def __init__(self, target: Target, case: Case) -> None:
        self.sent: list[str] = []
        self._case = case
        self._done: set[str] = set()
        self._signals: dict[str, tuple[SignalSpec, float]] = {}
        self._passing: dict[str, Observation] = {}
        for check in _checks(target.plans.values()):
            self._passing[_key(check.look)] = _passing(check.expect)
        for name, spec in target.signals.items():
            source = target.sources[spec.signal.source]
            if name in case.signals:
                key = _key(Look(source.use, source.options, spec.ask))
                self._signals[key] = (spec, source.every)

    def probe(self, step: Step) -> Probe:
        """The read-only half of a step that works."""
        return _Rehearsed(step, self._done, self.sent)

    def executor(self, step: Step) -> Executor:
        """A step that works."""
        return _Rehearsed(step, self._done, self.sent)

    async def look(self, look: Look, at: Moment) -> Observation:
        """What the case says as of `at`, or what the check wants to see."""
        found = self._signals.get(_key(look))
        if found is None:
            return self._passing.get(_key(look), Sample(()))
        spec, every = found
        return self._case.observed(spec.signal, at.elapsed, every)


class _Rehearsed:
    def __init__(self, step: Step, done: set[str], sent: list[str]) -> None:
        self._step = step
        self._done = done
        self._sent = sent

    async def preflight(self) -> Sequence[Finding]:
        return []

    def render(self) -> str:
        return self._step.use

    async def inspect(self, key: str) -> tuple[Effect, str]:
        return (Effect.APPLIED if key in self._done else Effect.NOT_APPLIED), "rehearsed"

    async def execute(self, key: str) -> str:
        self._done.add(key)
        self._sent.append(self._step.name)
        return "rehearsed"


def _checks(plans: Iterable[Plan]) -> Iterable[Check]:
    for plan in plans:
        yield from looks(plan)


def _key(look: Look) -> str:
    return json.dumps([look.use, look.source, look.ask], sort_keys=True, default=str)


def _passing(expect: Condition) -> Observation:
    value = 1.0 if expect.op is Op.PASSING else expect.limit + _BESIDE.get(expect.op, 0.0)
    return Sample((value,), volume=_PLENTY, read="rehearsed")
