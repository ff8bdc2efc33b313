"""The freezes and the planned work of one target: which are open, and what begins or ends."""

from collections.abc import Sequence

from watchdog.domain.events import Event
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.target import Target
from watchdog.domain.trigger import Firing, Severity
from watchdog.domain.windows import (
    OpenWindow,
    Window,
    WindowEnded,
    WindowKind,
    of_kind,
    turned,
)
from watchdog.engine.evaluator import Evaluator
from watchdog.ports import Calendar


class Windows:
    """Asks the files, by the calendar, and the journal, where people open them.

    `everywhere` are those that the daemon's file opens for all targets.
    """

    def __init__(
        self,
        target: Target,
        ledger: Ledger,
        calendar: Calendar | None,
        everywhere: Sequence[Window],
    ) -> None:
        self._name = target.name
        self._written = (*everywhere, *target.windows)
        self._ledger = ledger
        self._calendar = calendar

    def open(self, now: Moment) -> tuple[OpenWindow, ...]:
        """Those that hold the target now."""
        written = self._calendar.open(self._written, now.wall) if self._calendar else ()
        return (*self._ledger.windows.open(self._name, now), *written)

    def planned(self, now: Moment) -> str:
        """The planned work that is under way; empty for none."""
        return "; ".join(map(str, of_kind(self.open(now), WindowKind.MAINTENANCE)))

    def is_due(self, now: Moment) -> bool:
        """Whether one began or ended, and the journal does not say so yet."""
        return any(True for _ in turned(self._ledger.windows, self._name, self.open(now), now))

    def turned(self, evaluator: Evaluator, now: Moment) -> list[Event]:
        """What to journal of those that began or ended."""
        book = self._ledger.windows
        return [
            self._ended(one, evaluator, now) if isinstance(one, WindowKind) else one
            for one in turned(book, self._name, self.open(now), now)
        ]

    def _ended(self, kind: WindowKind, evaluator: Evaluator, now: Moment) -> WindowEnded:
        begun = self._ledger.windows.begun(self._name, kind)
        triggers = [one.trigger for one in evaluator.instances.values()]
        states = {one.name: evaluator.statuses[one.name] for one in triggers}
        firing = [one for one in triggers if isinstance(states[one.name].state, Firing)]
        return WindowEnded(
            target=self._name,
            kind=kind,
            reason=begun.reason if begun else "",
            since=begun.since if begun else now.wall,
            firing=tuple(one.name for one in firing),
            blind=tuple(name for name, status in states.items() if status.blind),
            severity=max((one.severity for one in firing), default=Severity.INFO),
        )
