"""One YAML file as plain JSON values, each with the place where it was written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from watchdog.config.composing import Composer, Expansion, Place
from watchdog.config.problems import ConfigProblems, Path, Problem, dotted

MAX_BYTES = 1 << 20
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """`places` says where each value was written: for a named value, where its name stands."""

    file: str
    text: str
    content: dict[str, Any]
    places: Mapping[Path, Place]

    def problem(self, path: Path, text: str) -> Problem:
        """A problem at `path`, or at what surrounds it when there is nothing at `path`."""
        place = next(
            (place for end in range(len(path), -1, -1) if (place := self.places.get(path[:end]))),
            Place(1, 1),
        )
        return Problem(self.file, *place, dotted(path), text)


def read_file(path: FilePath) -> Document:
    """The document in `path`. Raises ConfigProblems."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigProblems(
            [Problem(file, 0, 0, "", f"cannot be read: {reason}; name a readable YAML file")]
        ) from error
    if len(content) > MAX_BYTES:
        raise ConfigProblems(
            [Problem(file, 0, 0, "", f"is longer than {MAX_BYTES >> 20} MiB; split it")]
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        place = _place_at(content[: error.start].decode())
        raise ConfigProblems(
            [Problem(file, *place, "", "is not UTF-8 text; save the file as UTF-8")]
        ) from error
    return read(file, text)


def read(file: str, text: str) -> Document:
    """The document that `text` holds. Raises ConfigProblems."""
    found = _NOT_TEXT.search(text.removeprefix("\ufeff"))
    if found:
        place = _place_at(text[: found.start()])
        what = f"character {found.group()!r} is no text; remove it"
        raise ConfigProblems([Problem(file, *place, "", what)])
    composer = Composer(file, text)
    root = composer.compose()
    if composer.problems or root is None:
        raise ConfigProblems(composer.problems)
    expansion = Expansion(file)
    content = expansion.value(root, ())
    if not isinstance(content, dict):
        what = "a file holds keys and values; begin a target with `target: NAME`"
        expansion.problems.append(Problem(file, *root.place, "", what))
    if expansion.problems:
        raise ConfigProblems(expansion.problems)
    return Document(file, text, content, expansion.places)


def _place_at(before: str) -> Place:
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
