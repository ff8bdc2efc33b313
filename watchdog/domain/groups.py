"""Dependency groups: whose plans must not run side by side, and who of them goes first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from watchdog.domain.account import Current
from watchdog.domain.ledger import Ledger
from watchdog.domain.plan import Level
from watchdog.domain.progress import Stage


@dataclass(frozen=True, slots=True)
class Group:
    """Targets that hang together, in the order in which they are to be mended."""

    name: str
    members: tuple[str, ...]

    def before(self, target: str, ledger: Ledger) -> list[str]:
        """Those that go before `target`: who is at it already, then as written."""
        ranks = {one: _rank(index, one, ledger) for index, one in enumerate(self.members)}
        return [one for one in sorted(ranks, key=ranks.__getitem__) if ranks[one] < ranks[target]]


def _rank(index: int, target: str, ledger: Ledger) -> tuple[bool, int]:
    account = ledger.account(target)
    acts = account.current is not None and _acts(account.current)
    # Or it is between a run that gave way, or did not help, and the one that takes its place.
    at_it = acts or account.half_way is not None or account.ladder is not None
    return not at_it, index


def _acts(current: Current) -> bool:
    """Whether it may still change something: in its long watch it does not."""
    return current.stage is not Stage.WATCH_LONG


def group_of(groups: Mapping[str, tuple[str, ...]], target: str) -> Group | None:
    """The one group that `target` is in; None where it is in none."""
    found = (Group(name, members) for name, members in groups.items() if target in members)
    return next(found, None)


def busy(group: Group, target: str, ledger: Ledger) -> str:
    """The run of another member that is under way, and not only watched; empty for none."""
    return _run_of((one for one in group.members if one != target), ledger, Level.FLAGS)


def data_run(target: str, ledger: Ledger) -> str:
    """The run of the data level that is under way on another target; empty for none."""
    others = (name for name, one in ledger.accounts.items() if one.current and name != target)
    return _run_of(others, ledger, Level.DATA)


def _run_of(targets: Iterable[str], ledger: Ledger, least: int) -> str:
    currents = ((target, ledger.account(target).current) for target in targets)
    return next(
        (
            f"run {current.run} of plan {current.plan} on target {target}"
            for target, current in currents
            if current is not None and _acts(current) and current.level >= least
        ),
        "",
    )
