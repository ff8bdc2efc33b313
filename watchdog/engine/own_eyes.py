"""The eyes of a lane: the world, and what its own triggers say."""

from collections.abc import Callable
from dataclasses import replace

from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.plan import Look, Step
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Inactive
from watchdog.engine.evaluator import Evaluator
from watchdog.ports import Eyes, Probe

# The kind of look that only the lane itself can answer.
OWN = "trigger"


def own_look(trigger: str) -> Look:
    """A look at what the trigger's last evaluation said: 1 when it was OK, 0 when in breach."""
    return Look(OWN, {}, {"trigger": trigger})


class OwnEyes:
    """Satisfies `ports.Eyes`. `evaluator` gives the one of the file as it is now."""

    def __init__(self, eyes: Eyes, evaluator: Callable[[], Evaluator]) -> None:
        self._eyes = eyes
        self._evaluator = evaluator

    def probe(self, step: Step) -> Probe:
        """The read-only half of the step's executor."""
        return self._eyes.probe(step)

    async def look(self, look: Look, at: Moment) -> Observation:
        """One fresh look; at a trigger, the last evaluation with its age."""
        if look.use != OWN:
            return await self._eyes.look(look, at)
        return _said(self._evaluator(), str(look.ask["trigger"]), at)


def _said(evaluator: Evaluator, name: str, at: Moment) -> Observation:
    """What the last evaluation of `name` found; of a trigger with a label, of all its values."""
    seen = _last(evaluator, name, at)
    samples, gaps = ([], [seen]) if isinstance(seen, Gap) else ([seen], [])
    for part in evaluator.instances.values():
        if part.of != name or part.value is None:
            continue
        one = _last(evaluator, part.trigger.name, at)
        if isinstance(one, Sample):
            samples.append(one)
        elif not isinstance(evaluator.statuses[part.trigger.name].state, Inactive):
            # What vanished while it was in breach is not known to be over.
            gaps.append(one)
    worst = min(samples, key=lambda one: one.values, default=None)
    if worst is None or (gaps and worst.values > (0.0,)):
        return gaps[0]
    return replace(worst, age=max(one.age or 0.0 for one in samples))


def _last(evaluator: Evaluator, name: str, at: Moment) -> Gap | Sample:
    judgement, status = evaluator.judgements.get(name), evaluator.statuses.get(name)
    if judgement is None or status is None or status.judged_at is None:
        return Gap(Unknown.NODATA, f"trigger {name} was not evaluated")
    if judgement.verdict is Verdict.UNKNOWN:
        return Gap(judgement.reason or Unknown.NODATA, judgement.note)
    passing = judgement.verdict is Verdict.OK
    age = max(at.since(status.judged_at), 0.0)
    return Sample((1.0 if passing else 0.0,), age=age, note=judgement.note)
