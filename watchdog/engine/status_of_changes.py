"""Changes that lapse, and the level that may follow, as plain JSON values."""

from typing import Any

from watchdog.domain.ladder import Ladder
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.words import utc


def expiring(ledger: Ledger, target: str, now: Moment) -> list[dict[str, Any]]:
    """What is in force on `target` and lapses by itself, the next to lapse first."""
    return [
        {
            "change": one.step.name,
            "run": one.run,
            "plan": one.plan,
            "trigger": one.trigger,
            "until": utc(one.until),
            "left_seconds": round(max(one.left(now), 0.0), 3),
            "warned": one.warned,
            "on_expiry": one.expiry.on_expiry.value,
            "renewals_left": one.expiry.renewals,
        }
        for one in ledger.expiring.of(target)
    ]


def next_level(ladder: Ladder | None, now: Moment) -> dict[str, Any] | None:
    """The level that may follow the run that did not help; None where none may."""
    if ladder is None:
        return None
    ended = ladder.ended or now
    return {
        "plan": ladder.rest.next,
        "then": ladder.rest.then.value,
        "after_run": ladder.run,
        "if_breaching": ladder.trigger,
        "left_seconds": round(max(ladder.patience - now.since(ended), 0.0), 3),
    }
