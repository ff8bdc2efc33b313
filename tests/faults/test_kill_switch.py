"""The kill switch in the middle of a plan, pages off: the next step never starts."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.adapters.clock import SystemClock
from watchdog.domain.events import KillSwitchChanged
from watchdog.domain.progress import RunEnded

# Seconds: what is promised, and what a busy machine may take on top of it.
PROMISED = 1.0
SLACK = 1.0
# Far more steps than can be done in that time.
MANY = 80
PACE = 0.1


def by_file(site: Site) -> None:
    site.journal.with_name("KILL").touch()


def by_signal(site: Site) -> None:
    assert site.process is not None
    os.kill(site.process.pid, signal.SIGUSR1)


Throw = Callable[[Site], None]


@pytest.mark.parametrize("throw", [by_file, by_signal])
async def test_no_step_starts_behind_the_one_under_way(site: Site, throw: Throw) -> None:
    api = site.api
    first, held, never = (f"{TARGET}/{name}" for name in ("first", "mend", "never"))
    site.write(a_target(api, *[a_step(api, step) for step in (first, held, never)]))
    api.held.add(held)
    api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: api.sent == [first, held], "the second step is under way")
        throw(site)
        await site.until_event(KillSwitchChanged, on=True)
        api.release()
        ended = await site.until_event(RunEnded)
        await site.until(lambda: bool(api.told("failed")), "the channel hears of it")
        _, status, _ = await site.command("status", site.file)

    assert ended.outcome.value == "stopped"
    assert "kill switch" in ended.detail
    assert api.sent == [first, held]
    assert "latched" in status
    await site.assert_sound()


@pytest.mark.parametrize("throw", [by_file, by_signal])
async def test_a_plan_at_full_speed_stops_within_a_second(site: Site, throw: Throw) -> None:
    api = site.api
    api.pace = PACE
    steps = [a_step(api, f"{TARGET}/{number}", "idempotent") for number in range(MANY)]
    site.write(a_target(api, *steps))
    api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: len(api.sent) >= 5, "the plan is under way")
        thrown = SystemClock().now().elapsed
        throw(site)
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "stopped"
    assert api.posts()[-1].at - thrown < PROMISED + SLACK
    assert len(api.sent) < MANY
    await site.assert_sound()


async def test_a_kill_file_that_came_while_the_daemon_was_down_stops_the_run_it_takes_up(
    site: Site,
) -> None:
    api = site.api
    held, never = f"{TARGET}/mend", f"{TARGET}/never"
    site.write(a_target(api, *[a_step(api, step) for step in (held, never)]))
    api.held.add(held)
    api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: api.sent == [held], "the first step is under way")
        await site.kill()
    by_file(site)
    api.release()

    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "stopped"
    assert api.sent == [held]
    await site.assert_sound()
