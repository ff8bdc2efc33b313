"""What somebody else makes of what a step changes is left alone, over attempts and restarts."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import a_step
from tests.unit.engine.test_runner import Bench
from watchdog.domain.errors import PermanentError, TransientError
from watchdog.domain.events import Outcome, RunResumed, StepIntended, StepResult
from watchdog.domain.plan import Repeat, Step
from watchdog.domain.run import Run, apply, fold
from watchdog.engine.runner import Runner
from watchdog.ports import Executor
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World, WorldHands


class Standing(WorldHands):
    """Its steps change only what stands as it stood at first. `reads` say how reading it goes."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.version = "v2"
        self.reads: list[Callable[[], str]] = []
        self.handed: list[str] = []

    def executor(self, step: Step) -> Executor:
        return _Standing(self, super().executor(step))


class _Standing:
    def __init__(self, hands: Standing, inner: Executor) -> None:
        self._hands = hands
        self._inner = inner

    async def stands(self) -> str:
        read = self._hands.reads.pop(0) if self._hands.reads else lambda: self._hands.version
        if (said := read()) == "hangs":
            await asyncio.Event().wait()
        return said

    async def execute(self, key: str) -> str:
        raise AssertionError(f"{key}: how it stood was not handed back")

    async def execute_if(self, key: str, stood: str) -> str:
        self._hands.handed.append(stood)
        if stood != self._hands.version:
            raise PermanentError(f"somebody else made it {self._hands.version} meanwhile")
        return await self._inner.execute(key)


def standing(*steps: Any, **plan: Any) -> tuple[Bench, Standing]:  # noqa: ANN401
    bench = Bench(*steps, **plan)
    bench.hands = hands = Standing(bench.world)
    return bench, hands


def deploys(bench: Bench, hands: Standing, version: str) -> None:
    """Somebody does, as soon as the first request has left."""

    def at_once(where: str) -> None:
        if where == "before effect":
            asyncio.get_running_loop().call_soon(setattr, hands, "version", version)

    bench.world.boundary = at_once


def raising(error: Exception) -> Callable[[], str]:
    def read() -> str:
        raise error

    return read


async def again(bench: Bench) -> Run:
    """The same run after a restart, driven to its end."""
    run = fold(bench.journal.records)
    for record in await bench.journal.append(RunResumed(run.id, run.resumes + 1)):
        run = apply(run, record.event, record.at)
    bench.runner = Runner(run, bench.journal, bench.world.clock, bench.eyes, bench.hands)
    return await bench.runner.drive()


@virtually
async def test_what_is_deployed_while_a_step_is_in_doubt_is_left_alone() -> None:
    bench, hands = standing(a_step("one"))
    bench.world.will("one", Reply.DROPPED)
    deploys(bench, hands, "v3")

    run = await bench.drive()

    assert (run.outcome, bench.results) == (Outcome.FAILED, [StepResult.FAILED])
    assert run.broken == "step 1 (one): somebody else made it v3 meanwhile"
    assert [one.stood for one in bench.told(StepIntended)] == ["v2", "v2"]
    assert bench.world.effects == []


@virtually
async def test_what_stands_as_it_stood_is_changed_by_the_second_attempt() -> None:
    bench, hands = standing(a_step("one"))
    bench.world.will("one", Reply.DROPPED)

    run = await bench.drive()

    assert (run.outcome, bench.world.names) == (Outcome.SUCCEEDED, ["one"])
    assert hands.handed == ["v2", "v2"]


@virtually
async def test_a_second_attempt_that_finds_it_changed_leaves_a_blind_step_in_doubt() -> None:
    bench, hands = standing(a_step("one", repeat=Repeat.IDEMPOTENT))
    bench.world.will("one", Reply.LOST)
    deploys(bench, hands, "v3")

    assert (await bench.drive()).outcome is Outcome.INTERRUPTED
    assert bench.world.names == ["one"]


@virtually
async def test_after_a_restart_it_goes_by_how_it_stood_before_the_first_attempt() -> None:
    bench, hands = standing(a_step("one"))
    bench.world.will("one", Reply.HANGS)
    await bench.drive(during=1.0)
    hands.version = "v3"

    run = await again(bench)

    assert (run.outcome, bench.world.effects) == (Outcome.FAILED, [])
    assert hands.handed == ["v2", "v2"]


@virtually
async def test_each_step_goes_by_how_it_stood_before_that_step() -> None:
    bench, hands = standing(a_step("one"), a_step("two"))
    bench.world.on_effect = lambda name: setattr(hands, "version", f"{name} was here")

    await bench.drive()

    assert hands.handed == ["v2", "one was here"]


@virtually
async def test_a_step_that_does_not_go_by_it_says_nothing_of_it() -> None:
    bench = Bench(a_step("one"))

    await bench.drive()

    assert [one.stood for one in bench.told(StepIntended)] == [""]


# -- where it cannot be read


@pytest.mark.parametrize(
    ("reads", "why"),
    [
        ([raising(PermanentError("there is no such thing"))], "there is no such thing"),
        ([raising(TransientError("503"))] * 3, "503 (tried 3 times)"),
        ([lambda: "hangs"], "nothing could be read within 30 s"),
        ([raising(TransientError("503")), lambda: "hangs"], "503"),
        ([raising(KeyError("uid"))], "unexpected KeyError"),
    ],
    ids=["refused", "busy", "hangs", "hangs later", "defective"],
)
@virtually
async def test_what_cannot_be_read_is_not_changed(reads: list[Callable[[], str]], why: str) -> None:
    bench, hands = standing(a_step("one", timeout=30.0, retries=2))
    hands.reads = list(reads)

    run = await bench.drive()

    assert (run.outcome, bench.results) == (Outcome.FAILED, [StepResult.FAILED])
    assert why in run.broken
    assert bench.world.sends == []


@virtually
async def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    bench, hands = standing(a_step("one"))
    hands.reads = [raising(TransientError("503"))]

    assert (await bench.drive()).outcome is Outcome.SUCCEEDED
    assert hands.handed == ["v2"]


@virtually
async def test_it_is_not_asked_again_once_the_run_is_stopped() -> None:
    bench, hands = standing(a_step("one", retries=9))
    runner = await bench.begin()

    def stopped() -> str:
        runner.request_stop(Outcome.STOPPED, "kill switch: file")
        raise TransientError("503")

    hands.reads = [stopped]
    run = await runner.drive()

    assert (run.outcome, bench.results) == (Outcome.STOPPED, [StepResult.SKIPPED])
    assert (bench.elapsed, bench.world.sends) == (0, [])
