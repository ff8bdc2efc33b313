"""One target's expiring changes: warned about, and at their end looked at again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watchdog.domain.decision import Facts, Reason, decide
from watchdog.domain.events import Event
from watchdog.domain.expiring import (
    ChangeExpired,
    ExpiringChange,
    ExpiryWarned,
    Lapse,
    key_of,
)
from watchdog.domain.expiry import OnExpiry
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Step
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import FRESH_LOOKS, Inactive
from watchdog.engine.evaluator import Evaluator

# Of `every`, beyond the unknown looks that a trigger survives: the look that is under way.
_LATE = 1.5
# Seconds to find out whether a change is still needed, where its trigger is known no longer.
_PATIENCE = 300.0
# What ends by itself in a moment: the next round asks again.
_NOT_YET = (Reason.RUN_IN_PROGRESS, Reason.UNCONFIRMED, Reason.GROUP_BUSY, Reason.GROUP_ORDER)


@dataclass(frozen=True, slots=True)
class Due:
    """A change to be made once more, and what asks for that."""

    change: ExpiringChange
    proposal: Proposal


class ExpiryClock:
    """Asked once a round. What is in force stands in the ledger, so a restart goes on."""

    def __init__(
        self,
        target: str,
        ledger: Ledger,
        evaluator: Evaluator,
        facts: Callable[[Moment], Facts],
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._evaluator = evaluator
        self._facts = facts

    def is_due(self, now: Moment) -> bool:
        """Whether `moves` has something to say, even if no source answers."""
        ones = self._ledger.expiring.of(self._target)
        return any(one.is_over(now) or one.is_to_warn(now) for one in ones)

    def moves(self, firing: Sequence[Proposal], now: Moment) -> tuple[list[Event], Due | None]:
        """What to journal of changes about to lapse, or lapsed, and one that is to be renewed."""
        events: list[Event] = []
        renewed: Due | None = None
        for change in self._ledger.expiring.of(self._target):
            if change.is_to_warn(now):
                events.append(_warned(change))
            if not change.is_over(now):
                continue
            ended = self._ended(change, firing, now)
            if isinstance(ended, Due):
                renewed = renewed or ended
            elif ended is not None:
                events.append(ended)
        return events, renewed

    def _ended(
        self, change: ExpiringChange, firing: Sequence[Proposal], now: Moment
    ) -> ChangeExpired | Due | None:
        """What its end comes to; None while that is not known yet."""
        if change.expiry.on_expiry is OnExpiry.REMIND:
            # Whatever the trigger says: what holds goes on to hold.
            return expired(change, Lapse.HOLDS, "it does not lapse by itself")
        if not change.trigger:
            return expired(change, Lapse.FOR_PEOPLE, "a person began the run, and no trigger")
        proposal = next((one for one in firing if one.trigger == change.trigger), None)
        if proposal is None and self._is_good(change.trigger, now):
            return expired(change, Lapse.OVER, f"{change.trigger} does not breach any longer")
        breaches = proposal is not None and proposal.breaching and proposal.confirmed
        if proposal is None or not breaches:
            return self._unknown(change, now)
        if change.expiry.on_expiry is OnExpiry.TELL:
            detail = f"{change.trigger} still breaches, and `on_expiry` says: tell"
            return expired(change, Lapse.FOR_PEOPLE, detail)
        if change.expiry.renewals < 1:
            detail = f"{change.trigger} still breaches, and it was renewed as often as may be"
            return expired(change, Lapse.FOR_PEOPLE, detail)
        return self._renewed(change, proposal, now)

    def _renewed(
        self, change: ExpiringChange, proposal: Proposal, now: Moment
    ) -> ChangeExpired | Due | None:
        asking = Proposal(
            plan=change.plan,
            trigger=proposal.trigger,
            severity=proposal.severity,
            since=proposal.since,
            breaching=proposal.breaching,
            confirmed=proposal.confirmed,
            renews=change.run,
        )
        facts = self._facts(now)
        if not _is_in_file(change, facts.target):
            # Who is asked about it, and whether it is still wanted, only the file could say.
            detail = f"the file has no such step of plan {change.plan} any longer"
            return expired(
                change, Lapse.FOR_PEOPLE, f"{change.trigger} still breaches, and {detail}"
            )
        refusal = decide(asking, facts, now)
        if refusal is None:
            return Due(change, asking)
        if refusal.reason in _NOT_YET and -change.left(now) <= _PATIENCE:
            return None
        detail = f"{change.trigger} still breaches, and it was not renewed: {refusal.reason}"
        return expired(change, Lapse.FOR_PEOPLE, f"{detail} {refusal.detail}".rstrip())

    def _unknown(self, change: ExpiringChange, now: Moment) -> ChangeExpired | None:
        if -change.left(now) <= self._patience(change.trigger):
            return None
        detail = f"nobody can tell whether {change.trigger} still breaches"
        return expired(change, Lapse.FOR_PEOPLE, detail)

    def _patience(self, name: str) -> float:
        instance = self._evaluator.instances.get(name)
        return _PATIENCE if instance is None else instance.trigger.blind_after

    def _is_good(self, name: str, now: Moment) -> bool:
        """Whether it was decided lately that it does not breach."""
        instance = self._evaluator.instances.get(name)
        if instance is None:
            return False
        trigger, status = instance.trigger, self._evaluator.statuses[name]
        judgement = self._evaluator.judgements.get(name)
        at = status.judged_at
        if status.fresh < FRESH_LOOKS or at is None or judgement is None:
            return False
        late = now.since(at) > (trigger.max_gap + _LATE) * trigger.every
        return isinstance(status.state, Inactive) and judgement.verdict is Verdict.OK and not late


def _is_in_file(change: ExpiringChange, target: Target | None) -> bool:
    plan = target.plans.get(change.plan) if target is not None else None
    steps = plan.steps if plan is not None else ()
    return any(isinstance(one, Step) and key_of(one) == change.key for one in steps)


def _warned(change: ExpiringChange) -> ExpiryWarned:
    renews = change.expiry.on_expiry is OnExpiry.RENEW and change.expiry.renewals > 0
    return ExpiryWarned(
        target=change.target,
        incident=change.incident,
        by_run=change.run,
        plan=change.plan,
        name=change.step.name,
        key=change.key,
        until=change.until,
        trigger=change.trigger,
        severity=change.severity,
        renews=renews and bool(change.trigger),
        holds=change.expiry.on_expiry is OnExpiry.REMIND,
    )


def expired(change: ExpiringChange, lapse: Lapse, detail: str) -> ChangeExpired:
    """What to journal of a change whose time is over."""
    return ChangeExpired(
        target=change.target,
        incident=change.incident,
        by_run=change.run,
        plan=change.plan,
        name=change.step.name,
        key=change.key,
        until=change.until,
        lapse=lapse,
        detail=detail,
        trigger=change.trigger,
        severity=change.severity,
    )
