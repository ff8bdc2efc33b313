"""What people are told about versions: quarantined, released, and back although quarantined."""

from typing import assert_never

from watchdog.domain.change import ChangeSeen, VersionQuarantined, VersionReleased
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, fields, text, title
from watchdog.domain.words import utc

VersionTold = ChangeSeen | VersionQuarantined | VersionReleased


def of_version(event: VersionTold) -> Telling | None:
    """What to tell of `event`; None for a change that nothing speaks against."""
    match event:
        case ChangeSeen():
            return _came_back(event) if event.warning else None
        case VersionQuarantined():
            return _quarantined(event)
        case VersionReleased():
            return _released(event)
        case _:
            assert_never(event)


def release_command(target: str, version: str) -> str:
    """What lifts a quarantine."""
    return (
        f"rollback-watchdog release-version {version} --target {target} --by YOU "
        "--reason WHAT_YOU_FOUND"
    )


def _came_back(event: ChangeSeen) -> Telling:
    return Telling(
        topics=(Topic.QUARANTINED, Topic.PAGED),
        severity=Severity.CRITICAL,
        target=event.target,
        title=title(f"{event.target}: {event.version} is back, and was rolled back from"),
        text=text(
            f"{event.version} was deployed again at {utc(event.at)}, told by {event.source}"
            + (f" for {event.by}." if event.by else "."),
            f"It is in quarantine {event.warning}.",
            "A version gets one automatic rollback, ever: if it had that, people are told, and"
            " nothing else is done, whatever breaks now.",
            then=f"take it back, or release it: `{release_command(event.target, event.version)}`.",
        ),
        fields=fields(
            [
                ("Version", event.version),
                ("Before", event.previous),
                ("At", utc(event.at)),
                ("By", event.by),
                ("Reference", event.reference),
            ]
        ),
    )


def _quarantined(event: VersionQuarantined) -> Telling:
    return Telling(
        topics=(Topic.QUARANTINED,),
        severity=Severity.WARNING,
        target=event.target,
        title=title(f"{event.target}: {event.version} is in quarantine"),
        text=text(
            f"Run {event.by_run} brings the target back from it: {event.why}.",
            "No automatic rollback returns to it, CI is told that it is quarantined, and people"
            " are told should it be deployed again.",
            then="find the cause, and release a version that mends it. To lift this:"
            f" `{release_command(event.target, event.version)}`.",
        ),
        fields=fields([("Version", event.version), ("Run", event.by_run), ("Why", event.why)]),
    )


def _released(event: VersionReleased) -> Telling:
    return Telling(
        topics=(Topic.QUARANTINED,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: {event.version} was released by {event.by}"),
        text=text(
            f"Why: {event.reason}.",
            "It may be deployed again. An automatic rollback it had still counts: it gets no"
            " second, and is returned to only once it stayed healthy.",
            then="nothing.",
        ),
        fields=fields([("Version", event.version), ("By", event.by), ("Why", event.reason)]),
    )
