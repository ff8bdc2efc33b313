"""The wall clock jumps while a trigger is pending: that alone never fires it."""

from collections.abc import Callable

import pytest

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import ClockStepped, TriggerChanged
from watchdog.domain.progress import RunEnded
from watchdog.domain.trigger import Change

LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
MEND = f"{TARGET}/mend"
HOLD = 5.0
HOUR = 3600


@pytest.fixture
def skewed(site: Site, require_program: Callable[[str], str]) -> Site:
    """A site whose daemons live under a wall clock of their own: see `set_clock`."""
    require_program("faketime")
    site.environ |= {
        "LD_PRELOAD": LIBFAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(site.folder / "offset"),
        # Seconds until a change of the file is seen; to look each time would slow everything.
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    set_clock(site, 0)
    return site


def set_clock(site: Site, seconds: int) -> None:
    """From now on the daemon's wall clock is that far from ours."""
    (site.folder / "offset").write_text(f"{seconds:+d}")


async def test_a_jump_of_an_hour_starts_what_is_pending_anew(skewed: Site) -> None:
    api = skewed.api
    target = a_target(api, a_step(api, MEND))
    slow = {"signal": "slow", "above": 0, "for": f"{HOLD}s", "plan": "undo"}
    target["sources"]["health"]["every"] = "500ms"
    target["signals"]["slow"] = {"from": "health", "latency": True, "unit": "s"}
    target["triggers"] = {"slow": {**slow, "severity": "critical", "keep_firing_for": "1s"}}
    skewed.write(target)

    async with skewed.at_work():
        await skewed.until_event(TriggerChanged, change=Change.PENDING)
        set_clock(skewed, HOUR)
        await skewed.until_event(ClockStepped)
        sent_after_one = list(api.sent)
        set_clock(skewed, 0)
        await skewed.until_event(ClockStepped, 2)
        stepped = await step_times(skewed)
        # It looks on, and what goes on being bad fires once it was watched for long enough.
        await skewed.until(lambda: api.sent == [MEND], "it fires in the end")
        await skewed.until_event(RunEnded)

    assert sent_after_one == []
    assert api.posts(MEND)[0].at - stepped[-1] >= HOLD
    steps = [event.seconds for event in await skewed.events(ClockStepped)]
    assert [round(step) for step in steps] == [HOUR, -HOUR]
    assert len(await skewed.events(TriggerChanged, change=Change.FIRING)) == 1


async def step_times(site: Site) -> list[float]:
    """When the daemon noticed each step, on the clock that never steps."""
    records = await site.records()
    return [each.at.elapsed for each in records if isinstance(each.event, ClockStepped)]
