"""One target's way up the levels: what follows a run that did not help, and that nothing does."""

from collections.abc import Sequence

from watchdog.domain.account import Account
from watchdog.domain.decision import Reason
from watchdog.domain.events import Decided, Event
from watchdog.domain.ladder import OnFailure
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.next_level import climbing, why_not_next
from watchdog.domain.plan import Plan
from watchdog.domain.target import Target
from watchdog.domain.trigger import Severity


class Climber:
    """Says which proposals ask for the next level. Where they stand, the ledger knows."""

    def __init__(self, target: Target, ledger: Ledger) -> None:
        self._target = target
        self._ledger = ledger
        # The runs of which it was told that no level follows them.
        self._told: set[str] = set()

    @property
    def _account(self) -> Account:
        return self._ledger.account(self._target.name)

    def climbing(self, proposals: Sequence[Proposal], now: Moment) -> list[Proposal]:
        """`proposals`, of which one may ask for the level after a run that did not help."""
        return climbing(proposals, self._account.ladder, self._target.plans, now)

    def rest(self, proposal: Proposal, plan: Plan) -> OnFailure:
        """The levels that may follow a run of `plan`, which `proposal` asks for."""
        ladder = self._account.ladder
        if ladder is None or proposal.follows != ladder.run:
            return plan.on_failure
        return ladder.rest_after(plan.on_failure, plan.name)

    def left(self, now: Moment, *, over: bool) -> list[Event]:
        """Tell people, once a run, that the level which was announced does not follow.

        `over`: no trigger fires any longer, so that the incident ends.
        """
        ladder = self._account.ladder
        if ladder is None or ladder.run in self._told:
            return []
        why = "no trigger fires any longer" if over else ""
        why = why_not_next(ladder, self._target.plans, now) or why
        if not why:
            return []
        self._told.add(ladder.run)
        told = Decided(
            target=self._target.name,
            incident=self._account.incident,
            plan=ladder.rest.next,
            trigger=ladder.trigger,
            severity=Severity.CRITICAL,
            episode=ladder.run,
            refusal=Reason.LATCHED.value,
            detail=f"{self._account.latched}; the next level does not follow: {why}",
            follows=ladder.run,
        )
        return [told]

    def remember(self, decided: Decided) -> None:
        """A decision found in the journal was told before the restart."""
        if decided.refusal == Reason.LATCHED and decided.episode == decided.follows:
            self._told.add(decided.follows)

    def forget_told(self) -> None:
        """What was told could not be recorded: tell it again."""
        self._told.clear()
