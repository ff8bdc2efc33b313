"""Which plan a set of firing triggers selects: the gravest trigger, then the order written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchdog.domain.moment import Moment
from watchdog.domain.trigger import Firing, Severity, Trigger, TriggerStatus


@dataclass(frozen=True, slots=True)
class Proposal:
    """Run `plan` because of `trigger`, firing since `since`; `others` fire as well.

    `breaching`: this slot's own look was a BREACH. `confirmed`: seen since the last restart.
    """

    plan: str
    trigger: str
    severity: Severity
    since: Moment
    others: tuple[str, ...] = ()
    breaching: bool = True
    confirmed: bool = True

    @property
    def episode(self) -> str:
        """Names this firing, the same before and after a restart."""
        return f"{self.trigger}@{self.since.wall:.3f}"


def proposals(triggers: Sequence[Trigger], statuses: Mapping[str, TriggerStatus]) -> list[Proposal]:
    """One proposal a firing trigger, gravest first."""
    firing = [
        (trigger, state)
        for trigger in triggers
        if isinstance(state := statuses[trigger.name].state, Firing)
    ]
    firing.sort(key=lambda pair: -pair[0].severity)
    names = tuple(trigger.name for trigger, _ in firing)
    return [
        Proposal(
            plan=trigger.plan,
            trigger=trigger.name,
            severity=trigger.severity,
            since=state.since,
            others=tuple(name for name in names if name != trigger.name),
            breaching=state.clear_since is None and state.gap == 0,
            confirmed=state.confirmed,
        )
        for trigger, state in firing
    ]
