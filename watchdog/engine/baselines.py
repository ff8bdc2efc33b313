"""Keeps what signals were before over a restart, and hears of changes to compare with."""

from collections.abc import Callable, Mapping, Sequence

from watchdog.domain.errors import JournalError
from watchdog.domain.events import ChangeSeen, Record
from watchdog.engine.memories import Memories
from watchdog.ports import Journal


async def keep_baselines(journal: Journal, target: str, memories: Memories) -> None:
    """Write down what was captured since the last time. Raises JournalError."""
    note = memories.note()
    if note is None:
        return
    try:
        await journal.keep(_name(target), note)
    except JournalError:
        memories.unkept()
        raise


async def recall_baselines(
    journal: Journal,
    memories: Mapping[str, Callable[[], Memories]],
    changed: Mapping[str, float],
) -> None:
    """Fill the memories (by target) from the journal, and from now on with changes.

    They are asked for anew each time: a reload makes new ones. `changed`: by target, the Unix
    second of its newest change so far.
    """
    for target, current in memories.items():
        kept = await journal.kept(_name(target))
        if kept is not None:
            current().restore(kept[0])
        if target in changed:
            current().changed(changed[target])

    def learn(records: Sequence[Record]) -> None:
        for record in records:
            event = record.event
            if isinstance(event, ChangeSeen) and event.target in memories:
                memories[event.target]().changed(event.at)

    journal.listen(learn)


def _name(target: str) -> str:
    return f"baseline/{target}"
