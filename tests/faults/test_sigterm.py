"""SIGTERM in the middle of a run: it ends within its grace, and the next start goes on."""

from collections import Counter

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.app.daemon import SETTLE_LIMIT
from watchdog.domain.progress import (
    CheckSampled,
    Proof,
    RunEnded,
    RunParked,
    RunResumed,
    StepAnswered,
    WatchEnded,
    WatchStarted,
)

FLAGS, MEND, AFTER = (f"{TARGET}/{step}" for step in ("flags", "mend", "after"))
STEPS = [FLAGS, MEND, AFTER]
# What closing takes besides: last messages, reports, sockets; and a busy machine.
CLOSING = 2 * SETTLE_LIMIT + 4.0
GRACE = 1.0


def a_run_of_three_steps(
    site: Site, repeat: str = "observable", grace: float = GRACE, **plan: object
) -> None:
    """A target whose plan has three steps, about to break."""
    steps = [a_step(site.api, step, repeat) for step in STEPS]
    site.write(a_target(site.api, *steps, plan=plan), grace=f"{grace}s")
    site.api.bad.add(TARGET)


async def test_a_step_that_is_answered_within_the_grace_is_finished(site: Site) -> None:
    a_run_of_three_steps(site, grace=20.0)
    await site.open_pages()
    site.api.held.add(MEND)
    async with site.at_work() as process:
        await site.until(lambda: site.api.sent == [FLAGS, MEND], "the second step is under way")
        process.terminate()
        await site.until_ready_says(503, "it is stopping")
        site.api.release()
        code = await process.wait()
    (parked,) = await site.events(RunParked)
    answers = await site.events(StepAnswered)
    sent = site.api.sent

    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert (code, parked.reason) == (0, "SIGTERM")
    assert [answer.ok for answer in answers] == [True, True]
    assert sent == [FLAGS, MEND]
    assert ended.outcome.value == "succeeded"
    assert site.api.sent == STEPS
    await site.assert_sound()


async def test_a_step_that_outlasts_the_grace_is_looked_at_by_the_next_start(site: Site) -> None:
    a_run_of_three_steps(site)
    site.api.held.add(MEND)
    async with site.at_work():
        await site.until(lambda: site.api.sent == [FLAGS, MEND], "the second step is under way")
        code, took = await site.stop()
    answers = await site.events(StepAnswered)
    site.api.held.clear()

    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert code == 0
    assert GRACE <= took < GRACE + CLOSING
    # Nothing is known of the second: neither that it was done, nor that it was not.
    assert len(answers) == 1
    assert ended.outcome.value == "succeeded"
    assert site.api.effects == Counter(STEPS)
    assert site.api.sent == STEPS
    await site.assert_sound()


async def test_a_step_nobody_can_look_at_that_outlasts_the_grace_is_left_to_a_person(
    site: Site,
) -> None:
    a_run_of_three_steps(site, "once")
    site.api.held.add(MEND)
    async with site.at_work():
        await site.until(lambda: site.api.sent == [FLAGS, MEND], "the second step is under way")
        code, took = await site.stop()

    async with site.at_work():
        ended = await site.until_event(RunEnded)
        await site.until(lambda: bool(site.api.told("interrupted")), "the channel hears of it")

    assert code == 0
    assert took < GRACE + CLOSING
    assert ended.outcome.value == "interrupted"
    assert site.api.sent == [FLAGS, MEND]
    await site.assert_sound()


async def test_sigterm_during_the_verification_parks_it_and_the_next_start_proves_it(
    site: Site,
) -> None:
    proof = {"signal": "healthy", "is": "ok", "samples": 2, "pause": "50ms", "within": "60s"}
    a_run_of_three_steps(site, verify=[proof])
    site.api.curable = False
    async with site.at_work():
        await site.until_event(CheckSampled, 3)
        code, took = await site.stop()
    (parked,) = await site.events(RunParked)
    site.api.bad.clear()

    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert (code, parked.reason) == (0, "SIGTERM")
    # There is nothing to wait for, so no grace is used up.
    assert took < CLOSING
    assert ended.outcome.value == "succeeded"
    assert site.api.sent == STEPS
    await site.assert_sound()


async def test_sigterm_during_the_watch_parks_it_and_the_next_start_watches_on(
    site: Site,
) -> None:
    a_run_of_three_steps(site, watch={"short": "4s", "long": "0s", "every": "200ms"})
    async with site.at_work():
        await site.until_event(WatchStarted)
        await site.until_event(CheckSampled, 5)
        code, took = await site.stop()
    over = await site.events(WatchEnded)

    async with site.at_work():
        stable = await site.until_event(WatchEnded)
        await site.until(lambda: bool(site.api.told("stable")), "the channel hears of it")

    assert code == 0
    assert took < CLOSING
    assert over == []
    assert stable.proof is Proof.PASSED
    assert len(await site.events(RunResumed)) == 1
    assert len(await site.events(RunEnded)) == len(await site.events(WatchStarted)) == 1
    assert site.api.sent == STEPS
    await site.assert_sound()
