"""The journal's SQLite file: what is ours, opening it, its schema, its errors in plain words."""

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from watchdog.domain.errors import JournalError

APPLICATION_ID = 0x52425744  # "RBWD"
# Number N stands at index N - 1; one that was released is never edited.
MIGRATIONS = (
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, wall REAL, elapsed REAL, boot TEXT, epoch INTEGER,
        kind TEXT, target TEXT, incident TEXT, run TEXT, body TEXT, hash TEXT
    );
    CREATE INDEX events_by_run ON events (run);
    CREATE INDEX events_by_kind ON events (kind);
    CREATE TABLE notes (name TEXT PRIMARY KEY, body TEXT, wall REAL, elapsed REAL, boot TEXT);
    """,
    """
    CREATE TABLE gaps (last INTEGER PRIMARY KEY, first INTEGER, hash TEXT);
    """,
)
VERSION = len(MIGRATIONS)
_BUSY_SECONDS = 1.0
# Bytes. What is larger would take seconds: it is looked through once the daemon works.
_SMALL = 64 << 20
_FULL = 2
_RESTORE = (
    "keep a copy of it and of its -wal file, then put a backup in its place, or move both away "
    "to begin anew, which forgets limits, latches and open runs"
)
_ADVICE = {
    "SQLITE_FULL": "free some space on its disk",
    "SQLITE_READONLY_ROLLBACK": "start the daemon once, which undoes what a kill left half done",
    "SQLITE_READONLY": "make the file, its folder and its file system writable for this user",
    "SQLITE_CANTOPEN": "make the file and its folder readable and writable for this user",
    "SQLITE_IOERR": "see the kernel's log for faults of its disk, and the limits of this process",
    "SQLITE_BUSY": "close the other program that works on it (fuser tells which)",
    "SQLITE_CORRUPT": _RESTORE,
    "SQLITE_NOTADB": f"name another file; or, if this one was the journal, {_RESTORE}",
}
_FULL_DISK = ("ENOSPC", "EDQUOT")
_OTHERWISE = "run `rollback-watchdog audit verify`, and see the kernel's log"


def damaged(path: Path, what: str) -> JournalError:
    """The error that says what of `path` is not as this program wrote it."""
    return JournalError(f"the journal {path} is damaged: {what}; {_RESTORE}")


@contextmanager
def as_journal_errors(doing: str, path: Path) -> Iterator[None]:
    """Errors of SQLite and of the system become JournalErrors: what, which file, what next."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or type(error).__name__
        advice = next((text for key, text in _ADVICE.items() if name.startswith(key)), _OTHERWISE)
        raise JournalError(
            f"cannot {doing} the journal {path}: {error} ({name}); {advice}"
        ) from error
    except UnicodeDecodeError as error:
        # The error that SQLite wanted to report quotes the damaged place.
        raise JournalError(
            f"the journal {path} is damaged: its schema is no text; {_RESTORE}"
        ) from error
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        advice = _ADVICE["SQLITE_FULL" if name in _FULL_DISK else "SQLITE_CANTOPEN"]
        raise JournalError(
            f"cannot {doing} the journal {path}: {error.strerror} ({name}); {advice}"
        ) from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that may write, in the calling thread, which holds the lock.

    Creates the file where there is none. Raises JournalError when `path` is not ours, damaged,
    or newer than this version.
    """
    with as_journal_errors("open", path), ExitStack() as undo:
        refuse_bad_place(path)
        _create_where_missing(path)
        # Looked at without the right to write: what is not ours stays as it is. But what a kill
        # left half done, while the file was being made, only a writer can undo.
        half_done = _size(_beside(path, "-journal"))
        with closing(_connect(path, "mode=rw" if half_done else "mode=ro")) as look:
            version = _checked_version(look, path)
            _refuse_damage(look, path)
        connection = undo.enter_context(closing(_connect(path, "mode=rw")))
        _make_durable(connection, path)
        for number in range(version + 1, VERSION + 1):
            _migrate(connection, number)
        undo.pop_all()
        return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, also beside a running daemon, in the calling thread."""
    with as_journal_errors("read", path), ExitStack() as undo:
        path = path.resolve()
        if not path.exists():
            raise JournalError(
                f"there is no journal {path}; the daemon makes it at its first start, "
                "so start that, or name the right file"
            )
        connection = undo.enter_context(closing(_connect_for_reading(path)))
        version = _checked_version(connection, path)
        if version < VERSION:
            raise JournalError(
                f"the journal {path} has format {version}, and this version reads {VERSION}; "
                "start the daemon once, which brings it up to date"
            )
        undo.pop_all()
        return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )
    # Damaged text is for the audit to name, not for the reading of it to stumble over.
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    return connection


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    with ExitStack() as undo:
        connection = undo.enter_context(closing(_connect(path, "mode=ro")))
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as error:
            if not _is_barred(path, error):
                raise
            return _connect(path, "mode=ro&immutable=1")
        undo.pop_all()
        return connection


def _is_barred(path: Path, error: sqlite3.Error) -> bool:
    """Whether `error` means that SQLite may not make the files beside it that reading takes.

    Then (a backup on a read-only disk), and if no writer has left any, the file itself says all.
    """
    left = any(_beside(path, end).exists() for end in ("-wal", "-shm", "-journal"))
    return error.sqlite_errorname.startswith("SQLITE_CANTOPEN") and not left


def refuse_bad_place(path: Path) -> None:
    """Raises JournalError where no journal can be, or where half of one is."""
    if not path.parent.is_dir():
        raise JournalError(
            f"cannot create the journal {path}: there is no folder {path.parent}; create it, "
            "owned by the user of this program"
        )
    if path.exists() and not path.is_file():
        raise JournalError(f"the journal {path} is not a regular file; name another one")
    if _size(path) == 0 and _size(_beside(path, "-wal")):
        raise JournalError(
            f"the journal {path} is empty or missing, but {_beside(path, '-wal')} still holds "
            f"records of it; {_RESTORE}"
        )


def _create_where_missing(path: Path) -> None:
    if path.exists():
        return
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    """The format of the file, 0 for an empty one. Refuses a file that is not ours."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not tables and not application:
        return 0
    if application != APPLICATION_ID:
        raise JournalError(
            f"{path} is the SQLite file of another program (application {application:#x}, "
            f"{tables} tables), and was left alone; name another file for the journal"
        )
    if version < 1:
        raise damaged(path, f"it has format {version}")
    if version > VERSION:
        raise JournalError(
            f"the journal {path} has format {version}, written by a newer rollback-watchdog; "
            f"this version knows formats up to {VERSION}: run the newer one"
        )
    changed = _schema_made_of(MIGRATIONS[:version]) - _schema(connection)
    if changed:
        # One wrong letter in it (PBIMARY KEY) can make a full table look empty.
        names = ", ".join(sorted(name for _, name, _ in changed))
        raise JournalError(
            f"the journal {path} is damaged: {names} is not as this program made it; {_RESTORE}"
        )
    return int(version)


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return set(connection.execute("SELECT type, name, sql FROM sqlite_master"))


def _schema_made_of(migrations: Iterable[str]) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for migration in migrations:
            connection.executescript(migration)
        return _schema(connection)


def _refuse_damage(connection: sqlite3.Connection, path: Path) -> None:
    if _size(path) > _SMALL:
        # Whatever is built on is proved by its hash, and read without an index.
        return
    # Not quick_check, which trusts the indexes: a damaged one would hide an open run.
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        # Its first line only names the database.
        what = found.splitlines()[-1]
        raise damaged(path, what)


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA mmap_size=0")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if (mode, synchronous) != ("wal", _FULL):
        raise JournalError(
            f"the journal {path} cannot be made to survive a power cut here (journal_mode is "
            f"{mode}, synchronous is {synchronous}); put it on a local file system"
        )


def _migrate(connection: sqlite3.Connection, number: int) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number - 1]}"
            f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={number}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
