"""Where the daemon's settings come from: the environment over its file over the defaults."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
)

from watchdog.config.composing import Place
from watchdog.config.explaining import explained
from watchdog.config.problems import ConfigProblems, Path, Problem
from watchdog.config.reading import Document
from watchdog.config.settings import PREFIX, DaemonFile

_ENVIRONMENT = "environment"
# Beside the one who wrote them, so that a file means the same from wherever it is read.
_PATHS = (
    ("journal", "path"),
    ("socket",),
    ("kill_file",),
    ("tls", "certificate"),
    ("tls", "key"),
    ("tls", "client_ca"),
)


def daemon_settings(
    layers: "Layers", content: Mapping[str, Any], environ: Mapping[str, str]
) -> DaemonFile:
    """What `content` of the file and the environment say together. Raises ConfigProblems."""
    written = _beside(layers, content)

    class Layered(DaemonFile):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *_: PydanticBaseSettingsSource,
            **__: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (_Environment(settings_cls, environ), _File(settings_cls, written))

    try:
        return Layered()
    except ValidationError as error:
        raise ConfigProblems(explained(layers, error, DaemonFile)) from None
    except SettingsError as error:
        raise ConfigProblems([layers.unreadable(error)]) from None


def _beside(document: Document, content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with its paths taken from where the document stands."""
    folder = FilePath(document.file).parent
    moved = dict(content)
    for *section, key in _PATHS:
        inner = moved
        if section and isinstance(moved.get(section[0]), dict):
            inner = moved[section[0]] = dict(moved[section[0]])
        if isinstance(inner.get(key), str) and inner[key]:
            inner[key] = str(folder / inner[key])
    if isinstance(moved.get("targets"), list):
        moved["targets"] = [
            str(folder / each) if isinstance(each, str) and each else each
            for each in moved["targets"]
        ]
    return moved


class _Environment(EnvSettingsSource):
    """The variables of the environment that was handed in, not of the process."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}


class _File(PydanticBaseSettingsSource):
    """What our own reader found in the file."""

    def __init__(self, settings: type[BaseSettings], content: dict[str, Any]) -> None:
        self._content = content
        super().__init__(settings)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self._content.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._content


@dataclass(frozen=True, slots=True)
class Layers(Document):
    """A document under the environment: a problem is shown where the value came from."""

    variables: Mapping[Path, str]

    @staticmethod
    def of(document: Document | None, environ: Mapping[str, str]) -> "Layers":
        variables: dict[Path, str] = {
            tuple(name.lower().removeprefix(PREFIX.lower()).split("__")): name
            for name in environ
            if name.upper().startswith(PREFIX)
        }
        document = document or Document(_ENVIRONMENT, "", {}, {})
        places = dict(document.places)
        for path in variables:
            for end in range(1, len(path) + 1):
                places.setdefault(path[:end], Place(1, 1))
        return Layers(document.file, document.text, document.content, places, variables)

    def problem(self, path: Path, text: str) -> Problem:
        for end in range(len(path), 0, -1):
            if path[:end] in self.variables:
                return Problem(_ENVIRONMENT, 0, 0, self.variables[path[:end]], text)
        return Document.problem(self, path, text)

    def unreadable(self, error: SettingsError) -> Problem:
        """A list or mapping in a variable that is no JSON."""
        field = re.search(r'"(\w+)"', str(error))
        name = PREFIX + (field[1].upper() if field else "…")
        return Problem(_ENVIRONMENT, 0, 0, name, 'should be JSON, such as \'["a", "b"]\'')


def misspelt(environ: Mapping[str, str]) -> Iterator[Problem]:
    """Variables that are nearly ours.

    Not every other one: Kubernetes sets ROLLBACK_WATCHDOG_PORT and its like for a service of
    that name.
    """
    for path, name in Layers.of(None, environ).variables.items():
        near = difflib.get_close_matches(str(path[0]), DaemonFile.model_fields, n=1, cutoff=0.75)
        if near and near[0] != path[0]:
            text = f"means nothing; did you mean {PREFIX}{near[0].upper()}?"
            yield Problem(_ENVIRONMENT, 0, 0, name, text)
