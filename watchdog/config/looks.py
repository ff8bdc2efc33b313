"""Checks that look by themselves: `get` and `run`, as the sources that they are short for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from watchdog.config.problems import Path

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class InlineLook:
    """A kind of source, its options, what it is asked; and where each was written.

    `places` maps a path below `source` or `ask` to the key of the check that it came from.
    """

    use: str
    source: Json
    ask: Json
    places: Mapping[Path, str] = field(default_factory=dict)


def inline_look(check: Mapping[str, Any]) -> InlineLook | None:
    """What `check` looks at by itself; None where it reads a signal, or nothing."""
    if isinstance(check.get("run"), list):
        source = _given(check, {"run": "argv", "timeout": "timeout"})
        if "save" in check:
            return InlineLook("command", source, {"text": True}, {("argv",): "run"})
        return InlineLook("command", source, {}, {("argv",): "run"})
    if not isinstance(check.get("get"), str):
        return None
    source = _given(check, {"get": "url", "auth": "auth", "timeout": "timeout"})
    if "save" in check:
        return InlineLook(
            "http", source, {"read": check.get("value")}, {("url",): "get", ("read",): "value"}
        )
    if check.get("value") is not None:
        return InlineLook(
            "http", source, {"json": check["value"]}, {("url",): "get", ("json",): "value"}
        )
    expect = _given(check, {"status": "status", "json": "json", "body": "body"})
    places: dict[Path, str] = {("url",): "get"}
    places |= {("expect", key): key for key in expect}
    return InlineLook("http", source, {"expect": expect}, places)


def _given(check: Mapping[str, Any], keys: Mapping[str, str]) -> Json:
    return {into: check[key] for key, into in keys.items() if check.get(key) is not None}
