"""The last incidents and their runs, folded from the journal: what a status lists."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from watchdog.domain.events import (
    Decided,
    IncidentClosed,
    IncidentOpened,
    Record,
    ReportWritten,
    RunEnded,
    RunStarted,
    TriggerJoined,
    WatchEnded,
)
from watchdog.domain.progress import Stage
from watchdog.domain.trigger import Severity

KEPT = 10


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in a line. Times in Unix seconds, `elapsed` in seconds; empty: not yet."""

    run: str
    plan: str
    trigger: str
    by: str
    started: float
    outcome: str = ""
    detail: str = ""
    elapsed: float | None = None
    watch: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True)
class IncidentSummary:
    """One incident in a line. `refusals`: the reasons why nothing was done, each once."""

    incident: str
    target: str
    trigger: str
    severity: Severity
    opened: float
    closed: float | None = None
    joined: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    runs: tuple[RunSummary, ...] = ()


@dataclass(slots=True)
class Recent:
    """The last incidents of all targets together, the oldest first."""

    KINDS = (
        Decided,
        IncidentClosed,
        IncidentOpened,
        ReportWritten,
        RunEnded,
        RunStarted,
        TriggerJoined,
        WatchEnded,
    )

    incidents: dict[str, IncidentSummary] = field(default_factory=dict)
    _incident_of: dict[str, str] = field(default_factory=dict)

    def replay(self, records: Iterable[Record]) -> "Recent":
        """Apply `records` in order; returns itself."""
        for record in records:
            self.apply(record)
        return self

    def apply(self, record: Record) -> None:
        """Take one journalled fact into account."""
        match record.event:
            case RunStarted() as started:
                self._started(started, record.at.wall)
            case RunEnded(run=run, outcome=outcome, detail=detail, elapsed=elapsed):
                self._run(run, outcome=outcome.value, detail=detail, elapsed=elapsed)
            case WatchEnded(run=run, stage=stage, proof=proof):
                tier = "short" if stage is Stage.WATCH_SHORT else "long"
                self._run(run, watch=f"{tier} watch {proof.value}")
            case ReportWritten(run=run, path=path):
                self._run(run, report=path)
            case _:
                self._of_incident(record)

    def _of_incident(self, record: Record) -> None:
        match record.event:
            case IncidentOpened() as opened:
                self._open(opened, record.at.wall)
            case IncidentClosed(incident=incident):
                self._change(incident, closed=record.at.wall)
            case TriggerJoined(incident=incident, trigger=trigger):
                before = self.incidents.get(incident)
                if before is not None and trigger not in before.joined:
                    self._change(incident, joined=(*before.joined, trigger))
            case Decided(incident=incident, refusal=refusal) if refusal:
                before = self.incidents.get(incident)
                if before is not None and refusal not in before.refusals:
                    self._change(incident, refusals=(*before.refusals, refusal))
            case _:
                pass

    def _started(self, event: RunStarted, wall: float) -> None:
        before = self.incidents.get(event.incident)
        if before is not None:
            self._incident_of[event.run] = event.incident
            started = RunSummary(event.run, event.plan.name, event.trigger, event.by, wall)
            self._change(event.incident, runs=(*before.runs, started))

    def _open(self, event: IncidentOpened, wall: float) -> None:
        self.incidents[event.incident] = IncidentSummary(
            event.incident, event.target, event.trigger, event.severity, wall
        )
        while len(self.incidents) > KEPT:
            dropped = self.incidents.pop(next(iter(self.incidents)))
            for run in dropped.runs:
                self._incident_of.pop(run.run, None)

    def _change(self, incident: str, **changes: object) -> None:
        before = self.incidents.get(incident)
        if before is not None:
            self.incidents[incident] = replace(before, **changes)  # type: ignore[arg-type]

    def _run(self, run: str, **changes: object) -> None:
        incident = self.incidents.get(self._incident_of.get(run, ""))
        if incident is not None:
            runs = tuple(
                replace(one, **changes) if one.run == run else one  # type: ignore[arg-type]
                for one in incident.runs
            )
            self._change(incident.incident, runs=runs)
