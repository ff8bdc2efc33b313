"""Limits hold (I11, I13, I19): whatever fires, restarts, reboots, and whatever the clocks show."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from tests.simulation.limited import (
    COOLDOWN,
    GLOBAL,
    PER_DAY,
    PER_HOUR,
    Begun,
    Machine,
    a_service,
)
from watchdog.domain.decision import DAY, HOUR, MAX_SKEW, Reason
from watchdog.domain.events import Outcome
from watchdog.domain.trigger import Severity

NAMES = ("api", "db", "mail", "web")
# A clock may be as wrong as this when a run is written, and wrong the other way at a reboot.
SLACK = 2 * MAX_SKEW
MINUTE = 60.0
STEPS = 150
SEEDS = 300
WAITS = (1.0, MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 5 * HOUR, 13 * HOUR)
WRONG = (-HOUR, HOUR, 2 * DAY, -2 * DAY)
# What happens, and how often.
CHANCES = {
    "fire": 40,
    "end": 25,
    "wait": 25,
    "calm": 10,
    "deploy": 10,
    "deploy again": 6,
    "clear": 8,
    "close breaker": 6,
    "restart": 6,
    "wrong clock": 4,
    "reboot": 3,
    "wrong at boot": 3,
    "freeze": 3,
    "kill": 1,
    "revive": 4,
}


def fire(machine: Machine, chance: Random) -> None:
    """A trigger fires somewhere; nothing begins where somebody said that nothing may."""
    name, severity = chance.choice(NAMES), chance.choice([*Severity])
    killed, breaker = machine.ledger.killed, machine.ledger.breaker.why
    frozen = machine.true < machine.thawed.get(name, 0.0)
    latched = machine.ledger.account(name).latched
    before = len(machine.begun)
    machine.fire(name, chance.choice(["errors", "slow"]), severity)
    if len(machine.begun) > before:
        assert [killed, breaker, frozen, latched] == ["", "", False, ""]
        assert abs(machine.error) <= MAX_SKEW or not machine.tells_skew


def happen(machine: Machine, what: str, chance: Random) -> None:  # noqa: C901, PLR0912 -- one case each
    name = chance.choice(NAMES)
    match what:
        case "fire":
            fire(machine, chance)
        case "end":
            outcomes = [Outcome.SUCCEEDED] * 3 + [Outcome.FAILED]
            for one in NAMES:
                machine.end(one, chance.choice(outcomes))
        case "wait":
            machine.true += chance.choice(WAITS)
        case "calm":
            machine.calm(name)
        case "deploy":
            machine.deploy(name)
        case "deploy again":
            machine.deploy_again(name)
        case "clear":
            machine.clear(name)
        case "close breaker":
            machine.close_breaker()
        case "restart":
            machine.restart()
        case "kill" | "revive":
            machine.kill(on=what == "kill")
        case "freeze" if machine.error == 0:
            # Whoever says until when reads it from the same clock.
            machine.freeze(name, chance.choice(WAITS))
        case _:
            of_clocks(machine, what, chance)


def of_clocks(machine: Machine, what: str, chance: Random) -> None:
    match what:
        case "wrong clock":
            machine.error = chance.choice([0.0, 0.0, -45.0, 45.0, *WRONG])
        case "reboot" if machine.tells_skew:
            machine.reboot()
        case "wrong at boot" if machine.tells_skew:
            machine.error = chance.choice(WRONG)
            machine.reboot()
            machine.error = 0.0


def lived(seed: int) -> Machine:
    """A machine after as many random things as one seed says."""
    chance = Random(seed)
    # Where no source tells the time, only the clock that never steps is right: until a reboot.
    machine = Machine({name: a_service(name) for name in NAMES}, tells_skew=bool(seed % 3))
    for name in NAMES:
        machine.deploy(name)
    happenings, weights = list(CHANCES), list(CHANCES.values())
    for what in chance.choices(happenings, weights, k=STEPS):
        happen(machine, what, chance)
    return machine


def within(begun: Sequence[Begun], last: Begun, seconds: float) -> list[Begun]:
    """Those that `seconds` before `last` count with it, itself included."""
    return [one for one in begun if last.at - seconds < one.at <= last.at]


def assert_limits_held(machine: Machine) -> None:
    counted = [one for one in machine.begun if not one.follows]
    for index, last in enumerate(counted):
        until = counted[: index + 1]
        mine = [one for one in until if one.target == last.target]
        assert len(within(mine, last, DAY - SLACK)) <= PER_DAY
        # Only a graver one passes the hour's limit and the cool-down.
        hour = within(mine, last, HOUR - SLACK)[:-1]
        assert len([one for one in hour if one.severity >= last.severity]) < PER_HOUR
        assert len(within(until, last, HOUR - SLACK)) <= GLOBAL
    versions = Counter((one.target, one.version) for one in counted if one.plan == "undo")
    assert not versions or max(versions.values()) == 1


@pytest.mark.parametrize("part", range(6))
def test_limits_hold_whatever_happens(part: int) -> None:
    for seed in range(part, SEEDS, 6):
        try:
            assert_limits_held(lived(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_the_schedules_reach_every_limit() -> None:
    """Were one never reached, the test above would prove nothing of it."""
    machines = [lived(seed) for seed in range(0, SEEDS, 10)]
    refused = Counter(one.reason for machine in machines for one in machine.refused)
    limits = {
        Reason.TARGET_LIMIT,
        Reason.GLOBAL_LIMIT,
        Reason.COOLING_DOWN,
        Reason.VERSION_HAD_ITS_RUN,
        Reason.LATCHED,
        Reason.BREAKER_OPEN,
        Reason.KILL_SWITCH,
        Reason.FROZEN,
        Reason.CLOCK_UNSURE,
    }

    assert {reason: refused[reason] for reason in limits if refused[reason] < 5} == {}
    assert sum(len(machine.begun) for machine in machines) > 5 * len(machines)


def test_each_limit_in_the_order_of_a_plain_day() -> None:
    machine = Machine({name: a_service(name) for name in NAMES})
    for name in NAMES:
        machine.deploy(name)
        machine.fire(name, "errors", Severity.WARNING)
        machine.end(name, Outcome.SUCCEEDED)
        machine.calm(name)
    machine.restart()
    machine.fire("api", "slow", Severity.WARNING)
    machine.reboot()
    machine.fire("api", "slow", Severity.CRITICAL)
    machine.true += COOLDOWN
    machine.fire("api", "slow", Severity.WARNING)
    machine.end("api", Outcome.SUCCEEDED)
    machine.true += COOLDOWN
    machine.fire("api", "slow", Severity.WARNING)

    assert len(machine.begun) == GLOBAL + 1
    assert [one.reason for one in machine.refused] == [
        Reason.GLOBAL_LIMIT,
        Reason.COOLING_DOWN,
        Reason.GLOBAL_LIMIT,
        Reason.TARGET_LIMIT,
    ]
