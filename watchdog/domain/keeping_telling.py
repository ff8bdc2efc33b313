"""What people are told of the journal itself."""

from watchdog.domain.keeping import OlderJournalAccepted
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, fields, text, title


def of_keeping(event: OlderJournalAccepted) -> Telling:
    """What was forgotten may be done once more: everybody should know."""
    return Telling(
        topics=(Topic.CONFIG, Topic.PAGED),
        severity=Severity.CRITICAL,
        target="",
        title=title(f"watchdog: goes on with an OLDER journal, as {event.by} said"),
        text=text(
            f"{event.missing}",
            f"{event.by} lets it go on all the same: {event.reason}",
            "Runs, limits, latches and quarantines of the missing records are forgotten.",
            then="look at each target now: what was rolled back may be rolled back once more; "
            "`rollback-watchdog pause --reason WHY` holds everything meanwhile.",
        ),
        fields=fields([("By", event.by), ("Reason", event.reason)]),
    )
