"""What the engine put on record, in the words of the model."""

from collections.abc import Iterable, Sequence

from watchdog.domain.events import (
    CheckEnded,
    CheckSampled,
    Decided,
    Event,
    IncidentClosed,
    IncidentOpened,
    LatchCleared,
    Record,
    RunEnded,
    RunParked,
    RunResumed,
    RunStarted,
    RunVerified,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StopRequested,
    TriggerChanged,
    TriggerJoined,
    WatchEnded,
    WatchStarted,
)

_ANSWERS = {True: "yes", False: "no", None: "lost"}
# A look that found nothing is repeated until it is believed: how often is nobody's business.
_REPEATED = "observed not_applied"


def without_repeats(log: Iterable[str]) -> list[str]:
    """`log` with each row of the same looks as one."""
    kept: list[str] = []
    for entry in log:
        if entry != _REPEATED or not kept or kept[-1] != entry:
            kept.append(entry)
    return kept


def logs(records: Sequence[Record], targets: Iterable[str]) -> dict[str, list[str]]:
    """What is on record of each target."""
    found: dict[str, list[str]] = {target: [] for target in targets}
    target_of: dict[str, str] = {}
    for event in (record.event for record in records):
        if isinstance(event, RunStarted):
            target_of[event.run] = event.target
        words = _words(event)
        target = getattr(event, "target", "") or target_of.get(getattr(event, "run", ""), "")
        if words and target in found:
            found[target].append(words)
    return {target: without_repeats(log) for target, log in found.items()}


def _words(event: Event) -> str:  # noqa: C901, PLR0912 -- one case an event
    match event:
        case TriggerChanged(trigger=trigger, change=change):
            return f"trigger {trigger} {change.value}"
        case IncidentOpened():
            return "incident opened"
        case IncidentClosed():
            return "incident closed"
        case Decided(trigger=trigger, refusal=refusal, episode=episode):
            what = trigger if "@" in episode else "half way"
            return f"decided {what}:{refusal or 'go'}"
        case TriggerJoined(trigger=trigger):
            return f"joined {trigger}"
        case RunStarted(plan=plan, trigger=trigger, by=by):
            return f"run {plan.name} {'by hand' if by else trigger}"
        case StageEntered():
            return "verifying"
        case StepIntended(name=name, attempt=attempt):
            return f"intended {name} {attempt}"
        case StepAnswered(ok=ok):
            return f"answered {_ANSWERS[ok]}"
        case StepObserved(effect=effect):
            return f"observed {effect.value}"
        case StepEnded(name=name, result=result):
            return f"step {name} {result.value}"
        case CheckSampled(verdict=verdict):
            return f"sampled {verdict.value}"
        case CheckEnded(proof=proof):
            return f"check {proof.value}"
        case RunVerified(proof=proof):
            return f"verified {proof.value}"
        case StopRequested(why=why):
            return f"stop {why.value}"
        case RunResumed():
            return "resumed"
        case RunParked():
            return "parked"
        case RunEnded(outcome=outcome):
            return f"ended {outcome.value}"
        case WatchStarted(stage=stage):
            return f"watching {stage.value}"
        case WatchEnded(stage=stage, proof=proof):
            return f"watched {stage.value} {proof.value}"
        case LatchCleared():
            return "cleared"
        case _:
            return ""
