"""What retention took from the journal: a file of gzipped JSON lines for each range of records."""

import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.adapters.chain import BrokenChainError, Gap, link
from watchdog.domain.errors import JournalError

_NAME = re.compile(r"records-(\d+)-(\d+)\.jsonl\.gz")


def archive(folder: Path, first: int, last: int, rows: Iterable[Sequence[Any]]) -> tuple[str, str]:
    """Write `rows` (COLUMNS and hash each) of records `first` to `last`, durably.

    Returns the name of the file and the SHA-256 of what is in it; a file of that name, left by a
    kill before the removal, is replaced. Raises JournalError when that is impossible.
    """
    name = f"records-{first:012}-{last:012}.jsonl.gz"
    lines = "".join(f"{json.dumps(list(row), separators=(',', ':'))}\n" for row in rows)
    content = gzip.compress(lines.encode(), mtime=0)
    try:
        _write(folder, name, content)
    except OSError as error:
        raise JournalError(
            f"cannot write the archive {folder / name}: {error.strerror}; nothing was removed from "
            "the journal: make the folder writable for this user, with space in it"
        ) from error
    return name, hashlib.sha256(content).hexdigest()


def archived(folder: Path, gap: Gap, before: str) -> Mapping[int, str]:
    """The hashes of the records of `gap`, proved from the hash `before` it to its own.

    Raises BrokenChainError where the archive does not hold them as they were written.
    """
    hashes: dict[int, str] = {}
    head = before
    for *row, stored in _rows(folder, gap):
        if row[0] != gap.first + len(hashes) or link(head, row) != stored:
            raise BrokenChainError(
                f"record {gap.first + len(hashes)} is not in the archive {folder} as it was written"
            )
        head = hashes[row[0]] = stored
    if len(hashes) != len(gap) or head != gap.hash:
        raise BrokenChainError(
            f"record {gap.first + len(hashes)} is not in the archive {folder} as it was written"
        )
    return hashes


def _write(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    coming = folder / f"{name}.new"
    coming.unlink(missing_ok=True)
    with os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    coming.replace(folder / name)
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _rows(folder: Path, gap: Gap) -> Iterator[Sequence[Any]]:
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        found = _NAME.fullmatch(file.name)
        if found is None or int(found[1]) > gap.first or int(found[2]) < gap.last:
            continue
        try:
            lines = gzip.decompress(file.read_bytes()).splitlines()
            rows = [json.loads(line) for line in lines]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise BrokenChainError(
                f"record {gap.first} cannot be read from the archive {file}: {error}"
            ) from error
        yield from (row for row in rows if gap.first <= row[0] <= gap.last)
