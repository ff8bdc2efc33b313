"""A Lease on a real API server, held by several on one machine; clocks are ours to turn."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import refuses
from tests.bed.patience import until
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.kubernetes.access import Access
from watchdog.adapters.leases.kubernetes import DURATION, RENEW_WITHIN, KubernetesLease
from watchdog.domain.errors import LeaseLostError
from watchdog.domain.moment import Moment

Make = Callable[[str], "Holder"]


@dataclass
class TurnedClock:
    """The system's clock, and some seconds that the test has it skip."""

    skipped: float = 0.0
    _real: SystemClock = field(default_factory=SystemClock)

    def now(self) -> Moment:
        now = self._real.now()
        return Moment(now.elapsed + self.skipped, now.wall)


@dataclass
class Holder:
    lease: KubernetesLease
    clock: TurnedClock


@pytest.fixture
def make(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Make:
    access = Access(kubeconfig=str(control_plane.kubeconfig(tmp_path, namespace=namespace)))

    def holder(name: str) -> Holder:
        clock = TurnedClock()
        return Holder(KubernetesLease(access, "shop", name, clock), clock)

    return holder


def holder_of(plane: ControlPlane, namespace: str) -> str:
    return str(plane.get("lease/shop", namespace)["spec"]["holderIdentity"])


async def test_whoever_comes_first_has_it_and_nobody_else_while_it_is_renewed(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first, second = make("first"), make("second")
    await first.lease.acquire()
    assert holder_of(control_plane, namespace) == "first"
    assert 0 < first.lease.remaining <= RENEW_WITHIN

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await second.lease.acquire()

    assert holder_of(control_plane, namespace) == "first"
    assert second.lease.remaining < 0


async def test_of_many_that_see_it_free_one_gets_it(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    holders = [make(f"holder-{n}") for n in range(6)]

    async def race(one: Holder) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await one.lease.acquire()

    await asyncio.gather(*map(race, holders))

    (winner,) = [one for one in holders if one.lease.remaining > 0]
    assert holder_of(control_plane, namespace) == winner.lease.identity


async def test_what_was_let_go_is_the_next_ones_at_once(make: Make) -> None:
    first, second = make("first"), make("second")
    await first.lease.acquire()

    await first.lease.release()

    assert first.lease.remaining < 0
    async with asyncio.timeout(5):
        await second.lease.acquire()
    assert second.lease.remaining > 0


async def test_what_nobody_renews_is_taken_when_its_time_is_over_by_the_others_own_clock(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first, second = make("first"), make("second")
    await first.lease.acquire()
    # Turned back a day: what the holder's clock says decides nothing.
    control_plane.patch(
        "lease/shop", namespace, {"spec": {"renewTime": "2001-01-01T00:00:00.000000Z"}}
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await second.lease.acquire()

    second.clock.skipped = DURATION + 0.1
    async with asyncio.timeout(10):
        await second.lease.acquire()

    lease = control_plane.get("lease/shop", namespace)["spec"]
    assert (lease["holderIdentity"], lease["leaseTransitions"]) == ("second", 2)


async def test_whoever_slept_too_long_knows_that_it_is_lost_before_it_asks(make: Make) -> None:
    first = make("first")
    await first.lease.acquire()

    first.clock.skipped = RENEW_WITHIN

    assert first.lease.remaining <= 0
    with pytest.raises(LeaseLostError, match="not renewed for 10 s"):
        await first.lease.hold()


async def test_whoever_was_replaced_ends(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first = make("first")
    await first.lease.acquire()
    control_plane.patch("lease/shop", namespace, {"spec": {"holderIdentity": "thief"}})

    with pytest.raises(LeaseLostError, match="lost to first: thief holds it"):
        async with asyncio.timeout(10):
            await first.lease.hold()


async def test_a_lease_that_was_deleted_is_lost(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first = make("first")
    await first.lease.acquire()
    control_plane.delete("lease/shop", namespace)

    with pytest.raises(LeaseLostError, match="it was deleted"):
        async with asyncio.timeout(10):
            await first.lease.hold()


async def test_a_change_of_somebody_else_that_leaves_the_holder_is_no_loss(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first = make("first")
    await first.lease.acquire()
    control_plane.patch("lease/shop", namespace, {"metadata": {"labels": {"team": "shop"}}})
    before = control_plane.get("lease/shop", namespace)["spec"]["renewTime"]

    async with asyncio.TaskGroup() as tasks:
        holding = tasks.create_task(first.lease.hold())

        def is_renewed() -> bool:
            return bool(control_plane.get("lease/shop", namespace)["spec"]["renewTime"] != before)

        await until(is_renewed, "it is renewed", 20)
        holding.cancel()

    assert first.lease.remaining > 0


async def test_nobody_who_answers_makes_it_lost_in_time(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with control_plane.proxy() as proxy:
        file = control_plane.kubeconfig(tmp_path, namespace=namespace, server=proxy.base)
        clock = TurnedClock()
        lease = KubernetesLease(Access(kubeconfig=str(file)), "shop", "first", clock)
        await lease.acquire()
    clock.skipped = RENEW_WITHIN - 3

    with pytest.raises(LeaseLostError):
        async with asyncio.timeout(20):
            await lease.hold()


async def test_it_is_renewed_at_once_after_somebody_put_a_note_on_it(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first = make("first")
    await first.lease.acquire()
    control_plane.patch("lease/shop", namespace, {"metadata": {"labels": {"team": "shop"}}})
    first.clock.skipped = RENEW_WITHIN - 3

    # Its next turn would come too late.
    with suppress(TimeoutError):
        async with asyncio.timeout(4):
            await first.lease.hold()

    assert first.lease.remaining > 0


async def test_an_answer_that_does_not_come_after_a_conflict_is_not_waited_for_beyond_its_time(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    ended = asyncio.Event()
    conflict = refuses(409, "PUT")

    async def silent(request: web.Request) -> web.StreamResponse | None:
        if request.method == "GET":
            await ended.wait()
        return await conflict(request)

    async with control_plane.gateway() as gate:
        file = control_plane.kubeconfig(tmp_path, namespace=namespace, server=gate.base)
        clock = TurnedClock()
        lease = KubernetesLease(Access(kubeconfig=str(file)), "shop", "first", clock)
        await lease.acquire()
        gate.rule = silent
        clock.skipped = RENEW_WITHIN - 3
        with pytest.raises(LeaseLostError, match="not renewed for 10 s"):
            await lease.hold()
        over = -lease.remaining
        ended.set()
    # Another one may have it 5 s later; the client itself waits for 10.
    assert over < DURATION - RENEW_WITHIN


async def test_another_is_known_to_lead_once_it_stays_for_long_and_not_before(
    control_plane: ControlPlane, namespace: str, make: Make
) -> None:
    first, second = make("first"), make("second")
    await first.lease.acquire()

    async def looks() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await second.lease.acquire()

    await looks()
    assert not second.lease.led_by_another
    second.clock.skipped = DURATION - 1
    control_plane.patch("lease/shop", namespace, {"metadata": {"labels": {"seen": "once"}}})
    await looks()
    assert not second.lease.led_by_another
    second.clock.skipped = DURATION + 1
    control_plane.patch("lease/shop", namespace, {"metadata": {"labels": {"seen": "twice"}}})
    await looks()
    assert second.lease.led_by_another
