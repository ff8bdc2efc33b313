"""A request for approval as plain JSON values: who is still needed, until when, what to type."""

from typing import Any

from watchdog.domain.approval_telling import commands
from watchdog.domain.moment import Moment
from watchdog.domain.requests import Request
from watchdog.domain.words import utc


def of_request(request: Request, now: Moment) -> dict[str, Any]:
    """A request that is not over yet."""
    asked = request.asked
    answers = {one.item: one for one in request.answers}
    return {
        "request": request.id,
        "standing": request.standing.value,
        "plan": asked.plan,
        "plan_hash": asked.plan_hash,
        "trigger": asked.trigger,
        "by": asked.by,
        "reason": asked.reason,
        "causes": list(asked.causes),
        "offered_after": asked.offered_after,
        "incident": asked.incident,
        "needs": list(request.needs),
        "votes": [{"by": one.by, "reason": one.reason} for one in request.votes],
        "initiators": list(asked.initiators),
        "checklist": [
            {
                "item": item.name,
                "role": item.role,
                "ok": answer.ok if (answer := answers.get(item.name)) else None,
                "waived": bool(answer and answer.waived),
                "detail": answer.detail if answer else "",
                "by": answer.by if answer else "",
            }
            for item in asked.approval.checklist
        ],
        "would_do": list(asked.would_do),
        "since": utc(request.opened.wall),
        "expires": utc(asked.expires),
        "left_seconds": round(max(request.left(now), 0.0), 3),
        "commands": list(commands(request.id)),
    }
