"""What the parts of one file say of each other: names that must exist, words that go together."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from watchdog.config.crossing_plans import plan_references
from watchdog.config.crossing_tables import table_references
from watchdog.config.problems import Path, Problem, did_you_mean
from watchdog.config.reading import Document
from watchdog.config.relative_checks import relative_conditions
from watchdog.config.walking import (
    Content,
    change_sources,
    checks,
    conditions,
    entries,
    names,
    saved_before,
    steps,
    vetoes,
)
from watchdog.domain.variables import NAMES, SAVED, TO_VERSION, mentioned


def crossed(document: Document, content: Content, channels: Collection[str]) -> list[Problem]:
    """Everything in `content` that speaks of what is not there."""
    wrong = [
        *_references(content),
        *_auth(content),
        *_channels(content, channels),
        *_variables(content),
        *_together(content),
        *relative_conditions(content),
    ]
    return [document.problem(path, text) for path, text in wrong]


Wrong = Iterator[tuple[Path, str]]


def _references(content: Content) -> Wrong:
    sources, signals = names(content, "sources"), names(content, "signals")
    for path, signal in entries(content, "signals"):
        yield from _unknown((*path, "from"), signal.get("from"), "source", sources)
    for path, part in conditions(content):
        yield from _unknown((*path, "signal"), part.get("signal"), "signal", signals)
    for path, veto in vetoes(content):
        yield from _unknown((*path, "signal"), veto.get("signal"), "signal", signals)
    for path, trigger in entries(content, "triggers"):
        yield from _unknown((*path, "plan"), trigger.get("plan"), "plan", names(content, "plans"))
    for path, check in checks(content):
        yield from _unknown((*path, "signal"), check.get("signal"), "signal", signals)
    yield from table_references(content)
    yield from plan_references(content)


def _auth(content: Content) -> Wrong:
    """A profile is named; written out, it is for the plugin to judge."""
    profiles = names(content, "auth")
    asking = (*entries(content, "sources"), *change_sources(content), *checks(content))
    for path, part in asking:
        yield from _unknown((*path, "auth"), part.get("auth"), "auth profile", profiles)
    for path, step in steps(content):
        options = step.get("with")
        if isinstance(options, Mapping):
            where = (*path, "with", "auth")
            yield from _unknown(where, options.get("auth"), "auth profile", profiles)


def unknown_channels(content: Content, channels: Collection[str]) -> Wrong:
    """Channels that a daemon's defaults tell, and that do not exist."""
    defaults = content.get("defaults")
    if isinstance(defaults, Mapping):
        for path, text in _channels(defaults, channels):
            yield ("defaults", *path), text


def _channels(content: Content, channels: Collection[str]) -> Wrong:
    rules = content.get("notify")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        told = rule.get("to") if isinstance(rule, Mapping) else None
        for position, name in enumerate(told if isinstance(told, list) else ()):
            where = ("notify", index, "to", position)
            yield from _unknown(where, name, "channel", channels)


def _unknown(path: Path, name: object, kind: str, known: Collection[str]) -> Wrong:
    if isinstance(name, str) and name not in known:
        yield path, f"there is no {kind} {name!r}; {did_you_mean(name, known)}"


def _variables(content: Content) -> Wrong:
    filled = [((*path, "with"), step.get("with")) for path, step in steps(content)]
    for path, check in checks(content):
        if path[-1] == "done_when":
            filled.append((path, check))
            continue
        for where, text in _texts(check, path):
            if "{{" in text:
                yield where, "variables work in steps and their done_when; write the value out"
    for path, options in filled:
        known = {*NAMES, *(f"{SAVED}{name}" for name in saved_before(content, path))}
        for where, text in _texts(options, path):
            for name in sorted(mentioned(text) - known):
                yield where, f"there is no variable {name!r}; {did_you_mean(name, known)}"
    yield from _conditions(content)
    yield from _compared(content)


def _compared(content: Content) -> Wrong:
    """What is compared with, and not saved before."""
    for path, check in checks(content):
        name = check.get("against")
        if not isinstance(name, str):
            continue
        known = [] if "checklist" in path[2:3] else saved_before(content, path)
        if name not in known:
            hint = did_you_mean(name, known)
            yield (*path, "against"), f"no step before it saves {name!r}; {hint}"


def _conditions(content: Content) -> Wrong:
    """What is asked about, and not saved before."""
    for path, step in steps(content):
        listed = step.get("if")
        for index, one in enumerate(listed if isinstance(listed, list) else [listed]):
            name = one.get("saved") if isinstance(one, Mapping) else None
            known = saved_before(content, path)
            if isinstance(name, str) and name not in known:
                where = (*path, "if", index) if isinstance(listed, list) else (*path, "if")
                hint = did_you_mean(name, known)
                yield (*where, "saved"), f"no step before it saves {name!r}; {hint}"


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:  # noqa: ANN401 (any JSON)
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


def _together(content: Content) -> Wrong:
    if "changes" not in content:
        yield from _versions_unknown(content)
    if content.get("mode") == "auto" and not content.get("armed_by"):
        yield ("mode",), "auto acts by itself: name who answers for that, as `armed_by: NAME`"


def _versions_unknown(content: Content) -> Wrong:
    for path, step in steps(content):
        for where, text in _texts(step.get("with"), (*path, "with")):
            if TO_VERSION in mentioned(text):
                yield where, "no version to return to is ever known: declare `changes`"
