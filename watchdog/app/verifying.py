"""The checks of a plan alone: looks at the world as a run would, and sends nothing."""

from collections.abc import Callable
from dataclasses import replace

from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.app.notebook import Notebook, decider_without_journal
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import Proof, Record, Stage
from watchdog.domain.plan import Plan
from watchdog.domain.run import Run
from watchdog.domain.target import Target
from watchdog.engine.runner import NoHands, Runner
from watchdog.ports import Deps


async def verify(
    target: Target, plan: Plan, deps: Deps, tell: Callable[[Record], None]
) -> tuple[Proof, str]:
    """Whether every check of `plan` passes, the triggers' own among them, and the last word.

    `tell` hears of each look. Raises ConfigError for a plan that has no check.
    """
    eyes = PluginEyes(deps)
    try:
        decider = decider_without_journal(target, deps.clock, eyes)
        checks = decider.with_trigger_checks(plan).verify
        if not checks:
            raise ConfigError(f"plan {plan.name} has no check: nothing could show that it helped")
        # The steps, the budget and the watch belong to a run; only its proof is wanted here.
        watch = replace(plan.watch, short=0.0, long=0.0)
        alone = replace(plan, steps=(), final=(), verify=checks, watch=watch, within=float("inf"))
        now = deps.clock.now()
        run = Run(decider.started(alone, "", now), now, stage=Stage.VERIFY)
        hands = NoHands(target.name)
        runner = Runner(run, Notebook(deps.clock, tell), deps.clock, eyes, hands)
        ended = await runner.drive()
    finally:
        await eyes.close()
    return ended.proof or Proof.INCONCLUSIVE, ended.proof_detail
