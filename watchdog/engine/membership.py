"""One target's place in its dependency group: who is busy, who goes first, who waits for it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from watchdog.domain.groups import busy, group_of
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment

_NEVER = Moment(float("-inf"), 0.0)


class Neighbour(Protocol):
    """Another target's lane, as far as the members of its group ask."""

    @property
    def last_look(self) -> Moment | None:
        """Since when at least all that its triggers rest on was looked at; None: not yet."""
        ...

    def would_start(self, now: Moment) -> str:
        """What it is about to start; empty for nothing."""
        ...

    def look_again(self) -> None:
        """Decide anew, if it waits for its group; never waits."""
        ...


class Membership:
    """What a target asks of the others of its group; in no group, nobody is asked.

    `waits`: whether it was its group that kept it from acting when it last decided.
    """

    def __init__(
        self,
        target: str,
        groups: Mapping[str, tuple[str, ...]],
        ledger: Ledger,
        neighbour: Callable[[str], Neighbour | None],
    ) -> None:
        self.waits = False
        self._target = target
        self._group = group_of(groups, target)
        self._ledger = ledger
        self._neighbour = neighbour

    @property
    def name(self) -> str:
        """The group; empty for none."""
        return self._group.name if self._group else ""

    def busy(self) -> str:
        """The run of another member that is under way; empty for none."""
        return busy(self._group, self._target, self._ledger) if self._group else ""

    def first(self, now: Moment) -> str:
        """The member that is to act before this one; empty for none."""
        for one, lane in self._before():
            starts = lane.would_start(now)
            if starts:
                return f"target {one} of group {self.name}: {starts}"
        return ""

    def looked(self) -> Moment | None:
        """Since when every member that goes before it was looked at; None where none does."""
        looks = [lane.last_look or _NEVER for _, lane in self._before()]
        return min(looks, key=lambda look: look.elapsed, default=None)

    def others(self) -> list[Neighbour]:
        """Those whose turn it may be, now that more is known of this one."""
        members = self._group.members if self._group else ()
        return [lane for _, lane in self._lanes(one for one in members if one != self._target)]

    def _before(self) -> list[tuple[str, Neighbour]]:
        return self._lanes(self._group.before(self._target, self._ledger) if self._group else ())

    def _lanes(self, names: Iterable[str]) -> list[tuple[str, Neighbour]]:
        found = ((name, self._neighbour(name)) for name in names)
        return [(name, lane) for name, lane in found if lane is not None]
