"""Where all news of changes comes in, and all that is known of versions goes out."""

from collections.abc import Mapping
from typing import Any

from watchdog import catalog
from watchdog.adapters.scheduler import SchedulerTicker
from watchdog.adapters.told_changes import told
from watchdog.domain.change import VersionReleased, objection
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.target import ChangeRules, Target
from watchdog.domain.versions import Versions
from watchdog.domain.words import utc
from watchdog.engine.change_watcher import ChangeRecorder, ChangeWatcher, look_everywhere
from watchdog.engine.decider import Shared
from watchdog.ports import Deps
from watchdog.web.changes import Changes

Answer = dict[str, Any]
WEBHOOK = "webhook"


class ChangeDesk:
    """The changes and versions of every target of a daemon."""

    def __init__(self, shared: Shared, deps: Deps, ticker: SchedulerTicker) -> None:
        self._shared = shared
        self._deps = deps
        self._ticker = ticker
        self._rules: dict[str, ChangeRules | None] = {}
        self._recorders: dict[str, ChangeRecorder] = {}
        self._watchers: dict[str, list[ChangeWatcher]] = {}
        self._retired: list[ChangeWatcher] = []

    # -- sources

    def know(self, target: Target) -> None:
        """Take reports about `target` from now on, by the rules of its file."""
        self._rules[target.name] = target.changes
        self._recorders.setdefault(target.name, ChangeRecorder(target.name, self._shared))

    def watch(self, target: Target) -> None:
        """Read the target's sources of changes from now on, and no others of it any more."""
        self.know(target)
        for watcher in self._watchers.pop(target.name, ()):
            self._ticker.drop(watcher.name)
            self._retired.append(watcher)
        watchers = [
            ChangeWatcher(
                f"{target.name}/changes/{spec.name}",
                spec.every,
                _built(spec.use, spec.options, self._deps),
                self._recorders[target.name],
                self._shared,
            )
            for spec in (target.changes.sources if target.changes else ())
        ]
        self._watchers[target.name] = watchers
        for watcher in watchers:
            self._ticker.every(watcher.name, watcher.every, watcher.tick)

    async def look(self, target: str) -> None:
        """Read all sources of changes of `target` now. Never raises."""
        await look_everywhere(self._watchers, target)

    async def close(self) -> None:
        """Nothing is read any more."""
        for watcher in (*self._retired, *(one for all_ in self._watchers.values() for one in all_)):
            await watcher.close()

    # -- CI

    def pages(self) -> Changes:
        """What the two endpoints for CI need."""
        return Changes(
            token=self.token,
            report=self.report,
            standing=self.standing,
            secrets=self._deps.secrets,
            clock=self._deps.clock,
        )

    def token(self, target: str) -> Mapping[str, str] | None:
        """What CI must show to tell of changes of `target`; None where it may not."""
        rules = self._rules.get(target)
        return rules.token if rules else None

    async def report(self, target: str, document: object) -> Answer:
        """Record the change that `document` tells of; told again, it is recorded once.

        Raises ConfigError where it is none, JournalError when it cannot be recorded.
        """
        now = self._shared.clock.now().wall
        try:
            news = told(document, now)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        wrong = objection(news, now)
        if wrong:
            raise ConfigError(wrong)
        versions = self._versions(target)
        # Without a time of its own it cannot be told from its repetition.
        timeless = isinstance(document, Mapping) and document.get("at") is None
        if timeless and versions.newest(news.kind) == news.version:
            return {"recorded": False, "version": news.version}
        seen = await self._recorders[target].take([news], WEBHOOK)
        warning = seen[0].warning if seen else ""
        return {
            "recorded": bool(seen),
            "version": news.version,
            **({"warning": f"it is in quarantine {warning}"} if warning else {}),
        }

    # -- versions

    def standing(self, target: str, version: str) -> Answer | None:
        """What is known of `version`; None for an unknown target."""
        return _standing(self._versions(target), version) if target in self._rules else None

    async def release(self, target: str, version: str, by: str, reason: str) -> Answer:
        """A named person lifts a quarantine. Raises ConfigError, WatchdogError, JournalError."""
        if target not in self._rules:
            known = ", ".join(self._rules) or "none"
            raise ConfigError(f"there is no target {target!r} (there are: {known})")
        versions = self._versions(target)
        if version not in versions.quarantined:
            held = ", ".join(versions.quarantined) or "no version is"
            raise WatchdogError(f"{version} of target {target} is not quarantined ({held})")
        await self._shared.journal.append(VersionReleased(target, version, by, reason))
        return {"done": f"{version} of target {target} is released by {by}", "notes": []}

    def _versions(self, target: str) -> Versions:
        return self._shared.ledger.versions.of(target)


def listed(versions: Versions) -> list[Answer]:
    """All that is known of a target's versions, the newest first."""
    return [_standing(versions, name) for name in versions.names]


def _standing(versions: Versions, version: str) -> Answer:
    standing, why = versions.standing(version)
    times = [one.at for one in versions.changes if one.version == version]
    return {
        "version": version,
        "standing": standing.value,
        "why": why,
        "running": bool(version) and version == versions.running,
        "previous": bool(version) and version == versions.previous,
        "last_change": utc(times[-1]) if times else None,
    }


def _built(use: str, options: Mapping[str, Any], deps: Deps) -> Any:  # noqa: ANN401 (its plugin's)
    plugin = catalog.changes(use)
    return plugin.build(plugin.options.model_validate(options), deps)
