"""Rows of a journal as an object of the cluster holds them: lines of JSON, packed."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from watchdog.adapters.kubernetes.api import Object

Row = Sequence[Any]


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
    return list(_rows(gzip.decompress(base64.b64decode(text, validate=True)).decode()))


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


def _line(row: Row) -> str:
    return json.dumps(list(row), separators=(",", ":"))


def _rows(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        yield json.loads(line)
