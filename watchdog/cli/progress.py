"""A run's events as lines for the person who follows it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from watchdog.domain.words import duration, value

Event = Mapping[str, Any]

_STAGES = {"steps": "step", "final": "final step", "verify": "check"}
_SIGNS = {
    "ok": "ok",
    "failed": "FAILED",
    "in_doubt": "IN DOUBT",
    "skipped": "skipped",
    "passed": "passed",
    "inconclusive": "INCONCLUSIVE",
}


def line(shown: Mapping[str, Any]) -> str:
    """What to print about an event of a run; empty: nothing."""
    tell = _LINES.get(shown["kind"])
    text = tell(shown["event"]) if tell else ""
    return f"{clock(shown['wall'])}  {text}" if text else ""


def clock(wall: float) -> str:
    """Unix seconds as the time of day in UTC."""
    return datetime.fromtimestamp(wall, UTC).strftime("%H:%M:%S")


def _started(event: Event) -> str:
    who = f"by {event['by']}" if event["by"] else f"trigger {event['trigger']}"
    return f"run {event['run']} of plan {event['plan']['name']} began, {who}: {event['reason']}"


def _item(event: Event) -> str:
    return f"{_STAGES.get(event['stage'], event['stage'])} {event['index'] + 1}"


def _intended(event: Event) -> str:
    again = f", attempt {event['attempt']}" if event["attempt"] > 1 else ""
    return f"{_item(event)}: {event['name']} …{again}"


def _answered(event: Event) -> str:
    # What is certain is told when the step ends.
    return f"{_item(event)}: {event['detail']}" if event["ok"] is None else ""


def _observed(event: Event) -> str:
    word = event["effect"].replace("_", " ")
    return f"{_item(event)}: looked: {word} ({event['detail']})"


def _step_ended(event: Event) -> str:
    return f"{_item(event)}: {_SIGNS[event['result']]}: {event['detail']}".rstrip(": ")


def _sampled(event: Event) -> str:
    seen = event["verdict"]
    if event["value"] is not None and not _yes_or_no(event):
        seen = f"{value(float(event['value']), event['unit'])}, {seen}"
    note = f" ({event['note']})" if event["note"] else ""
    return f"{_watch_or_check(event)} {event['name']}: {seen}{note}; expected {event['expect']}"


def _yes_or_no(event: Event) -> bool:
    return event["expect"] in ("passing", "failing")


def _watch_or_check(event: Event) -> str:
    return "watch" if event["stage"].startswith("watch") else "check"


def _check_ended(event: Event) -> str:
    return f"check {event['name']}: {_SIGNS[event['proof']]}"


def _verified(event: Event) -> str:
    return f"verification: {_SIGNS[event['proof']]}: {event['detail']}".rstrip(": ")


def _ended(event: Event) -> str:
    word = event["outcome"].replace("_", " ")
    shout = word if word == "succeeded" else word.upper()
    return f"run {event['run']} {shout} after {duration(event['elapsed'])}: {event['detail']}"


_LINES: Mapping[str, Callable[[Event], str]] = {
    "RunStarted": _started,
    "RunResumed": lambda event: f"run {event['run']} is taken up again ({event['attempt']})",
    "StepIntended": _intended,
    "StepAnswered": _answered,
    "StepObserved": _observed,
    "StepEnded": _step_ended,
    "CheckSampled": _sampled,
    "CheckEnded": _check_ended,
    "RunVerified": _verified,
    "BudgetExceeded": lambda event: f"over its budget of {duration(event['budget'])}",
    "StopRequested": lambda event: f"stopping: {event['detail']}",
    "RunParked": lambda event: f"parked: {event['reason']}; the next start goes on",
    "RunEnded": _ended,
    "WatchStarted": lambda event: f"the {event['stage'].removeprefix('watch_')} watch began",
    "WatchEnded": lambda event: (
        f"the {event['stage'].removeprefix('watch_')} watch {_SIGNS[event['proof']]}: "
        f"{event['detail']}"
    ),
    "ReportWritten": lambda event: f"report: {event['path']}",
}
