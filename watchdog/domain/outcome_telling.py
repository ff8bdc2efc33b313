"""What people are told of how a run ended, and of how long that lasted."""

from typing import assert_never

from watchdog.domain import ladder_telling, run_wording
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Outcome, Proof, RunEnded, Stage, WatchEnded
from watchdog.domain.run import Run, apply
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, text
from watchdog.domain.words import duration

_ENDS = {
    Outcome.PARTIALLY_APPLIED: "broke off HALF WAY",
    Outcome.INCONCLUSIVE: "is NOT PROVEN to have helped",
    Outcome.INTERRUPTED: "was INTERRUPTED",
    Outcome.STOPPED: "was STOPPED",
}
# Of these nobody should have to guess what of it holds.
_CUT_SHORT = (Outcome.PARTIALLY_APPLIED, Outcome.INTERRUPTED, Outcome.STOPPED)


def ended(run: Run, event: RunEnded) -> Telling:
    """The run is over."""
    match event.outcome:
        case Outcome.SUCCEEDED:
            return _helped(run, event)
        case Outcome.SUPERSEDED:
            return _gave_way(run, event)
        case _:
            return _failed(run, event)


def watched(run: Run, event: WatchEnded, at: Moment) -> Telling:
    """One tier of the watch is over."""
    match event.proof:
        case Proof.PASSED:
            return _lasts(run, event, at)
        case Proof.FAILED:
            return _relapsed(run, event, at)
        case Proof.INCONCLUSIVE:
            return _unproven(run, event)
        case _:
            assert_never(event.proof)


def _helped(run: Run, event: RunEnded) -> Telling:
    plan = run.start.plan
    over = event.elapsed > plan.within
    budget = f"{'OVER' if over else 'within'} its budget of {duration(plan.within)}"
    watch = f"It is watched for {duration(plan.watch.short)} now; a relapse will be told."
    return run_wording.of(
        run,
        (Topic.VERIFIED,),
        f"helped, proven {duration(event.elapsed)} after the decision",
        text=text(
            f"Proof: {event.detail}, {duration(event.elapsed)} after it was decided, {budget}.",
            run_wording.problems(run),
            run_wording.holding(run),
            watch if plan.watch.short else "It is not watched any further.",
            then="nothing in a hurry; find the cause before the next change."
            f" All that was done: {run_wording.report(run)}.",
        ),
        outcome=event.outcome,
    )


def _gave_way(run: Run, event: RunEnded) -> Telling:
    return run_wording.of(
        run,
        (Topic.FAILED,),
        "gave way to a graver one",
        text=text(
            f"Why: {event.detail}. {run_wording.done(run)}.",
            run_wording.holding(run),
            then="nothing yet; the graver run is told by itself, and so is it when none begins.",
        ),
        outcome=event.outcome,
    )


def _failed(run: Run, event: RunEnded) -> Telling:
    topics = (Topic.FAILED, Topic.LATCHED, Topic.PAGED)
    doubt = event.outcome is Outcome.INTERRUPTED
    over = apply(run, event, run.started)
    return run_wording.of(
        run,
        (*topics, Topic.INTERRUPTED) if doubt else topics,
        f"{_end(run, event.outcome)}: {event.detail}",
        severity=Severity.CRITICAL,
        text=text(
            f"Why: {event.detail}, {duration(event.elapsed)} after it was decided.",
            f"{run_wording.done(run)}. {run_wording.changed(run)}".rstrip(),
            run_wording.happened(run) if event.outcome in _CUT_SHORT else "",
            run_wording.problems(run),
            run_wording.holding(run),
            run_wording.ways_on(over),
            ladder_telling.next_level(run, event.outcome),
            f"Nothing {_else(run, event)} runs by itself on {run.start.target} until a named"
            " person clears it.",
            then=_by_hand(run),
        ),
        outcome=event.outcome,
    )


def _else(run: Run, event: RunEnded) -> str:
    return "else" if ladder_telling.next_level(run, event.outcome) else "further"


def _end(run: Run, outcome: Outcome) -> str:
    if outcome is Outcome.FAILED:
        return "did NOT help" if run.proof is Proof.FAILED else "FAILED"
    return _ENDS.get(outcome, outcome.value)


def _lasts(run: Run, event: WatchEnded, at: Moment) -> Telling:
    after = _watched_for(run, at)
    return run_wording.of(
        run,
        (Topic.STABLE,),
        f"lasts: stable for {after}",
        text=text(
            f"In {after} of watch there was no relapse, and enough was seen to say so.",
            _goes_on(run, event),
            then=f"find the cause, and fill in the report: {run_wording.report(run)}."
            + ladder_telling.way_back(run),
        ),
    )


def _relapsed(run: Run, event: WatchEnded, at: Moment) -> Telling:
    after = _watched_for(run, at)
    return run_wording.of(
        run,
        (Topic.RELAPSED, Topic.LATCHED, Topic.PAGED),
        f"did NOT last: the trouble is back after {after}",
        severity=Severity.CRITICAL,
        text=text(
            f"Seen: {event.detail}, {after} into the watch.",
            "There is no second automatic rollback: nothing further runs by itself on"
            f" {run.start.target} until a named person clears it.",
            then=_by_hand(run),
        ),
    )


def _unproven(run: Run, event: WatchEnded) -> Telling:
    stopped = run.stop is not None
    return run_wording.of(
        run,
        (Topic.STABLE,) if stopped else (Topic.STABLE, Topic.PAGED),
        "is no longer watched" if stopped else "could NOT be proven to last",
        text=text(
            f"Why: {event.detail}.",
            "There was no relapse, but too little was seen to say that there is none.",
            _goes_on(run, event),
            then=f"look at {run.start.target} yourself, and at why its signals were not known.",
        ),
    )


def _watched_for(run: Run, at: Moment) -> str:
    return duration(at.since(run.watch_since or run.started))


def _goes_on(run: Run, event: WatchEnded) -> str:
    long = run.start.plan.watch.long
    more = event.stage is Stage.WATCH_SHORT and run.stop is None and long > 0
    return f"It stays watched for {duration(long)}." if more else "The watch is over."


def _by_hand(run: Run) -> str:
    target, clear, report = run.start.target, run_wording.clear(run), run_wording.report(run)
    return f"look at {target} now and mend it by hand; then {clear}. All that was done: {report}."
