"""Which plan a set of firing triggers selects: the gravest trigger, then the order written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchdog.domain.moment import Moment
from watchdog.domain.trigger import Firing, Severity, Trigger, TriggerStatus


@dataclass(frozen=True, slots=True)
class Proposal:
    """Run `plan` because of `trigger`, firing since `since`.

    `breaching`: its last look was a BREACH, and not of long ago. `confirmed`: seen since the
    last restart. `began`: when the breach was first seen; `onset`: the earliest moment at which
    it may have begun, None where nobody can tell.
    `row` of a decision table asks for it, `because` of these triggers; otherwise both are empty.
    `follows`: the run of a lower level that did not help; `offered`: a person must start it.
    `renews`: the run whose change has lapsed, and is to be made once more. `causes`: what is wrong,
    as all say that ask for the same plan.
    """

    plan: str
    trigger: str
    severity: Severity
    since: Moment
    breaching: bool = True
    confirmed: bool = True
    began: Moment | None = None
    onset: Moment | None = None
    row: str = ""
    because: tuple[str, ...] = ()
    follows: str = ""
    offered: bool = False
    renews: str = ""
    causes: tuple[str, ...] = ()

    @property
    def episode(self) -> str:
        """Names this firing, the same before and after a restart."""
        return f"{self.trigger}@{self.since.wall:.3f}"


# Of `every`: what was seen longer ago than this may have ended since.
_LOOKS_COUNT_FOR = 2.0


def proposals(
    triggers: Sequence[Trigger], statuses: Mapping[str, TriggerStatus], now: Moment | None = None
) -> list[Proposal]:
    """One proposal a firing trigger, gravest first, as of `now` (None: right after the looks)."""
    firing = [
        (trigger, state)
        for trigger in triggers
        if isinstance(state := statuses[trigger.name].state, Firing)
    ]
    firing.sort(key=lambda pair: -pair[0].severity)
    return [
        Proposal(
            plan=trigger.plan,
            trigger=trigger.name,
            severity=trigger.severity,
            since=state.since,
            breaching=state.breaching
            and state.clear_since is None
            and state.gap == 0
            and (now is None or _is_recent(trigger, statuses[trigger.name], now)),
            confirmed=state.confirmed,
            began=state.began,
        )
        for trigger, state in firing
    ]


def _is_recent(trigger: Trigger, status: TriggerStatus, now: Moment) -> bool:
    at = status.judged_at
    return at is not None and now.since(at) <= _LOOKS_COUNT_FOR * trigger.every
