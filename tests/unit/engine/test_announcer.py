import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.bed.life import live
from tests.bed.story import RUN, TARGET, helped
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError
from watchdog.domain.events import (
    ClockStepped,
    Event,
    KillSwitchChanged,
    NotificationDelivered,
    NotificationGivenUp,
    Outcome,
    RunEnded,
    SourceSeesAgain,
    SourceWentBlind,
)
from watchdog.domain.target import NotifyRule
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.engine.announcer import Announcer
from watchdog.ports import Message
from watchdog.testing.doubles import Crash, MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, run_virtually

ALL = tuple(topic.value for topic in Topic)
BLIND = SourceWentBlind(TARGET, "metrics", 0.0, "timeout", ("errors-high",))
SEEING = SourceSeesAgain(TARGET, "metrics", 0.0)
HUNG = TimeoutError("hangs for ever")


@dataclass(slots=True)
class Outbox:
    """A channel that keeps what it is sent; each `fault` in turn befalls one attempt."""

    faults: Sequence[BaseException] = ()
    always: BaseException | None = None
    sent: list[Message] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    slow: float = 0.0

    async def send(self, message: Message) -> None:
        self.tried.append(asyncio.get_running_loop().time())
        number = len(self.tried) - 1
        await asyncio.sleep(self.slow)
        fault = self.faults[number] if number < len(self.faults) else self.always
        if fault is HUNG:
            await asyncio.Event().wait()
        if isinstance(fault, Crash):
            self.sent.append(message)
        if fault is not None:
            raise fault
        self.sent.append(message)

    async def close(self) -> None:
        pass

    @property
    def topics(self) -> list[str]:
        return [message.topic for message in self.sent]


@dataclass(slots=True)
class World:
    """A journal, some channels, and rules that send everything to each of them."""

    channels: Mapping[str, Outbox] = field(default_factory=lambda: {"ops": Outbox()})
    rules: dict[str, Sequence[NotifyRule]] = field(default_factory=dict)
    clock: VirtualClock = field(default_factory=VirtualClock)
    journal: MemoryJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(self.clock)
        if not self.rules:
            self.rules = {TARGET: (NotifyRule(ALL, tuple(self.channels)),)}

    @property
    def ops(self) -> Outbox:
        return self.channels["ops"]

    def announcer(self) -> Announcer:
        return Announcer(self.journal, self.clock, self.channels, self.rules)

    async def tell(self, *events: Event, seconds: float = 1.0) -> None:
        """A life of an announcer in which `events` happen at once."""
        announcer = self.announcer()
        await self.journal.append(*events)
        await live(announcer.run, seconds)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.journal.events if isinstance(event, kind)]


def test_a_channel_is_told_what_its_rules_ask_for() -> None:
    async def main() -> World:
        world = World(
            {"ops": Outbox(), "pager": Outbox()},
            {
                TARGET: (
                    NotifyRule(("blind", "seeing"), ("ops",)),
                    NotifyRule(("paged",), ("pager",), Severity.CRITICAL),
                    NotifyRule(("seeing",), ("pager",), Severity.WARNING),
                )
            },
        )
        await world.tell(BLIND, SEEING)
        return world

    world = run_virtually(main())

    assert world.ops.topics == ["blind", "seeing"]
    assert world.channels["pager"].topics == ["blind"]
    assert world.ops.sent[0].severity == "critical"
    assert world.ops.sent[0].at == world.journal.records[0].at
    assert world.of(NotificationDelivered) == [
        NotificationDelivered("ops", 1, 1),
        NotificationDelivered("pager", 1, 1),
        NotificationDelivered("ops", 2, 1),
    ]


def test_a_whole_run_is_told_in_order() -> None:
    async def main() -> World:
        world = World()
        await world.tell(*(record.event for record in helped().records))
        return world

    assert run_virtually(main()).ops.topics == [
        "firing",
        "decided",
        "started",
        "verified",
        "stable",
    ]


def test_what_concerns_all_targets_is_told_once_to_whoever_asks_for_it_anywhere() -> None:
    async def main() -> World:
        rules: dict[str, Sequence[NotifyRule]] = {
            "one": (NotifyRule(("latched",), ("ops",)),),
            "two": (NotifyRule(ALL, ("ops",)),),
        }
        world = World(rules=rules)
        await world.tell(KillSwitchChanged(on=True, how="signal USR1"))
        return world

    assert run_virtually(main()).ops.topics == ["latched"]


def test_rules_that_change_hold_from_the_next_message_on() -> None:
    async def main() -> World:
        world = World()
        await world.tell(BLIND)
        world.rules[TARGET] = ()
        await world.tell(SEEING)
        return world

    assert run_virtually(main()).ops.topics == ["blind"]


def test_a_failed_attempt_is_made_again_after_longer_and_longer_pauses() -> None:
    async def main() -> World:
        faults = [TransientError("503"), InDoubtError("cut off"), *[TransientError("503")] * 7]
        world = World({"ops": Outbox(faults)})
        await world.tell(BLIND, seconds=600)
        return world

    world = run_virtually(main())

    pauses = [late - early for early, late in zip(world.ops.tried, world.ops.tried[1:])]  # noqa: B905
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60])
    assert world.of(NotificationDelivered) == [NotificationDelivered("ops", 1, 10)]


def test_a_refusal_for_good_is_given_up_at_once_and_the_others_are_told() -> None:
    async def main() -> World:
        channels = {"ops": Outbox([PermanentError("401 Unauthorized")]), "pager": Outbox()}
        world = World(channels, {TARGET: (NotifyRule(ALL, ("ops",)),)})
        await world.tell(BLIND, SEEING)
        return world

    world = run_virtually(main())

    assert world.of(NotificationGivenUp) == [NotificationGivenUp("ops", 1, 1, "401 Unauthorized")]
    assert world.ops.topics == ["seeing"]
    (alarm,) = world.channels["pager"].sent
    assert alarm.topic == "paged"
    assert "ops could not be told: hybrid-routing: blind" in alarm.text


def test_a_message_that_cannot_be_brought_for_an_hour_is_given_up() -> None:
    async def main() -> World:
        world = World({"ops": Outbox(always=TransientError("connection refused"))})
        await world.tell(BLIND, seconds=3 * 3600)
        return world

    (lost,) = run_virtually(main()).of(NotificationGivenUp)

    assert isinstance(lost, NotificationGivenUp)
    assert lost.error == "connection refused"
    assert 60 < lost.attempts < 70


def test_what_piled_up_behind_a_dead_channel_is_not_kept_an_hour_each() -> None:
    async def main() -> World:
        world = World({"ops": Outbox(always=TransientError("connection refused"))})
        await world.tell(BLIND, SEEING, BLIND, SEEING, seconds=3700)
        return world

    assert len(run_virtually(main()).of(NotificationGivenUp)) == 4


def test_a_hung_channel_keeps_nothing_from_the_others() -> None:
    async def main() -> World:
        world = World({"hung": Outbox(always=HUNG), "ops": Outbox()})
        await world.tell(BLIND, SEEING)
        return world

    world = run_virtually(main())

    assert world.ops.topics == ["blind", "seeing"]
    assert len(world.channels["hung"].tried) == 1


def test_a_hung_attempt_is_cut_off_and_made_again() -> None:
    async def main() -> World:
        world = World({"ops": Outbox([HUNG])})
        await world.tell(BLIND, seconds=40)
        return world

    world = run_virtually(main())

    assert world.ops.topics == ["blind"]
    assert world.ops.tried == pytest.approx([0, 31])


def test_a_page_that_is_late_is_told_to_the_other_channels() -> None:
    async def main() -> World:
        channels = {"pager": Outbox(always=TransientError("503")), "ops": Outbox()}
        world = World(channels, {TARGET: (NotifyRule(("paged", "seeing"), ("pager",)),)})
        await world.tell(BLIND, SEEING, seconds=200)
        return world

    (alarm,) = run_virtually(main()).ops.sent

    assert alarm.text.startswith("pager was not reached so far: hybrid-routing: blind")


def test_after_a_crash_between_sending_and_recording_it_is_told_again() -> None:
    async def main() -> World:
        world = World({"ops": Outbox([Crash()])})
        with pytest.raises(BaseExceptionGroup):
            await world.tell(BLIND)
        world.journal = MemoryJournal(world.clock, survived=world.journal)
        await world.tell()
        return world

    assert run_virtually(main()).ops.topics == ["blind", "blind"]


def test_after_a_crash_between_recording_and_the_cursor_it_is_not_told_again() -> None:
    async def main() -> World:
        world = World()
        await world.journal.keep("cursor/ops", "0")
        await world.journal.append(BLIND, NotificationDelivered("ops", 1, 1))
        await world.journal.append(SEEING, NotificationGivenUp("pager", 3, 1, "401"))
        await world.tell()
        return world

    assert run_virtually(main()).ops.topics == ["seeing"]


def test_what_happened_while_nobody_could_tell_it_is_told_at_the_next_start() -> None:
    async def main() -> World:
        world = World()
        await world.tell(BLIND)
        await world.journal.append(SEEING)
        await world.tell()
        await world.tell()
        return world

    assert run_virtually(main()).ops.topics == ["blind", "seeing"]


def test_a_new_channel_is_not_told_old_news() -> None:
    async def main() -> World:
        world = World()
        await world.journal.append(BLIND)
        await world.tell(SEEING)
        return world

    assert run_virtually(main()).ops.topics == ["seeing"]


def test_a_cursor_that_is_no_number_is_as_good_as_none() -> None:
    async def main() -> World:
        world = World()
        await world.journal.append(BLIND)
        await world.journal.keep("cursor/ops", "garbage")
        await world.tell(SEEING)
        return world

    assert run_virtually(main()).ops.topics == ["seeing"]


def test_its_own_deliveries_keep_it_busy_with_nothing() -> None:
    async def main() -> World:
        world = World()
        await world.tell(BLIND, ClockStepped(1.0), seconds=3600)
        return world

    world = run_virtually(main())

    assert len(world.journal.events) == 3
    _, kept, _ = world.journal.disk.notes["cursor/ops"]
    assert kept.elapsed < 1


def test_a_journal_that_refuses_is_waited_for_and_nothing_is_sent_twice() -> None:
    async def main() -> World:
        world = World({"ops": Outbox(), "pager": Outbox()})
        announcer = world.announcer()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(announcer.run())
            await asyncio.sleep(1)
            await world.journal.append(BLIND)
            world.journal.fault = "no space left on device"
            await asyncio.sleep(100)
            world.journal.fault = ""
            await world.journal.probe()
            await asyncio.sleep(100)
            life.cancel()
        return world

    world = run_virtually(main())

    told = [message.topic for message in world.ops.sent]
    assert told.count("blind") == 1
    assert any("no space left" in message.text for message in world.ops.sent)
    assert len(world.of(NotificationDelivered)) == 2


def test_a_mistake_in_a_plugin_ends_with_its_message_and_keeps_its_secrets() -> None:
    async def main() -> World:
        world = World({"ops": Outbox([ValueError("https://user:hunter2@example.org")])})
        await world.tell(BLIND, SEEING)
        return world

    world = run_virtually(main())

    (lost,) = world.of(NotificationGivenUp)
    assert lost == NotificationGivenUp("ops", 1, 1, "a mistake in the notifier: ValueError")
    assert world.ops.topics == ["seeing"]


def test_a_record_that_cannot_be_put_into_words_keeps_nothing_from_the_next() -> None:
    async def main() -> World:
        world = World({"ops": Outbox(), "pager": Outbox()})
        await world.tell(RunEnded(RUN, TARGET, Outcome.FAILED, "of a run nobody knows", 1.0), BLIND)
        return world

    world = run_virtually(main())

    assert "blind" in world.ops.topics
    assert any("record 1 cannot be put into words" in m.text for m in world.ops.sent)


# -- alarms


def test_an_alarm_is_told_at_once_and_at_most_once_a_minute() -> None:
    async def main() -> Outbox:
        world = World()
        announcer = world.announcer()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(announcer.run())
            for _ in range(90):
                announcer.now("the disk is full")
                await asyncio.sleep(1)
            announcer.now("something else")
            await asyncio.sleep(1)
            life.cancel()
        return world.ops

    ops = run_virtually(main())

    assert [message.text for message in ops.sent] == ["the disk is full"] * 2 + ["something else"]
    assert ops.tried == pytest.approx([0, 60, 90])
    assert (ops.sent[0].topic, ops.sent[0].severity) == ("paged", "critical")
    assert ops.sent[0].title == "watchdog: the disk is full"


def test_an_alarm_needs_no_journal() -> None:
    async def main() -> Outbox:
        world = World()
        world.journal.fault = "no space left on device"
        announcer = world.announcer()
        announcer.now("nothing can be recorded")
        await live(announcer.run, 1)
        return world.ops

    assert "nothing can be recorded" in [message.text for message in run_virtually(main()).sent]


def test_an_alarm_does_not_wait_behind_a_message_that_is_tried_again() -> None:
    async def main() -> list[str]:
        world = World({"ops": Outbox([TransientError("503")] * 3)})
        announcer = world.announcer()
        await world.journal.append(BLIND)
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(announcer.run())
            await asyncio.sleep(4)
            announcer.now("look here")
            await asyncio.sleep(1)
            life.cancel()
        return [message.text for message in world.ops.sent]

    assert run_virtually(main()) == ["look here"]


def test_an_alarm_that_fails_is_tried_once_and_more_alarms_than_fit_are_dropped() -> None:
    async def main() -> Outbox:
        world = World({"ops": Outbox(always=TransientError("503"))})
        announcer = world.announcer()
        for number in range(150):
            announcer.now(f"alarm {number}")
        await live(announcer.run, 10)
        return world.ops

    assert len(run_virtually(main()).tried) == 100


# -- the end of a process


def test_settle_waits_until_all_is_told() -> None:
    async def main() -> tuple[bool, list[str]]:
        world = World({"ops": Outbox([TransientError("503")] * 2)})
        announcer = world.announcer()
        settled = False
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(announcer.run())
            await world.journal.append(BLIND, SEEING)
            settled = await announcer.settle(10)
            life.cancel()
        return settled, world.ops.topics

    assert run_virtually(main()) == (True, ["blind", "seeing"])


def test_settle_waits_for_what_came_while_another_message_was_sent() -> None:
    async def main() -> list[str]:
        world = World({"ops": Outbox(slow=2.0)})
        announcer = world.announcer()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(announcer.run())
            await world.journal.append(BLIND)
            await asyncio.sleep(1)
            await world.journal.append(SEEING)
            await announcer.settle(10)
            life.cancel()
        return world.ops.topics

    assert run_virtually(main()) == ["blind", "seeing"]


def test_settle_does_not_wait_longer_than_it_may() -> None:
    async def main() -> tuple[bool, float]:
        world = World({"ops": Outbox(always=HUNG)})
        announcer = world.announcer()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(announcer.run())
            await world.journal.append(BLIND)
            settled = await announcer.settle(5)
            life.cancel()
        return settled, asyncio.get_running_loop().time()

    settled, seconds = run_virtually(main())

    assert not settled
    assert seconds == pytest.approx(5)
