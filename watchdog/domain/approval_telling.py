"""What people are told of a request: that they are asked, how to answer, what becomes of it."""

from typing import assert_never

from watchdog.domain.approval import OnTimeout
from watchdog.domain.progress import Recovery
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalExempted,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalVoided,
    ChecklistAnswered,
)
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.voting import OBJECTIONS, Objection
from watchdog.domain.wording import Telling, clock, fields, numbered, text, title


def of_approval(event: ApprovalEvent) -> Telling | None:
    """What to tell of it; None where the next message of the same request says as much."""
    match event:
        case ApprovalRequested():
            return _requested(event)
        case ApprovalGiven() | ChecklistAnswered():
            return _said(event)
        case ApprovalGranted():
            return _granted(event)
        case ApprovalDenied():
            return _denied(event)
        case ApprovalExpired():
            return _expired(event)
        case ApprovalVoided():
            return _void(event)
        case ApprovalRefused():
            return _refused(event)
        case ApprovalExempted():
            return _exempted(event)
        case _:
            assert_never(event)


def commands(request: str, *, open_items: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What to type to answer a request."""
    name = f"{request} --by YOU --reason WHY"
    items = [f"rollback-watchdog approve {name} --item '{item}'" for item in open_items]
    return (f"rollback-watchdog approve {name}", *items, f"rollback-watchdog deny {name}")


def _requested(event: ApprovalRequested) -> Telling:
    needs, until = ", ".join(event.needs), clock(event.expires)
    items = tuple(one.name for one in event.approval.checklist if one.role)
    why = event.reason or (f"{event.trigger} fires" if event.trigger else "")
    asks = f"{event.by} wants {_wish(event)}" if event.by else why
    page = event.approval.on_timeout is OnTimeout.PAGE
    late = "a person is paged" if page else "it counts as denied"
    return Telling(
        topics=(Topic.APPROVAL, Topic.PAGED),
        severity=event.severity,
        target=event.target,
        title=title(f"{event.target}: APPROVE plan {event.plan} until {until}? needs {needs}"),
        text=text(
            f"Why: {why}." if event.by and why else f"{asks}.",
            event.by and f"{asks}.",
            event.offered_after and f"Run {event.offered_after}, of a lower level, did not help.",
            bool(event.causes) * f"What is wrong: {', '.join(event.causes)}.",
            event.running and f"{event.running} runs on {event.target}.",
            event.returns_to and f"It would return {event.target} to {event.returns_to}.",
            f"Plan {event.plan} ({event.plan_hash[:12]}) would do:",
            numbered(event.would_do),
            f"Needed until {until}: {needs}. Until then nothing is changed, and afterwards neither:"
            f" {late}.",
            bool(event.initiators) * f"May not approve it: {', '.join(event.initiators)}.",
            then="; or ".join(f"`{one}`" for one in commands(event.request, open_items=items))
            + ".",
        ),
        fields=fields(
            [
                ("Request", event.request),
                ("Plan", event.plan),
                ("Plan hash", event.plan_hash[:12]),
                ("Trigger", event.trigger),
                ("Needs", needs),
                ("Until", until),
                ("Incident", event.incident),
            ]
        ),
    )


def _wish(event: ApprovalRequested) -> str:
    if event.recovery is None:
        return "to start it"
    back = event.recovery.how is Recovery.COMPENSATE
    what = "taken back" if back else "to go on"
    return f"run {event.recovery.run}, which stopped on the way, {what}"


def _said(event: ApprovalGiven | ChecklistAnswered) -> Telling | None:
    if isinstance(event, ChecklistAnswered):
        if not event.by:
            return None
        word = "waives" if event.waived else "answers"
        what, needs = f"{event.by} {word} {event.item}", ""
        said = event.detail
    elif not event.needs:
        return None
    else:
        needs = ", ".join(event.needs)
        what, said = f"{event.by} agrees; still needed: {needs}", event.reason
    return Telling(
        topics=(Topic.APPROVAL,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: {what}"),
        text=text(f"They say: {said}.", then=(needs and f"{needs} answer as well.") or "nothing."),
        fields=fields([("Request", event.request), ("By", event.by)]),
    )


def _granted(event: ApprovalGranted) -> Telling:
    by = ", ".join(event.by) or "the checklist"
    return Telling(
        topics=(Topic.APPROVAL,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: plan {event.plan} is approved by {by}"),
        text=text(
            "Everything that speaks against acting is looked at once more. If nothing does, it"
            " starts now, and that is told; if something does, nothing is started.",
            then="nothing.",
        ),
        fields=fields([("Request", event.request), ("Plan", event.plan), ("By", by)]),
    )


def _denied(event: ApprovalDenied) -> Telling:
    return Telling(
        topics=(Topic.APPROVAL, Topic.REFUSED),
        severity=event.severity,
        target=event.target,
        title=title(f"{event.target}: plan {event.plan} is DENIED by {event.by}"),
        text=text(
            f"Why: {event.reason}.",
            "Nothing was changed, and the plan is not asked about again in this incident unless"
            " something graver fires.",
            then=f"look after {event.target} by hand.",
        ),
        fields=fields(
            [
                ("Request", event.request),
                ("Plan", event.plan),
                ("By", event.by),
                ("Roles", ", ".join(event.roles)),
                ("Why", event.reason),
            ]
        ),
    )


def _expired(event: ApprovalExpired) -> Telling:
    needs = ", ".join(event.needs)
    page = event.outcome is OnTimeout.PAGE
    head = f"NOBODY ANSWERED: plan {event.plan} was not started"
    head = head if needs else f"plan {event.plan} was approved, and never came to start"
    missing = f"Still needed was: {needs}." if needs else "What kept it from starting was told."
    return Telling(
        topics=(Topic.APPROVAL, Topic.ESCALATED, Topic.PAGED) if page else (Topic.APPROVAL,),
        severity=Severity.CRITICAL if page else _higher(event.severity),
        target=event.target,
        title=title(f"{event.target}: {head}"),
        text=text(
            missing,
            "Nothing was changed." + ("" if page else " That counts as a no, as its plan says."),
            then=f"look at {event.target} now; if the plan is right, a person starts it:"
            f" `rollback-watchdog rollback FILE {event.plan} --reason WHY`.",
        ),
        fields=fields([("Request", event.request), ("Plan", event.plan), ("Needed", needs)]),
    )


def _higher(severity: Severity) -> Severity:
    """One step graver than what was asked, as far as there is one."""
    return Severity(min(severity + 1, Severity.CRITICAL))


def _void(event: ApprovalVoided) -> Telling:
    granted = ", though it was approved" if event.was_granted else ""
    return Telling(
        topics=(Topic.APPROVAL,),
        severity=Severity.WARNING if event.was_granted else Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: plan {event.plan} is not started{granted}: {event.why}"),
        text=text(
            f"Request {event.request} is void: {event.why}. Nothing was changed.",
            then="nothing; what is still wrong is asked about anew.",
        ),
        fields=fields([("Request", event.request), ("Plan", event.plan), ("Why", event.why)]),
    )


def _refused(event: ApprovalRefused) -> Telling:
    known = event.objection in {one.value for one in Objection}
    why = OBJECTIONS[Objection(event.objection)] if known else event.objection
    did = f"the word of {event.by} does not count"
    what = did if event.request else f"{event.by} may not start plan {event.plan}"
    return Telling(
        topics=(Topic.APPROVAL,),
        severity=Severity.WARNING,
        target=event.target,
        title=title(f"{event.target}: {what} ({event.objection.replace('_', ' ')})"),
        text=text(
            f"Why: {why}.",
            event.detail and f"In detail: {event.detail}.",
            "Nothing comes of it.",
            then="nothing, unless you do not know of it: then find out who tried.",
        ),
        fields=fields([("Request", event.request), ("By", event.by), ("Why", event.objection)]),
    )


def _exempted(event: ApprovalExempted) -> Telling:
    return Telling(
        topics=(Topic.APPROVAL,),
        severity=Severity.WARNING,
        target=event.target,
        title=title(f"{event.target}: nobody is asked about plan {event.plan}: {event.cause}"),
        text=text(
            f"{event.trigger} fires, and its cause is {event.cause}: for that the plan's own policy"
            " asks nobody. The exemption is on record.",
            then="nothing; the outcome will be told.",
        ),
        fields=fields([("Plan", event.plan), ("Trigger", event.trigger), ("Cause", event.cause)]),
    )
