"""What a careful operator does with `kubectl rollout undo`, on a real control plane."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.answer_loser import losing_answers
from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.bed.kubernetes_verbs import BAD, OLD, a_stuck_deployment, two_deployments, until_stuck
from tests.bed.manifests import Fails, deployment
from tests.bed.patience import until
from tests.bed.undone import NAMES, Shop, ready_pods
from watchdog.adapters.executors.kubernetes_undo import Options, plugin
from watchdog.domain.events import Effect
from watchdog.testing.contracts_executor import refusals

CAUSE = "kubernetes.io/change-cause"


@pytest.fixture
async def shop(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with real_deps() as deps:
        yield Shop(control_plane, namespace, tmp_path, deps)


@pytest.mark.parametrize("workload", NAMES)
async def test_what_comes_back_is_what_ran_to_the_last_field(shop: Shop, workload: str) -> None:
    await shop.deploy(workload, OLD, annotations={"team": "cart"}, environment={"MODE": "a b"})
    before = shop.template(workload)
    await shop.deploy(workload, BAD)
    replicas = shop.plane.get(workload, shop.namespace)["spec"].get("replicas")

    said = await shop.undo(workload)

    assert shop.template(workload) == before
    assert OLD in said
    assert BAD in said
    done = await shop.plane.until_rolled_out(workload, shop.namespace)
    assert done["spec"].get("replicas") == replicas


@pytest.mark.parametrize("workload", NAMES)
async def test_previous_said_again_goes_further_back_and_never_forward(
    shop: Shop, workload: str
) -> None:
    await shop.deploy(workload, "shop:v1", "shop:v2", "shop:v3")

    await shop.undo(workload)
    assert shop.image(workload) == "shop:v2"
    await shop.plane.until_rolled_out(workload, shop.namespace)
    await shop.undo(workload)
    assert shop.image(workload) == "shop:v1"
    await shop.plane.until_rolled_out(workload, shop.namespace)

    assert "nothing was made before" in await shop.refused(workload)
    assert shop.image(workload) == "shop:v1"


@pytest.mark.parametrize("workload", NAMES)
async def test_previous_is_what_ran_and_not_what_was_left_before(shop: Shop, workload: str) -> None:
    # Version 3 was bad and left by hand; then came version 4.
    await shop.deploy(workload, "shop:v1", "shop:v3", "shop:v1", "shop:v4")

    await shop.undo(workload)

    assert shop.image(workload) == "shop:v1"


@pytest.mark.parametrize("workload", NAMES)
async def test_a_revision_is_found_by_its_name_its_uid_and_its_tag(
    shop: Shop, workload: str
) -> None:
    await shop.deploy(workload, OLD)
    kind = "replicaset" if workload == "deployment/shop" else "controllerrevision"
    (first,) = shop.plane.listed(kind, shop.namespace)
    await shop.deploy(workload, BAD)
    name, uid = first["metadata"]["name"], first["metadata"]["uid"]
    for to in (name, uid, "v1"):
        findings = await plugin.probe(shop.options(workload, to=to), shop.deps).preflight()
        assert refusals(findings) == []
        assert any(f"to revision 1 ({name}: {OLD})" in one.text for one in findings)

    await shop.undo(workload, to=uid)

    assert shop.image(workload) == OLD


async def test_one_that_is_gone_is_answered_with_what_there_is(shop: Shop) -> None:
    await two_deployments(shop.plane, shop.namespace)

    text = await shop.refused(revision=7)

    assert "there is no revision 7 any more; the cluster keeps revision 1 (shop-" in text
    assert f"{OLD}), revision 2 (shop-" in text


async def test_without_a_history_there_is_nothing_to_return_to(shop: Shop) -> None:
    await shop.deploy("deployment/shop", OLD, BAD, revisionHistoryLimit=0)
    await until(
        lambda: len(shop.plane.listed("replicaset", shop.namespace)) == 1, "only one is kept"
    )

    assert "nothing was made before revision 2" in await shop.refused()
    assert "there is no 'v1' any more" in await shop.refused(to="v1")


async def test_a_paused_one_is_left_alone(shop: Shop) -> None:
    await two_deployments(shop.plane, shop.namespace)
    shop.plane.patch("deployment/shop", shop.namespace, {"spec": {"paused": True}})

    assert "is paused, nothing would roll out" in await shop.refused()


async def test_what_only_a_run_knows_is_not_looked_for_before(shop: Shop) -> None:
    await two_deployments(shop.plane, shop.namespace)
    options = shop.options("deployment/shop", to="{{ run.to_version }}")

    findings = await plugin.probe(options, shop.deps).preflight()

    assert refusals(findings) == []
    assert "where to is known to the run; the cluster keeps revision 1" in findings[-1].text


async def test_where_it_runs_that_already_nothing_is_sent(shop: Shop) -> None:
    await two_deployments(shop.plane, shop.namespace)
    began = shop.plane.mark()
    probe = plugin.probe(shop.options("deployment/shop", to="v2"), shop.deps)

    assert refusals(await probe.preflight()) == []
    said = await shop.undo(to="v2")

    assert said.endswith("already; nothing to send")
    assert shop.plane.calls(shop.namespace, began) == []
    # A run looks whether it is so.
    assert (await probe.inspect("run-1/step-1"))[0] is Effect.APPLIED


async def test_the_change_cause_is_that_of_what_it_returns_to(shop: Shop) -> None:
    for image, cause in ((OLD, "release 1"), (BAD, "release 2")):
        found = deployment("shop", image)
        found["metadata"]["annotations"] = {CAUSE: cause, "owner": "cart"}
        shop.plane.apply(found, namespace=shop.namespace)
        await shop.plane.until_rolled_out("deployment/shop", shop.namespace)

    await shop.undo()

    now = shop.plane.get("deployment/shop", shop.namespace)["metadata"]["annotations"]
    assert (now[CAUSE], now["owner"]) == ("release 1", "cart")


async def test_a_rollout_that_somebody_else_began_is_left_where_it_stands(shop: Shop) -> None:
    await a_stuck_deployment(shop.plane, shop.namespace)
    await until_stuck(shop.plane, shop.namespace)
    serving = {pod["metadata"]["uid"] for pod in ready_pods(shop)}

    await shop.undo()
    await shop.plane.until_rolled_out("deployment/shop", shop.namespace)

    assert shop.image() == OLD
    # What was healthy went on serving throughout.
    assert {pod["metadata"]["uid"] for pod in ready_pods(shop)} == serving


async def test_a_container_that_came_since_is_named_before_it_goes(shop: Shop) -> None:
    await shop.deploy("deployment/shop", OLD, BAD)
    probe = plugin.probe(shop.options("deployment/shop", to="previous"), shop.deps)
    assert not any(one.warns for one in await probe.preflight())
    newest = deployment("shop", BAD)
    beside = {"name": "rollback-watchdog", "image": "rollback-watchdog:0.1.0"}
    newest["spec"]["template"]["spec"]["containers"].append(beside)
    shop.plane.apply(newest, namespace=shop.namespace)
    await shop.plane.until_rolled_out("deployment/shop", shop.namespace)

    [warning] = [one for one in await probe.preflight() if one.warns]

    assert warning.ok
    assert "has no container rollback-watchdog: it would be gone" in warning.text


# The pods that a StatefulSet waits for


async def test_a_stateful_set_that_hangs_is_freed_and_what_is_healthy_is_left_alone(
    shop: Shop,
) -> None:
    await shop.deploy("statefulset/shop", OLD, replicas=3)
    first = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in ready_pods(shop)}
    shop.apply("statefulset/shop", BAD, replicas=3, fails=Fails.IMAGE_PULL)
    await until_stuck(shop.plane, shop.namespace, "shop-2")

    said = await shop.undo("statefulset/shop", to="v1")
    await shop.plane.until_rolled_out("statefulset/shop", shop.namespace)

    assert said.endswith("freed shop-2")
    now = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in ready_pods(shop)}
    assert [name for name in first if now[name] != first[name]] == ["shop-2"]


async def test_a_crash_before_the_pods_are_freed_is_made_good(shop: Shop) -> None:
    await shop.deploy("statefulset/shop", OLD)
    shop.apply("statefulset/shop", BAD, fails=Fails.CRASH)
    await until_stuck(shop.plane, shop.namespace, "shop-1")
    async with losing_answers(shop.plane) as way:
        shop.server = way.url
        way.refuses = lambda request: 503 if request.method == "DELETE" else 0
        async with asyncio.TaskGroup() as tasks:
            undo = shop.undo("statefulset/shop", key="run-2/step-1", to="v1")
            step = tasks.create_task(undo)
            await until(lambda: way.refused > 0, "it tries to delete a pod")
            step.cancel()
        probe = plugin.probe(shop.options("statefulset/shop", to="v1"), shop.deps)
        assert (await probe.inspect("run-2/step-1"))[0] is Effect.NOT_APPLIED

        way.refuses = lambda _request: 0
        await shop.undo("statefulset/shop", key="run-2/step-1", to="v1")
        assert (await probe.inspect("run-2/step-1"))[0] is Effect.APPLIED
    await shop.plane.until_rolled_out("statefulset/shop", shop.namespace)


# What a file may say


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workload": "deployment/shop"}, "by `to` or by `revision`"),
        ({"workload": "deployment/shop", "to": "v1", "revision": 1}, "by `to` or by `revision`"),
        ({"workload": "shop", "to": "v1"}, "names no workload"),
        ({"workload": "job/shop", "to": "v1"}, "names no workload"),
        ({"workload": "deployment/shop", "revision": 0}, "greater than or equal to 1"),
        ({"workload": "deployment/shop", "to": "v1", "namespace": "No Name"}, "match pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Options.model_validate(options)


async def test_whoever_would_put_it_back_is_named_beforehand(shop: Shop) -> None:
    await shop.deploy("deployment/shop", OLD, BAD)
    tracked = {
        "argocd.argoproj.io/tracking-id": f"storefront:apps/Deployment:{shop.namespace}/shop"
    }
    shop.plane.patch("deployment/shop", shop.namespace, {"metadata": {"annotations": tracked}})

    options = shop.options("deployment/shop", to="previous")
    findings = await plugin.probe(options, shop.deps).preflight()

    assert refusals(findings) == []
    assert any("is kept by Argo CD's application storefront" in one.text for one in findings)
