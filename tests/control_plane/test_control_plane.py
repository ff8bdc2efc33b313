"""The control plane itself: what other tests take for granted of it."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bed.control_plane import (
    RESTRICTED,
    ControlPlane,
    Object,
    started_control_plane,
    wait_for,
)
from tests.bed.manifests import (
    FAILS,
    READY_AFTER,
    Fails,
    daemon_set,
    deployment,
    job,
    service,
    stateful_set,
)
from tests.control_plane.programs import found
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.kinds import DEPLOYMENT, POD
from watchdog.domain.errors import WatchdogError

MANIFESTS = {
    "deployment": deployment("shop"),
    "statefulset": stateful_set("shop"),
    "daemonset": daemon_set("shop"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
async def test_a_workload_is_rolled_out_and_rolled_out_again(
    kind: str, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = MANIFESTS[kind]
    control_plane.apply(manifest, service("shop"), namespace=namespace)
    await control_plane.until_rolled_out(f"{kind}/shop", namespace)

    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test:5000/shop:v2"
    control_plane.apply(manifest, namespace=namespace)
    await control_plane.until_rolled_out(f"{kind}/shop", namespace)

    pods = control_plane.listed("pod", namespace, "app=shop")
    images = {pod["spec"]["containers"][0]["image"] for pod in pods if not ending(pod)}
    assert images == {"registry.test:5000/shop:v2"}
    history = "replicaset" if kind == "deployment" else "controllerrevision"
    assert len(control_plane.listed(history, namespace)) == 2


@pytest.mark.parametrize("how", [Fails.IMAGE_PULL, Fails.CONFIG, Fails.CRASH])
async def test_pods_that_do_not_start_say_why(
    how: Fails, control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.apply(deployment("shop", replicas=1, fails=how), namespace=namespace)

    wait_for(lambda: waiting(control_plane, namespace) == [how.value], f"a pod waits with {how}")


async def test_pods_that_crash_are_restarted_again_and_again(
    control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.apply(deployment("shop", replicas=1, fails=Fails.CRASH), namespace=namespace)

    wait_for(lambda: restarts(control_plane, namespace) >= 3, "three restarts")


async def test_a_running_pod_fails_and_recovers_as_its_annotation_says(
    control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.apply(deployment("shop", replicas=1), namespace=namespace)
    await control_plane.until_rolled_out("deployment/shop", namespace)
    (pod,) = control_plane.listed("pod", namespace)
    name = f"pod/{pod['metadata']['name']}"

    control_plane.patch(name, namespace, {"metadata": {"annotations": {FAILS: "NotReady"}}})
    await control_plane.until(
        "deployment/shop", namespace, lambda it: not it["status"].get("readyReplicas"), "unready"
    )
    control_plane.patch(name, namespace, {"metadata": {"annotations": {FAILS: None}}})
    await control_plane.until_rolled_out("deployment/shop", namespace)


async def test_a_pod_takes_as_long_as_its_annotation_says(
    control_plane: ControlPlane, namespace: str
) -> None:
    slow = deployment("slow", replicas=1, annotations={READY_AFTER: "1h"})
    late = deployment("late", replicas=1, annotations={READY_AFTER: "100ms"})
    control_plane.apply(slow, late, namespace=namespace)

    await control_plane.until_rolled_out("deployment/late", namespace)

    (pod,) = control_plane.listed("pod", namespace, "app=slow")
    assert pod["spec"]["nodeName"] == "n0"
    assert pod["status"]["phase"] == "Pending"


@pytest.mark.parametrize(("fails", "condition"), [("", "Complete"), (Fails.EXIT, "Failed")])
async def test_a_job_ends_as_its_annotation_says(
    fails: str, condition: str, control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.apply(job("task", fails=fails, backoffLimit=0), namespace=namespace)

    await control_plane.until(
        "job/task", namespace, lambda it: condition in conditions(it), f"it is {condition}"
    )


async def test_pod_security_is_enforced_where_it_is_asked_for(control_plane: ControlPlane) -> None:
    namespace = control_plane.namespace(RESTRICTED)
    loose = deployment("loose", replicas=1)
    del loose["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    control_plane.apply(loose, deployment("tight", replicas=1), namespace=namespace)

    await control_plane.until_rolled_out("deployment/tight", namespace)
    await control_plane.until(
        "deployment/loose", namespace, lambda it: "ReplicaFailure" in conditions(it), "refused"
    )


async def test_a_quota_is_enforced(control_plane: ControlPlane, namespace: str) -> None:
    quota = {"hard": {"pods": "1"}}
    metadata = {"name": "few"}
    control_plane.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": quota},
        namespace=namespace,
    )
    await control_plane.until(
        "resourcequota/few", namespace, lambda it: "used" in it.get("status", {}), "it is counted"
    )
    control_plane.apply(deployment("shop", replicas=2), namespace=namespace)

    found = await control_plane.until(
        "deployment/shop", namespace, lambda it: "ReplicaFailure" in conditions(it), "refused"
    )
    assert "exceeded quota" in conditions(found)["ReplicaFailure"]["message"]


async def test_every_pod_has_the_log_that_was_written(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.write_pod_log("one", "two")
    control_plane.apply(deployment("shop", replicas=1), namespace=namespace)
    await control_plane.until_rolled_out("deployment/shop", namespace)
    (pod,) = control_plane.listed("pod", namespace)

    async with control_plane.reached(tmp_path, namespace) as api:
        assert await api.log(pod["metadata"]["name"], "app", None, tail=10) == ["one", "two"]
        assert await api.log(pod["metadata"]["name"], "app", None, tail=1) == ["two"]


async def test_an_account_may_do_what_its_rules_say_and_nothing_else(
    control_plane: ControlPlane, namespace: str
) -> None:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    token = control_plane.account(namespace, rules, "reader")
    control_plane.apply(deployment("shop", replicas=0), namespace=namespace)
    asked = control_plane.api_as(token)

    path = control_plane.api.path_of("deployment/shop", namespace)
    assert asked.get(path).status == 200
    assert asked.request("DELETE", path).status == 403
    assert asked.get(control_plane.api.path_of("pod", namespace)).status == 403


async def test_the_judge_knows_who_changed_what_and_what_was_sent(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.apply(deployment("shop", replicas=0), namespace=namespace)
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}]
    token = control_plane.account(namespace, rules, "hand")
    patch = [{"op": "replace", "path": "/spec/paused", "value": True}]
    mark = control_plane.mark()

    async with control_plane.reached(tmp_path, namespace, token) as api:
        await api.get(DEPLOYMENT, "shop")
        assert not await api.may("delete", DEPLOYMENT, "shop")
        await api.patch(DEPLOYMENT, "shop", patch)
        with suppress(WatchdogError):
            await api.delete(DEPLOYMENT, "shop")

    patched, deleted = control_plane.calls(namespace, mark)
    user = f"system:serviceaccount:{namespace}:hand"
    assert (patched.verb, patched.resource, patched.name) == ("patch", "deployments", "shop")
    assert (patched.user, patched.code, patched.body) == (user, 200, patch)
    assert patched.answer["spec"]["paused"] is True
    assert (deleted.verb, deleted.code) == ("delete", 403)
    assert control_plane.calls(namespace, mark, of="admin") == []
    assert control_plane.calls(namespace, control_plane.mark()) == []
    reads = [each.verb for each in control_plane.audit.calls(mark) if not each.mutating]
    assert reads == ["get", "create"]


async def test_a_dry_run_counts_as_nothing(control_plane: ControlPlane, namespace: str) -> None:
    mark = control_plane.mark()
    admin = control_plane.api_as(control_plane.admin)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}

    answer = admin.request("POST", path, body, query={"dryRun": "All"})

    assert answer.status == 201
    assert control_plane.calls(namespace, mark) == []
    assert control_plane.look("configmap/x", namespace).status == 404


def test_an_object_with_a_field_that_does_not_exist_is_refused(
    control_plane: ControlPlane, namespace: str
) -> None:
    wrong = deployment("shop")
    wrong["spec"]["replicaz"] = 3

    with pytest.raises(AssertionError, match="replicaz"):
        control_plane.apply(wrong, namespace=namespace)


async def test_two_on_one_machine_do_not_meet_and_nothing_of_one_is_left_over(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    with started_control_plane(found(), tmp_path / "other") as other:
        running = {name: each.pid for name, each in other.parts.running.items()}
        assert not set(running.values()) & {
            each.pid for each in control_plane.parts.running.values()
        }
        stranger = other.kubeconfig(tmp_path, server=control_plane.api_server)
        async with reached(Access(kubeconfig=str(stranger))) as api:
            with pytest.raises(WatchdogError):
                await api.listed(POD)

    assert len(running) == 5
    assert not [name for name, pid in running.items() if alive(pid)]
    control_plane.parts.check()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ending(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def conditions(found: Object) -> dict[str, Object]:
    """Those that are true, by their type."""
    every = found.get("status", {}).get("conditions", [])
    return {each["type"]: each for each in every if each["status"] == "True"}


def waiting(plane: ControlPlane, namespace: str) -> list[str]:
    return [
        each["state"]["waiting"]["reason"]
        for pod in plane.listed("pod", namespace)
        for each in pod.get("status", {}).get("containerStatuses", [])
        if "waiting" in each["state"]
    ]


def restarts(plane: ControlPlane, namespace: str) -> int:
    return sum(
        each["restartCount"]
        for pod in plane.listed("pod", namespace)
        for each in pod.get("status", {}).get("containerStatuses", [])
    )
