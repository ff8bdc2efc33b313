"""Tells the journal's records as they come, one line each, as far as they are worth one."""

from watchdog.cli.demo_screen import Screen
from watchdog.domain.events import (
    CheckEnded,
    Decided,
    Event,
    Record,
    ReportWritten,
    RunEnded,
    RunVerified,
    SourceSeesAgain,
    SourceWentBlind,
    StepEnded,
    TriggerChanged,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.progress import Proof
from watchdog.domain.trigger import Change
from watchdog.domain.words import duration, value

_CHANGES = {
    Change.PENDING: "pending",
    Change.PENDING_CLEARED: "cleared",
    Change.PENDING_LOST: "lost",
    Change.FIRING: "detected",
    Change.RESOLVED: "resolved",
}


class Tale:
    """Prints what happens to `screen`; `speed` tells how long a watch is at ordinary speed."""

    def __init__(self, screen: Screen, speed: float) -> None:
        self._screen = screen
        self._speed = speed

    def tell(self, record: Record) -> None:
        line = self._line(record.event, record.at.wall)
        if line is not None:
            self._screen.event(record.at.elapsed, *line)

    def _line(self, event: Event, wall: float) -> tuple[str, str] | None:
        match event:
            case TriggerChanged() if event.change in _CHANGES:
                return _CHANGES[event.change], _trigger(event)
            case Decided(refusal="", plan=plan, trigger=trigger):
                return "decided", f"run plan `{plan}`, because {trigger} fires"
            case Decided(refusal=refusal, detail=detail):
                return "refused", f"{refusal} {detail}"
            case StepEnded(name=name, result=result, detail=detail):
                return "step", f"{name}: {result.value} ({detail})"
            case CheckEnded(name=name, proof=proof, detail=detail):
                return "check", f"{name}: {proof.value} ({detail})"
            case RunVerified(proof=proof, detail=detail):
                return ("verified" if proof is Proof.PASSED else "failed"), detail
            case RunEnded(outcome=outcome, elapsed=elapsed):
                return "ended", f"{outcome.value}, {elapsed:.2f} s after the decision"
            case _:
                return self._aftermath(event, wall)

    def _aftermath(self, event: Event, wall: float) -> tuple[str, str] | None:
        match event:
            case WatchStarted(until=until, stage=stage):
                here = until - wall
                ordinary = duration(here * self._speed)
                return "watching", f"{stage.value}: {ordinary}, which take {here:.0f} s here"
            case WatchEnded(proof=proof, detail=detail):
                return ("stable" if proof is Proof.PASSED else "failed"), detail
            case ReportWritten(path=path):
                return "report", path
            case SourceWentBlind(source=source, reason=reason):
                return "blind", f"source `{source}`: {reason}"
            case SourceSeesAgain(source=source):
                return "seeing", f"source `{source}`"
            case _:
                return None


def _trigger(event: TriggerChanged) -> str:
    limit = value(event.limit, event.unit)
    condition = event.condition.rpartition(" ")[0] if event.limit else event.condition
    shown = f"{condition} {limit}" if event.limit else condition
    last = event.evidence[-1].value if event.evidence else None
    now = "" if last is None else f", now {value(last, event.unit)}"
    return f"trigger {event.trigger} ({shown}{now})"
