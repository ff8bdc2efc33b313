"""One target's decision table at work: what it asks for, and what becomes of that in time."""

from collections.abc import Sequence

from watchdog.domain.account import Account
from watchdog.domain.decision_table import (
    Row,
    Seen,
    States,
    Then,
    is_settled,
    may_hold,
    named,
    selected,
)
from watchdog.domain.events import Event
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.outcomes import (
    OpenOutcome,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    Standing,
)
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import FRESH_LOOKS, Firing, Severity, Trigger
from watchdog.engine.evaluator import Evaluator

# Of `every`, beyond the unknown looks that a trigger survives: the look that is under way.
_LATE = 1.5


class TableClock:
    """Reads the table once a round. What is open stands in the ledger, so a restart goes on."""

    def __init__(self, target: Target, evaluator: Evaluator) -> None:
        self._target = target
        self._rows = target.decisions
        self._named = named(self._rows)
        self._evaluator = evaluator

    def proposals(self, firing: Sequence[Proposal], now: Moment) -> list[Proposal]:
        """`firing`, with what the table asks for in place of triggers that have no plan."""
        if not self._rows:
            return list(firing)
        kept = [one for one in firing if one.plan or _written(one.trigger) not in self._named]
        states = self.states(now)
        row = selected(self._rows, states)
        # Where an earlier row may hold instead, that is not known: `moves` asks people.
        if row and row.then is Then.ROLLBACK and is_settled(self._rows, row, states):
            # Before those of the same severity: whoever writes a table means it.
            kept = [_proposal(row, firing), *kept]
        return sorted(kept, key=lambda one: -one.severity)

    def moves(
        self, account: Account, incident: str, firing: Sequence[Proposal], now: Moment
    ) -> list[Event]:
        """What to journal of the clocks: those that are over, and the one that begins."""
        if not self._rows and not account.outcomes:
            return []
        states = self.states(now)
        due = [one for one in account.outcomes if one.is_due(now)]
        events: list[Event] = [self._over(one, states) for one in due]
        row = selected(self._rows, states)
        if row is None or not incident or self._is_known(row, account, incident, states):
            return events
        if row.then is Then.ROLLBACK and account.current is not None:
            # What runs may be the answer; if not, there is time to decide when it is over.
            return events
        return [*events, self._opened(row, incident, firing, now)]

    def _is_known(self, row: Row, account: Account, incident: str, states: States) -> bool:
        """Whether people were asked in this incident: for `row`, or for one that may still hold.

        So neither a restart nor a look without an answer makes the default row of another one.
        """
        asked = {one.row for one in account.outcomes if one.incident == incident}
        earlier = self._rows[: self._rows.index(row)]
        return row.name in asked or any(
            one.name in asked and may_hold(self._rows, one, states) for one in earlier
        )

    def left_open(self, account: Account, now: Moment) -> list[Event]:
        """What to journal as the incident ends: nothing is asked of anybody any longer."""
        return [
            _closed(self._target.name, one, "no trigger fires any longer")
            for one in account.outcomes
            if one.standing is Standing.OPEN and not one.is_due(now)
        ]

    @staticmethod
    def is_due(account: Account, now: Moment) -> bool:
        """Whether `moves` has something to say, even if no source answers."""
        return any(one.is_due(now) for one in account.outcomes)

    def states(self, now: Moment) -> States:
        """What is known of every trigger that the table names."""
        return {name: self._seen(name, now) for name in self._named}

    def _seen(self, name: str, now: Moment) -> Seen:
        """Of a trigger with a state a label value: any that fires, or all that are good."""
        own = [one.trigger for one in self._evaluator.instances.values() if one.of == name]
        statuses = self._evaluator.statuses
        if any(isinstance(statuses[one.name].state, Firing) for one in own):
            return Seen.FIRING
        known = bool(own) and all(self._was_decided(one, now) for one in own)
        return Seen.QUIET if known else Seen.UNKNOWN

    def _was_decided(self, trigger: Trigger, now: Moment) -> bool:
        """Whether it was decided within as many looks as a pending trigger survives."""
        status = self._evaluator.statuses[trigger.name]
        at = status.judged_at
        if status.fresh < FRESH_LOOKS or at is None:
            return False
        unknown = 0
        for point in reversed(self._evaluator.evidence[trigger.name]):
            if point.verdict is not Verdict.UNKNOWN:
                break
            unknown += 1
        late = now.since(at) > (trigger.max_gap + _LATE) * trigger.every
        return unknown <= trigger.max_gap and not late

    def _opened(
        self, row: Row, incident: str, firing: Sequence[Proposal], now: Moment
    ) -> OutcomeOpened:
        members = [one for one in firing if _written(one.trigger) in (row.firing or self._named)]
        return OutcomeOpened(
            target=self._target.name,
            incident=incident,
            row=row.name,
            outcome=row.then,
            severity=_severity(row, members),
            within=row.within,
            deadline=now.wall + row.within,
            triggers=tuple(one.trigger for one in members),
            plan=row.plan,
        )

    def _over(self, one: OpenOutcome, states: States) -> Event:
        row = next((row for row in self._rows if row.name == one.row), None)
        target = self._target.name
        if row is None:
            return _closed(target, one, "the row is no longer in the file")
        if not may_hold(self._rows, row, states):
            return _closed(target, one, "it does not hold any longer")
        unknown = sorted(name for name, state in states.items() if state is Seen.UNKNOWN)
        why = f"it still holds, as far as is known without {', '.join(unknown)}" if unknown else ""
        return OutcomeEscalated(
            target=target,
            incident=one.incident,
            row=one.row,
            outcome=one.outcome,
            since=one.opened.wall,
            why=why or "it still holds",
            plan=row.plan,
        )


def _closed(target: str, one: OpenOutcome, why: str) -> OutcomeClosed:
    return OutcomeClosed(target, one.incident, one.row, one.outcome, why)


def _proposal(row: Row, firing: Sequence[Proposal]) -> Proposal:
    """The plan of `row`, as soon as every trigger that must fire has been seen to, lately."""
    cells = [[one for one in firing if _written(one.trigger) == name] for name in row.firing]
    first = [min(each, key=lambda one: one.since.elapsed) for each in cells]
    members = [one for each in cells for one in each]
    gravest = max(members, key=lambda one: one.severity)
    names = tuple(dict.fromkeys(one.trigger for one in members))
    begun = [one.began for one in first if one.began is not None]
    return Proposal(
        plan=row.plan,
        trigger=gravest.trigger,
        severity=_severity(row, members),
        since=max((one.since for one in first), key=lambda since: since.elapsed),
        breaching=all(any(one.breaching for one in each) for each in cells),
        confirmed=all(any(one.confirmed for one in each) for each in cells),
        began=max(begun, key=lambda began: began.elapsed, default=None),
        row=row.name,
        because=names,
        onset=_earliest([one.onset for one in members]),
    )


def _earliest(moments: Sequence[Moment | None]) -> Moment | None:
    """The earliest of them; None where one is not known."""
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments):
        return None
    return min(known, key=lambda moment: moment.elapsed, default=None)


def _severity(row: Row, members: Sequence[Proposal]) -> Severity:
    if row.severity is not None:
        return row.severity
    return max((one.severity for one in members), default=Severity.WARNING)


def _written(trigger: str) -> str:
    """The name that stands in the file, of one label value's state."""
    return trigger.partition("{")[0]
