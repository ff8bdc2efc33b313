"""A decision matrix swept cell by cell: what it decides, until when, and what becomes of that."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bed.statuses import status_of
from tests.builders import a_step
from tests.process import Parts, Process
from watchdog import catalog
from watchdog.config.loading import load_files
from watchdog.domain.decision import Reason
from watchdog.domain.decision_table import Cell, Row, Seen, States, Then
from watchdog.domain.events import (
    Acknowledged,
    Decided,
    IncidentClosed,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    RunStarted,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Sample
from watchdog.domain.outcomes import Standing
from watchdog.domain.target import Mode, Target
from watchdog.engine.lane import Lane
from watchdog.engine.table_clock import TableClock
from watchdog.ports import Eyes, Hands
from watchdog.testing.virtual_time import VirtualClock, run_virtually, virtually
from watchdog.testing.world import World

FILE = Path(__file__).with_name("matrix.yaml")
MINUTE = 60.0
ROUND = 15.5
GOOD = {
    "corruption": 0.0,
    "breach": 0.0,
    "providers": 3.0,
    "database": 1.0,
    "errors": 0.001,
    "p95": 0.4,
    "limited": 0.0,
}


def the_target(mode: Mode = Mode.AUTO) -> Target:
    """The target of the file, in a world that answers for its sources and its service."""
    (target,) = load_files([FILE], catalog, environ={}).targets
    plan = target.plans["immediate"]
    return replace(
        target,
        mode=mode,
        signals={name: replace(one, ask={"signal": name}) for name, one in target.signals.items()},
        plans={"immediate": replace(plan, steps=(a_step("switch it off"),))},
    )


def a_process(mode: Mode = Mode.AUTO, *, parts: Parts | None = None) -> Process:
    world = World(VirtualClock())
    for name, value in GOOD.items():
        says(world, name, value)
    return Process(world, the_target(mode), parts=parts)


def says(world: World, name: str, seen: float | str) -> None:
    """A number of a thousand requests, or a word of a tape."""
    if isinstance(seen, str):
        world.says(name, seen)
        return
    sample = Sample((seen,), volume=1000.0)
    world.signals[name] = lambda _at: sample


async def becomes(process: Process, **seen: float | str) -> None:
    """From now on the world is like that, and it has been seen to be for long enough."""
    for name, value in seen.items():
        says(process.world, name, value)
    await process.slots(2)


def at_of(process: Process, kind: type) -> list[Moment]:
    return [record.at for record in process.journal.records if isinstance(record.event, kind)]


def standing(process: Process) -> dict[str, str]:
    return {one.row: one.standing.value for one in process.account.outcomes}


# -- E2-2: every row, and the cells that no row covers


class Case(NamedTuple):
    seen: dict[str, float]
    row: str
    outcome: Then
    minutes: float


CASES = {
    "data is corrupted": Case({"corruption": 1}, "data is corrupted", Then.ROLLBACK, 5),
    "data is corrupted, whatever else": Case(
        {"corruption": 1, "errors": 0.02, "p95": 6, "limited": 0.1},
        "data is corrupted",
        Then.ROLLBACK,
        5,
    ),
    "all providers are down": Case(
        {"providers": 0, "errors": 0.02}, "all providers are down", Then.ROLLBACK, 5
    ),
    "the database is lost": Case({"database": 0}, "the database is lost", Then.ROLLBACK, 5),
    "security is breached": Case({"breach": 1}, "security is breached", Then.ROLLBACK, 5),
    "errors spike": Case({"errors": 0.02, "p95": 6}, "errors spike", Then.ROLLBACK, 2),
    "latency is degraded": Case({"p95": 4}, "latency is degraded", Then.INVESTIGATE, 5),
    "latency is very much degraded": Case({"p95": 11}, "latency is degraded", Then.INVESTIGATE, 5),
    "rate limiting": Case({"limited": 0.1}, "rate limiting", Then.MONITOR, 10),
    # The holes of the matrix: the default row is there for them.
    "0.5 to 1 % of errors": Case({"errors": 0.007}, "not in the matrix", Then.INVESTIGATE, 5),
    "0.5 to 1 % and slow": Case(
        {"errors": 0.007, "p95": 4}, "not in the matrix", Then.INVESTIGATE, 5
    ),
    "0.5 to 1 % and very slow": Case(
        {"errors": 0.007, "p95": 11}, "not in the matrix", Then.INVESTIGATE, 5
    ),
    "0.5 % exactly, and slow": Case(
        {"errors": 0.005, "p95": 4}, "not in the matrix", Then.INVESTIGATE, 5
    ),
    "more than 1 % and fast": Case({"errors": 0.02}, "not in the matrix", Then.INVESTIGATE, 5),
    "more than 1 % and 5 s exactly": Case(
        {"errors": 0.02, "p95": 5}, "not in the matrix", Then.INVESTIGATE, 5
    ),
    "providers down, and no errors": Case(
        {"providers": 0}, "not in the matrix", Then.INVESTIGATE, 5
    ),
    "rate limiting and errors": Case(
        {"limited": 0.1, "errors": 0.007}, "not in the matrix", Then.INVESTIGATE, 5
    ),
}
NAMES = list(CASES)
LOOKS_ONLY = [name for name, case in CASES.items() if case.outcome is not Then.ROLLBACK]


@pytest.mark.parametrize("name", NAMES)
def test_each_cell_has_its_decision_and_its_deadline(name: str) -> None:
    case = CASES[name]

    @virtually
    async def scenario() -> None:
        async with a_process().running() as process:
            await process.slots(2)
            await becomes(process, **case.seen)

            (opened,) = process.told(OutcomeOpened)
            (at,) = at_of(process, OutcomeOpened)
            assert (opened.row, opened.outcome) == (case.row, case.outcome)
            assert opened.deadline == at.wall + case.minutes * MINUTE
            runs = [(one.plan.name, one.reason) for one in process.told(RunStarted)]
            acts = case.outcome is Then.ROLLBACK
            assert runs == ([("immediate", case.row)] if acts else [])
            assert bool(process.world.sends) is acts

    scenario()


@pytest.mark.parametrize("name", LOOKS_ONLY)
def test_what_still_holds_at_its_deadline_goes_to_a_person_and_nothing_is_sent(name: str) -> None:
    case = CASES[name]

    @virtually
    async def scenario() -> None:
        async with a_process().running() as process:
            await process.slots(2)
            await becomes(process, **case.seen)
            await asyncio.sleep(case.minutes * MINUTE - 2 * ROUND)
            assert process.told(OutcomeEscalated) == []

            await asyncio.sleep(3 * ROUND)
            (escalated,) = process.told(OutcomeEscalated)
            assert (escalated.row, escalated.why) == (case.row, "it still holds")
            (opened,), (at,) = at_of(process, OutcomeOpened), at_of(process, OutcomeEscalated)
            assert 0 <= at.since(opened) - case.minutes * MINUTE <= ROUND
            await asyncio.sleep(60 * MINUTE)
            assert len(process.told(OutcomeEscalated)) == 1
            assert process.world.sends == []

    scenario()


@pytest.mark.parametrize("name", LOOKS_ONLY)
def test_what_is_over_by_then_closes_quietly_and_nothing_is_sent(name: str) -> None:
    case = CASES[name]

    @virtually
    async def scenario() -> None:
        async with a_process().running() as process:
            await process.slots(2)
            await becomes(process, **case.seen)
            await becomes(process, **GOOD)
            await asyncio.sleep(case.minutes * MINUTE + ROUND)

            assert [one.row for one in process.told(OutcomeClosed)] == [case.row]
            assert len(process.told(IncidentClosed)) == 1
            assert process.told(OutcomeEscalated) == []
            assert process.world.sends == []
            assert process.account.outcomes == ()

    scenario()


# -- clocks


@virtually
async def test_a_row_that_gave_way_to_another_closes_at_its_own_deadline() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, p95=4)
        await becomes(process, p95=0.4, limited=0.1)
        # A trigger is over once it has been good for two minutes.
        await asyncio.sleep(3 * MINUTE)
        assert standing(process) == {"latency is degraded": "open", "rate limiting": "open"}

        await asyncio.sleep(2 * MINUTE)
        assert [one.row for one in process.told(OutcomeClosed)] == ["latency is degraded"]
        (opened, _), (closed,) = at_of(process, OutcomeOpened), at_of(process, OutcomeClosed)
        assert 0 <= closed.since(opened) - 5 * MINUTE <= ROUND
        assert standing(process) == {"rate limiting": "open"}


@virtually
async def test_going_back_and_forth_gains_no_time() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, p95=4)
        for _ in range(3):
            await becomes(process, p95=4, errors=0.007)
            await asyncio.sleep(20)
            await becomes(process, p95=4, errors=0.001)
            await asyncio.sleep(20)
        await asyncio.sleep(5 * MINUTE)

        (opened, ended, *_) = [
            record.at
            for record in process.journal.records
            if isinstance(record.event, OutcomeOpened | OutcomeEscalated | OutcomeClosed)
            and record.event.row == "latency is degraded"
        ]
        assert 0 <= ended.since(opened) - 5 * MINUTE <= ROUND


@virtually
async def test_the_deadline_goes_on_across_a_restart() -> None:
    process = a_process()
    async with process.running():
        await process.slots(2)
        await becomes(process, p95=4)
        await asyncio.sleep(2 * MINUTE)

    again = Process(process.world, the_target(), journal=process.journal)
    async with again.running():
        await asyncio.sleep(3 * MINUTE + 2 * ROUND)

        (opened,), (escalated,) = at_of(again, OutcomeOpened), at_of(again, OutcomeEscalated)
        assert 0 <= escalated.since(opened) - 5 * MINUTE <= 2 * ROUND


@virtually
async def test_a_deadline_that_passed_while_nobody_ran_is_heeded_at_the_start() -> None:
    process = a_process()
    async with process.running():
        await process.slots(2)
        await becomes(process, p95=4)
    await asyncio.sleep(30 * MINUTE)

    again = Process(process.world, the_target(), journal=process.journal)
    async with again.running():
        await again.slots(1)
        assert len(again.told(OutcomeEscalated)) == 1


@virtually
async def test_what_is_unknown_at_the_deadline_is_not_over() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, p95=4)
        await becomes(process, p95="err", errors="err")
        await asyncio.sleep(5 * MINUTE + ROUND)

        (escalated,) = process.told(OutcomeEscalated)
        assert escalated.row == "latency is degraded"
        assert "without errors-high, errors-some" in escalated.why


@virtually
async def test_an_unknown_trigger_is_not_quiet_and_the_default_row_asks_a_person() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, errors="quiet")
        await process.slots(4)
        await becomes(process, p95=4)

        assert [one.row for one in process.told(OutcomeOpened)] == ["not in the matrix"]


@virtually
async def test_a_rollback_waits_while_an_earlier_row_for_people_may_hold_instead() -> None:
    process = a_process()
    rows = process.lane.target.decisions
    slow, default = rows[5], rows[-1]
    last = Row("slow", Then.ROLLBACK, (("slow", Cell.FIRING),), plan="immediate", within=300.0)
    target = replace(process.lane.target, decisions=(slow, last, default))
    process = Process(process.world, target)
    async with process.running():
        await process.slots(2)
        await becomes(process, errors="quiet")
        await process.slots(4)
        await becomes(process, p95=4)
        await asyncio.sleep(5 * MINUTE + ROUND)
        # Where errors are quiet, the first row asks people to look, and nothing is sent.
        assert process.told(RunStarted) == []
        assert [one.row for one in process.told(OutcomeEscalated)] == ["slow"]

        await becomes(process, errors=0.02)
        assert [one.plan.name for one in process.told(RunStarted)] == ["immediate"]


# -- people


@virtually
async def test_a_person_who_takes_it_into_their_hands_stops_the_clock() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, p95=4)
        incident = process.account.incident
        await process.journal.append(Acknowledged("support", incident, "ann", "on it"))
        await asyncio.sleep(30 * MINUTE)

        assert process.told(OutcomeEscalated) == []
        assert standing(process) == {"latency is degraded": Standing.DECIDED.value}
        assert len(process.told(OutcomeOpened)) == 1


@virtually
async def test_a_run_that_a_person_starts_is_a_decision() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, p95=4)
        lane, plan = process.lane, process.lane.target.plans["immediate"]
        await lane.order(lambda: lane.start_by_hand(plan, "ann", "", lambda: process.hands))
        await asyncio.sleep(30 * MINUTE)

        assert process.told(OutcomeEscalated) == []


@virtually
async def test_a_rollback_that_the_machine_may_not_start_must_be_decided_in_time() -> None:
    async with a_process(Mode.ALERT_ONLY).running() as process:
        await process.slots(2)
        await becomes(process, errors=0.02, p95=6)
        assert [one.refusal for one in process.told(Decided)] == [Reason.ALERT_ONLY]
        assert process.told(Decided)[0].plan == "immediate"
        await asyncio.sleep(2 * MINUTE + ROUND)

        (escalated,) = process.told(OutcomeEscalated)
        assert (escalated.row, escalated.plan) == ("errors spike", "immediate")
        (opened,), (at,) = at_of(process, OutcomeOpened), at_of(process, OutcomeEscalated)
        assert 0 <= at.since(opened) - 2 * MINUTE <= ROUND
        assert process.world.sends == []


@virtually
async def test_a_rollback_proves_that_every_trigger_of_its_row_is_good_again() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        process.world.on_effect = lambda _name: says(process.world, "p95", 0.4)
        await becomes(process, errors=0.02, p95=6)

        (started,) = process.told(RunStarted)
        names = [check.name for check in started.plan.verify]
        assert [name.split()[1] for name in names] == ["errors-high", "very-slow"]
        assert started.severity.name == "CRITICAL"


@virtually
async def test_the_status_says_what_is_asked_and_how_much_time_is_left() -> None:
    async with a_process().running() as process:
        await process.slots(2)
        await becomes(process, p95=4)
        await asyncio.sleep(MINUTE)

        (outcome,) = status_of(process)["targets"][0]["outcomes"]
        assert (outcome["row"], outcome["standing"]) == ("latency is degraded", "open")
        assert 225 <= outcome["left_seconds"] <= 240


# -- planted bugs: each is told from the right one


def with_table(kind: type[TableClock]) -> Parts:
    class Planted(Lane):
        def _take(self, target: Target, eyes: Eyes, hands: Hands | None) -> None:
            super()._take(target, eyes, hands)
            self.table = kind(target, self.evaluator)

    return Parts(lane=Planted)


class UnknownIsQuiet(TableClock):
    """Takes silence for a good sign."""

    def states(self, now: Moment) -> States:
        """As a table does, less the unknown."""
        seen = super().states(now).items()
        return {name: Seen.QUIET if one is Seen.UNKNOWN else one for name, one in seen}


def forgets_outcomes(ledger: Ledger) -> None:
    """Forgets over a restart what a table asked for."""
    for name, account in ledger.accounts.items():
        ledger.accounts[name] = replace(account, outcomes=())


async def silence_is_not_quiet(parts: Parts) -> None:
    async with a_process(parts=parts).running() as process:
        await process.slots(2)
        await becomes(process, errors="quiet")
        await process.slots(4)
        await becomes(process, p95=4)
        assert [one.row for one in process.told(OutcomeOpened)] == ["not in the matrix"]


async def silence_is_no_recovery(parts: Parts) -> None:
    async with a_process(parts=parts).running() as process:
        await process.slots(2)
        await becomes(process, errors=0.007)
        await becomes(process, errors=0.001, limited=0.1)
        # The first trigger is over; from now on nobody can tell.
        await asyncio.sleep(3 * MINUTE)
        await becomes(process, limited=0.1, errors="err", p95="err")
        await asyncio.sleep(3 * MINUTE)
        assert "not in the matrix" in [one.row for one in process.told(OutcomeEscalated)]


async def a_restart_gains_no_time(parts: Parts) -> None:
    process = a_process()
    async with process.running():
        await process.slots(2)
        await becomes(process, p95=4)
        await asyncio.sleep(2 * MINUTE)
    again = Process(process.world, the_target(), journal=process.journal, parts=parts)
    async with again.running():
        await asyncio.sleep(3 * MINUTE + 2 * ROUND)
        assert len(again.told(OutcomeEscalated)) == 1


BUGS = {
    "silence is quiet": (silence_is_not_quiet, with_table(UnknownIsQuiet)),
    "silence is recovery": (silence_is_no_recovery, with_table(UnknownIsQuiet)),
    "a restart starts the clock anew": (a_restart_gains_no_time, Parts(recalled=forgets_outcomes)),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_told_from_the_right_one(name: str) -> None:
    scenario, planted = BUGS[name]

    run_virtually(scenario(Parts()))
    with pytest.raises(AssertionError):
        run_virtually(scenario(planted))
