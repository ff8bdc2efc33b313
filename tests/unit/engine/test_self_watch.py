"""What the watchdog finds wrong with itself is told once, shown while it lasts, and told over."""

import asyncio

from tests.bed.statuses import service_of, status_of
from tests.builders import a_plan, a_step, a_target, a_watch, at
from tests.process import EVERY, Parts, Process, a_world
from watchdog.adapters.metrics import Metrics
from watchdog.domain.ailments import UNDELIVERED_AFTER, AilmentFound, AilmentOver, Organ
from watchdog.domain.events import Record
from watchdog.domain.heartbeat import Heartbeat
from watchdog.domain.next_action import Action
from watchdog.domain.plan import Repeat
from watchdog.domain.run import Run
from watchdog.domain.target import Target
from watchdog.domain.telling import message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.engine.heart import Heart
from watchdog.engine.lane import Lane
from watchdog.engine.loop_lag import PERIOD, LoopLag
from watchdog.engine.recovery import recall
from watchdog.engine.runner import NoHands, Runner
from watchdog.engine.self_watch import SelfWatch
from watchdog.engine.status import Vitals
from watchdog.engine.watcher import Watcher
from watchdog.ports import Hands
from watchdog.testing.virtual_time import virtually

SLOW = a_target(
    plans=[a_plan(a_step("slow", timeout="20s", repeat=Repeat.ONCE), watch=a_watch(short="30m"))]
)


class Watched(Process):
    """A process that looks after itself; `waiting` are its messages that do not arrive."""

    def __init__(self, *targets: Target, parts: Parts | None = None) -> None:
        super().__init__(a_world(), *targets, parts=parts)
        self.service = service_of(self)
        self.waiting: dict[str, float] = {"pager": 0.0}
        self.heart = Heart(Heartbeat("x"), self.service, lambda: True, self.unheard)
        self.itself = SelfWatch(self.service, self.heart, lambda: self.waiting)

    async def unheard(self) -> None:
        raise RuntimeError("nobody hears it")

    async def looks_for(self, seconds: float) -> None:
        """Let it look every 5 s, as `run` does."""
        for _ in range(int(seconds / 5)):
            await asyncio.sleep(5)
            await self.itself.look()

    def found(self, organ: Organ) -> list[AilmentFound]:
        return [event for event in self.told(AilmentFound) if event.organ is organ]

    @property
    def seen(self) -> list[str]:
        return list(self.itself.seen(0.0).ailments)


@virtually
async def test_all_is_well_as_long_as_all_goes_on() -> None:
    async with Watched().running() as process:
        assert isinstance(process, Watched)
        await process.looks_for(600)

        assert (process.seen, process.told(AilmentFound)) == ([], [])


@virtually
async def test_rounds_that_stop_are_told_once_and_once_they_are_back() -> None:
    async with Watched().running() as process:
        assert isinstance(process, Watched)
        await process.looks_for(100)
        (watcher,) = process.watchers["shop"]
        watcher.retired = True
        await process.looks_for(300)
        (found,) = process.found(Organ.ROUNDS)
        assert (found.target, found.about) == ("shop", "prometheus")
        assert found.detail.startswith("none for ")
        # The status has them by another name.
        assert process.seen == []

        watcher.retired = False
        await process.looks_for(2 * EVERY)
        (over,) = process.told(AilmentOver)
        assert (over.organ, over.about) == (Organ.ROUNDS, "prometheus")
        assert process.seen == []


@virtually
async def test_a_machine_that_was_suspended_wakes_nobody_up() -> None:
    async with Watched().running() as process:
        assert isinstance(process, Watched)
        await process.looks_for(100)
        asyncio.get_running_loop().jump(3600.0)  # type: ignore[attr-defined]
        # It may wake up before the rounds do.
        await process.itself.look()
        await process.looks_for(60)

        assert process.told(AilmentFound) == []


@virtually
async def test_a_run_that_goes_on_by_its_own_limits_is_not_stuck() -> None:
    process = Watched(SLOW)
    process.world.takes["slow"] = 15
    process.world.on_effect = lambda _name: process.world.says("errors", 0)
    async with process.running():
        await process.see(errors="obb")
        await process.looks_for(1500)

        # In its steps, its checks, and a watch of half an hour.
        assert process.account.current is not None
        assert process.found(Organ.RUN) == []


@virtually
async def test_a_run_that_says_nothing_beyond_its_limits_is_stuck() -> None:
    process = Watched(SLOW, parts=Parts(lane=Hanging))
    async with process.running():
        await process.see(errors="obb")
        await process.looks_for(20 + 5 + 60 - 10)
        assert process.found(Organ.RUN) == []
        await process.looks_for(30)

        (found,) = process.found(Organ.RUN)
        assert found.about == process.run().id
        assert found.detail.startswith("no progress for 1m ")
        assert process.itself.seen(0.0).stuck == ["shop"]


class Hanging(Lane):
    """Its runs hang where no limit of theirs ends it, as a mistake in the program may do."""

    def _runner(self, run: Run, hands: Hands | None) -> Runner:
        shared = self._shared
        return HangingRunner(
            run, shared.journal, shared.clock, self._eyes, hands or NoHands(self.target.name)
        )


class HangingRunner(Runner):
    async def _act(self, action: Action) -> None:
        await asyncio.sleep(36000)


@virtually
async def test_a_run_that_nobody_goes_on_with_is_stuck() -> None:
    first = Watched(SLOW)
    first.world.takes["slow"] = 15
    async with first.running():
        await first.see(errors="obb")
    second = Watched(SLOW)
    second.journal.disk = first.journal.disk
    # As a start would be that forgot to take it up.
    await recall(second.journal, second.ledger, second.lanes, second.clock)
    await second.looks_for(90)

    (found,) = second.found(Organ.RUN)
    assert found.detail.startswith("nobody has gone on with it for 1m")


@virtually
async def test_a_message_that_is_undelivered_for_two_minutes_is_told_to_the_others() -> None:
    async with Watched().running() as process:
        assert isinstance(process, Watched)
        process.waiting["pager"] = UNDELIVERED_AFTER - 1
        await process.looks_for(10)
        assert process.told(AilmentFound) == []

        process.waiting["pager"] = UNDELIVERED_AFTER
        await process.looks_for(60)
        (found,) = process.found(Organ.OUTBOX)
        assert (found.target, found.about) == ("", "pager")


@virtually
async def test_a_heartbeat_that_is_not_taken_three_times_is_told_once() -> None:
    process = Watched()
    process.round_taken = process.heart.took
    async with process.running(), asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(process.heart.run())
        await process.looks_for(300)
        beating.cancel()

        assert process.heart.beats.failures > 3
        (found,) = process.found(Organ.HEARTBEAT)
        assert "not taken 3 times in a row" in found.detail


@virtually
async def test_what_cannot_be_recorded_is_told_past_the_journal() -> None:
    async with Watched().running() as process:
        assert isinstance(process, Watched)
        process.waiting["pager"] = 300.0
        process.journal.fault = "disk full"
        await process.looks_for(30)

        assert process.told(AilmentFound) == []
        ours = [text for text in process.alarms if text.startswith("channel pager")]
        assert len(ours) == 1


@virtually
async def test_nothing_is_found_while_the_daemon_stops() -> None:
    async with Watched().running() as process:
        assert isinstance(process, Watched)
        process.service.stop("SIGTERM")
        process.waiting["pager"] = 300.0
        await process.looks_for(30)

        assert process.told(AilmentFound) == []


def test_people_are_paged_of_what_is_found_and_told_when_it_is_over() -> None:
    found = message(Record(1, at(0), AilmentFound(Organ.RUN, "shop", "r1", "no progress for 5m")))
    over = message(Record(2, at(9), AilmentOver(Organ.RUN, "shop", "r1", at(0).wall)))

    assert found is not None
    assert over is not None
    assert found.topics == (Topic.AILING, Topic.PAGED)
    assert (found.severity, found.target) == (Severity.CRITICAL, "shop")
    assert found.title == "shop: run r1: no progress for 5m"
    assert "a restart of the daemon is safe at any time" in found.text
    assert (over.topics, over.severity) == ((Topic.AILING,), Severity.INFO)
    assert over.title == "shop: run r1 is well again"


def test_each_part_of_it_has_words_of_its_own() -> None:
    told = [message(Record(1, at(0), AilmentFound(each, "", "x", "y"))) for each in Organ]

    assert len({one.text for one in told if one is not None}) == len(Organ)


# -- what status and metrics show


def metrics_of(process: Watched, lag: float = 0.0) -> str:
    vitals = Vitals("1.0", 1, ready=True, journal="/j.db", itself=process.itself.seen(lag))
    return Metrics(lambda: status_of(process, process.service, vitals)).render().decode()


@virtually
async def test_metrics_show_what_it_knows_of_itself() -> None:
    process = Watched(SLOW)
    process.waiting["pager"] = 130.5
    async with process.running():
        page = metrics_of(process, 0.75)

    assert "watchdog_event_loop_lag_seconds 0.75" in page
    assert 'watchdog_undelivered_message_seconds{channel="pager"} 130.5' in page
    assert 'watchdog_run_stuck{target="shop"} 0.0' in page
    assert 'watchdog_run_over_budget{target="shop"} 0.0' in page
    assert 'watchdog_heartbeats_total{result="failed"} 0.0' in page
    assert "watchdog_heartbeat_timestamp_seconds 0.0" in page


@virtually
async def test_the_last_round_is_one_that_was_evaluated_not_one_that_was_asked() -> None:
    async with Watched().running() as process, asyncio.TaskGroup() as tasks:
        await asyncio.sleep(100)
        taken = process.lane.taken["prometheus"]
        hung = tasks.create_task(process.lane.order(lambda: asyncio.sleep(7200)))
        await asyncio.sleep(100)
        (watcher,) = process.watchers["shop"]
        assert isinstance(watcher, Watcher)
        assert watcher.last_round is not None
        assert watcher.last_round.elapsed > taken.elapsed + 60

        (source,) = status_of(process)["targets"][0]["sources"]
        hung.cancel()

    assert source["last_round_unix"] == taken.wall
    assert source["stalled"] is True


# -- the lag of the loop


@virtually
async def test_a_loop_that_is_blocked_shows_as_lag_for_a_minute() -> None:
    process = Watched()
    lag = LoopLag(process.clock)
    async with asyncio.TaskGroup() as tasks:
        measuring = tasks.create_task(lag.run())
        await asyncio.sleep(10)
        assert lag.worst() == 0
        asyncio.get_running_loop().jump(2.0)  # type: ignore[attr-defined]
        await asyncio.sleep(10)
        assert 2 - PERIOD <= lag.worst() <= 2
        await asyncio.sleep(60)
        assert lag.worst() == 0
        measuring.cancel()
