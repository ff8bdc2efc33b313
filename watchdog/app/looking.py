"""One look at every source of every target: what each trigger would say, and nothing is done."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.app.watching import watchers_of
from watchdog.domain.signal import Judgement
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.engine.evaluator import Evaluator, Looked
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
    rounds: list[Looked] = []
    eyes = PluginEyes(deps)
    try:
        at = deps.clock.now()
        async with asyncio.TaskGroup() as tasks:
            for watcher in watchers_of(target, eyes, deps.clock, rounds.append):
                tasks.create_task(watcher.tick(0, at))
    finally:
        await eyes.close()
    evaluator = Evaluator(target)
    # A trigger of several sources is paced by the slowest: the others must have been seen.
    for looked in sorted(rounds, key=lambda one: target.sources[one.source].every):
        evaluator.take(looked)
    return [
        Seen(target.name, one.trigger, evaluator.judgements[name])
        for name, one in evaluator.instances.items()
    ]
