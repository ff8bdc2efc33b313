"""Rows of a journal as an object of the cluster holds them: lines of JSON, packed."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from watchdog.adapters.kubernetes.api import Object

Row = Sequence[Any]
# How many of its columns, from the first on, must be numbers.
_NUMBERS = {"records": 1, "gaps": 2}


def lists(rows: Iterable[Row]) -> list[Row]:
    """As they come back when they were packed."""
    return [list(row) for row in rows]


def packed(rows: Sequence[Row]) -> str:
    """Text for `binaryData`; the same for the same rows."""
    text = "".join(f"{line}\n" for line in map(_line, rows))
    # The level and the time are fixed, so that the same records are the same bytes.
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def unpacked(found: Object, key: str) -> list[Row]:
    """What an object holds there. Raises KeyError, ValueError, OSError or EOFError."""
    text = (found.get("binaryData") or {})[key]
    try:
        lines = gzip.decompress(base64.b64decode(text, validate=True)).decode().splitlines()
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return [_row(line, key) for line in lines]


def without(gaps: Iterable[Row], rows: Iterable[Row]) -> list[Row]:
    """Those of `rows` that are in no gap; each has its first and its last number in front."""
    gone = [range(first, last + 1) for first, last, *_ in gaps]
    return [row for row in rows if not any(row[0] in span for span in gone)]


def merged(parts: Iterable[list[Row]], full: int) -> list[list[Row]]:
    """The same rows in fewer parts, of neighbours that together are below `full` bytes.

    No row moves to a later part, so whoever is cut off while the parts are written one after
    another has lost none.
    """
    fewer: list[list[Row]] = []
    for part in parts:
        if fewer and len(packed([*fewer[-1], *part])) <= full:
            fewer[-1] += part
        else:
            fewer.append([*part])
    return fewer


def pieces(rows: list[Row], full: int) -> list[list[Row]]:
    """The same rows in order: one part or more, each of one row or of `full` bytes at most."""
    if len(rows) < 2 or len(packed(rows)) <= full:  # noqa: PLR2004 -- one is never cut
        return [rows]
    middle = len(rows) // 2
    return [*pieces(rows[:middle], full), *pieces(rows[middle:], full)]


def _line(row: Row) -> str:
    return json.dumps(list(row), separators=(",", ":"))


def _row(line: str, key: str) -> Row:
    row = json.loads(line)
    numbers = row[: _NUMBERS.get(key, 0)] if isinstance(row, list) else None
    if not row or numbers is None or not all(isinstance(one, int) for one in numbers):
        raise ValueError("a row of it is none")
    return list(row)
