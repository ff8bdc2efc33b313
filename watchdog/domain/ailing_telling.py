"""What people are told when the watchdog itself is unwell, and when it is well again."""

from watchdog.domain.ailments import AilmentFound, AilmentOver, Organ, place
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, fields, text, title
from watchdog.domain.words import utc

AilmentTold = AilmentFound | AilmentOver


def of_ailment(event: AilmentTold) -> Telling:
    """What people are told of it."""
    where = place(event.organ, event.target, event.about)
    known = [("What", event.organ.value), ("Of", event.about)]
    if isinstance(event, AilmentOver):
        return Telling(
            topics=(Topic.AILING,),
            severity=Severity.INFO,
            target=event.target,
            title=title(f"{_head(event)}{where} is well again"),
            text=text(f"It had not been since {utc(event.since)}.", then="nothing."),
            fields=fields(known),
        )
    return Telling(
        topics=(Topic.AILING, Topic.PAGED),
        severity=Severity.CRITICAL,
        target=event.target,
        title=title(f"{_head(event)}{where}: {event.detail}"),
        text=text(
            f"The watchdog itself is unwell: {where}: {event.detail}.",
            _MEANINGS[event.organ],
            then=_NEXT[event.organ],
        ),
        fields=fields([*known, ("Detail", event.detail)]),
    )


def _head(event: AilmentTold) -> str:
    return f"{event.target}: " if event.target else "watchdog: "


_MEANINGS = {
    Organ.ROUNDS: "Nothing is evaluated of it meanwhile, so that its triggers cannot fire.",
    Organ.RUN: "It holds its target: no other run begins there, however bad it gets.",
    Organ.OUTBOX: "Its messages wait, in order, and are told once it answers.",
    Organ.HEARTBEAT: "It goes on watching. Whoever waits for the beat will take it for dead.",
}
_NEXT = {
    Organ.ROUNDS: "look at the target by other means; a restart of the daemon is safe at any time.",
    Organ.RUN: "look at the target and at `rollback-watchdog status`; a restart of the daemon is"
    " safe at any time, and looks before it acts.",
    Organ.OUTBOX: "mend the channel; `rollback-watchdog status` says how it stands meanwhile.",
    Organ.HEARTBEAT: "look whether the address under `heartbeat` can be asked from there.",
}
