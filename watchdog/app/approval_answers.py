"""What people are answered who ask for a plan, or say a word about a request."""

from typing import Any

from watchdog.domain.requests import (
    ApprovalEvent,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRequested,
    ChecklistAnswered,
    Request,
)
from watchdog.domain.voting import OBJECTIONS, Objection
from watchdog.domain.words import utc


def not_started(request: Request, why: str) -> dict[str, Any]:
    """That others agreed, and nothing began: why, and what begins it."""
    asked = request.asked
    again = f"rollback-watchdog {_command(asked)} --by {asked.by} --reason WHY"
    return {"notes": [f"not started: {why}; until {utc(asked.expires)} `{again}` starts it"]}


def _command(asked: ApprovalRequested) -> str:
    if asked.recovery is None:
        return f"rollback FILE {asked.plan}"
    word = {None: "", True: " --done", False: " --again"}[asked.recovery.happened]
    return f"recover {asked.recovery.run} --{asked.recovery.how.value}{word}"


def done(said: ApprovalEvent) -> str:
    """What a word that counts came to."""
    match said:
        case ApprovalGiven(by=by):
            return f"the yes of {by} is on record"
        case ChecklistAnswered(by=by, item=item, waived=waived):
            return f"{item} is {'waived' if waived else 'answered'} by {by}"
        case _:
            return "it is on record"


def refusal(refused: ApprovalRefused) -> str:
    """Why a word does not count."""
    detail = f" ({refused.detail})" if refused.detail else ""
    place = f"request {refused.request}" if refused.request else f"plan {refused.plan}"
    why = OBJECTIONS[Objection(refused.objection)]
    return f"{place}: the word of {refused.by} does not count: {refused.objection}: {why}{detail}"
