"""Of a service, no answer is a bad one; of what became of a step, it is none at all."""

from collections.abc import Sequence

from tests.builders import a_plan, a_step, started
from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import Record
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation, Sample
from watchdog.domain.plan import Check, Look, Step
from watchdog.domain.progress import Outcome, StepEnded, StepResult
from watchdog.domain.run import Run, begin
from watchdog.domain.signal import Signal
from watchdog.engine.runner import Runner
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, virtually
from watchdog.testing.world import Reply, World, WorldEyes, WorldHands

NO = Sample((0.0,), note="connection refused", silent=True)
YES = Sample((1.0,))
DONE = Check("done", Signal("done", ""), Look("http", {}, {}), Condition(Op.PASSING))


class Deaf(WorldEyes):
    """Gets no answer from the place where a step is looked at, for the first `looks`."""

    def __init__(self, world: World, looks: int) -> None:
        super().__init__(world)
        self.left = looks

    async def look(self, look: Look, at: Moment) -> Observation:
        self.left -= 1
        if self.left >= 0:
            return NO
        return YES if self.world_has_it else Sample((0.0,))

    @property
    def world_has_it(self) -> bool:
        return bool(self._world.names)


async def driven(step: Step, world: World, looks: int) -> tuple[Run, Sequence[Record]]:
    journal = MemoryJournal(world.clock)
    (record,) = await journal.append(started(a_plan(step, verify=(), verify_trigger=False)))
    runner = Runner(begin(record), journal, world.clock, Deaf(world, looks), WorldHands(world))
    return await runner.drive(), journal.records


@virtually
async def test_a_step_whose_look_is_not_answered_is_not_sent_again() -> None:
    world = World(VirtualClock())
    world.will("one", Reply.LOST)
    step = a_step("one", done_when=DONE, timeout=3, settle=1)

    run, records = await driven(step, world, looks=1000)

    assert world.names == ["one"]
    assert run.outcome is Outcome.INTERRUPTED
    (ended,) = (r.event for r in records if isinstance(r.event, StepEnded))
    assert ended.result is StepResult.IN_DOUBT


@virtually
async def test_a_look_that_was_not_answered_does_not_make_a_failure_of_what_was_done() -> None:
    world = World(VirtualClock())
    step = a_step("one", done_when=DONE, timeout=3, settle=5)

    # What it restarts is back before it would have to be.
    _, records = await driven(step, world, looks=6)

    assert world.names == ["one"]
    (ended,) = (r.event for r in records if isinstance(r.event, StepEnded))
    assert ended.result is StepResult.OK
