from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.bed.answer_loser import changes, losing_answers
from tests.bed.cluster_steps import ClusterSteps, cluster_steps, paths
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment, stateful_set
from watchdog.adapters.executors.kubernetes_scale import Options, plugin
from watchdog.adapters.kubernetes.api import ForbiddenError, MissingError
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect

SHOP = "deployment/shop"


@pytest.fixture
async def steps(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    async with cluster_steps(control_plane, namespace, plugin, tmp_path) as steps:
        yield steps


def replicas(steps: ClusterSteps, name: str = SHOP) -> int:
    return int(steps.plane.get(name, steps.namespace)["spec"]["replicas"])


def autoscaler(kind: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"of-{name}"},
        "spec": {
            "minReplicas": 2,
            "maxReplicas": 10,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        },
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [(0, 0), (4, 4), ("4", 4), (4.0, 4), ("{{ saved.replicas }}", "{{ saved.replicas }}")],
)
def test_a_number_is_one_however_it_was_read(written: object, expected: object) -> None:
    found = Options.model_validate({"workload": SHOP, "replicas": written})

    assert found.replicas == expected


@pytest.mark.parametrize("written", [-1, "three", "", 1.5, True, None, "-1", 10**9])
def test_what_is_no_number_of_pods_is_refused_when_it_is_read(written: object) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"workload": SHOP, "replicas": written})


def test_a_daemon_set_cannot_be_scaled() -> None:
    with pytest.raises(ValidationError, match="has one pod on each node"):
        Options.model_validate({"workload": "daemonset/shop", "replicas": 1})


@pytest.mark.parametrize(
    ("kind", "manifest"), [("deployment", deployment), ("statefulset", stateful_set)]
)
async def test_the_number_of_pods_changes_and_nothing_else(
    steps: ClusterSteps,
    kind: str,
    manifest: Any,  # noqa: ANN401
) -> None:
    await steps.has(manifest(replicas=4))

    told = await steps.execute(workload=f"{kind}/shop", replicas=0)

    assert replicas(steps, f"{kind}/shop") == 0
    assert "from 4 to 0 pods" in told
    (call,) = steps.sent()
    assert paths(call) == ["/spec/replicas"]


async def test_the_pods_come_back_in_the_number_that_was_read_before(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=4))
    await steps.execute("run-7/steps/0", workload=SHOP, replicas=0)

    await steps.execute("run-7/steps/2", workload=SHOP, replicas="4")

    found = await steps.plane.until_rolled_out(SHOP, steps.namespace)
    assert found["status"]["readyReplicas"] == 4
    # Scaling is no change of what runs: there is no new revision.
    assert len(steps.plane.listed("replicaset", steps.namespace)) == 1


async def test_a_number_that_was_never_read_is_not_sent(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=4))

    said = await steps.said_before(workload=SHOP, replicas="{{ saved.replicas }}")
    error = await steps.refused(workload=SHOP, replicas="{{ saved.replicas }}")

    assert "from 4 pods to as many as the run has read by then" in said
    assert isinstance(error, PermanentError)
    assert "never read" in str(error)
    assert steps.sent() == []


async def test_nothing_is_sent_where_it_is_so_already(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=3))

    assert "has 3 pods already" in await steps.execute(workload=SHOP, replicas=3)
    assert (await steps.inspect(workload=SHOP, replicas=3))[0] is Effect.APPLIED
    assert steps.sent() == []


async def test_a_step_that_is_told_again_sends_nothing_again(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=3))
    before, _ = await steps.inspect(workload=SHOP, replicas=0)
    await steps.execute(workload=SHOP, replicas=0)
    steps.plane.patch(SHOP, steps.namespace, {"spec": {"replicas": 2}})

    assert "was done before" in await steps.execute(workload=SHOP, replicas=0)
    assert before is Effect.NOT_APPLIED
    assert (await steps.inspect(workload=SHOP, replicas=0))[0] is Effect.APPLIED
    assert replicas(steps) == 2
    assert len(steps.sent()) == 1


async def test_whoever_else_scales_it_is_named_and_no_obstacle(steps: ClusterSteps) -> None:
    await steps.has(
        deployment(replicas=4),
        autoscaler("Deployment", "shop"),
        autoscaler("Deployment", "cart"),
        autoscaler("StatefulSet", "shop2"),
    )

    said = await steps.said_before(workload=SHOP, replicas=0)

    assert "horizontalpodautoscaler/of-shop (2 to 10 pods; at 0 it stands still)" in said
    assert "cart" not in said
    assert "shop2" not in said


async def test_a_paused_deployment_can_be_scaled(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=2, paused=True))

    assert await steps.preflight(workload=SHOP, replicas=0) == []
    await steps.execute(workload=SHOP, replicas=0)

    found = await steps.plane.until(
        SHOP, steps.namespace, lambda found: not found["status"].get("replicas"), "no pods"
    )
    assert found["spec"]["paused"]


async def test_a_workload_that_is_not_there_is_seen_before_anything_is_sent(
    steps: ClusterSteps,
) -> None:
    (problem,) = await steps.preflight(workload=SHOP, replicas=0)

    assert '"shop" not found' in problem
    assert isinstance(await steps.refused(workload=SHOP, replicas=0), MissingError)
    assert steps.sent() == []


async def test_an_account_that_may_not_see_autoscalers_is_told_so_and_can_scale(
    steps: ClusterSteps,
) -> None:
    await steps.has(deployment(replicas=4))
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["shop"]}
    account = steps.as_account({**rule, "verbs": ["get", "patch"]})

    (problem,) = await account.preflight(workload=SHOP, replicas=0)
    await account.execute(workload=SHOP, replicas=0)

    assert "may not list horizontalpodautoscalers.autoscaling" in problem
    assert replicas(steps) == 0


async def test_without_the_right_nothing_changes_and_the_right_is_named(
    steps: ClusterSteps,
) -> None:
    await steps.has(deployment(replicas=4))
    reader = steps.as_account(
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    )

    assert (
        "may not patch deployments.apps shop"
        in (await reader.preflight(workload=SHOP, replicas=0))[0]
    )
    assert isinstance(await reader.refused(workload=SHOP, replicas=0), ForbiddenError)
    assert replicas(steps) == 4


def test_what_would_be_sent_is_shown(steps: ClusterSteps) -> None:
    shown = steps.render(workload=SHOP, replicas="{{ saved.replicas }}")

    assert shown == "PATCH deployment/shop: /spec/replicas = {{ saved.replicas }}"


async def test_a_number_that_somebody_sets_meanwhile_stays(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=4))

    def meanwhile(request: web.Request) -> None:
        if changes(request) and not steps.sent():
            steps.plane.patch(SHOP, steps.namespace, {"spec": {"replicas": 7}})

    async with losing_answers(steps.plane) as way:
        way.before = meanwhile
        error = await steps.through(way.url).refused(workload=SHOP, replicas=0)

    assert isinstance(error, PermanentError)
    assert "somebody else changed how many pods it has, or what they run, meanwhile" in str(error)
    assert replicas(steps) == 7
    assert [call.code for call in steps.sent()] == [422]


async def test_who_notes_something_on_it_meanwhile_is_no_obstacle(steps: ClusterSteps) -> None:
    await steps.has(deployment(replicas=4))

    def meanwhile(request: web.Request) -> None:
        if changes(request) and not steps.sent():
            steps.plane.patch(SHOP, steps.namespace, {"spec": {"revisionHistoryLimit": 7}})

    async with losing_answers(steps.plane) as way:
        way.before = meanwhile
        told = await steps.through(way.url).execute(workload=SHOP, replicas=0)

    assert "from 4 to 0 pods" in told
    assert replicas(steps) == 0
    assert [call.code for call in steps.sent()] == [422, 200]
