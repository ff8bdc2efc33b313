"""Dependency groups and the data level: who waits for whom, and that nobody waits for ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch
from tests.process import Process, a_world
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.decision import Reason
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Decided, Event, RunEnded, RunStarted, StepIntended
from watchdog.domain.plan import Level, Plan
from watchdog.domain.requests import ApprovalGranted, ApprovalRequested
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import WindowKind, WindowSet
from watchdog.ports import Finding
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import run_virtually, virtually
from watchdog.testing.world import World

MEMBERS = ("db", "api", "web")
PAYMENTS = {"payments": MEMBERS}


def a_member(name: str, *, level: int = 1, mode: Mode = Mode.AUTO, long: float = 0.0) -> Target:
    """A target whose one plan takes a minute, and which its own signal proves to help."""
    plan = replace(
        a_plan(
            a_step(f"{name} undo", timeout="5m"),
            verify=[a_check(f"{name} ok")],
            verify_trigger=False,
            watch=a_watch(short="30s", long=long),
        ),
        level=level,
    )
    trigger = a_trigger(f"{name} errors")
    limits = Limits(per_hour=9, per_day=9, cooldown=0.0)
    return a_target(trigger, name=name, plans=[plan], mode=mode, limits=limits)


def the_three(**more: object) -> list[Target]:
    return [a_member(name, **more) for name in reversed(MEMBERS)]  # type: ignore[arg-type]


def a_busy_world(*names: str) -> World:
    world = a_world()
    for name in names or MEMBERS:
        world.says(f"{name} errors", 0)
        world.says(f"{name} ok", 0)
        world.takes[f"{name} undo"] = 60.0
    return world


def a_group(*targets: Target, world: World | None = None, journal: MemoryJournal | None = None,
            groups: dict[str, tuple[str, ...]] | None = None) -> Process:  # fmt: skip
    targets = targets or tuple(the_three())
    world = world or a_busy_world(*[target.name for target in targets])
    return Process(
        world,
        *targets,
        journal=journal,
        groups=PAYMENTS if groups is None else groups,
        global_per_hour=99,
        # Three that fall together are what a group is for.
        breaker=BreakerLimits(targets=99, failed=99),
    )


def break_(process: Process, *names: str) -> None:
    for name in names:
        process.world.says(f"{name} errors", 1)


def order(process: Process) -> list[str]:
    return [one.target for one in process.told(RunStarted)]


def refused(process: Process, target: str) -> list[str]:
    return [one.refusal for one in process.told(Decided) if one.target == target]


def assert_never_side_by_side(events: Sequence[Event], members: Sequence[str] = MEMBERS) -> None:
    """Between the start of a run and its end, no other of the group begins."""
    under_way: set[str] = set()
    for event in events:
        match event:
            case RunStarted(target=target, run=run) if target in members:
                assert not under_way, f"{run} began beside {under_way}"
                under_way.add(run)
            case RunEnded(run=run):
                under_way.discard(run)


# -- one after the other, in their order


@virtually
async def test_where_all_fire_the_first_goes_first_and_the_others_wait() -> None:
    process = a_group()
    async with process.running():
        await process.slots(1)
        break_(process, *MEMBERS)
        await asyncio.sleep(900)

        assert order(process) == list(MEMBERS)
        assert_never_side_by_side(process.journal.events)
        assert refused(process, "api")[0] == Reason.GROUP_ORDER
        assert Reason.GROUP_BUSY in refused(process, "web")
        details = [one.detail for one in process.told(Decided) if one.refusal]
        assert "target db of group payments: db errors fires, plan undo" in details


@virtually
async def test_the_first_waits_for_a_later_one_that_is_under_way() -> None:
    process = a_group()
    async with process.running():
        await process.slots(1)
        break_(process, "web")
        await process.slots(3)
        break_(process, "db")
        await asyncio.sleep(600)

        assert order(process) == ["web", "db"]
        assert_never_side_by_side(process.journal.events)
        assert refused(process, "db") == [Reason.GROUP_BUSY, ""]


@virtually
async def test_the_long_watch_of_one_holds_no_other_up() -> None:
    process = a_group(*the_three(long=9999.0))
    async with process.running():
        await process.slots(1)
        break_(process, "db", "api")
        await asyncio.sleep(400)

        assert order(process) == ["db", "api"]


@virtually
async def test_a_target_outside_of_the_group_waits_for_nobody() -> None:
    process = a_group(*the_three(), a_member("mail"))
    async with process.running():
        await process.slots(1)
        break_(process, "db", "mail")
        await process.slots(3)

        assert sorted(order(process)) == ["db", "mail"]


@virtually
async def test_a_run_that_a_person_started_holds_the_group_up_as_well() -> None:
    process = a_group()
    async with process.running():
        await process.slots(1)
        lane = process.lanes["web"]
        plan = lane.target.plans["undo"]
        await lane.order(lambda: lane.start_by_hand(plan, "ann", "why", lambda: process.hands))
        break_(process, "db")
        await process.slots(4)
        assert order(process) == ["web"]

        await asyncio.sleep(300)
        assert order(process) == ["web", "db"]


# -- what cannot act holds nobody up


async def _refuse(process: Process, why: Reason) -> None:
    match why:
        case Reason.FROZEN:
            until = process.clock.now().wall + 9999
            await process.journal.append(WindowSet("db", WindowKind.FREEZE, "ann", "x", until))
        case Reason.PREFLIGHT_FAILED:
            process.world.findings["db undo"] = Finding(ok=False, text="no token")


@pytest.mark.parametrize("why", [Reason.FROZEN, Reason.PREFLIGHT_FAILED, Reason.ALERT_ONLY])
def test_one_that_fires_and_is_refused_holds_nobody_up(why: Reason) -> None:
    @virtually
    async def a_night() -> None:
        mode = Mode.ALERT_ONLY if why is Reason.ALERT_ONLY else Mode.AUTO
        process = a_group(a_member("web"), a_member("db", mode=mode))
        async with process.running():
            await process.slots(1)
            await _refuse(process, why)
            break_(process, "db", "web")
            await process.slots(6)

            assert why in refused(process, "db")
            assert order(process) == ["web"]

    a_night()


@virtually
async def test_a_latched_one_holds_nobody_up() -> None:
    process = a_group()
    process.world.says("db ok", 1)
    async with process.running():
        await process.slots(1)
        break_(process, "db")
        await asyncio.sleep(900)
        assert process.ledger.account("db").latched
        process.world.says("db errors", 0)
        await asyncio.sleep(300)
        break_(process, "db", "api")
        await asyncio.sleep(300)

        assert order(process) == ["db", "api"]


@virtually
async def test_one_that_no_longer_breaches_holds_nobody_up() -> None:
    process = a_group()
    async with process.running():
        await process.slots(1)
        break_(process, "web")
        await process.slots(3)
        break_(process, "db", "api")
        await process.slots(3)
        process.world.says("db errors", 0)
        await asyncio.sleep(300)

        assert order(process) == ["web", "api"]


@virtually
async def test_one_whose_source_goes_dark_holds_nobody_up() -> None:
    process = a_group()
    async with process.running():
        await process.slots(1)
        break_(process, "web")
        await process.slots(3)
        break_(process, "db", "api")
        await process.slots(3)
        process.world.says("db errors", "err")
        await asyncio.sleep(300)

        assert order(process) == ["web", "api"]


@virtually
async def test_between_a_run_that_gave_way_and_the_graver_one_no_other_begins() -> None:
    grave = a_trigger("api outage", plan="cut", severity=Severity.CRITICAL)
    low = a_member("api")
    cut = a_plan(a_step("cut"), name="cut", verify=[a_check("api ok")], verify_trigger=False)
    api = a_target(*low.triggers, grave, name="api", plans=[*low.plans.values(), cut],
                   limits=low.limits)  # fmt: skip
    process = a_group(a_member("db"), api)
    process.world.says("api outage", 0)
    async with process.running():
        await process.slots(1)
        break_(process, "api")
        await process.slots(2)
        break_(process, "db")
        process.world.says("api outage", 1)
        await asyncio.sleep(600)

        assert [(run.target, run.plan.name) for run in process.told(RunStarted)] == [
            ("api", "undo"),
            ("api", "cut"),
            ("db", "undo"),
        ]


# -- restarts


@pytest.mark.parametrize("lived", range(30, 300, 15))
def test_a_restart_at_any_moment_changes_neither_the_order_nor_that_they_are_alone(
    lived: int,
) -> None:
    async def two_lives() -> Process:
        world = a_busy_world()
        first = a_group(world=world)
        async with first.running():
            await first.slots(1)
            break_(first, *MEMBERS)
            await asyncio.sleep(lived)
        await asyncio.sleep(7)
        journal = MemoryJournal(world.clock, boot_id="next", survived=first.journal)
        second = a_group(world=world, journal=journal)
        async with second.running():
            await asyncio.sleep(1200)
        return second

    process = run_virtually(two_lives())
    assert order(process) == list(MEMBERS)
    assert_never_side_by_side(process.journal.events)
    keys = [one.key for one in process.told(StepIntended) if one.attempt == 1]
    assert len(keys) == len({*keys})


@pytest.mark.parametrize("first", list(permutations(MEMBERS)))
def test_whichever_breaks_first_all_are_mended_and_never_two_at_a_time(
    first: tuple[str, ...],
) -> None:
    @virtually
    async def a_night() -> None:
        process = a_group()
        async with process.running():
            await process.slots(1)
            for name in first:
                break_(process, name)
                await asyncio.sleep(20)
            await asyncio.sleep(1200)

            assert sorted(order(process)) == sorted(MEMBERS)
            assert_never_side_by_side(process.journal.events)

    a_night()


# -- the data level


def data(name: str) -> Target:
    return a_member(name, level=Level.DATA)


async def agree(process: Process) -> None:
    """People agree to all that was asked."""
    for one in process.told(ApprovalRequested):
        granted = ApprovalGranted(
            one.request, one.target, one.incident, one.plan, one.plan_hash, ("ann", "bob")
        )
        await process.journal.append(granted)


@virtually
async def test_of_the_data_level_one_plan_runs_at_a_time_wherever() -> None:
    process = a_group(data("db"), data("mail"), a_member("web"), groups={})
    async with process.running():
        await process.slots(1)
        break_(process, "db", "mail", "web")
        await process.slots(4)
        await agree(process)
        await process.slots(2)
        # The one of another level waits for nobody.
        assert order(process)[0] == "web"
        assert len(order(process)) == 2

        await asyncio.sleep(400)
        assert sorted(order(process)) == ["db", "mail", "web"]
        assert_never_side_by_side(process.journal.events, ["db", "mail"])
        assert Reason.DATA_PLAN_RUNNING in refused(process, order(process)[-1])


@virtually
async def test_not_even_a_person_starts_a_second_one_of_the_data_level() -> None:
    process = a_group(data("db"), data("mail"), groups={})

    async def start(name: str) -> str:
        lane = process.lanes[name]
        plan: Plan = lane.target.plans["undo"]
        started: str = await lane.order(
            lambda: lane.start_by_hand(
                plan, "ann", "why", lambda: process.hands, approval="the data owner"
            )
        )
        return started

    async with process.running():
        await process.slots(1)
        begun = await asyncio.gather(start("db"), start("mail"), return_exceptions=True)

        (said,) = [one for one in begun if isinstance(one, WatchdogError)]
        assert "only one at a time" in str(said)
        assert len(order(process)) == 1
