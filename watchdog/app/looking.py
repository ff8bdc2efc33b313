"""One look at every source of every target: what each trigger would say, and nothing is done."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.app.watching import watchers_of
from watchdog.domain.observation import Gap, Unknown
from watchdog.domain.signal import Judgement, judge
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.engine.evaluator import Looked
from watchdog.ports import Deps


@dataclass(frozen=True, slots=True)
class Seen:
    """The verdict of one look on one trigger."""

    target: str
    trigger: Trigger
    judgement: Judgement


async def look_once(targets: Sequence[Target], deps: Deps) -> list[Seen]:
    """Ask every source once, all at the same time; every trigger in the order written."""
    async with asyncio.TaskGroup() as tasks:
        looks = [tasks.create_task(_look(target, deps)) for target in targets]
    return [seen for look in looks for seen in look.result()]


async def _look(target: Target, deps: Deps) -> list[Seen]:
    rounds: dict[str, Looked] = {}

    def post(looked: Looked) -> None:
        rounds[looked.source] = looked

    eyes = PluginEyes(deps)
    try:
        at = deps.clock.now()
        async with asyncio.TaskGroup() as tasks:
            for watcher in watchers_of(target, eyes, deps.clock, post):
                tasks.create_task(watcher.tick(0, at))
    finally:
        await eyes.close()
    return [
        Seen(target.name, trigger, _judged(trigger, rounds[trigger.signal.source]))
        for trigger in target.triggers
    ]


def _judged(trigger: Trigger, looked: Looked) -> Judgement:
    observation = looked.observations.get(trigger.signal.name)
    if observation is None:
        observation = Gap(Unknown.NODATA, "the source did not answer this signal")
    return judge(trigger.signal, trigger.breach_when, observation)
