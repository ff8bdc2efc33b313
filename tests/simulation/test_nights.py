"""A dead service, dead sources, a quiet night: what each comes to, through the whole lane."""

import asyncio

from tests.builders import a_check, a_plan, a_signal, a_target, a_trigger, a_watch, above
from tests.process import Process, a_world
from watchdog.domain.events import (
    Decided,
    IncidentOpened,
    RunStarted,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.observation import Sample
from watchdog.domain.target import Target
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import World

NIGHT = 8 * 3600.0
RATIOS = ("errors", "latency", "retries", "timeouts")


def guarded() -> Target:
    """Four ratios that need traffic, and one look at whether the service is there at all."""
    ratios = (
        a_trigger(
            name,
            signal=a_signal(name, has_volume=True, unit="ratio"),
            breach_when=above(0.1),
            hold="5m",
        )
        for name in RATIOS
    )
    down = a_trigger("up", fails=3, every=10, source="health", breach_when=a_check().expect)
    return a_target(*ratios, down, plans=[a_plan(watch=a_watch(short="15m"))])


def shows(world: World, ratio: float | None, volume: float) -> None:
    """Every ratio is this, of so many requests; None where there is nothing to divide."""
    sample = Sample((ratio,) if ratio is not None else (), volume=volume)
    for name in RATIOS:
        world.signals[name] = lambda _: sample


def a_healthy_world() -> World:
    world = a_world()
    world.says("up", 1)
    shows(world, 0.01, 500.0)
    return world


async def watch(process: Process, seconds: float) -> None:
    """As the service does: the breaker is looked after all the time."""
    for _ in range(int(seconds / 60)):
        await asyncio.sleep(60)
        await process.journal.append(*process.breaker.meanwhile())


@virtually
async def test_a_dead_service_with_healthy_sources_starts_its_plan_through_its_liveness() -> None:
    world = a_healthy_world()
    async with Process(world, guarded()).running() as process:
        await watch(process, 600)
        world.says("up", 0)
        shows(world, None, 0.0)

        await watch(process, 60)

        (started,) = process.told(RunStarted)
        assert started.trigger == "up"
        assert world.names == ["flag off"]


@virtually
async def test_dead_sources_with_a_healthy_service_start_nothing_and_page_once_each() -> None:
    world = a_healthy_world()
    async with Process(world, guarded()).running() as process:
        await watch(process, 600)
        for signal in (*RATIOS, "up"):
            world.says(signal, "err")

        await watch(process, 2 * 3600)

        assert not process.told(RunStarted)
        assert not process.told(Decided)
        assert not process.told(TriggerChanged)
        assert world.sends == []
        blind = sorted(event.source for event in process.told(SourceWentBlind))
        assert blind == ["health", "prometheus"]
        assert "5 of 5 triggers are unknown" in process.ledger.breaker.why

        shows(world, 0.01, 500.0)
        world.says("up", 1)
        await watch(process, 60)
        assert len(process.told(SourceSeesAgain)) == 2


@virtually
async def test_a_quiet_night_neither_pages_nor_disarms() -> None:
    world = a_healthy_world()
    async with Process(world, guarded()).running() as process:
        await watch(process, 600)
        # One failure of three requests: a third, and no reason for anything.
        shows(world, 1 / 3, 3.0)

        await watch(process, NIGHT)

        assert not process.told(SourceWentBlind)
        assert not process.told(TriggerChanged)
        assert not process.told(IncidentOpened)
        assert not process.told(Decided)
        assert process.ledger.breaker.why == ""
        assert process.alarms == []

        # And in the morning it is as watchful as ever.
        shows(world, 0.2, 500.0)
        await watch(process, 360)
        (started,) = process.told(RunStarted)
        assert started.trigger == "errors"


@virtually
async def test_a_night_without_a_single_request_neither_pages_nor_disarms() -> None:
    """Zero of zero is no number, and the volume says why."""
    world = a_healthy_world()
    async with Process(world, guarded()).running() as process:
        await watch(process, 600)
        shows(world, float("nan"), 0.0)

        await watch(process, NIGHT)

        assert not process.told(SourceWentBlind)
        assert not process.told(TriggerChanged)
        assert process.ledger.breaker.why == ""
        assert not process.told(Decided)
