"""What is done for the journal itself: folded at the start, looked after from then on."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.adapters.snapshot import Recalled
from watchdog.adapters.watermark import Acceptance
from watchdog.app.auditing import audit
from watchdog.app.retaining import Keeping, Retention
from watchdog.app.snapshots import EVERY, Snapshots, take
from watchdog.app.taking_turns import Turn
from watchdog.domain.target import Daemon
from watchdog.engine.decider import Shared
from watchdog.ports import Clock


async def open_past(
    stack: AsyncExitStack,
    settings: Daemon,
    clock: Clock,
    accepted: Acceptance | None,
    turn: Turn | None,
) -> tuple[SqliteJournal, Recalled]:
    """The journal, and what it came to so far. Raises JournalError."""
    opening = open_journal(
        Path(settings.journal),
        clock,
        epoch=turn.epoch if turn else 0,
        accepted=accepted,
        copied=turn.copied if turn else None,
    )
    journal = await stack.enter_async_context(opening)
    found = await journal.recalled()
    if found.read >= EVERY:
        # It took long enough for once.
        kept = await take(journal, clock, found)
        found = replace(found, covers=kept.covers)
    return journal, found


async def know_channels(journal: SqliteJournal, names: Iterable[str], found: Recalled) -> None:
    """A channel that is new is told of what happens from now on. Raises JournalError."""
    for name in names:
        if found.tail.seq and await journal.kept(f"cursor/{name}") is None:
            await journal.keep(f"cursor/{name}", str(found.tail.seq))


def journal_loops(
    journal: SqliteJournal, found: Recalled, settings: Daemon, shared: Shared
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What goes on beside all else: proof, snapshots, and retention where it is wanted."""
    path, clock, alarm = Path(settings.journal), shared.clock, shared.alarm
    loops: dict[str, Callable[[], Awaitable[None]]] = {
        "audit": lambda: audit(path, alarm),
        "snapshots": Snapshots(journal, clock, found, alarm).run,
    }
    if settings.keep is not None:
        folder = Path(settings.archive) if settings.archive else None
        keeping = Keeping(settings.keep, folder)
        loops["retention"] = Retention(journal, clock, shared.ledger, keeping, alarm).run
    return loops
