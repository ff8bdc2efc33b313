"""What happened in a case, one line an event: those of the journal that a person asks for."""

from collections.abc import Iterable, Iterator

from watchdog.domain.breaker import BreakerOpened
from watchdog.domain.case import ACT
from watchdog.domain.case_outcome import Line
from watchdog.domain.change import ChangeSeen, VersionQuarantined
from watchdog.domain.events import (
    ClockStepped,
    Decided,
    Event,
    Record,
    RunEnded,
    RunStarted,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
    TriggerJoined,
    WatchEnded,
)
from watchdog.domain.words import value


def lines(records: Iterable[Record]) -> Iterator[Line]:
    """The lines about `records`, in their order."""
    for record in records:
        text = _text(record.event)
        if text:
            yield Line(record.at.elapsed, text)


def _text(event: Event) -> str:  # noqa: C901, PLR0912 -- one case an event
    match event:
        case TriggerChanged():
            return _changed(event)
        case Decided(trigger=trigger, plan=plan, refusal=refusal, detail=detail):
            decision = ": ".join(filter(None, (refusal or ACT, detail)))
            return f"{trigger}: decided about plan {plan or 'none'}: {decision}"
        case TriggerJoined(trigger=trigger):
            return f"{trigger}: joins what is under way"
        case RunStarted(plan=plan):
            return f"run of plan {plan.name} begins"
        case RunEnded(outcome=outcome, detail=detail):
            return f"run ends {outcome.value}: {detail}".rstrip(": ")
        case WatchEnded(stage=stage, proof=proof, detail=detail):
            tier = stage.value.replace("_", " ")
            return f"{tier} ends {proof.value}: {detail}".rstrip(": ")
        case SourceWentBlind(source=source, reason=reason):
            return f"source {source}: nothing can be told from it: {reason}"
        case SourceSeesAgain(source=source):
            return f"source {source}: sees again"
        case ChangeSeen(version=version, kind=kind):
            return f"change of {kind.value}: {version}"
        case VersionQuarantined(version=version):
            return f"version {version} is quarantined"
        case BreakerOpened(why=why):
            return f"the breaker opens: {why}"
        case ClockStepped(seconds=seconds):
            return f"the wall clock steps by {seconds:+g} s"
        case _:
            return ""


def _changed(event: TriggerChanged) -> str:
    change = event.change.value.replace("_", " ")
    last = event.evidence[-1].value if event.evidence else None
    seen = "" if last is None else f" at {value(last, event.unit)}"
    note = f" ({event.note})" if event.note else ""
    return f"{event.trigger}: {change}{seen}{note}"
