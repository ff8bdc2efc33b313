"""What is recorded of the journal itself: snapshots, what retention removed, older copies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SnapshotKept:
    """A file beside the journal holds all that records 1 to `covers` came to.

    `head` is the hash of record `covers`, `digest` the SHA-256 of the file.
    """

    covers: int
    head: str
    digest: str


@dataclass(frozen=True, slots=True)
class RecordsRemoved:
    """Of records `first` to `last`, all before Unix second `before`, `count` were removed.

    `digest` is the SHA-256 over the gaps that this left and the hashes at their ends. `archive`
    names the file that holds what was removed, and `archive_digest` is its SHA-256; both are
    empty where nothing is archived.
    """

    first: int
    last: int
    count: int
    digest: str
    before: float
    archive: str = ""
    archive_digest: str = ""


@dataclass(frozen=True, slots=True)
class OlderJournalAccepted:
    """A named person lets the daemon go on with a journal that is not the one it last wrote.

    `missing` says what is wrong with it, in words.
    """

    by: str
    reason: str
    missing: str
