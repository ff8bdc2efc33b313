"""What people are told of what came in from outside."""

from watchdog.domain.claims import InboundIncomplete
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, fields, text, title


def of_inbound(event: InboundIncomplete) -> Telling:
    """A message that left signals out: what is not listed cannot start anything."""
    return Telling(
        topics=(Topic.BLIND, Topic.PAGED),
        severity=Severity.WARNING,
        target="",
        title=title(f"{event.missing} signals by {event.how.value} were left out of a message"),
        text=text(
            f"A message {f'of {event.by} ' if event.by else ''}by {event.how.value} said that it"
            f" leaves {event.missing} signals out. Those that it lists are heard; of the others"
            " nothing is known here.",
            then="look at the Alertmanager itself, and give its route `group_by: ['...']` and its"
            " webhook `max_alerts: 0`.",
        ),
        fields=fields([("By", event.by), ("Left out", str(event.missing))]),
    )
