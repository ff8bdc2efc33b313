"""Nodes from the events of the YAML parser, and plain values with their places from nodes."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import yaml

from watchdog.config.problems import Path, Problem, dotted
from watchdog.config.scalars import Scalar, resolve

# A file nested deeper is an accident, or meant to overflow somebody's stack.
MAX_DEPTH = 40
# Aliases can make a short file endless.
MAX_VALUES = 100_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HINTS = (
    ("mapping values are not allowed", "put text that contains ': ' in quotes"),
    ("tab character", "indent with spaces, not tabs"),
    ("unexpected end of stream", "close the quote or bracket that was opened here"),
)
_HINT = "compare the indentation, quotes and brackets here with the lines before"


class Place(NamedTuple):
    """Where something was written, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class _Leaf:
    value: Scalar
    place: Place


@dataclass(frozen=True, slots=True)
class _List:
    items: "list[_Node]"
    place: Place


@dataclass(frozen=True, slots=True)
class _Map:
    entries: "dict[str, tuple[Place, _Node]]"
    place: Place


_Node = _Leaf | _List | _Map


class Composer:
    """Builds nodes from the parser's events.

    Not `yaml.compose`, which recurses in C: a few thousand brackets end the whole process.
    """

    def __init__(self, file: str, text: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._text = text
        self._anchors: dict[str, _Node] = {}

    def compose(self) -> _Node | None:
        """The root, or None when there are `problems`."""
        root: _Node | None = None
        try:
            with closing(cast("Any", yaml.parse(self._text, Loader=_LOADER))) as events:
                for event in events:
                    if not isinstance(event, yaml.NodeEvent):
                        continue
                    if root is not None:
                        self._note(event, (), "a file holds one document; remove the line '---'")
                        return None
                    root = self._node(event, events, ())
        except yaml.YAMLError as error:
            self.problems.append(self._syntax(error))
            return None
        except _TooDeepError as too_deep:
            self._note(too_deep.event, (), f"is nested deeper than {MAX_DEPTH} levels")
            return None
        if root is None:
            self.problems.append(
                Problem(
                    self._file, 1, 1, "", "is empty; `rollback-watchdog init` prints a first one"
                )
            )
        return root

    def _node(self, event: yaml.NodeEvent, events: Iterator[yaml.Event], path: Path) -> _Node:
        if len(path) > MAX_DEPTH:
            raise _TooDeepError(event)
        place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            if name not in self._anchors:
                self._note(event, path, f"no '&{name}' stands before this '*'")
            return self._anchors.get(name, _Leaf(None, place))
        node: _Node
        if isinstance(event, yaml.ScalarEvent):
            node = _Leaf(self._scalar(event, path), place)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _List(self._items(events, path), place)
        else:
            node = self._map(events, path, place)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Scalar:
        try:
            return resolve(event.value, plain=event.implicit[0], tag=event.tag)
        except ValueError as error:
            self._note(event, path, str(error))
            return None

    def _items(self, events: Iterator[yaml.Event], path: Path) -> list[_Node]:
        items: list[_Node] = []
        for event in events:
            if not isinstance(event, yaml.NodeEvent):
                break
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _map(self, events: Iterator[yaml.Event], path: Path, place: Place) -> _Map:
        node = _Map({}, place)
        merged: list[_Map] = []
        for event in events:
            if not isinstance(event, yaml.NodeEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._note(event, path, "a key is one piece of text")
                self._node(event, events, (*path, "?"))
                self._node(cast("yaml.NodeEvent", next(events)), events, (*path, "?"))
                continue
            key: str = event.value
            inner = (*path, key)
            if key in node.entries:
                first = node.entries[key][0].line
                self._note(event, inner, f"the key stands here twice, first on line {first}")
            value = self._node(cast("yaml.NodeEvent", next(events)), events, inner)
            if key == "<<" and event.implicit[0]:
                merged += self._merged(event, value, inner)
            else:
                node.entries.setdefault(key, (_place(event), value))
        # What was written here wins over what is merged, and the first of those over the next.
        for other in merged:
            for key, entry in other.entries.items():
                node.entries.setdefault(key, entry)
        return node

    def _merged(self, event: yaml.ScalarEvent, value: _Node, path: Path) -> list[_Map]:
        parts = value.items if isinstance(value, _List) else [value]
        maps = [part for part in parts if isinstance(part, _Map)]
        if len(maps) != len(parts):
            self._note(event, path, "'<<' takes a mapping, or a list of them")
        return maps

    def _note(self, event: yaml.Event, path: Path, text: str) -> None:
        self.problems.append(Problem(self._file, *_place(event), dotted(path), text))

    def _syntax(self, error: yaml.YAMLError) -> Problem:
        mark = getattr(error, "problem_mark", None)
        context_mark = getattr(error, "context_mark", None)
        what = getattr(error, "problem", None) or str(error)
        # At the end of the file there is nothing to see: show what was left open.
        if mark and context_mark and mark.index >= len(self._text.rstrip()):
            mark = context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        hint = next((hint for sign, hint in _HINTS if sign in what), _HINT)
        if mark and "cannot start any token" in what:
            character = self._text[mark.index : mark.index + 1]
            hint = f"put text that begins with {character!r} in quotes"
            if character == "\t":
                hint = "indent with spaces, not tabs"
        return Problem(self._file, *place, "", f"not valid YAML: {what}; {hint}")


class _TooDeepError(Exception):
    def __init__(self, event: yaml.Event) -> None:
        super().__init__()
        self.event = event


def _place(event: yaml.Event) -> Place:
    mark = cast("yaml.Mark", event.start_mark)
    return Place(mark.line + 1, mark.column + 1)


class Expansion:
    """Makes plain values of nodes, and writes down where each stands."""

    def __init__(self, file: str) -> None:
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self._file = file

    def value(self, node: _Node, path: Path, place: Place | None = None) -> Any:  # noqa: ANN401 (whatever the file holds)
        """The plain value of `node`; `place` is where its name stands, if it has one."""
        place = place or node.place
        self.places[path] = place
        if len(self.places) > MAX_VALUES or len(path) > MAX_DEPTH:
            if not self.problems:
                what = "aliases make this file endless; write the values out"
                self.problems.append(Problem(self._file, *place, dotted(path), what))
            return None
        if isinstance(node, _Leaf):
            return node.value
        if isinstance(node, _List):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
        return {
            key: self.value(inner, (*path, key), key_place)
            for key, (key_place, inner) in node.entries.items()
        }
