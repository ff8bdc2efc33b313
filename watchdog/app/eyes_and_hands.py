"""Builds from a plan what looks at the world, and, apart from it, what changes the world."""

import functools
import json

from watchdog import catalog
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.domain.plan import Look, Options, Step
from watchdog.domain.plan_parts import acts, looks
from watchdog.domain.target import Target
from watchdog.engine.own_eyes import OWN
from watchdog.ports import Deps, Executor, Probe, Question, Source

_ONE = "it"
# To find a plugin takes milliseconds, and what is installed does not change while we run.
_executor = functools.cache(catalog.executor)
_source = functools.cache(catalog.source)


class PluginEyes:
    """Satisfies `ports.Eyes`. Builds the read-only half of each plugin, and nothing else."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._sources: dict[str, Source] = {}

    def prepare(self, target: Target) -> None:
        """Find and import every plugin that a plan of `target` names, before it is urgent."""
        for plan in target.plans.values():
            for step in acts(plan):
                self.probe(step)
            for check in looks(plan):
                if check.look.use != OWN:
                    self.source(check.look.use, check.look.source)

    def probe(self, step: Step) -> Probe:
        """The read-only half of the step's executor."""
        plugin = _executor(step.use)
        return plugin.probe(plugin.options.model_validate(step.options), self._deps)

    async def look(self, look: Look, at: Moment) -> Observation:
        """One fresh look through the source that `look` names."""
        if look.use == OWN:
            text = "only the daemon that evaluates the trigger can tell; ask `status`"
            return Gap(Unknown.NODATA, text)
        ask = _source(look.use).ask.model_validate(look.ask)
        answers = await self.source(look.use, look.source).observe([Question(_ONE, ask)], at)
        return answers.get(_ONE) or Gap(Unknown.NODATA, "the source did not answer")

    def source(self, use: str, options: Options) -> Source:
        """The source of these options; the same one for whoever asks."""
        name = json.dumps([use, options], sort_keys=True)
        if name not in self._sources:
            plugin = _source(use)
            built: Source = plugin.build(plugin.options.model_validate(options), self._deps)
            self._sources[name] = built
        return self._sources[name]

    @property
    def skew_seconds(self) -> float | None:
        """How far the clocks of the sources are from ours: the worst of those that say it."""
        skews = [getattr(source, "skew_seconds", None) for source in self._sources.values()]
        return max((skew for skew in skews if skew is not None), key=abs, default=None)

    async def close(self) -> None:
        """Close every source that was built."""
        while self._sources:
            _, source = self._sources.popitem()
            await source.close()


class PluginHands:
    """Satisfies `ports.Hands`: builds what changes the world. An alert-only target gets none."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    def executor(self, step: Step) -> Executor:
        """The step's executor, its variables filled in already."""
        plugin = _executor(step.use)
        built: Executor = plugin.build(plugin.options.model_validate(step.options), self._deps)
        return built
