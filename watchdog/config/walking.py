"""Where things stand in a target's file, whether or not they are what they should be."""

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.config.problems import Path

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


def steps(content: Content) -> Found:
    """Every step that changes something, of every plan and stage."""
    for path, step in _members(content, "steps", "finally"):
        if "check" not in step:
            yield path, step


def checks(content: Content) -> Found:
    """Every check, of every plan and stage."""
    yield from _members(content, "verify")
    for path, step in _members(content, "steps", "finally"):
        for key in ("check", "done_when"):
            if isinstance(check := step.get(key), Mapping):
                yield (*path, key), check


def _members(content: Content, *stages: str) -> Found:
    for path, plan in entries(content, "plans"):
        for stage in stages:
            members = plan.get(stage)
            if isinstance(members, list):
                for index, member in enumerate(members):
                    if isinstance(member, Mapping):
                        yield (*path, stage, index), member
