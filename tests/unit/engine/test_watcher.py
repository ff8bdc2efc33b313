import asyncio
from collections.abc import Mapping, Sequence

import pytest

from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.engine.evaluator import Looked
from watchdog.engine.watcher import Watcher
from watchdog.ports import Question
from watchdog.testing.virtual_time import VirtualClock, VirtualTicker, virtually
from watchdog.testing.world import ScriptedSource

EVERY = 15.0
QUESTIONS = [Question("errors", {}), Question("latency", {})]


class Round:
    """A watcher of a scripted source, and what it posted."""

    def __init__(self, **tapes: str) -> None:
        self.clock = VirtualClock()
        self.source = ScriptedSource(tapes, EVERY)
        self.posted: list[Looked] = []
        self.watcher = Watcher(
            "prometheus", EVERY, self.source, QUESTIONS, self.clock, self.posted.append
        )

    async def tick(self) -> Looked:
        await self.watcher.tick(0, self.clock.now())
        return self.posted[-1]


@virtually
async def test_a_round_is_posted_with_what_was_seen_as_of_its_slot() -> None:
    one = Round(errors="0.2", latency="_")

    looked = await one.tick()

    assert (looked.source, looked.slot, looked.at.elapsed) == ("prometheus", 0, 0.0)
    assert looked.observations == {"errors": Sample((0.2,)), "latency": Sample(())}
    assert one.watcher.last_round == one.clock.now()


@pytest.mark.parametrize("token", ["err", "timeout", "http"])
def test_what_may_not_have_arrived_is_asked_once_more_within_the_slot(token: str) -> None:
    @virtually
    async def scenario() -> None:
        one = Round(errors=token, latency="1")
        looked = await one.tick()

        assert len(one.source.asked) == 2
        assert len(one.posted) == 1
        assert isinstance(looked.observations["errors"], Gap)
        assert looked.observations["latency"] == Sample((1.0,))

    scenario()


@pytest.mark.parametrize("token", ["_", "nan", "parse", "0.2", "two", "quiet"])
def test_an_answer_is_an_answer(token: str) -> None:
    @virtually
    async def scenario() -> None:
        one = Round(errors=token, latency="1")
        await one.tick()

        assert len(one.source.asked) == 1

    scenario()


class Recovering(ScriptedSource):
    """Refuses the first question of all, and answers from then on."""

    async def observe(self, questions, at):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        seen = await super().observe(questions, at)
        return {q.id: Gap(Unknown.ERROR) for q in questions} if len(self.asked) == 1 else seen


@virtually
async def test_the_second_answer_counts() -> None:
    one = Round()
    one.source = Recovering({"errors": "0.2", "latency": "1"}, EVERY)
    one.watcher = Watcher("prometheus", EVERY, one.source, QUESTIONS, one.clock, one.posted.append)

    looked = await one.tick()

    assert looked.observations == {"errors": Sample((0.2,)), "latency": Sample((1.0,))}


@virtually
async def test_a_source_that_hangs_is_a_timeout_within_its_slot() -> None:
    one = Round(errors="hang", latency="1")

    looked = await one.tick()

    assert asyncio.get_running_loop().time() == pytest.approx(0.9 * EVERY)
    for name in ("errors", "latency"):
        gap = looked.observations[name]
        assert isinstance(gap, Gap)
        assert gap.reason is Unknown.TIMEOUT
    assert len(one.source.asked) == 1


@virtually
async def test_a_slow_source_skips_no_slot() -> None:
    one = Round(errors="1 hang 1 err 1", latency="1")
    ticker = VirtualTicker(one.clock)
    ticker.every("prometheus", EVERY, one.watcher.tick)
    async with asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(ticker.run())
        await asyncio.sleep(10 * EVERY + 1)
        loop.cancel()

    assert [looked.slot for looked in one.posted] == list(range(1, 11))
    assert [looked.at.elapsed for looked in one.posted] == [EVERY * n for n in range(1, 11)]


@virtually
async def test_a_watcher_of_an_old_file_posts_nothing_more() -> None:
    one = Round(errors="1", latency="1")
    one.watcher.retired = True

    await one.watcher.tick(0, one.clock.now())

    assert one.posted == []


class Broken:
    """A plugin with a bug."""

    async def observe(
        self,
        questions: Sequence[Question],
        at: Moment,
    ) -> Mapping[str, Observation]:
        raise KeyError("a bug")

    async def close(self) -> None: ...


@virtually
async def test_a_source_that_raises_learned_nothing_of_any_question() -> None:
    one = Round()
    one.watcher = Watcher("prometheus", EVERY, Broken(), QUESTIONS, one.clock, one.posted.append)

    looked = await one.tick()

    gap = Gap(Unknown.ERROR, "unexpected KeyError; its words are in the log")
    assert looked.observations == {"errors": gap, "latency": gap}
    assert one.watcher.last_round == one.clock.now()


@virtually
async def test_a_round_says_when_it_was_really_looked_at() -> None:
    one = Round(errors="1", latency="1")
    start = one.clock.now()
    await asyncio.sleep(14)

    await one.watcher.tick(0, start)

    (looked,) = one.posted
    assert looked.at == start
    assert looked.looked == start.after(14)
