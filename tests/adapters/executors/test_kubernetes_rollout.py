"""Waiting as `kubectl rollout status` does, on a real control plane; but told why it hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bed.answer_loser import AnswerLoser, losing_answers
from tests.bed.control_plane import RESTRICTED, ControlPlane
from tests.bed.deps import real_deps
from tests.bed.kubernetes_verbs import BAD, OLD
from tests.bed.manifests import READY_AFTER, Fails, daemon_set, deployment, stateful_set
from tests.bed.patience import until
from watchdog.adapters.executors.kubernetes_rollout import Options, plugin
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect
from watchdog.ports import Deps
from watchdog.testing.contracts_executor import refusals

# Seconds. Each must be named long before this.
SOON = 30.0


@dataclass
class Shop:
    """A namespace with version 1 of a shop, and waits in it."""

    plane: ControlPlane
    namespace: str
    folder: Path
    deps: Deps
    server: str = ""

    def options(self, workload: str = "deployment/shop") -> Options:
        server = self.server or self.plane.api_server
        file = self.plane.kubeconfig(self.folder, namespace=self.namespace, server=server)
        return Options.model_validate(
            {"workload": workload, "kubeconfig": str(file), "patience": "500ms"}
        )

    async def wait(self, workload: str = "deployment/shop") -> str:
        async with asyncio.timeout(SOON):
            return await plugin.build(self.options(workload), self.deps).execute("run-1/step-2")

    async def gives_up(self, workload: str = "deployment/shop") -> str:
        """Why it is given up; nothing was changed meanwhile."""
        serving, began = self.serving(), self.plane.mark()
        with pytest.raises(PermanentError) as error:
            await self.wait(workload)
        assert self.plane.calls(self.namespace, began) == []
        assert self.serving() == serving
        return str(error.value)

    def serving(self) -> set[str]:
        """The pods that are ready."""
        return {
            pod["metadata"]["uid"]
            for pod in self.plane.listed("pod", self.namespace)
            for one in pod.get("status", {}).get("conditions", [])
            if (one["type"], one["status"]) == ("Ready", "True")
        }

    def apply(self, *objects: dict[str, Any]) -> None:
        self.plane.apply(*objects, namespace=self.namespace)

    async def seen(self, workload: str = "deployment/shop") -> tuple[Effect, str]:
        return await plugin.probe(self.options(workload), self.deps).inspect("run-1/step-2")


@pytest.fixture
async def shop(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with real_deps() as deps:
        yield Shop(control_plane, namespace, tmp_path, deps)


@pytest.fixture
async def running(shop: Shop) -> Shop:
    """Version 1 is rolled out, two pods of it."""
    shop.apply(deployment("shop", OLD))
    await shop.plane.until_rolled_out("deployment/shop", shop.namespace)
    return shop


@pytest.mark.parametrize(
    ("workload", "make"),
    [
        ("deployment/shop", deployment),
        ("statefulset/shop", stateful_set),
        ("daemonset/shop", daemon_set),
    ],
)
async def test_it_waits_until_every_pod_is_new_and_ready(
    shop: Shop,
    workload: str,
    make: Any,  # noqa: ANN401
) -> None:
    for image in (OLD, BAD):
        shop.apply(make("shop", image, annotations={READY_AFTER: "200ms"}))

        said = await shop.wait(workload)

        assert said.startswith(f"{workload}: ")
        assert (await shop.seen(workload))[0] is Effect.APPLIED
        images = {
            one["spec"]["containers"][0]["image"]
            for one in shop.plane.listed("pod", shop.namespace)
            if not one["metadata"].get("deletionTimestamp")
        }
        assert images == {image}


async def test_pods_that_must_be_ready_for_a_while_are_waited_for(shop: Shop) -> None:
    # All at once, so that none of them is available at first.
    at_once = {"type": "Recreate"}
    shop.apply(deployment("shop", OLD, minReadySeconds=2, strategy=at_once))

    said = await shop.wait()

    assert "2 of 2 updated, 2 available" in said
    status = shop.plane.get("deployment/shop", shop.namespace)["status"]
    assert status.get("availableReplicas") == 2


@pytest.mark.parametrize(
    "fails", [Fails.IMAGE_PULL, Fails.IMAGE_NAME, Fails.CONFIG, Fails.CRASH], ids=str
)
async def test_a_pod_that_cannot_start_is_named_and_what_is_healthy_left_alone(
    running: Shop, fails: Fails
) -> None:
    running.apply(deployment("shop", BAD, fails=fails))

    said = await running.gives_up()

    assert said.startswith("deployment/shop does not roll out: pod shop-")
    assert f"container app: {fails}" in said
    assert len(running.serving()) == 2
    assert (await running.seen())[0] is Effect.NOT_APPLIED


async def test_a_stateful_set_names_its_pod_that_cannot_start(shop: Shop) -> None:
    shop.apply(stateful_set("shop", OLD))
    await shop.plane.until_rolled_out("statefulset/shop", shop.namespace)
    shop.apply(stateful_set("shop", BAD, fails=Fails.IMAGE_PULL))
    await until(lambda: len(shop.serving()) == 1, "its last pod makes room for the new one")

    assert "pod shop-1, container app: ImagePullBackOff" in await shop.gives_up("statefulset/shop")


async def test_pods_that_admission_refuses_are_named(
    control_plane: ControlPlane, shop: Shop
) -> None:
    shop.namespace = control_plane.namespace(RESTRICTED)
    shop.apply(deployment("shop", OLD))
    await control_plane.until_rolled_out("deployment/shop", shop.namespace)
    found = deployment("shop", BAD)
    del found["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    shop.apply(found)

    said = await shop.gives_up()

    assert "FailedCreate: " in said
    assert "violates PodSecurity" in said


async def test_a_quota_that_is_used_up_is_named(running: Shop) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
             "spec": {"hard": {"pods": "2"}}}  # fmt: skip
    running.apply(quota)
    await running.plane.until(
        "resourcequota/small", running.namespace, lambda one: "used" in one.get("status", {}),
        "it is counted",
    )  # fmt: skip
    running.apply(deployment("shop", BAD))

    assert "exceeded quota: small" in await running.gives_up()


async def test_a_deadline_that_passed_is_named(running: Shop) -> None:
    running.apply(deployment("shop", BAD, fails=Fails.NEVER_READY, progressDeadlineSeconds=1))

    assert "ProgressDeadlineExceeded: " in await running.gives_up()


async def test_pods_that_fit_nowhere_are_named(running: Shop) -> None:
    found = deployment("shop", BAD)
    found["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "none"}
    running.apply(found)

    assert "Unschedulable: 0/1 nodes are available" in await running.gives_up()


async def test_a_paused_one_is_not_waited_for(running: Shop) -> None:
    running.plane.patch("deployment/shop", running.namespace, {"spec": {"paused": True}})

    assert "it is paused; resume it first" in await running.gives_up()
    (text,) = refusals(await plugin.probe(running.options(), running.deps).preflight())
    assert "is paused" in text


async def test_a_disruption_budget_hinders_nothing(running: Shop) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "shop"}}},
    }
    running.apply(budget)
    running.apply(deployment("shop", BAD))

    assert "2 of 2 updated" in await running.wait()


async def test_what_is_updated_on_delete_is_refused_before_it_is_waited_for(shop: Shop) -> None:
    shop.apply(daemon_set("shop", OLD, updateStrategy={"type": "OnDelete"}))

    (text,) = refusals(await plugin.probe(shop.options("daemonset/shop"), shop.deps).preflight())

    assert "nothing rolls out until pods are deleted" in text


@asynccontextmanager
async def a_wait(
    shop: Shop,
    **rollout: Any,  # noqa: ANN401
) -> AsyncIterator[tuple[AnswerLoser, asyncio.Task[str]]]:
    """A wait for a rollout that has begun, and the way on which it goes; over at the end."""
    async with losing_answers(shop.plane) as way:
        shop.server = way.url
        shop.apply(deployment("shop", BAD, **rollout))
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(ended(shop))
            await until(lambda: len(way.watches) == 2, "it watches")
            yield way, waiting


async def ended(shop: Shop) -> str:
    """How a wait ends, in words."""
    try:
        return await shop.wait()
    except PermanentError as error:
        return str(error)


async def test_who_changes_what_it_runs_meanwhile_ends_the_wait(running: Shop) -> None:
    async with a_wait(running, fails=Fails.NEVER_READY) as (_, waiting):
        running.apply(deployment("shop", "shop:v3"))

    assert "somebody else changed meanwhile what deployment/shop is to run" in waiting.result()


async def test_what_is_deleted_meanwhile_ends_the_wait(running: Shop) -> None:
    async with a_wait(running, fails=Fails.NEVER_READY) as (_, waiting):
        running.plane.delete("deployment/shop", running.namespace)

    assert waiting.result() == "deployment/shop is gone"


async def test_an_api_server_that_is_gone_for_a_while_is_waited_for(running: Shop) -> None:
    async with a_wait(running, annotations={READY_AFTER: "1s"}) as (way, waiting):
        # Nothing answers, and those who watch hear of nothing more.
        way.refuses = lambda _request: 503
        way.break_watches()
        await running.plane.until_rolled_out("deployment/shop", running.namespace)
        await until(lambda: way.refused >= 3, "it asks again")
        assert not waiting.done()
        way.refuses = lambda _request: 0

    assert "2 of 2 updated" in waiting.result()


async def test_a_watch_that_is_closed_is_begun_again(running: Shop) -> None:
    async with a_wait(running, annotations={READY_AFTER: "1s"}) as (way, waiting):
        way.break_watches()

    assert "2 of 2 updated" in waiting.result()


async def test_a_right_that_is_taken_away_meanwhile_ends_the_wait(running: Shop) -> None:
    async with a_wait(running, fails=Fails.NEVER_READY) as (way, waiting):
        way.refuses = lambda _request: 403
        way.break_watches()

    assert "give the account this right" in waiting.result()


@pytest.mark.parametrize("status", [401, 403])
async def test_an_api_server_that_refuses_while_it_starts_is_asked_again(
    running: Shop, status: int
) -> None:
    async with a_wait(running, annotations={READY_AFTER: "1s"}) as (way, waiting):
        way.refuses = lambda _request: status
        way.break_watches()
        await until(lambda: way.refused >= 3, "it asks again")
        assert not waiting.done()
        way.refuses = lambda _request: 0

    assert "2 of 2 updated" in waiting.result()
