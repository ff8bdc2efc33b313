from typing import Any

from watchdog.adapters.kubernetes.api import ConflictError, Listing, MissingError, Object
from watchdog.adapters.kubernetes.freeing import freed
from watchdog.adapters.kubernetes.kinds import STATEFUL_SET, Kind
from watchdog.adapters.kubernetes.workloads import Workload

SHOP = Workload(STATEFUL_SET, "shop")


class Server:
    """An API server whose controller sees a change when it is asked for the third time."""

    def __init__(self, *pods: Object, partition: int = 0) -> None:
        self.pods = pods
        self.looks = 0
        self.deleted: list[tuple[int, str]] = []
        self.gone: set[str] = set()
        # The uids of those that have come in the place of others, by name.
        self.anew: dict[str, str] = {}
        self.strategy = {"rollingUpdate": {"partition": partition}}

    async def get(self, _kind: Kind, name: str) -> Object:
        self.looks += 1
        seen = self.looks >= 3
        return {
            "metadata": {"name": name, "uid": "0000-shop", "generation": 2},
            "spec": {"updateStrategy": self.strategy},
            "status": {
                "observedGeneration": 2 if seen else 1,
                "updateRevision": "shop-good" if seen else "shop-bad",
            },
        }

    async def listed(self, _kind: Kind, *, labels: object) -> Listing:
        del labels
        return Listing(self.pods, "1")

    async def delete(self, _kind: Kind, name: str, *, uid: str) -> None:
        if name in self.gone:
            raise MissingError(name)
        if uid != self.anew.get(name, f"0000-{name}"):
            raise ConflictError(name)
        self.deleted.append((self.looks, name))


def pod(
    name: str, revision: str = "bad", *, ready: bool = False, owner: str = "shop", **meta: str
) -> Object:
    return {
        "metadata": {
            "name": name,
            "uid": f"0000-{name}",
            "labels": {"controller-revision-hash": f"shop-{revision}"},
            "ownerReferences": [{"uid": f"0000-{owner}", "controller": True}],
            **meta,
        },
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


async def freed_of(server: Server) -> list[str]:
    api: Any = server
    return await freed(api, SHOP)


async def test_nothing_is_deleted_before_the_controller_knows_what_comes_instead() -> None:
    server = Server(pod("shop-2"))

    assert await freed_of(server) == ["shop-2"]
    assert server.deleted == [(3, "shop-2")]


async def test_only_what_is_stuck_and_of_another_revision_is_deleted() -> None:
    server = Server(
        pod("shop-0", ready=True),
        pod("shop-1", "good"),
        pod("shop-2", owner="other"),
        pod("shop-3", deletionTimestamp="2026-11-22T10:00:00Z"),
        pod("shop-4"),
    )

    assert await freed_of(server) == ["shop-4"]


async def test_what_a_partition_keeps_as_it_is_stays() -> None:
    assert await freed_of(Server(pod("shop-1"), pod("shop-2"), partition=2)) == ["shop-2"]


async def test_one_that_is_gone_already_is_no_trouble() -> None:
    server = Server(pod("shop-2"), pod("shop-3"))
    server.gone = {"shop-2"}

    assert await freed_of(server) == ["shop-3"]
    assert [name for _, name in server.deleted] == ["shop-3"]


async def test_one_that_came_in_its_place_meanwhile_is_left_alone() -> None:
    server = Server(pod("shop-2"), pod("shop-3"))
    server.anew = {"shop-2": "0000-newer"}

    assert await freed_of(server) == ["shop-3"]
    assert [name for _, name in server.deleted] == ["shop-3"]
