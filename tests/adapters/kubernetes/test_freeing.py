import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from watchdog.adapters.kubernetes.api import (
    ConflictError,
    ForbiddenError,
    Listing,
    MissingError,
    Object,
)
from watchdog.adapters.kubernetes.freeing import MAY_RECOVER, STARTS_WITHIN, freed
from watchdog.adapters.kubernetes.kinds import STATEFUL_SET, Kind
from watchdog.adapters.kubernetes.workloads import Workload
from watchdog.domain.errors import InDoubtError, TransientError
from watchdog.testing.virtual_time import virtually

SHOP = Workload(STATEFUL_SET, "shop")
# Seconds that a pod takes from its creation until it is ready.
STARTS = 30.0


class Server:
    """An API server whose controller sees a change when it is asked for the third time.

    In the place of a pod that is deleted comes one of the wanted revision, ready after STARTS,
    unless `comes_back` says otherwise.
    """

    def __init__(self, *pods: Object, partition: int = 0, policy: str = "OrderedReady") -> None:
        self.pods = {pod["metadata"]["name"]: pod for pod in pods}
        self.looks = 0
        self.deleted: list[tuple[int, str]] = []
        self.when: list[float] = []
        self.gone: set[str] = set()
        # The uids of those that have come in the place of others, by name.
        self.anew: dict[str, str] = {}
        self.strategy = {"rollingUpdate": {"partition": partition}}
        self.policy = policy
        self.wanted = "shop-good"
        self.refusal: Exception | None = None
        self.comes_back: dict[str, Object] = {}
        # From when on they are ready, by name.
        self.recovers: dict[str, float] = {}
        self.after_each_list: Callable[[], None] = lambda: None

    async def get(self, _kind: Kind, name: str) -> Object:
        self.looks += 1
        seen = self.looks >= 3
        return {
            "metadata": {"name": name, "uid": "0000-shop", "generation": 2},
            "spec": {"updateStrategy": self.strategy, "podManagementPolicy": self.policy},
            "status": {
                "observedGeneration": 2 if seen else 1,
                "updateRevision": self.wanted if seen else "shop-bad",
            },
        }

    async def listed(self, _kind: Kind, *, labels: object) -> Listing:
        del labels
        for name, moment in self.recovers.items():
            if self.now() >= moment:
                self.pods[name]["status"] = status(ready=True)
        seen = Listing(list(self.pods.values()), "1")
        self.after_each_list()
        return seen

    async def delete(self, _kind: Kind, name: str, *, uid: str, version: str = "") -> None:
        if self.refusal is not None:
            raise self.refusal
        if name in self.gone:
            self.pods.pop(name, None)
            raise MissingError(name)
        if name in self.anew:
            self.pods[name] = pod(name, "good", ready=True)
            raise ConflictError(name)
        assert uid == self.pods[name]["metadata"]["uid"]
        if version not in ("", self.pods[name]["metadata"]["resourceVersion"]):
            raise ConflictError(name)
        self.deleted.append((self.looks, name))
        self.when.append(self.now())
        self.pods[name] = self.comes_back.get(name) or pod(name, "good")
        self.pods[name]["metadata"]["uid"] += "-anew"
        if name not in self.comes_back:
            self.recovers[name] = self.now() + STARTS

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.deleted]


def status(*, ready: bool, waits: str = "") -> Object:
    state: Object = {"waiting": {"reason": waits}} if waits else {"running": {}}
    return {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "app", "state": state}],
    }


def pod(
    name: str,
    revision: str = "bad",
    *,
    ready: bool = False,
    owner: str = "shop",
    waits: str = "",
    **meta: str,
) -> Object:
    return {
        "metadata": {
            "name": name,
            "uid": f"0000-{name}",
            "resourceVersion": "1",
            "labels": {"controller-revision-hash": f"shop-{revision}"},
            "ownerReferences": [{"uid": f"0000-{owner}", "controller": True}],
            **meta,
        },
        "status": status(ready=ready, waits=waits),
    }


def stuck(name: str) -> Object:
    return pod(name, waits="ImagePullBackOff")


async def freed_of(server: Server) -> str:
    api: Any = server
    return await freed(api, SHOP)


# Those that say that they cannot start


async def test_nothing_is_deleted_before_the_controller_knows_what_comes_instead() -> None:
    server = Server(stuck("shop-2"))

    assert await freed_of(server) == "; freed shop-2"
    assert server.names == ["shop-2"]
    assert server.deleted[0][0] >= 3


async def test_only_what_is_stuck_and_of_another_revision_is_deleted() -> None:
    server = Server(
        pod("shop-0", ready=True),
        pod("shop-1", "good", waits="ImagePullBackOff"),
        pod("shop-2", owner="other", waits="ImagePullBackOff"),
        pod("shop-3", deletionTimestamp="2026-11-22T10:00:00Z", waits="ImagePullBackOff"),
        stuck("shop-4"),
    )

    assert await freed_of(server) == "; freed shop-4"


async def test_what_a_partition_keeps_as_it_is_stays() -> None:
    server = Server(stuck("shop-1"), stuck("shop-2"), partition=2)

    assert await freed_of(server) == "; freed shop-2"


async def test_one_that_is_gone_already_is_no_trouble() -> None:
    server = Server(stuck("shop-2"), stuck("shop-3"))
    server.gone = {"shop-2"}

    assert await freed_of(server) == "; freed shop-3"
    assert server.names == ["shop-3"]


@virtually
async def test_one_that_came_in_its_place_meanwhile_is_left_alone() -> None:
    server = Server(stuck("shop-2"), stuck("shop-3"))
    server.anew = {"shop-2": "0000-newer"}

    assert await freed_of(server) == "; freed shop-3"
    assert server.names == ["shop-3"]


# Those that may have served for days


@virtually
async def test_pods_that_are_ready_again_in_a_moment_stay() -> None:
    server = Server(pod("shop-0"), pod("shop-1"), pod("shop-2"))
    server.recovers = {f"shop-{number}": MAY_RECOVER - 1 for number in range(3)}

    assert await freed_of(server) == ""
    assert server.names == []


@virtually
async def test_pods_that_stay_unready_go_one_after_the_other_in_the_controllers_order() -> None:
    server = Server(pod("shop-10"), pod("shop-2"), pod("shop-0"), pod("shop-1", ready=True))

    assert await freed_of(server) == "; freed shop-0, shop-2, shop-10"
    pauses = [after - before for before, after in zip(server.when, server.when[1:], strict=False)]
    assert all(pause >= STARTS for pause in pauses), server.when


@virtually
async def test_while_one_starts_that_took_the_place_of_another_no_more_go() -> None:
    server = Server(pod("shop-0"), pod("shop-1"), pod("shop-2"))
    # What they all need is away: that in its place does not become ready, either.
    server.comes_back = {"shop-0": pod("shop-0", "good")}
    server.recovers = {f"shop-{number}": 60.0 for number in range(3)}

    assert await freed_of(server) == "; freed shop-0"


@virtually
async def test_one_that_becomes_ready_just_before_it_is_deleted_stays() -> None:
    server = Server(pod("shop-0"))

    def and_then_it_is_ready() -> None:
        if server.now() >= MAY_RECOVER:
            now = pod("shop-0", ready=True)
            now["metadata"]["resourceVersion"] = "2"
            server.pods["shop-0"] = now

    server.after_each_list = and_then_it_is_ready

    assert await freed_of(server) == ""
    assert server.names == []


@virtually
async def test_where_the_earlier_revision_does_not_start_either_the_others_stay() -> None:
    server = Server(pod("shop-0"), pod("shop-1"))
    server.comes_back = {"shop-0": pod("shop-0", "good", waits="CrashLoopBackOff")}

    said = await freed_of(server)

    assert "freed shop-0; pod shop-0, container app: CrashLoopBackOff" in said
    assert said.endswith("so it waits, and shop-1 stay as they are")
    assert server.names == ["shop-0"]


@virtually
async def test_one_that_never_becomes_ready_is_not_waited_for_for_ever() -> None:
    server = Server(pod("shop-0"), pod("shop-1"))
    server.comes_back = {"shop-0": pod("shop-0", "good")}

    said = await freed_of(server)

    assert said.endswith("pod shop-0 is not ready; so it waits, and shop-1 stay as they are")
    assert server.now() < MAY_RECOVER + STARTS_WITHIN + 5


async def test_a_controller_that_waits_for_none_needs_no_help() -> None:
    server = Server(stuck("shop-1"), pod("shop-2"), policy="Parallel")

    assert await freed_of(server) == ""
    assert server.names == []


@virtually
async def test_where_somebody_deploys_meanwhile_nothing_more_is_deleted() -> None:
    server = Server(pod("shop-0"), pod("shop-1"))

    def and_then_somebody_deploys() -> None:
        if server.names:
            server.wanted = "shop-newer"

    server.after_each_list = and_then_somebody_deploys

    assert await freed_of(server) == "; freed shop-0"


# What is refused


async def test_what_may_not_be_deleted_is_said() -> None:
    server = Server(stuck("shop-1"))
    server.refusal = ForbiddenError("delete pods shop-1: 403")

    said = await freed_of(server)

    assert said == "; delete pods shop-1: 403: delete it by hand, or it waits for shop-1"


@pytest.mark.parametrize("refusal", [InDoubtError("500"), TransientError("429")])
def test_what_cannot_be_deleted_for_long_is_said(refusal: Exception) -> None:
    @virtually
    async def and_so_it_ends() -> None:
        server = Server(stuck("shop-1"))
        server.refusal = refusal
        said = await freed_of(server)
        assert said == f"; {refusal}: delete it by hand, or it waits for shop-1"

    and_so_it_ends()


@virtually
async def test_one_that_comes_back_as_it_was_is_not_deleted_again_and_again() -> None:
    server = Server(stuck("shop-1"), pod("shop-2"))
    server.comes_back = {"shop-1": stuck("shop-1")}

    assert (await freed_of(server)).endswith("freed shop-1; pod shop-1 came back as it was")
    assert server.names == ["shop-1"]
