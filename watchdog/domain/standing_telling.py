"""What people are told when the machine stops itself, and when it is they who must decide."""

from typing import assert_never

from watchdog.domain.breaker import BreakerClosed, BreakerOpened
from watchdog.domain.decision_table import Then
from watchdog.domain.outcomes import Acknowledged, OutcomeClosed, OutcomeEscalated, OutcomeOpened
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, clock, fields, text, title
from watchdog.domain.words import duration

StandingTold = (
    BreakerOpened | BreakerClosed | OutcomeOpened | OutcomeClosed | OutcomeEscalated | Acknowledged
)
_ASKS = {
    Then.ROLLBACK: "decide whether to roll back",
    Then.INVESTIGATE: "investigate",
    Then.MONITOR: "monitor",
}


def of_standing(event: StandingTold, now: float) -> Telling | None:
    """What to tell of it, at Unix second `now`; None where something else tells as much."""
    match event:
        case BreakerOpened() | BreakerClosed():
            return _breaker(event)
        case OutcomeOpened():
            # What a rollback row decided is told as a decision.
            return None if event.outcome is Then.ROLLBACK else _opened(event)
        case OutcomeClosed():
            return None if event.outcome is Then.ROLLBACK else _closed(event)
        case OutcomeEscalated():
            return _escalated(event, now)
        case Acknowledged():
            return _acknowledged(event)
        case _:
            assert_never(event)


def _breaker(event: BreakerOpened | BreakerClosed) -> Telling:
    if isinstance(event, BreakerClosed):
        return Telling(
            topics=(Topic.BREAKER,),
            severity=Severity.INFO,
            target="",
            title=title(f"all targets: {event.by} closed the breaker: plans may start again"),
            text=text(f"Why: {event.reason}.", then="nothing."),
            fields=fields([("By", event.by), ("Why", event.reason)]),
        )
    return Telling(
        topics=(Topic.BREAKER, Topic.PAGED),
        severity=Severity.CRITICAL,
        target="",
        title=title("all targets: the automation STOPPED ITSELF: the breaker is open"),
        text=text(
            f"Why: {event.why}.",
            "No plan starts by itself on any target until a named person closes the breaker. A"
            " run under way goes on; triggers go on being judged and told.",
            then="find out what all of it has in common (network, monitoring, a change to"
            " everything), look after the targets by hand, then"
            " `rollback-watchdog close-breaker --by YOU --reason WHAT_YOU_FOUND`.",
        ),
        fields=fields([("Why", event.why)]),
    )


def _opened(event: OutcomeOpened) -> Telling:
    asked, until = _ASKS[event.outcome], clock(event.deadline)
    fire = ", ".join(event.triggers)
    calm = event.outcome is Then.MONITOR
    return Telling(
        topics=(Topic.OUTCOME,),
        severity=event.severity,
        target=event.target,
        title=title(f"{event.target}: {event.outcome.value.upper()} until {until}: {event.row}"),
        text=text(
            f"The decision table asks people to {asked}: {event.row}.",
            fire and f"Firing: {fire}.",
            "Nothing is changed because of this."
            f" If it still holds in {duration(event.within)}, a person is paged.",
            then="keep an eye on it." if calm else f"look at {event.target}; {_ack(event.target)}.",
        ),
        fields=fields(
            [
                ("Row", event.row),
                ("Outcome", event.outcome.value),
                ("Until", until),
                ("Firing", fire),
                ("Incident", event.incident),
            ]
        ),
    )


def _closed(event: OutcomeClosed) -> Telling:
    return Telling(
        topics=(Topic.OUTCOME,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: no need to {_ASKS[event.outcome]} any longer: {event.row}"),
        text=text(f"Why: {event.why}.", then="nothing."),
        fields=fields([("Row", event.row), ("Incident", event.incident)]),
    )


def _escalated(event: OutcomeEscalated, now: float) -> Telling:
    after = duration(max(now - event.since, 0.0))
    plan = (
        f" The plan for it: `rollback-watchdog rollback FILE {event.plan} --reason WHY`."
        if event.plan
        else ""
    )
    return Telling(
        topics=(Topic.ESCALATED, Topic.PAGED),
        severity=Severity.CRITICAL,
        target=event.target,
        title=title(f"{event.target}: NOBODY DECIDED in {after}: {event.row}"),
        text=text(
            f"Since {clock(event.since)} people were to {_ASKS[event.outcome]}: {event.row}.",
            f"Now {event.why}. The machine does nothing about it by itself.",
            then=f"look at {event.target} now, and decide.{plan}",
        ),
        fields=fields(
            [
                ("Row", event.row),
                ("Outcome", event.outcome.value),
                ("Since", clock(event.since)),
                ("Plan", event.plan),
                ("Incident", event.incident),
            ]
        ),
    )


def _acknowledged(event: Acknowledged) -> Telling:
    return Telling(
        topics=(Topic.OUTCOME,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: {event.by} has it in hand: no clock runs any longer"),
        text=text(f"They say: {event.reason}.", then="nothing."),
        fields=fields([("By", event.by), ("Incident", event.incident)]),
    )


def _ack(target: str) -> str:
    command = f"rollback-watchdog ack --target {target} --by YOU --reason WHAT_YOU_DO"
    return f"`{command}` stops the clock"
