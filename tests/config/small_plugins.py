"""Plugins with little in them, so that what these tests say depends on the config alone."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Never, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from watchdog.config.loading import Loaded, load_files
from watchdog.config.problems import ConfigProblems
from watchdog.domain.errors import ConfigError
from watchdog.domain.target import Target
from watchdog.plugins import (
    AnyChangesPlugin,
    AnyExecutorPlugin,
    AnyNotifierPlugin,
    AnySourcePlugin,
    ChangesPlugin,
    Duration,
    ExecutorPlugin,
    NotifierPlugin,
    SourcePlugin,
    Timeout,
)

PluginT = TypeVar("PluginT")


class Small(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(Small):
    env: str


class Profile(Small):
    bearer: Reference | None = None
    basic: dict[str, Any] | None = None


class Address(Small):
    url: str
    auth: Profile | None = None
    timeout: Timeout = Field("5s", validate_default=True)


class Query(Small):
    query: str
    volume: str | None = None
    window: Duration = Field("1m", validate_default=True)

    @field_validator("query")
    @classmethod
    def _scales(cls, query: str, info: ValidationInfo) -> str:
        return query.replace("[60s]", f"[{60 / (info.context or {}).get('speed', 1):g}s]")


class Expect(Small):
    status: int = 200
    json_: dict[str, JsonValue] = Field({}, alias="json")
    body: str | None = None


class Reading(Small):
    json_: str | None = Field(None, alias="json")
    expect: Expect | None = None


class Pods(Small):
    restarts: str
    against: str | None = None


class Program(Small):
    argv: list[str]
    env: dict[str, str] = {}
    timeout: Timeout = Field("5s", validate_default=True)


class Request(Address):
    method: str = "POST"
    json_: JsonValue = Field(None, alias="json")


class Nothing(Small):
    pass


class Rolling(Small):
    workload: str
    namespace: str | None = None


class Lines(Small):
    path: str


def never_built(*_: object) -> Never:
    raise AssertionError("reading a file builds nothing")


def doubts(ask: Query) -> Sequence[str]:
    return ["the comparison hides what is missing"] if ">" in ask.query else []


SOURCES: dict[str, AnySourcePlugin] = {
    "prometheus": SourcePlugin("numbers", Address, Query, never_built, doubts),
    "http": SourcePlugin("answers", Address, Reading, never_built),
    "command": SourcePlugin("exit codes", Program, Nothing, never_built),
    "kubernetes": SourcePlugin("pods", Nothing, Pods, never_built),
}
EXECUTORS: dict[str, AnyExecutorPlugin] = {
    "http": ExecutorPlugin("a request", Request, never_built, never_built),
    "command": ExecutorPlugin("a program", Program, never_built, never_built),
    "kubernetes_undo": ExecutorPlugin("a return", Rolling, never_built, never_built, inspects=True),
    "kubernetes_suspend": ExecutorPlugin(
        "a rest", Rolling, never_built, never_built, inspects=True
    ),
    "kubernetes_rollout": ExecutorPlugin(
        "a wait", Rolling, never_built, never_built, inspects=True
    ),
}
NOTIFIERS: dict[str, AnyNotifierPlugin] = {
    "log": NotifierPlugin("a line", Nothing, never_built),
    "webhook": NotifierPlugin("a post", Address, never_built),
}
CHANGES: dict[str, AnyChangesPlugin] = {
    "file": ChangesPlugin("lines", Lines, never_built),
    "http_json": ChangesPlugin("a history", Address, never_built),
}


class SmallPlugins:
    def source(self, kind: str, /) -> AnySourcePlugin:
        return _find(SOURCES, kind)

    def executor(self, kind: str, /) -> AnyExecutorPlugin:
        return _find(EXECUTORS, kind)

    def notifier(self, kind: str, /) -> AnyNotifierPlugin:
        return _find(NOTIFIERS, kind)

    def changes(self, kind: str, /) -> AnyChangesPlugin:
        return _find(CHANGES, kind)


def _find(plugins: Mapping[str, PluginT], kind: str) -> PluginT:
    if kind not in plugins:
        raise ConfigError(f"there is no {kind!r}; known: {', '.join(plugins)}")
    return plugins[kind]


MINIMAL = """
target: checkout
sources:
  metrics: {use: prometheus, url: "http://prometheus:9090"}
  health:  {use: http, url: "http://checkout:8080/health"}
signals:
  errors:  {from: metrics, query: errors}
  healthy: {from: health}
triggers:
  errors-high: {signal: errors, above: 1%, for: 5m, plan: undo}
  down:        {signal: healthy, fails: 3, plan: undo}
plans:
  undo:
    steps:
      - {use: command, with: {argv: [kubectl, rollout, undo]}, repeat: once}
    verify: [{signal: errors, below: 1%, samples: 3}]
"""


def text(*parts: str) -> str:
    """What a file holds: the parts, each without the indentation it has here."""
    return "\n".join(textwrap.dedent(part).strip("\n") for part in parts) + "\n"


class Files:
    """Files in a folder of the test, loaded by their names in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, *parts: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(*parts))

    def load(
        self, *names: str, speed: float = 1.0, environ: Mapping[str, str] | None = None
    ) -> Loaded:
        paths = [self.folder / name for name in names]
        return load_files(paths, SmallPlugins(), speed=speed, environ=environ or {})

    def target(self, *parts: str, speed: float = 1.0) -> Target:
        self.write("a.yaml", *parts)
        return self.load("a.yaml", speed=speed).targets[0]

    def warnings(self, *parts: str) -> list[str]:
        self.write("a.yaml", *parts)
        return [self.short(warning) for warning in self.load("a.yaml").warnings]

    def problems(self, *parts: str, environ: Mapping[str, str] | None = None) -> list[str]:
        self.write("a.yaml", *parts)
        return self.refusal("a.yaml", environ=environ)

    def refusal(self, *names: str, environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigProblems) as refused:
            self.load(*names, environ=environ)
        return self.short(refused.value).splitlines()

    def short(self, said: object) -> str:
        """What was said, with the paths as if the folder were the working directory."""
        return str(said).replace(f"{self.folder}/", "")
