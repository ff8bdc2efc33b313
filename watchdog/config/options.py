"""The options of plugins: each is validated by its plugin, and kept as plain JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from watchdog.config.change_schema import ChangeSourceEntry
from watchdog.config.explaining import explained
from watchdog.config.looks import InlineLook, inline_look
from watchdog.config.problems import Path, Problem
from watchdog.config.reading import Document
from watchdog.config.scaling import scaled_json
from watchdog.config.schema import SignalEntry, SourceEntry
from watchdog.config.settings import ChannelEntry
from watchdog.config.walking import Content, change_sources, checks, entries, steps
from watchdog.domain.errors import ConfigError
from watchdog.domain.plan import Look
from watchdog.plugins import (
    AnyChangesPlugin,
    AnyExecutorPlugin,
    AnyNotifierPlugin,
    AnySourcePlugin,
)

Json = dict[str, Any]
PluginT = TypeVar("PluginT")


class Plugins(Protocol):
    """Finds what `use:` names. Each raises ConfigError for a kind that it does not know."""

    def source(self, kind: str, /) -> AnySourcePlugin: ...

    def executor(self, kind: str, /) -> AnyExecutorPlugin: ...

    def notifier(self, kind: str, /) -> AnyNotifierPlugin: ...

    def changes(self, kind: str, /) -> AnyChangesPlugin: ...


class EachOnce:
    """Plugins that are looked for once each: a search reads what every package offers."""

    def __init__(self, plugins: Plugins) -> None:
        self.source = cache(plugins.source)
        self.executor = cache(plugins.executor)
        self.notifier = cache(plugins.notifier)
        self.changes = cache(plugins.changes)


@dataclass(slots=True)
class Options:
    """Options that their plugins accepted, by where they stand; and what was wrong.

    `plain` is JSON that the same plugin reads back without a context: durations in it are
    scaled already. `looks` are the checks that look by themselves. `asks` are the questions
    of signals, unscaled, as their plugin sees them. `inspecting` are the steps whose executor
    sees by itself whether they happened.
    """

    plain: dict[Path, Json] = field(default_factory=dict)
    looks: dict[Path, Look] = field(default_factory=dict)
    asks: dict[Path, tuple[AnySourcePlugin, BaseModel]] = field(default_factory=dict)
    inspecting: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def target_options(document: Document, content: Content, plugins: Plugins, speed: float) -> Options:
    """The options of every source, signal, step and check of a target."""
    reader = _OptionReader(document, content, speed)
    for path, source in entries(content, "sources"):
        if plugin := reader.plugin(plugins.source, path, source.get("use")):
            reader.keep(path, plugin.options, _less(source, SourceEntry), own=SourceEntry)
    for path, source in change_sources(content):
        if told_by := reader.plugin(plugins.changes, path, source.get("use")):
            own = ChangeSourceEntry
            reader.keep(path, told_by.options, _less(source, own), own=own)
    for path, signal in entries(content, "signals"):
        _signal(reader, plugins, path, signal)
    for path, step in steps(content):
        options = step.get("with", {})
        executor = reader.plugin(plugins.executor, path, step.get("use"))
        if executor and isinstance(options, Mapping):
            reader.keep((*path, "with"), executor.options, options)
        if executor and executor.inspects:
            reader.found.inspecting.add(path)
    for path, check in checks(content):
        _check(reader, plugins, path, check)
    return reader.found


def channel_options(document: Document, content: Content, plugins: Plugins) -> Options:
    """The options of every channel of a daemon's file."""
    reader = _OptionReader(document, content, 1.0)
    for path, channel in entries(content, "channels"):
        if plugin := reader.plugin(plugins.notifier, path, channel.get("use")):
            reader.keep(path, plugin.options, _less(channel, ChannelEntry), own=ChannelEntry)
    return reader.found


def _signal(
    reader: "_OptionReader", plugins: Plugins, path: Path, signal: Mapping[str, Any]
) -> None:
    sources = dict(entries(reader.content, "sources"))
    source = sources.get(("sources", str(signal.get("from"))), {})
    try:
        plugin = plugins.source(str(source.get("use")))
    except ConfigError:
        return  # said where the source stands, or where the signal names it
    ask = reader.keep(path, plugin.ask, _less(signal, SignalEntry), own=SignalEntry)
    if ask is None:
        return
    reader.found.asks[path] = (plugin, ask)
    if knows_volume(plugin, ask):
        return
    if signal.get("on_nodata") == "ok":
        text = "silence is only good where traffic is proven; give the signal a `volume`"
        reader.wrong((*path, "on_nodata"), text)
    if signal.get("confidence") is not None:
        text = "how sure a share is depends on how many there were; give the signal a `volume`"
        reader.wrong((*path, "confidence"), text)


def _check(reader: "_OptionReader", plugins: Plugins, path: Path, check: Mapping[str, Any]) -> None:
    if look := inline_look(check):
        _look(reader, plugins, path, look)
    if check.get("against") is None:
        return
    # Only some sources can compare with what was read before.
    asked = reader.found.asks.get(("signals", str(check.get("signal"))))
    if asked is not None and "against" not in type(asked[1]).model_fields:
        text = f"the source of signal {check['signal']!r} compares with nothing: leave it out"
        reader.wrong((*path, "against"), text)


def knows_volume(plugin: AnySourcePlugin, ask: BaseModel) -> bool:
    """Whether the answer to `ask` says how many requests stand behind it."""
    if getattr(ask, "volume", None):
        return True
    return plugin.brings_volume is not None and plugin.brings_volume(ask)


def _look(reader: "_OptionReader", plugins: Plugins, path: Path, look: InlineLook) -> None:
    try:
        plugin = plugins.source(look.use)
    except ConfigError as error:
        reader.wrong(path, str(error))
        return
    source = reader.keep((*path, "source"), plugin.options, look.source, look=look)
    ask = reader.keep((*path, "ask"), plugin.ask, look.ask, look=look)
    if source is not None and ask is not None:
        plain = reader.found.plain
        reader.found.looks[path] = Look(
            look.use, plain.pop((*path, "source")), plain.pop((*path, "ask"))
        )


def _less(entry: Mapping[str, Any], own: type[BaseModel]) -> Json:
    """`entry` without the keys that are ours and not the plugin's."""
    ours = _keys(own)
    return {key: value for key, value in entry.items() if key not in ours}


def _keys(model: type[BaseModel]) -> set[str]:
    return {each.alias or name for name, each in model.model_fields.items()}


class _OptionReader:
    """Validates options one by one, and remembers what came of it."""

    def __init__(self, document: Document, content: Content, speed: float) -> None:
        self.content = content
        self.found = Options()
        self._document = document
        self._speed = speed

    def wrong(self, path: Path, text: str) -> None:
        self.found.problems.append(self._document.problem(path, text))

    def plugin(self, find: Callable[[str], PluginT], path: Path, kind: object) -> PluginT | None:
        """What `use` means; None when it means nothing, or is no text."""
        if not isinstance(kind, str):
            return None
        try:
            return find(kind)
        except ConfigError as error:
            self.wrong((*path, "use"), str(error))
            return None

    def keep(
        self,
        path: Path,
        model: type[BaseModel],
        options: Mapping[str, Any],
        *,
        own: type[BaseModel] | None = None,
        look: InlineLook | None = None,
    ) -> BaseModel | None:
        """Validate `options`, keep them under `path`, and give them as their plugin sees them."""
        complete = dict(options)
        profile = self._profile(options)
        if profile is not None:
            complete["auth"] = profile
        try:
            unscaled = model.model_validate(complete)
            self.found.plain[path] = scaled_json(complete, unscaled, self._speed)
        except ValidationError as error:
            self.found.problems += explained(
                self._document,
                error,
                model,
                also=_keys(own) if own else (),
                place=lambda loc: self._place(path, loc, options, look),
            )
            return None
        return unscaled

    def _profile(self, options: Mapping[str, Any]) -> Json | None:
        """The auth profile that `options` name, if there is such a one."""
        name = options.get("auth")
        profiles = self.content.get("auth")
        if not isinstance(name, str) or not isinstance(profiles, Mapping):
            return None
        profile = profiles.get(name)
        return dict(profile) if isinstance(profile, Mapping) else None

    def _place(
        self, path: Path, loc: Path, options: Mapping[str, Any], look: InlineLook | None
    ) -> Path:
        """Where in the file that stands which a plugin calls `loc`."""
        if loc[:1] == ("auth",) and self._profile(options) is not None:
            return ("auth", options["auth"], *loc[1:])
        if look is None:
            return (*path, *loc)
        check = path[:-1]
        for end in range(len(loc), 0, -1):
            if loc[:end] in look.places:
                return (*check, look.places[loc[:end]], *loc[end:])
        return (*check, *loc)
