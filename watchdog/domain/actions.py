"""What a run did and what it looked at: each step, check and watch with its result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from watchdog.domain.events import Event, Record
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check, Plan, Step
from watchdog.domain.progress import (
    CheckEnded,
    CheckSampled,
    Effect,
    Proof,
    Stage,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.signal import Verdict


@dataclass(frozen=True, slots=True)
class Action:
    """One step of the plan. `sent`: what was sent, or as it was rendered beforehand.

    `result` None: it has not ended; `attempts` 0: it never began. `answer` is what the other
    side said last, `seen` what a look at the world said last. `of`: of what takes a step back, the
    index of that step.
    """

    stage: Stage
    index: int
    step: Step
    sent: str = ""
    attempts: int = 0
    began: Moment | None = None
    ended: Moment | None = None
    result: StepResult | None = None
    answer: str = ""
    seen: Effect | None = None
    detail: str = ""
    of: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of the plan, made in `stage`. `proof` None: it has not ended."""

    stage: Stage
    index: int
    check: Check
    looks: int = 0
    decided: int = 0
    last: CheckSampled | None = None
    began: Moment | None = None
    ended: Moment | None = None
    proof: Proof | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """One tier of the watch. `until`: Unix seconds; `proof` None: it goes on."""

    stage: Stage
    began: Moment
    until: float
    ended: Moment | None = None
    looks: int = 0
    decided: int = 0
    proof: Proof | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Deeds:
    """Everything that a run did, in the order of its plan."""

    actions: tuple[Action, ...]
    checks: tuple[Checked, ...]
    watches: tuple[Watched, ...] = ()


def deeds(plan: Plan, would_do: Sequence[str], records: Iterable[Record]) -> Deeds:
    """What `records` of one run of `plan` tell. `would_do`: the plan as it would be sent."""
    done = _planned(plan, would_do)
    for record in records:
        done = _after(done, record.event, record.at)
    return done


def _planned(plan: Plan, would_do: Sequence[str]) -> Deeds:
    """The plan before anything was done."""
    last = would_do[len(would_do) - len(plan.final) :] if would_do else ()
    sent = {(Stage.STEPS, index): line for index, line in enumerate(would_do[: len(plan.steps)])}
    sent |= {(Stage.FINAL, i): line.removeprefix("finally: ") for i, line in enumerate(last)}
    staged = [
        (stage, index, item)
        for stage, items in (
            (Stage.STEPS, plan.steps),
            (Stage.VERIFY, plan.verify),
            (Stage.FINAL, plan.final),
        )
        for index, item in enumerate(items)
    ]
    return Deeds(
        actions=tuple(
            Action(stage, index, item, sent.get((stage, index), "").removeprefix(f"{item.name}: "))
            for stage, index, item in staged
            if isinstance(item, Step)
        ),
        checks=tuple(
            Checked(stage, index, item) for stage, index, item in staged if isinstance(item, Check)
        ),
    )


def _after(done: Deeds, event: Event, at: Moment) -> Deeds:
    match event:
        case StepIntended(stage=Stage.UNDO, attempt=1):
            return replace(done, actions=(*done.actions, _undo(done, event, at)))
        case StepIntended() | StepAnswered() | StepObserved() | StepEnded():
            # A person may have had the taking back begun anew: it is about the last of them.
            about = [number for number, one in enumerate(done.actions) if _is(one, event)]
            actions = (
                _acted(one, event, at) if number in about[-1:] else one
                for number, one in enumerate(done.actions)
            )
            return replace(done, actions=tuple(actions))
        case CheckSampled(stage=Stage.WATCH_SHORT | Stage.WATCH_LONG) if done.watches:
            return replace(done, watches=_watch_looked(done.watches, event))
        case CheckSampled() | CheckEnded():
            checks = (
                _checked(check, event, at) if _is(check, event) else check for check in done.checks
            )
            return replace(done, checks=tuple(checks))
        case WatchStarted(stage=stage, until=until):
            return replace(done, watches=(*done.watches, Watched(stage, at, until)))
        case WatchEnded(proof=proof, detail=detail) if done.watches:
            *before, last = done.watches
            ended = replace(last, ended=at, proof=proof, detail=detail)
            return replace(done, watches=(*before, ended))
        case _:
            return done


def _undo(done: Deeds, event: StepIntended, at: Moment) -> Action:
    """What takes a step back: no part of the plan until it is needed."""
    back = (one for one in done.actions if one.stage is Stage.STEPS and one.index == event.number)
    step = next(one.step.undo for one in back if one.step.undo is not None)
    return Action(Stage.UNDO, event.index, step, event.sent, event.attempt, at, of=event.number)


_OfItem = StepIntended | StepAnswered | StepObserved | StepEnded | CheckSampled | CheckEnded


def _is(item: Action | Checked, event: _OfItem) -> bool:
    return item.stage is event.stage and item.index == event.index


def _acted(
    action: Action, event: StepIntended | StepAnswered | StepObserved | StepEnded, at: Moment
) -> Action:
    match event:
        case StepIntended(attempt=attempt, sent=sent):
            sent = sent or action.sent
            # It counts from one again where a person has it sent once more.
            attempt = max(attempt, action.attempts + 1)
            return replace(action, attempts=attempt, began=action.began or at, sent=sent)
        case StepAnswered(detail=detail):
            return replace(action, answer=detail)
        case StepObserved(effect=effect):
            return replace(action, seen=effect)
        case StepEnded(result=result, detail=detail):
            return replace(action, ended=at, result=result, detail=detail)
        case _:
            assert_never(event)


def _checked(check: Checked, event: CheckSampled | CheckEnded, at: Moment) -> Checked:
    if isinstance(event, CheckEnded):
        return replace(check, ended=at, proof=event.proof, detail=event.detail)
    decided = check.decided + (event.verdict is not Verdict.UNKNOWN)
    began = check.began or at
    return replace(check, looks=check.looks + 1, decided=decided, last=event, began=began)


def _watch_looked(watches: tuple[Watched, ...], event: CheckSampled) -> tuple[Watched, ...]:
    *before, last = watches
    decided = last.decided + (event.verdict is not Verdict.UNKNOWN)
    return (*before, replace(last, looks=last.looks + 1, decided=decided))
