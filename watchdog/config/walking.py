"""Where things stand in a target's file, whether or not they are what they should be."""

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.config.problems import Path

# Groups within groups: nobody reads deeper, and nobody means it.
DEEPEST = 40
Content = Mapping[str, Any]
Found = Iterator[tuple[Path, Mapping[str, Any]]]


def entries(content: Content, section: str) -> Found:
    """Every named part of `section`, such as one trigger."""
    named = content.get(section)
    if isinstance(named, Mapping):
        for name, value in named.items():
            if isinstance(value, Mapping):
                yield (section, name), value


def names(content: Content, section: str) -> list[str]:
    """The names that `section` defines."""
    named = content.get(section)
    return list(named) if isinstance(named, Mapping) else []


def conditions(content: Content) -> Found:
    """Every comparison of a signal, in every trigger: its own, or those of its groups."""
    for path, trigger in entries(content, "triggers"):
        if "signal" in trigger:
            yield path, trigger
        yield from _grouped(path, trigger)
        count = trigger.get("count")
        if isinstance(count, Mapping):
            yield from _in_list((*path, "count", "of"), count.get("of"))


def _grouped(path: Path, part: Mapping[str, Any]) -> Found:
    for group in ("all", "any"):
        yield from _in_list((*path, group), part.get(group))


def _in_list(path: Path, members: object) -> Found:
    for index, member in enumerate(members if isinstance(members, list) else ()):
        if not isinstance(member, Mapping) or len(path) > DEEPEST:
            continue
        if "signal" in member:
            yield (*path, index), member
        yield from _grouped((*path, index), member)


def vetoes(content: Content) -> Found:
    """Every veto."""
    listed = content.get("veto")
    for index, veto in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(veto, Mapping):
            yield ("veto", index), veto


def change_sources(content: Content) -> Found:
    """Everything that is read for changes."""
    section = content.get("changes")
    listed = section.get("from") if isinstance(section, Mapping) else None
    for index, source in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(source, Mapping):
            yield ("changes", "from", index), source


def steps(content: Content) -> Found:
    """Every step that changes something, of every plan and stage."""
    for path, step in _members(content, "steps", "finally"):
        if "check" in step or "save" in step:
            continue
        yield path, step
        if isinstance(undo := step.get("undo"), Mapping):
            yield (*path, "undo"), undo


def checks(content: Content) -> Found:
    """Every check, of every plan and stage, and what is looked at beside it."""
    for path, check in _own_checks(content):
        yield path, check
        listed = check.get("also")
        for index, also in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(also, Mapping):
                yield (*path, "also", index), also


def _own_checks(content: Content) -> Found:
    yield from _members(content, "verify")
    for path, step in _members(content, "steps", "finally", "checklist"):
        if "save" in step:
            yield path, step
        for key in ("check", "done_when"):
            if isinstance(check := step.get(key), Mapping):
                yield (*path, key), check
        undo = step.get("undo")
        if isinstance(undo, Mapping) and isinstance(check := undo.get("done_when"), Mapping):
            yield (*path, "undo", "done_when"), check


def saved_before(content: Content, path: Path) -> list[str]:
    """What the plan's checks have saved when the turn of the step at `path` comes."""
    section, plan, stage, number = path[:4]
    listed = entry.get("steps") if isinstance(entry := _at(content, section, plan), Mapping) else ()
    members = listed if isinstance(listed, list) else []
    if stage == "steps" and isinstance(number, int):
        members = members[:number]
    found = [one.get("save") for one in members if isinstance(one, Mapping)]
    return [name for name in found if isinstance(name, str)]


def _at(content: Content, section: str | int, name: str | int) -> object:
    named = content.get(str(section))
    return named.get(name) if isinstance(named, Mapping) else None


def _members(content: Content, *stages: str) -> Found:
    for path, plan in entries(content, "plans"):
        for stage in stages:
            members = plan.get(stage)
            if isinstance(members, list):
                for index, member in enumerate(members):
                    if isinstance(member, Mapping):
                        yield (*path, stage, index), member
