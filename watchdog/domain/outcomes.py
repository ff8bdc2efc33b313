"""What a decision table asked people to do, and until when: folded from the journal."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from watchdog.domain.decision_table import Then
from watchdog.domain.moment import Moment
from watchdog.domain.trigger import Severity


@dataclass(frozen=True, slots=True)
class OutcomeOpened:
    """A row began to hold: people have `within` seconds, to Unix second `deadline`, to decide.

    `triggers` are those that it needs firing, `plan` what it would start.
    """

    target: str
    incident: str
    row: str
    outcome: Then
    severity: Severity
    within: float
    deadline: float
    triggers: tuple[str, ...] = ()
    plan: str = ""
    planned: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeClosed:
    """What a row asked for is needed no longer."""

    target: str
    incident: str
    row: str
    outcome: Then
    why: str


@dataclass(frozen=True, slots=True)
class OutcomeEscalated:
    """Nobody decided in time, and the row still holds. `since`: Unix seconds."""

    target: str
    incident: str
    row: str
    outcome: Then
    since: float
    why: str
    plan: str = ""
    planned: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A named person has taken the decisions that were open into their hands."""

    target: str
    incident: str
    by: str
    reason: str


OutcomeEvent = OutcomeOpened | OutcomeClosed | OutcomeEscalated | Acknowledged


class Standing(StrEnum):
    """How far it is with what a row asked for."""

    OPEN = "open"
    DECIDED = "decided"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class OpenOutcome:
    """What a row asked for in an incident that is not over. Times as in `OutcomeOpened`."""

    incident: str
    row: str
    outcome: Then
    opened: Moment
    within: float
    standing: Standing = Standing.OPEN

    def is_due(self, now: Moment) -> bool:
        """Whether the time to decide is over, and nobody has."""
        return self.standing is Standing.OPEN and now.since(self.opened) >= self.within


Outcomes = tuple[OpenOutcome, ...]


def after(outcomes: Outcomes, event: OutcomeEvent, at: Moment) -> Outcomes:
    """`outcomes` of one target once `event` has happened."""
    match event:
        case OutcomeOpened(incident=incident, row=row, outcome=outcome, within=within):
            opened = OpenOutcome(incident, row, outcome, at, within)
            return (*_without(outcomes, row), opened)
        case OutcomeClosed(row=row):
            return _without(outcomes, row)
        case OutcomeEscalated(row=row):
            return tuple(
                replace(one, standing=Standing.ESCALATED) if one.row == row else one
                for one in outcomes
            )
        case Acknowledged():
            return decided(outcomes)
        case _:
            assert_never(event)


def decided(outcomes: Outcomes) -> Outcomes:
    """`outcomes` once somebody has decided what to do, or a plan runs: no clock goes on."""
    return tuple(
        replace(one, standing=Standing.DECIDED) if one.standing is Standing.OPEN else one
        for one in outcomes
    )


def _without(outcomes: Outcomes, row: str) -> Outcomes:
    return tuple(one for one in outcomes if one.row != row)
