"""A journal that keeps nothing: for commands that only look, with the parts a real run uses."""

from collections.abc import Callable, Iterable, Sequence

from watchdog.domain.events import Event, Record
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.target import Target
from watchdog.engine.decider import Decider, Shared
from watchdog.ports import Clock, Eyes


class Notebook:
    """Satisfies `ports.Journal`. Every record goes to `tell` and is forgotten."""

    def __init__(self, clock: Clock, tell: Callable[[Record], None] = lambda _record: None) -> None:
        self._clock = clock
        self._tell = tell
        self._seq = 0

    @property
    def healthy(self) -> bool:
        """Always: there is nothing that could fail."""
        return True

    async def append(self, *events: Event) -> Sequence[Record]:
        """Number the events, and tell of them."""
        now = self._clock.now()
        records = [Record(self._seq + number, now, each) for number, each in enumerate(events, 1)]
        self._seq += len(records)
        for record in records:
            self._tell(record)
        return records

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]:
        """Nothing: it remembers nothing."""
        del kinds, run, after
        return ()

    async def keep(self, name: str, body: str) -> None:
        """Forget it."""

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        """Nothing was kept."""
        del name
        return None

    async def probe(self) -> None:
        """There is nothing that could fail."""

    def listen(self, call: Callable[[Sequence[Record]], None]) -> None:
        """`tell` hears everything already."""


def decider_without_journal(target: Target, clock: Clock, eyes: Eyes) -> Decider:
    """A decider of `target` that remembers nothing: to render, preflight and complete plans."""
    return Decider(target, Shared(clock, Notebook(clock), Ledger(), lambda _text: None), eyes)
