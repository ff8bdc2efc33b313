"""`kubernetes_undo` of a StatefulSet once its template is back: the pods that it waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.bed.answer_loser import AnswerLoser, losing_answers
from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.bed.kubernetes_verbs import BAD, OLD, a_stuck_stateful_set
from tests.bed.manifests import FAILS, Fails
from tests.bed.patience import until
from tests.bed.undone import Shop, ready_pods
from watchdog.adapters.executors.kubernetes_scale import plugin as scaling
from watchdog.adapters.executors.kubernetes_undo import plugin
from watchdog.domain.errors import InDoubtError
from watchdog.domain.events import Effect

SHOP = "statefulset/shop"
KEY = "run-1/steps/1"


@pytest.fixture
async def shop(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with real_deps() as deps:
        yield Shop(control_plane, namespace, tmp_path, deps)


@pytest.fixture
async def way(shop: Shop) -> AsyncIterator[AnswerLoser]:
    """What stands between the steps and the API server, from a rollout that hangs on."""
    await a_stuck_stateful_set(shop.plane, shop.namespace)
    async with losing_answers(shop.plane) as way:
        shop.server = way.url
        yield way


def after_the_patch(status: int, times: int = 1 << 30) -> Callable[[web.Request], int]:
    """So many requests that come after the first patch are turned away."""
    seen: list[str] = []

    def refuses(request: web.Request) -> int:
        if "PATCH" in seen and len(seen) <= times:
            seen.append(request.method)
            return status
        if request.method == "PATCH":
            seen.append("PATCH")
        return 0

    return refuses


async def looked_at(shop: Shop) -> tuple[Effect, str]:
    return await plugin.probe(shop.options(SHOP, to="v1"), shop.deps).inspect(KEY)


async def test_what_is_refused_after_the_patch_is_in_doubt(shop: Shop, way: AnswerLoser) -> None:
    way.refuses = after_the_patch(403)

    with pytest.raises(InDoubtError, match=r"freed is not known: get statefulsets.apps shop: 403"):
        await shop.undo(SHOP, key=KEY, to="v1")

    assert shop.image(SHOP) == OLD
    way.refuses = lambda _request: 0
    effect, why = await looked_at(shop)
    assert (effect, "not freed yet" in why) == (Effect.NOT_APPLIED, True)


async def test_an_outage_after_the_patch_is_waited_for(shop: Shop, way: AnswerLoser) -> None:
    way.refuses = after_the_patch(503, times=7)

    said = await shop.undo(SHOP, key=KEY, to="v1")

    assert way.refused == 7
    assert said.endswith("freed shop-1")
    assert (await looked_at(shop))[0] is Effect.APPLIED


async def test_a_pod_that_may_not_be_deleted_is_named_and_the_template_is_back(
    shop: Shop, way: AnswerLoser
) -> None:
    way.refuses = lambda request: 403 if request.method == "DELETE" else 0

    said = await shop.undo(SHOP, key=KEY, to="v1")

    assert "delete pods shop-1: 403 not now" in said
    assert said.endswith("delete it by hand, or it waits for shop-1")
    assert shop.image(SHOP) == OLD
    assert (await looked_at(shop))[0] is Effect.APPLIED


async def test_pods_are_freed_also_where_another_step_came_since(
    shop: Shop, way: AnswerLoser
) -> None:
    way.refuses = lambda request: 503 if request.method == "DELETE" else 0
    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(shop.undo(SHOP, key=KEY, to="v1"))
        await until(lambda: way.refused > 0, "it tries to delete a pod")
        step.cancel()
    way.refuses = lambda _request: 0
    file = str(shop.plane.kubeconfig(shop.folder, namespace=shop.namespace))
    scaled = {"workload": SHOP, "replicas": 3, "kubeconfig": file}
    options = scaling.options.model_validate(scaled)
    await scaling.build(options, shop.deps).execute("run-2/steps/1")

    assert (await shop.undo(SHOP, key=KEY, to="v1")).endswith("freed shop-1")

    assert (await looked_at(shop))[0] is Effect.APPLIED
    done = await shop.plane.until_rolled_out(SHOP, shop.namespace)
    assert done["spec"]["replicas"] == 3


async def test_pods_that_are_not_ready_for_a_moment_are_left_to_the_controller(
    shop: Shop,
) -> None:
    await shop.deploy(SHOP, OLD, BAD, replicas=3)
    began = shop.plane.mark()
    for number in range(3):
        fails(shop, f"shop-{number}", Fails.NEVER_READY)
    await until(lambda: not ready_pods(shop), "none is ready")

    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(shop.undo(SHOP, to="v1"))
        await until(lambda: shop.image(SHOP) == OLD, "the template is back")
        for number in range(3):
            fails(shop, f"shop-{number}", None)
    await shop.plane.until_rolled_out(SHOP, shop.namespace)

    assert "freed" not in step.result()
    calls = shop.plane.calls(shop.namespace, began)
    assert [call.name for call in calls if call.verb == "delete"] == []


async def test_pods_that_stay_unready_go_in_the_order_of_the_controller(shop: Shop) -> None:
    await shop.deploy(SHOP, OLD, BAD)
    for number in range(2):
        fails(shop, f"shop-{number}", Fails.NEVER_READY)
    await until(lambda: not ready_pods(shop), "none is ready")

    said = await shop.undo(SHOP, to="v1")

    assert said.endswith("freed shop-0, shop-1")
    await shop.plane.until_rolled_out(SHOP, shop.namespace)


async def test_a_controller_that_does_not_wait_needs_no_help(shop: Shop) -> None:
    more = {"replicas": 3, "podManagementPolicy": "Parallel"}
    await shop.deploy(SHOP, OLD, **more)
    began = shop.plane.mark()
    shop.apply(SHOP, BAD, fails=Fails.IMAGE_PULL, **more)
    await until(lambda: len(ready_pods(shop)) == 2, "one is stuck")

    said = await shop.undo(SHOP, to="v1")
    await shop.plane.until_rolled_out(SHOP, shop.namespace)

    assert "freed" not in said
    calls = shop.plane.calls(shop.namespace, began)
    assert [call.name for call in calls if call.verb == "delete"] == []


def fails(shop: Shop, pod: str, how: Fails | None) -> None:
    """Have a pod that runs fail, or recover."""
    noted = {"metadata": {"annotations": {FAILS: how and str(how)}}}
    shop.plane.patch(f"pod/{pod}", shop.namespace, noted)
