import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    a_check,
    a_plan,
    a_run,
    a_step,
    a_watch,
    above,
    after,
    at,
    started,
)
from tests.process import a_world
from watchdog.domain.errors import ConfigError, JournalError
from watchdog.domain.events import (
    CheckSampled,
    Effect,
    Event,
    Outcome,
    Proof,
    RunParked,
    RunVerified,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation
from watchdog.domain.plan import Check, Look, OnError, Plan, Repeat, Step
from watchdog.domain.run import Run, begin, fold
from watchdog.engine.runner import LOOK_LIMIT, Runner, variables
from watchdog.ports import Executor, Probe, Waiting
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, Sent, World, WorldEyes, WorldHands

NO_WATCH = a_watch(short=0)


class Bench:
    """A runner on a world of its own, without the trigger and the lane around it."""

    def __init__(self, *steps: Any, **plan: Any) -> None:  # noqa: ANN401
        self.world = a_world()
        self.journal = MemoryJournal(self.world.clock)
        self.eyes = WorldEyes(self.world)
        self.hands = WorldHands(self.world)
        self.plan: Plan = a_plan(*steps, **{"watch": NO_WATCH, **plan})
        self.runner: Runner

    async def drive(self, *, during: float | None = None) -> Run:
        """To its end, or for so many seconds and then killed."""
        await self.begin()
        if during is None:
            return await self.runner.drive()
        try:
            async with asyncio.timeout(during):
                return await self.runner.drive()
        except TimeoutError:
            return self.runner.run

    async def begin(self) -> Runner:
        (record,) = await self.journal.append(started(self.plan, run="r1"))
        self.runner = Runner(begin(record), self.journal, self.world.clock, self.eyes, self.hands)
        return self.runner

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.journal.events if isinstance(event, kind)]

    @property
    def results(self) -> list[StepResult]:
        return [ended.result for ended in self.told(StepEnded)]

    @property
    def elapsed(self) -> float:
        return asyncio.get_running_loop().time()


# -- journal, act, journal


@virtually
async def test_a_step_is_journalled_before_and_after() -> None:
    bench = Bench(a_step("one"))
    seen: list[Sequence[str]] = []
    bench.world.on_effect = lambda _: seen.append([type(e).__name__ for e in bench.journal.events])

    run = await bench.drive()

    assert seen == [["RunStarted", "StepIntended"]]
    kinds = [type(event).__name__ for event in bench.journal.events]
    assert kinds[1:5] == ["StepIntended", "StepAnswered", "StepObserved", "StepEnded"]
    assert run.outcome is Outcome.SUCCEEDED


@virtually
async def test_what_was_driven_is_what_the_journal_tells() -> None:
    bench = Bench(
        a_step("one"),
        a_check(),
        a_step("two", repeat=Repeat.ONCE),
        final=[a_step("three", repeat=Repeat.ONCE)],
    )

    run = await bench.drive()

    assert run == fold(bench.journal.records)
    assert bench.world.names == ["one", "two", "three"]


@virtually
async def test_nothing_is_sent_when_the_intent_cannot_be_recorded() -> None:
    bench = Bench(a_step("one"))
    await bench.begin()
    bench.journal.fault = "the disk is full"

    with pytest.raises(JournalError):
        await bench.runner.drive()

    assert bench.world.sends == []


@virtually
async def test_the_steps_key_goes_with_it() -> None:
    bench = Bench(a_step("one"), a_step("two"))

    await bench.drive()

    keys = [intended.key for intended in bench.told(StepIntended)]
    assert [sent.key for sent in bench.world.sends] == keys
    assert len(set(keys)) == 2


# -- what becomes of a step


@pytest.mark.parametrize("repeat", Repeat)
def test_what_was_refused_before_it_was_sent_is_tried_again(repeat: Repeat) -> None:
    @virtually
    async def scenario() -> None:
        bench = Bench(a_step("one", repeat=repeat, retries=2))
        bench.world.will("one", Reply.REFUSED, Reply.REFUSED)

        assert (await bench.drive()).outcome is Outcome.SUCCEEDED
        assert len(bench.world.sends) == 3
        assert len(bench.told(StepIntended)) == 1

    scenario()


@virtually
async def test_tries_come_to_an_end() -> None:
    bench = Bench(a_step("one", retries=2, repeat=Repeat.ONCE))
    bench.world.will("one", *[Reply.REFUSED] * 9)

    run = await bench.drive()

    assert run.outcome is Outcome.FAILED
    assert run.broken == "step 1 (one): connection refused (tried 3 times)"


@virtually
async def test_a_definite_no_is_not_tried_again() -> None:
    bench = Bench(a_step("one"), a_step("two"))
    bench.world.will("one", Reply.DENIED)

    assert (await bench.drive()).outcome is Outcome.FAILED
    assert [sent.name for sent in bench.world.sends] == ["one"]


@virtually
async def test_a_time_limit_between_two_tries_proves_that_nothing_happened() -> None:
    bench = Bench(a_step("one", retries=9, timeout="2s", repeat=Repeat.ONCE))
    bench.world.will("one", *[Reply.REFUSED] * 9)

    run = await bench.drive()

    assert bench.results == [StepResult.FAILED]
    assert "connection refused; no answer within 2 s" in run.broken


@virtually
async def test_a_step_that_hangs_is_in_doubt_after_its_time_limit() -> None:
    bench = Bench(a_step("one", timeout="7s", repeat=Repeat.ONCE), a_step("two"))
    bench.world.will("one", Reply.HANGS)

    run = await bench.drive()

    assert (run.outcome, bench.elapsed) == (Outcome.INTERRUPTED, 7.0)
    (answered,) = bench.told(StepAnswered)
    assert (answered.ok, answered.detail) == (None, "no answer within 7 s")
    assert bench.world.names == []


@pytest.mark.parametrize("reply", [Reply.LOST, Reply.LATE, Reply.HANGS_DONE])
def test_a_lost_answer_of_what_happened_is_found_out_and_not_sent_again(reply: Reply) -> None:
    @virtually
    async def scenario() -> None:
        bench = Bench(a_step("one", timeout="7s", settle="2s"))
        bench.world.late = 1.5
        bench.world.will("one", reply)

        assert (await bench.drive()).outcome is Outcome.SUCCEEDED
        assert bench.world.names == ["one"]
        assert len(bench.world.sends) == 1

    scenario()


@virtually
async def test_a_lost_request_is_sent_again_once_it_is_sure_that_it_did_not_arrive() -> None:
    bench = Bench(a_step("one", settle="2s"))
    bench.world.will("one", Reply.DROPPED)

    assert (await bench.drive()).outcome is Outcome.SUCCEEDED
    first, second = bench.world.sends
    assert second.at.since(first.at) >= 2.0
    assert [intended.attempt for intended in bench.told(StepIntended)] == [1, 2]
    assert first.key == second.key


@virtually
async def test_a_look_that_cannot_tell_is_a_doubt() -> None:
    bench = Bench(a_step("one", settle=1), a_step("two"))
    bench.world.blind = True

    assert (await bench.drive()).outcome is Outcome.INTERRUPTED
    assert bench.world.names == ["one"]
    assert [seen.effect for seen in bench.told(StepObserved)] == [Effect.UNKNOWN] * 3


@virtually
async def test_what_a_look_finds_done_by_others_was_not_done_by_this_run() -> None:
    bench = Bench(a_step("one"))
    bench.world.will("one", Reply.DROPPED)
    bench.world.idle.add("one")

    await bench.drive()

    (ended,) = bench.told(StepEnded)
    assert (ended.result, ended.found, ended.detail) == (StepResult.OK, True, "is so already")
    assert bench.world.names == []


@virtually
async def test_done_when_is_what_is_looked_at_where_a_step_has_one() -> None:
    flag = a_check("flag", expect=above(0.5))
    bench = Bench(a_step("one", done_when=flag), verify=())
    bench.world.blind = True
    tokens = iter(["err", "0", "0", "0", "0", "0", "0", "1"])
    told = [a_world_says(next(tokens)) for _ in range(8)]
    bench.world.signals["flag"] = lambda _at: told.pop(0)

    await bench.drive()

    effects = [seen.effect for seen in bench.told(StepObserved)]
    assert effects[:2] == [Effect.UNKNOWN, Effect.NOT_APPLIED]
    assert bench.results == [StepResult.FAILED], "answered ok, and still not to be seen after 2 s"


def a_world_says(token: str) -> Observation:
    world = a_world()
    world.says("x", token)
    return world.observe("x", world.clock.now())


@virtually
async def test_a_step_that_may_fail_does_not_end_the_run() -> None:
    bench = Bench(a_step("one", on_error=OnError.CONTINUE), a_step("two"))
    bench.world.will("one", Reply.DENIED)

    run = await bench.drive()

    assert run.outcome is Outcome.SUCCEEDED
    assert run.problems == ("one: 401 Unauthorized",)


@virtually
async def test_the_final_stage_is_sent_after_a_failure() -> None:
    bench = Bench(a_step("one"), final=[a_step("tell")])
    bench.world.will("one", Reply.DENIED)

    assert (await bench.drive()).outcome is Outcome.FAILED
    assert bench.world.names == ["tell"]


# -- what cannot be built or looked at


class NoExecutor(WorldHands):
    def executor(self, step: Step) -> Executor:
        raise ConfigError("the secret file /run/token cannot be read")


class NoProbe(WorldEyes):
    def probe(self, step: Step) -> Probe:
        raise ConfigError("the secret file /run/token cannot be read")


class Hanging(WorldEyes):
    """A look that never ends."""

    async def look(self, look: Look, at: Moment) -> Observation:
        await asyncio.Event().wait()
        raise AssertionError

    def probe(self, step: Step) -> Probe:
        return _Hanging()


class _Hanging:
    async def inspect(self, key: str) -> tuple[Effect, str]:
        await asyncio.Event().wait()
        raise AssertionError

    async def preflight(self) -> Sequence[Any]:
        return ()

    def render(self) -> str:
        return ""


@virtually
async def test_a_step_that_cannot_be_built_was_not_sent() -> None:
    bench = Bench(a_step("one", repeat=Repeat.ONCE))
    bench.hands = NoExecutor(bench.world)

    run = await bench.drive()

    assert run.outcome is Outcome.FAILED
    assert "the secret file /run/token cannot be read" in run.broken


class ForEver(Waiting):
    """Waits for what never comes."""

    async def execute(self, key: str) -> str:
        await asyncio.Event().wait()
        raise AssertionError


class ForEverHands(WorldHands):
    def executor(self, step: Step) -> Executor:
        return ForEver()


@virtually
@pytest.mark.parametrize("repeat", [Repeat.ONCE, Repeat.OBSERVABLE, Repeat.IDEMPOTENT])
async def test_a_wait_is_over_at_its_time_limit_and_says_what_it_saw_last(repeat: Repeat) -> None:
    bench = Bench(a_step("one", repeat=repeat, timeout=60.0))
    bench.hands = ForEverHands(bench.world)

    run = await bench.drive()

    assert (run.outcome, bench.results, bench.elapsed) == (Outcome.FAILED, [StepResult.FAILED], 60)
    assert run.broken == "step 1 (one): not within 60 s: looked for r1/steps/0"


@virtually
async def test_what_came_true_at_the_last_moment_of_a_wait_is_seen() -> None:
    bench = Bench(a_step("one", timeout=60.0))
    bench.hands = ForEverHands(bench.world)
    bench.world.effects.append(Sent("r1/steps/0", "one", bench.world.clock.now()))

    assert (await bench.drive()).outcome is Outcome.SUCCEEDED


@virtually
async def test_a_look_that_cannot_be_made_tells_nothing() -> None:
    bench = Bench(a_step("one"))
    bench.eyes = NoProbe(bench.world)

    assert (await bench.drive()).outcome is Outcome.INTERRUPTED


class Defective(Executor):
    async def execute(self, key: str) -> str:
        raise KeyError("answer")


class DefectiveHands(WorldHands):
    def executor(self, step: Step) -> Executor:
        return Defective()


class DefectiveEyes(WorldEyes):
    def probe(self, step: Step) -> Probe:
        raise KeyError("probe")

    async def look(self, look: Look, at: Moment) -> Observation:
        raise KeyError("look")


@virtually
async def test_a_defect_in_an_executor_leaves_the_step_in_doubt() -> None:
    bench = Bench(a_step("one", repeat=Repeat.ONCE))
    bench.hands = DefectiveHands(bench.world)

    run = await bench.drive()

    assert run.outcome is Outcome.INTERRUPTED
    (answered,) = bench.told(StepAnswered)
    assert (answered.ok, answered.detail) == (None, "unexpected KeyError; its words are in the log")


@virtually
async def test_a_defect_in_a_look_tells_nothing() -> None:
    bench = Bench(a_step("one"))
    bench.eyes = DefectiveEyes(bench.world)

    assert (await bench.drive()).outcome is Outcome.INTERRUPTED
    assert {seen.effect for seen in bench.told(StepObserved)} == {Effect.UNKNOWN}


@virtually
async def test_a_defect_in_the_look_of_a_check_is_inconclusive() -> None:
    bench = Bench(a_step("one", repeat=Repeat.ONCE))
    bench.eyes = DefectiveEyes(bench.world)

    assert (await bench.drive()).outcome is Outcome.INCONCLUSIVE
    assert bench.told(CheckSampled)[0].note == "unexpected KeyError; its words are in the log"


@virtually
async def test_a_look_that_never_ends_tells_nothing() -> None:
    bench = Bench(a_step("one"))
    bench.eyes = Hanging(bench.world)

    assert (await bench.drive()).outcome is Outcome.INTERRUPTED
    assert bench.elapsed >= 3 * LOOK_LIMIT


@virtually
async def test_a_check_that_never_ends_is_inconclusive() -> None:
    bench = Bench(a_step("one", repeat=Repeat.ONCE), verify=[a_check(within="1m")])
    bench.eyes = Hanging(bench.world)

    run = await bench.drive()

    assert run.outcome is Outcome.INCONCLUSIVE
    assert {sampled.verdict for sampled in bench.told(CheckSampled)} == {"unknown"}


# -- asked from outside


@virtually
async def test_a_stop_while_the_intent_is_written_sends_nothing() -> None:
    bench = Bench(a_step("one"), a_step("two"))
    await bench.begin()
    stop_after(bench, StepIntended, Outcome.STOPPED)

    run = await bench.runner.drive()

    assert bench.world.sends == []
    assert (run.outcome, bench.results) == (Outcome.STOPPED, [StepResult.SKIPPED])


@pytest.mark.parametrize(
    ("why", "outcome"),
    [(Outcome.STOPPED, Outcome.INTERRUPTED), (Outcome.SUPERSEDED, Outcome.SUPERSEDED)],
)
def test_a_stop_while_the_intent_of_a_second_attempt_is_written_leaves_the_doubt_of_the_first(
    why: Outcome, outcome: Outcome
) -> None:
    @virtually
    async def scenario() -> None:
        bench = Bench(a_step("one", repeat=Repeat.IDEMPOTENT), a_step("two"))
        bench.world.will("one", Reply.DROPPED)
        await bench.begin()
        stop_after(bench, StepIntended, why, number=2)

        run = await bench.runner.drive()

        assert run.outcome is outcome

    scenario()


def stop_after(bench: Bench, kind: type[Event], why: Outcome, number: int = 1) -> None:
    """Ask the runner to stop at the moment the journal holds so many events of that kind."""

    def heard(_: object) -> None:
        if len(bench.told(kind)) == number:
            bench.runner.request_stop(why, "asked")

    bench.journal.listen(heard)


@virtually
async def test_a_run_that_gives_way_can_still_be_stopped_for_good() -> None:
    bench = Bench(a_step("one", timeout="1m", repeat=Repeat.IDEMPOTENT))
    bench.world.takes["one"] = 10
    bench.world.will("one", Reply.DROPPED)
    runner = await bench.begin()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(runner.drive())
        await asyncio.sleep(1)
        runner.request_stop(Outcome.SUPERSEDED, "a graver plan")
        runner.request_stop(Outcome.SUPERSEDED, "another one")
        await asyncio.sleep(1)
        runner.request_stop(Outcome.STOPPED, "kill switch")

    assert [stop.why for stop in bench.told(StopRequested)] == [Outcome.STOPPED]
    assert len(bench.world.sends) == 1
    assert task.result().outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize(
    ("why", "sent"),
    [(Outcome.SUPERSEDED, ["one", "undo one"]), (Outcome.STOPPED, ["one"])],
)
def test_what_is_being_taken_back_gives_way_to_no_graver_plan_but_is_stopped(
    why: Outcome, sent: list[str]
) -> None:
    @virtually
    async def scenario() -> None:
        one = replace(a_step("one"), undo=a_step("undo one"))
        bench = Bench(one, replace(a_step("two"), on_error=OnError.COMPENSATE))
        bench.world.will("two", Reply.DENIED)
        await bench.begin()
        stop_after(bench, StepIntended, why, number=3)

        run = await bench.runner.drive()

        assert bench.world.names == sent
        assert list(run.done) == ([] if "undo one" in sent else [0])

    scenario()


@virtually
async def test_a_stop_that_comes_as_another_is_written_is_not_lost() -> None:
    bench = Bench(a_step("one"), a_step("two"))
    await bench.begin()
    bench.runner.request_stop(Outcome.SUPERSEDED, "a graver plan")
    stop_after(bench, StopRequested, Outcome.STOPPED)

    run = await bench.runner.drive()

    assert run.stop is not None
    assert run.stop.why is Outcome.STOPPED


@virtually
async def test_a_stop_cuts_a_wait_short() -> None:
    bench = Bench(a_step("one"), verify=[a_check(pause="1h", within="1d")])
    bench.world.says("healthy", 1)
    runner = await bench.begin()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.drive())
        await asyncio.sleep(5)
        runner.request_stop(Outcome.STOPPED, "kill switch")

    assert bench.elapsed < 6


@virtually
async def test_a_relapse_ends_the_watch_at_once() -> None:
    bench = Bench(watch=a_watch(short="1h"))
    runner = await bench.begin()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.drive())
        await asyncio.sleep(60)
        runner.relapse("trigger latency fires again")
        runner.relapse("and another")

    (ended,) = bench.told(WatchEnded)
    assert (ended.proof, ended.detail) == (Proof.FAILED, "trigger latency fires again")
    assert bench.elapsed < 61


@virtually
async def test_a_parked_run_stops_between_two_actions() -> None:
    bench = Bench(a_step("one"), verify=[a_check(pause="1h", within="1d")])
    bench.world.says("healthy", 1)
    runner = await bench.begin()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.drive())
        await asyncio.sleep(5)
        runner.park("SIGTERM")

    assert [parked.reason for parked in bench.told(RunParked)] == ["SIGTERM"]
    assert bench.runner.run.outcome is None


@virtually
async def test_a_park_that_comes_as_a_stop_is_written_is_heeded_at_once() -> None:
    bench = Bench(a_step("one", settle="1h"))
    bench.world.will("one", Reply.DROPPED)
    runner = await bench.begin()

    def park(_: object) -> None:
        if bench.told(StopRequested):
            runner.park("SIGTERM")

    bench.journal.listen(park)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.drive())
        await asyncio.sleep(1.2)
        runner.request_stop(Outcome.SUPERSEDED, "a graver plan")

    assert len(bench.told(RunParked)) == 1
    assert bench.elapsed == pytest.approx(1.2)


@virtually
async def test_a_step_under_way_is_tried_at_its_own_pace_while_the_daemon_ends() -> None:
    bench = Bench(a_step("one", retries=2))
    bench.world.will("one", Reply.REFUSED, Reply.REFUSED)
    runner = await bench.begin()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.drive())
        await asyncio.sleep(0.1)
        runner.park("SIGTERM")

    assert [sent.at.elapsed for sent in bench.world.sends] == pytest.approx([0.0, 0.5, 1.5])
    assert len(bench.told(RunParked)) == 1


@virtually
async def test_a_killed_run_is_in_doubt_about_what_was_under_way() -> None:
    bench = Bench(a_step("one", timeout="1m"))
    bench.world.takes["one"] = 50

    await bench.drive(during=5)

    run = fold(bench.journal.records)
    assert run.flight is not None
    assert run.flight.answered is None


# -- variables


def test_a_run_tells_of_itself_in_variables() -> None:
    run = after(a_run(), StageEntered("r1", Stage.VERIFY), RunVerified("r1", Proof.PASSED))

    values = variables(run, at("90.9s"))

    assert values["run.id"] == "r1"
    assert values["run.status"] == "completed"
    assert values["run.outcome"] == "succeeded"
    assert values["run.duration_seconds"] == 90
    assert values["run.started_at"] == "2026-01-01T00:00:00Z"
    assert values["run.now"] == "2026-01-01T00:01:30Z"
    assert values["run.kind"] == "undo"
    assert variables(a_run(by="ann", trigger=""), at(0))["run.trigger"] == "ann"
    assert variables(a_run(), at(0))["run.status"] == "inconclusive"


class Remembering(WorldHands):
    """Keeps the options each executor was built with."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.options: list[Any] = []

    def executor(self, step: Step) -> Executor:
        self.options.append(step.options)
        return super().executor(step)


@virtually
async def test_variables_are_filled_in_at_the_moment_of_sending() -> None:
    options = {"effect": "one", "body": {"took": "{{ run.duration_seconds }}"}}
    done = _asking(a_check("flag", expect=above(0.5)), {"signal": "flag", "of": "{{ run.id }}"})
    bench = Bench(a_step("one", options=options, done_when=done))
    bench.world.says("flag", 1)
    bench.hands = Remembering(bench.world)

    await bench.drive()

    assert isinstance(bench.hands, Remembering)
    assert bench.hands.options[-1] == {"effect": "one", "body": {"took": 0}}
    assert bench.eyes.looks[0][0].ask == {"signal": "flag", "of": "r1"}


def _asking(check: Check, ask: dict[str, Any]) -> Check:
    return replace(check, look=replace(check.look, ask=ask))
