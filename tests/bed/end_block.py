"""What must hold at the end of every scenario: report, audit, secrets, metrics."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.bed.hybrid import TOKEN, Scene
from watchdog.domain.events import (
    Decided,
    NotificationDelivered,
    ReportWritten,
    RunEnded,
    RunStarted,
    TriggerChanged,
)
from watchdog.domain.progress import Outcome, StepAnswered, StepIntended
from watchdog.domain.trigger import Change

SECTIONS = (
    "Summary", "Timeline", "Impact", "Root Cause", "Actions Taken", "Lessons", "Next Steps",
)  # fmt: skip
# What only a person can know, by the report's layout.
_HUMAN = "_to be filled in by a person_"
_MILESTONE = re.compile(r"^\| [A-Z][^|]+ \| (\d{4}-[^|]+Z) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
_FIELD = re.compile(r"^- \*\*([^*]+):\*\*(.*)$", re.MULTILINE)
_EMPTY = re.compile(r"\bNone\b|\bnull\b|\bnan\b|\{[{%]|[%}]\}", re.IGNORECASE)


async def assert_end_block(on: Scene, outcome: Outcome) -> None:
    """The one run of the scene ended as `outcome`, and everything that is left of it is right."""
    (ended,) = await on.events(RunEnded)
    assert ended.outcome is outcome
    written = await on.until_event(ReportWritten, lambda e: e.run == ended.run)
    assert isinstance(written.event, ReportWritten)
    report = Path(written.event.path).read_text()
    assert_report_is_whole(report, outcome)
    await assert_everything_was_recorded(on)
    code, told = await on.command("audit", "verify", "--journal", "journal.db")
    assert code == 0, told
    metrics = await on.page("/metrics")
    assert rollbacks(metrics) == {outcome.value: 1.0}
    status = await on.page("/api/v1/status")
    assert_no_secret(on, report, metrics, status, told)


def assert_report_is_whole(report: str, outcome: Outcome) -> None:
    found = re.findall(r"^## (.+)$", report, re.MULTILINE)
    assert tuple(found) == SECTIONS
    for name, value in _FIELD.findall(report):
        assert value.strip(), f"{name} is empty"
    summary = report.partition("## Summary")[2].partition("## Timeline")[0]
    assert _HUMAN not in summary
    assert outcome.value in summary
    shown = re.sub(r"`[^`]*`", "", report)
    assert not _EMPTY.search(shown), _EMPTY.search(shown)
    times = [time for time, _ in _MILESTONE.findall(report)]
    assert len(times) >= 4
    assert times == sorted(times)


async def assert_everything_was_recorded(on: Scene) -> None:
    """Trigger, decision, every call with its answer, and what came of every notification."""
    changes = [event.change for event in await on.events(TriggerChanged)]
    assert Change.FIRING in changes
    decided = [event for event in await on.events(Decided) if not event.refusal]
    (started,) = await on.events(RunStarted)
    assert [event.plan for event in decided] == [started.plan.name]
    assert started.reason
    calls = len(on.service.journal.mutating)
    assert len(await on.events(StepIntended)) == len(await on.events(StepAnswered)) == calls
    heard = len(on.service.pages)
    delivered = [
        event for event in await on.events(NotificationDelivered) if event.channel == "pager"
    ]
    assert 0 < len(delivered) <= heard


def rollbacks(metrics: str) -> dict[str, float]:
    """How many runs are over, by outcome, without those that never were."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "watchdog_rollbacks_total" and sample.value:
                outcome = sample.labels["outcome"]
                found[outcome] = found.get(outcome, 0) + sample.value
    return found


def assert_no_secret(on: Scene, *texts: str) -> None:
    """The token stands in nothing that was written, told or shown."""
    names = [*on.folder.glob("journal.db*"), on.folder / "daemon.log", *on.folder.glob("reports/*")]
    assert len(names) >= 4
    for name in names:
        if name.is_file():
            assert TOKEN.encode() not in name.read_bytes(), name
    for text in (*texts, str(on.service.pages)):
        assert TOKEN not in text
