from typing import Any

from watchdog.adapters.kubernetes.api import Listing, Object
from watchdog.adapters.kubernetes.kinds import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Kind
from watchdog.adapters.kubernetes.revisions import Revision, current, revisions
from watchdog.adapters.kubernetes.workloads import Workload

UID = "0000-shop"
NUMBER, FORMER = "deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history"


class Kept:
    """An API server that keeps these objects, and nothing else."""

    def __init__(self, *objects: Object) -> None:
        self.objects = objects
        self.asked: list[Kind] = []

    async def listed(self, kind: Kind, _namespace: str, _labels: object) -> Listing:
        self.asked.append(kind)
        return Listing(self.objects, "1")


def template(image: str, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "shop", **labels}, "annotations": {"team": "cart"}},
        "spec": {"containers": [{"name": "app", "image": image, "newer": {"than": "us"}}]},
    }


def kept(name: str, owner: str = UID, **own: Any) -> Object:  # noqa: ANN401
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-11-22T10:00:00Z",
            "ownerReferences": [{"uid": owner, "controller": True}],
            "annotations": own.pop("annotations", {}),
        },
        **own,
    }


def replica_set(name: str, image: str, number: int, former: str = "", owner: str = UID) -> Object:
    notes = {NUMBER: str(number)} | ({FORMER: former} if former else {})
    own = {"template": template(image, **{"pod-template-hash": name.rpartition("-")[2]})}
    return kept(name, owner, annotations=notes, spec=own)


def controller_revision(name: str, image: str, number: int) -> Object:
    patch = {"spec": {"template": {**template(image), "$patch": "replace"}}}
    return kept(name, revision=number, data=patch)


def workload(image: str) -> Object:
    return {
        "metadata": {"name": "shop", "namespace": "prod", "uid": UID},
        "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": template(image)},
    }


async def all_of(kind: Kind, *objects: Object) -> list[Revision]:
    api: Any = Kept(*objects)
    return await revisions(api, Workload(kind, "shop"), workload("shop:v2"))


async def test_a_deployment_keeps_its_revisions_as_replica_sets() -> None:
    second, first = replica_set("shop-b", "shop:v2", 2), replica_set("shop-a", "shop:v1", 1)

    found = await all_of(DEPLOYMENT, second, first)

    assert [(one.number, one.name, one.uid) for one in found] == [
        (1, "shop-a", "uid-of-shop-a"),
        (2, "shop-b", "uid-of-shop-b"),
    ]
    assert found[0].images == {"app": "shop:v1"}


async def test_those_of_another_owner_are_not_its_own() -> None:
    found = await all_of(DEPLOYMENT, replica_set("other-a", "shop:v1", 1, owner="0000-other"))

    assert found == []


async def test_a_template_comes_back_whole_and_without_what_controllers_put_in() -> None:
    for kind, one in (
        (DEPLOYMENT, replica_set("shop-a", "shop:v1", 1)),
        (STATEFUL_SET, controller_revision("shop-a", "shop:v1", 1)),
        (DAEMON_SET, controller_revision("shop-a", "shop:v1", 1)),
    ):
        (found,) = await all_of(kind, one)
        assert found.template == template("shop:v1"), kind


async def test_what_is_to_run_is_known_by_its_template() -> None:
    found = await all_of(
        DEPLOYMENT, replica_set("shop-a", "shop:v1", 1), replica_set("shop-b", "shop:v2", 2)
    )

    assert current(workload("shop:v2"), found) == found[1]
    assert current(workload("shop:v3"), found) is None


async def test_to_be_returned_to_moves_the_number_and_not_the_place() -> None:
    found = await all_of(
        DEPLOYMENT,
        replica_set("shop-b", "shop:v2", 2),
        replica_set("shop-a", "shop:v1", 3, former="1"),
        replica_set("shop-c", "shop:v9", 6, former="4,5"),
    )

    assert [(one.name, one.number, one.came) for one in found] == [
        ("shop-b", 2, 2.0),
        ("shop-a", 3, 1.0),
        ("shop-c", 6, 4.0),
    ]


async def test_a_number_that_is_none_puts_it_first() -> None:
    (found,) = await all_of(DEPLOYMENT, replica_set("shop-a", "shop:v1", 1, former="x"))
    assert found.came == 1.0

    strange = kept("shop-b", annotations={NUMBER: "two"}, spec={"template": template("shop:v1")})
    (found,) = await all_of(DEPLOYMENT, strange)
    assert found.number == 0
