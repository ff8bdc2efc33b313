"""Drives one run: journal, act, journal. What comes next is `next_action`'s to say."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeGuard, assert_never

from watchdog.domain.errors import InDoubtError, TransientError, WatchdogError
from watchdog.domain.events import Event
from watchdog.domain.moment import Moment
from watchdog.domain.next_action import Action, Execute, Inspect, Look, Note, next_action
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.plan import Check, Step
from watchdog.domain.progress import (
    CheckSampled,
    Effect,
    Outcome,
    Proof,
    RunParked,
    Stage,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.run import WATCHES, Run, apply
from watchdog.domain.signal import Judgement, Verdict, judge
from watchdog.domain.together import together
from watchdog.domain.variables import SAVED, Value, fill, mentions_variables
from watchdog.domain.words import utc
from watchdog.engine.defects import unexpected
from watchdog.engine.standing import carried_out, how_it_stands
from watchdog.ports import Clock, Executor, Eyes, Hands, Journal, NothingSent, Waiting

LOOK_LIMIT = 30.0
RETRY_PAUSE = 0.5
_EFFECTS = {
    Verdict.OK: Effect.APPLIED,
    Verdict.BREACH: Effect.NOT_APPLIED,
    Verdict.UNKNOWN: Effect.UNKNOWN,
}


async def _stayed(_: Run) -> str:
    return ""


class Runner:
    """One run, from where the journal says it is to its end.

    Cancelling is safe at any await: what was under way is then in doubt, and the next start
    looks before it acts. `moved_on` says why what is to be undone no longer runs; empty: it does.
    """

    def __init__(
        self,
        run: Run,
        journal: Journal,
        clock: Clock,
        eyes: Eyes,
        hands: Hands,
        *,
        moved_on: Callable[[Run], Awaitable[str]] = _stayed,
    ) -> None:
        self.run = run
        self._journal = journal
        self._clock = clock
        self._eyes = eyes
        self._hands = hands
        self._moved_on = moved_on
        self._nudge = asyncio.Event()
        self._stop: StopRequested | None = None
        self._parking = ""
        self._relapsed = ""

    def again(self, run: Run) -> "Runner":
        """A runner for the same run, as the journal has it now."""
        world = (self._journal, self._clock, self._eyes, self._hands)
        runner = type(self)(run, *world, moved_on=self._moved_on)
        if self._stop is not None:
            runner.request_stop(self._stop.why, self._stop.detail)
        return runner

    def request_stop(self, why: Outcome, detail: str) -> None:
        """Start no further step; end once the step under way is resolved.

        A run that gives way may still be stopped for good. A watch changes nothing, so it is
        only ever ended by what takes its place. What takes back what it did comes to its own end:
        that it failed keeps back what it would give way to.
        """
        if why is Outcome.SUPERSEDED and self.run.stage is Stage.UNDO:
            return
        before = self._stop or self.run.stop
        gives_way = before is not None and before.why is Outcome.SUPERSEDED
        if before is None or (gives_way and why is not Outcome.SUPERSEDED):
            self._stop = StopRequested(self.run.id, why, detail)
        self._nudge.set()

    def relapse(self, detail: str) -> None:
        """A trigger fired again during the watch: end it as failed."""
        self._relapsed = self._relapsed or detail
        self._nudge.set()

    def park(self, reason: str) -> None:
        """Stop after the step under way; the next start of the daemon goes on from there."""
        self._parking = reason
        self._nudge.set()

    async def drive(self) -> Run:
        """Go on until the run is over or parked. Raises JournalError when it cannot record."""
        while not self._parking:
            await self._heed()
            action = self.next()
            if action is None:
                return self.run
            await self._act(action)
        await self._record(RunParked(self.run.id, self._parking))
        return self.run

    def next(self) -> Action | None:
        """What comes next at this moment; None when the run is over."""
        return next_action(self.run, self._clock.now())

    async def _heed(self) -> None:
        """Record what was asked from outside since the last action."""
        if self._stop is not None:
            stop = self._stop
            heeded = self.run.stage not in WATCHES
            if stop.why is Outcome.SUPERSEDED:
                # It may have failed since, and take back what it did.
                heeded = self.run.stage is not Stage.UNDO
            if heeded:
                await self._record(stop)
            # A graver one may have come while this one was written.
            self._stop = None if self._stop is stop else self._stop
        if self._relapsed and self.run.stage in WATCHES:
            stage = self.run.stage
            target = self.run.start.target
            await self._record(WatchEnded(self.run.id, target, stage, Proof.FAILED, self._relapsed))

    async def _act(self, action: Action) -> None:
        match action:
            case Note(event=event):
                await self._record(event)
            case Execute(index=index, step=step, attempt=attempt):
                if not await self._is_overtaken():
                    await self._execute(index, step, attempt)
            case Inspect(index=index, step=step, due=due):
                if await self._due(due):
                    await self._inspect(index, step)
            case Look(index=index, check=check, due=due):
                if await self._due(due):
                    await self._sample(index, check)
            case _:
                assert_never(action)

    async def _record(self, *events: Event) -> None:
        for record in await self._journal.append(*events):
            self.run = apply(self.run, record.event, record.at)

    async def _due(self, due: float) -> bool:
        """Wait until `due`; False when something else came up meanwhile."""
        left = due - self._clock.now().elapsed
        if left <= 0:
            return True
        self._nudge.clear()
        if self._stop is not None or self._parking or self._relapsed:
            return False
        try:
            async with asyncio.timeout(left):
                await self._nudge.wait()
        except TimeoutError:
            return True
        return False

    # -- steps

    async def _execute(self, index: int, step: Step, attempt: int) -> None:
        key = self.run.key(index)
        stage = self.run.stage
        values = self._values(step)
        filled = self._filled(step, values)
        stood, unseen = await self._stood(filled)
        sent = self._rendered(filled)
        intended = StepIntended(
            self.run.id, stage, index, step.name, key, attempt, sent, dict(values), stood
        )
        await self._record(intended)
        # The kill switch may have been thrown while the intent was being written.
        if self._stop is not None:
            # Of an earlier attempt nothing is known yet: that is left to be resolved.
            if attempt == 1:
                why = f"not sent: {self._stop.detail}"
                skipped = StepResult.SKIPPED
                await self._record(StepEnded(self.run.id, stage, index, step.name, skipped, why))
            return
        ok, detail = (False, unseen) if unseen else await self._send(key, filled, stood)
        idle = isinstance(detail, NothingSent)
        await self._record(StepAnswered(self.run.id, stage, index, ok, detail, idle))

    async def _is_overtaken(self) -> bool:
        """Whether what it is to undo is gone, which a step that did not happen cannot have done."""
        flight = self.run.flight
        if flight is None or flight.effect is not Effect.NOT_APPLIED:
            return False
        why = await self._moved_on(self.run)
        if why:
            self.request_stop(Outcome.INTERRUPTED, why)
        return bool(why)

    async def _stood(self, step: Step) -> tuple[str, str]:
        """How that stood which the step changes, before its first attempt; or why nobody knows."""
        if self.run.flight is not None and self.run.flight.stood:
            return self.run.flight.stood, ""
        return await how_it_stands(self._hands, step, self._paused)

    async def _paused(self, tries: int) -> bool:
        await self._pause(RETRY_PAUSE * 2 ** (tries - 1))
        return self._stop is None

    async def _send(self, key: str, step: Step, stood: str = "") -> tuple[bool | None, str]:
        """Carry the step out: done, not done, or (None) nobody knows yet."""
        under_way, refused, tries = False, "", 0
        try:
            executor = self._hands.executor(step)
            async with asyncio.timeout(step.timeout):
                while tries <= step.retries and self._stop is None:
                    under_way, tries = True, tries + 1
                    try:
                        return True, await carried_out(executor, key, stood)
                    except TransientError as error:
                        under_way, refused = False, str(error)
                    await self._pause(RETRY_PAUSE * 2 ** (tries - 1))
        except TimeoutError:
            if under_way and isinstance(executor, Waiting):
                effect, seen = await self._effect(self.run.index, step)
                return effect is Effect.APPLIED, f"not within {step.timeout:g} s: {seen}"
            late = f"no answer within {step.timeout:g} s"
            return (None, late) if under_way else (False, f"{refused}; {late}")
        except InDoubtError as error:
            return None, str(error)
        except WatchdogError as error:
            return False, str(error)
        except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
            return (None if under_way else False), unexpected(error)
        return False, f"{refused} (tried {tries} times)"

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until a stop is asked for."""
        try:
            async with asyncio.timeout(seconds):
                while self._stop is None:
                    self._nudge.clear()
                    await self._nudge.wait()
        except TimeoutError:
            return

    async def _inspect(self, index: int, step: Step) -> None:
        effect, detail = await self._effect(index, self._filled(step, self._values(step)))
        is_theirs = isinstance(detail, NothingSent)
        seen = StepObserved(self.run.id, self.run.stage, index, effect, detail, is_theirs)
        await self._record(seen)

    async def _effect(self, index: int, step: Step) -> tuple[Effect, str]:
        if step.done_when is None:
            try:
                async with asyncio.timeout(LOOK_LIMIT):
                    return await self._eyes.probe(step).inspect(self.run.key(index))
            except TimeoutError:
                return Effect.UNKNOWN, f"no answer within {LOOK_LIMIT:g} s"
            except WatchdogError as error:
                return Effect.UNKNOWN, str(error)
            except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
                return Effect.UNKNOWN, unexpected(error)
        seen = await self._look(step.done_when)
        judgement = judge(step.done_when.signal, step.done_when.expect.negated(), seen)
        note = f"{step.done_when.name}: {judgement.note or judgement.verdict.value}"
        if isinstance(seen, Sample) and seen.silent:
            # Of a service, no answer is a bad one; of what became of a step, it is none.
            return Effect.UNKNOWN, note
        return _EFFECTS[judgement.verdict], note

    def _values(self, step: Step) -> Mapping[str, Value]:
        """The run's variables in `step`: those of its first attempt, where there was one."""
        if self.run.flight is not None and self.run.flight.values:
            return self.run.flight.values
        looks = step.done_when.look if step.done_when else None
        asked = {**looks.source, **looks.ask} if looks else {}
        if not mentions_variables({"with": step.options, "done_when": asked}):
            return {}
        return variables(self.run, self._clock.now())

    def _rendered(self, step: Step) -> str:
        try:
            return self._eyes.probe(step).render()
        except Exception as error:  # noqa: BLE001 -- a plugin's defect must not keep a step back
            return unexpected(error)

    def _filled(self, step: Step, values: Mapping[str, Value]) -> Step:
        """The step with the run's variables in their places."""
        done_when = step.done_when
        if done_when is not None:
            look = done_when.look
            look = replace(look, source=fill(look.source, values), ask=fill(look.ask, values))
            done_when = replace(done_when, look=look)
        return replace(step, options=fill(step.options, values), done_when=done_when)

    # -- checks

    async def _sample(self, index: int, check: Check) -> None:
        seen = await self._look(check)
        judgement = judge(check.signal, check.expect.negated(), seen)
        note = judgement.note or (judgement.reason.value if judgement.reason else "")
        if check.also:
            others = [await self._judged(one) for one in check.also]
            judgement, note = together([(check, judgement), *others])
        sampled = CheckSampled(
            run=self.run.id,
            stage=self.run.stage,
            index=index,
            name=check.name,
            verdict=judgement.verdict,
            value=judgement.value,
            note=note,
            unit=check.signal.unit,
            expect=str(check.expect),
            saved=_read(check, seen, judgement),
        )
        await self._record(sampled)

    async def _judged(self, check: Check) -> tuple[Check, Judgement]:
        return check, judge(check.signal, check.expect.negated(), await self._look(check))

    async def _look(self, check: Check) -> Observation:
        look = check.look
        if check.against:
            before = self.run.saved.get(check.against, "")
            look = replace(look, ask={**look.ask, "against": before})
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                return await self._eyes.look(look, self._clock.now())
        except TimeoutError:
            return Gap(Unknown.TIMEOUT, f"no answer within {LOOK_LIMIT:g} s")
        except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
            return Gap(Unknown.ERROR, unexpected(error))


def variables(run: Run, now: Moment) -> Mapping[str, Value]:
    """The values of `{{ run.… }}` at this moment."""
    start = run.start
    outcome = run.outcome_so_far
    return {
        "run.id": run.id,
        "run.target": start.target,
        "run.plan": start.plan.name,
        "run.kind": start.plan.kind or start.plan.name,
        "run.trigger": start.trigger or start.by,
        "run.reason": start.reason,
        "run.outcome": outcome.value,
        "run.status": "completed" if outcome is Outcome.SUCCEEDED else outcome.value,
        "run.started_at": utc(run.started.wall),
        "run.now": utc(now.wall),
        "run.duration_seconds": int(now.since(run.started)),
        "run.from_version": start.from_version,
        "run.to_version": start.to_version,
        "run.severity": start.severity.name.lower(),
        "run.cause": start.cause,
        # The last stage always runs, also where a value was never read.
        **{f"{SAVED}{item.save}": "" for item in start.plan.steps if _saves(item)},
        **{f"{SAVED}{name}": value for name, value in run.saved.items()},
    }


def _read(check: Check, seen: Observation, judgement: Judgement) -> Value | None:
    """What the look read; the number itself, where it is kept and nothing else was read."""
    if not isinstance(seen, Sample):
        return None
    return judgement.value if check.save and seen.read is None else seen.read


def _saves(item: Step | Check) -> TypeGuard[Check]:
    return isinstance(item, Check) and bool(item.save)


class NoHands:
    """What an alert-only target holds in place of hands."""

    def __init__(self, target: str) -> None:
        self._target = target

    def executor(self, step: Step) -> Executor:
        """Refuse: there is nothing here that could change anything."""
        raise WatchdogError(f"{self._target} is alert-only; step {step.name!r} is not carried out")
