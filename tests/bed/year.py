"""A journal of any length, as a year of real work would leave it: for the bench and for tests."""

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from tests.builders import a_plan, a_watch, started
from watchdog.adapters.sqlite_file import open_for_writing
from watchdog.adapters.sqlite_records import draft, insert
from watchdog.domain.change import ChangeSeen, VersionGood
from watchdog.domain.claims import SignalReceived, Voice, Word
from watchdog.domain.events import (
    CheckEnded,
    CheckSampled,
    ConfigLoaded,
    DaemonStarted,
    DaemonStopped,
    Decided,
    Ending,
    Event,
    IncidentClosed,
    IncidentOpened,
    NotificationDelivered,
    Outcome,
    Point,
    Proof,
    ReportWritten,
    RunEnded,
    RunVerified,
    ShadowOutcome,
    SourceSeesAgain,
    SourceWentBlind,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepResult,
    TriggerChanged,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Change, Severity

YEAR = 365 * 86400.0
_AT_ONCE = 5_000
_PLAN = a_plan(watch=a_watch(short="5m"))
# What befalls the targets, and how often each of it.
_STORIES = {"flicker": 50, "signal": 30, "blind": 10, "release": 6, "refused": 8, "run": 1}


def write_year(
    path: Path,
    count: int,
    *,
    ends: float,
    lasts: float = YEAR,
    targets: int = 100,
    seed: int = 1,
    boot: str = "boot",
) -> None:
    """Add `count` events, spread over the `lasts` seconds before Unix second `ends`."""
    story = _stories([f"shop-{number}" for number in range(targets)], Random(seed))
    next(story)
    begins = ends - lasts
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for first in range(0, count, _AT_ONCE):
            drafts = []
            for number in range(first, min(first + _AT_ONCE, count)):
                at = Moment(lasts * number / count, begins + lasts * number / count)
                drafts.append(draft(story.send(at.wall), at, boot, 0))
            connection.execute("BEGIN IMMEDIATE")
            insert(connection, drafts)
            connection.execute("COMMIT")


_Story = Generator[Event, float, None]


def _stories(targets: Sequence[str], random: Random) -> _Story:
    """Event after event, each for the Unix second that is sent in; as if nothing overlapped."""
    wall = yield DaemonStopped("the one before")
    wall = yield DaemonStarted("0.5.0", 4711, tuple(targets))
    for target in targets:
        wall = yield ConfigLoaded(target, f"{target}.yaml", "1", "auto", "ann")
    number = 0
    while True:
        number += 1
        target = random.choice(targets)
        (kind,) = random.choices([*_STORIES], [*_STORIES.values()])
        story = _begun(kind, target, number, wall, random)
        event = next(story)
        try:
            while True:
                wall = yield event
                event = story.send(wall)
        except StopIteration:
            pass


def _begun(kind: str, target: str, number: int, wall: float, random: Random) -> _Story:
    match kind:
        case "flicker":
            return _flicker(target, wall, random)
        case "signal":
            return _signal(target, number, wall)
        case "blind":
            return _blind(target, wall)
        case "release":
            return _release(target, number, wall)
        case "refused":
            return _refused(target, number, wall, random)
        case _:
            return _run(target, number, wall, random)


def _flicker(target: str, wall: float, random: Random) -> _Story:
    wall = yield _changed(target, Change.PENDING, wall, random)
    yield _changed(target, Change.PENDING_CLEARED, wall, random)


def _signal(target: str, number: int, wall: float) -> _Story:
    name = f"alert-{number % 200}"
    labels = {"alertname": name, "severity": "page", "instance": f"10.0.0.{number % 250}:9100"}
    for status in (Word.FIRING, Word.FIRING, Word.RESOLVED):
        wall = yield SignalReceived(
            target=target,
            name=name,
            how=Voice.ALERTMANAGER,
            status=status,
            fingerprint=f"{number:016x}",
            starts_at=wall,
            valid_until=wall + 300,
            labels=labels,
        )


def _blind(target: str, wall: float) -> _Story:
    reason = "timeout: no answer within 5 s"
    wall = yield SourceWentBlind(target, "metrics", wall, reason, ("errors", "latency"))
    yield SourceSeesAgain(target, "metrics", wall)


def _release(target: str, number: int, wall: float) -> _Story:
    version = f"2026.{number}"
    wall = yield ChangeSeen(
        target, version, "", wall, "ci", by="pipeline", reference=f"job {number}"
    )
    yield VersionGood(target, version, wall)


def _refused(target: str, number: int, wall: float, random: Random) -> _Story:
    incident, episode = f"i{number}", f"errors@{wall:.3f}"
    wall = yield _changed(target, Change.PENDING, wall, random)
    wall = yield _changed(target, Change.FIRING, wall, random)
    wall = yield IncidentOpened(target, incident, "errors", Severity.CRITICAL)
    refusal = random.choice(["cooling_down", "alert_only", "rate_limited", "paused"])
    wall = yield Decided(
        target, incident, "undo", "errors", Severity.CRITICAL, episode, refusal, "for an hour"
    )
    wall = yield NotificationDelivered("log", number, 1)
    wall = yield _changed(target, Change.RESOLVED, wall, random)
    if refusal == "alert_only":
        wall = yield ShadowOutcome(
            target, incident, "errors", "undo", episode, Ending.RECOVERED, 600.0
        )
    yield IncidentClosed(target, incident)


def _run(target: str, number: int, wall: float, random: Random) -> _Story:
    incident, run, key = f"i{number}", f"run-{number}", f"run-{number}/0"
    version = f"2026.{number}"
    wall = yield _changed(target, Change.PENDING, wall, random)
    wall = yield _changed(target, Change.FIRING, wall, random)
    wall = yield IncidentOpened(target, incident, "errors", Severity.CRITICAL)
    wall = yield Decided(
        target, incident, "undo", "errors", Severity.CRITICAL, f"errors@{wall:.3f}"
    )
    wall = yield started(
        _PLAN,
        run=run,
        target=target,
        incident=incident,
        severity=Severity.CRITICAL,
        from_version=version,
        to_version=f"{version}-1",
    )
    wall = yield StepIntended(run, Stage.STEPS, 0, "flag off", key, 1, "POST http://flags/off")
    wall = yield StepAnswered(run, Stage.STEPS, 0, ok=True, detail="200 OK")
    wall = yield StepEnded(run, Stage.STEPS, 0, "flag off", StepResult.OK)
    wall = yield StageEntered(run, Stage.VERIFY)
    for _ in range(3):
        wall = yield _looked(run, Stage.VERIFY, random)
    wall = yield CheckEnded(run, Stage.VERIFY, 0, "healthy", Proof.PASSED)
    wall = yield RunVerified(run, Proof.PASSED)
    wall = yield RunEnded(run, target, Outcome.SUCCEEDED, "every check passed", 42.0)
    wall = yield WatchStarted(run, Stage.WATCH_SHORT, wall + 300)
    for _ in range(20):
        wall = yield _looked(run, Stage.WATCH_SHORT, random)
    wall = yield _changed(target, Change.RESOLVED, wall, random)
    wall = yield WatchEnded(run, target, Stage.WATCH_SHORT, Proof.PASSED)
    wall = yield NotificationDelivered("log", number, 1)
    wall = yield ReportWritten(run, f"reports/{run}.md")
    yield IncidentClosed(target, incident)


def _looked(run: str, stage: Stage, random: Random) -> CheckSampled:
    value = random.uniform(0, 0.09)
    return CheckSampled(run, stage, 0, "healthy", Verdict.OK, value, expect="below 0.1")


def _changed(target: str, change: Change, wall: float, random: Random) -> TriggerChanged:
    evidence = tuple(
        Point(wall - 15 * back, Verdict.BREACH, random.uniform(0.1, 0.3)) for back in (3, 2, 1)
    )
    return TriggerChanged(
        target,
        "errors",
        change,
        Severity.CRITICAL,
        wall,
        note="0.21 > 0.1",
        query='sum(rate(http_requests_total{code=~"5.."}[1m]))',
        condition="above 0.1",
        unit="ratio",
        limit=0.1,
        evidence=evidence,
    )
