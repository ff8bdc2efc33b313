"""Every verb of the Kubernetes executors, each with a world in which it has something to do."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.bed import gitops
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import Fails, cron_job, daemon_set, deployment, service, stateful_set
from tests.bed.patience import until
from watchdog.adapters.kubernetes.jobs import job_name

# Where a step is at work: the control plane, and a namespace of its own.
World = Callable[[ControlPlane, str], Coroutine[Any, Any, None]]
OLD, BAD = "registry.test:5000/shop:v1", "registry.test:5000/shop:v2"


class Sent(NamedTuple):
    """One change as the API server receives it; `part` is found in its body, written as JSON."""

    verb: str
    resource: str
    name: str
    part: str = ""


# Of the step in whose name the contract acts.
KEY = "run-7/step-2"


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the contract. `sent` is empty for one that only waits.

    `prepare` makes what the step is about, in a fresh namespace. `options` are what stands under
    `with:`, without how the cluster is reached. `render` is all that is shown of it beforehand.
    `sent` is what the API server receives, in order, and nothing else that changes anything.
    """

    name: str
    use: str
    prepare: World
    options: Mapping[str, Any]
    render: str
    sent: tuple[Sent, ...] = ()
    # The kinds of whoever keeps the object, where that is what is changed.
    keepers: tuple[str, ...] = ()


async def two_deployments(plane: ControlPlane, namespace: str) -> None:
    """Version 1, then version 2, both rolled out."""
    for image in (OLD, BAD):
        plane.apply(deployment("shop", image), namespace=namespace)
        await plane.until_rolled_out("deployment/shop", namespace)


async def a_stuck_deployment(plane: ControlPlane, namespace: str) -> None:
    """Version 1 is ready, version 2 has no image that could be pulled."""
    plane.apply(deployment("shop", OLD), namespace=namespace)
    await plane.until_rolled_out("deployment/shop", namespace)
    plane.apply(deployment("shop", BAD, fails=Fails.IMAGE_PULL), namespace=namespace)


async def a_stuck_stateful_set(plane: ControlPlane, namespace: str) -> None:
    """Version 1 is ready but for its last pod, which is of version 2 and never will be."""
    plane.apply(stateful_set("shop", OLD), namespace=namespace)
    await plane.until_rolled_out("statefulset/shop", namespace)
    plane.apply(stateful_set("shop", BAD, fails=Fails.IMAGE_PULL), namespace=namespace)
    await until_stuck(plane, namespace, "shop-1")


async def two_daemon_sets(plane: ControlPlane, namespace: str) -> None:
    """Version 1, then version 2, both rolled out."""
    plane.apply(daemon_set("shop", OLD), namespace=namespace)
    await plane.until_rolled_out("daemonset/shop", namespace)
    plane.apply(daemon_set("shop", BAD), namespace=namespace)
    await plane.until_rolled_out("daemonset/shop", namespace)


async def flags(plane: ControlPlane, namespace: str) -> None:
    """A Deployment and a DaemonSet whose flags are on."""
    both = {"MODE": "live", "CACHE": "true", "SEARCH": "true"}
    plane.apply(
        deployment("shop", environment=both),
        daemon_set("agent", environment=both),
        namespace=namespace,
    )
    await plane.until_rolled_out("deployment/shop", namespace)
    await plane.until_rolled_out("daemonset/agent", namespace)


async def traffic(plane: ControlPlane, namespace: str) -> None:
    """A Deployment that a Service sends traffic to."""
    plane.apply(deployment("shop"), service("shop"), namespace=namespace)
    await plane.until_rolled_out("deployment/shop", namespace)


async def a_cron_job(plane: ControlPlane, namespace: str) -> None:
    """One that never runs by itself."""
    plane.apply(cron_job("restore"), namespace=namespace)


async def kept_by_flux(plane: ControlPlane, namespace: str) -> None:
    """A Deployment of a Kustomization."""
    gitops.install(plane, "Kustomization")
    shop = gitops.of_flux(deployment("shop"), namespace)
    plane.apply(gitops.kustomization(suspend=False), shop, namespace=namespace)


async def a_service_of_helm(plane: ControlPlane, namespace: str) -> None:
    """A Service of a HelmRelease that says nothing of being suspended."""
    gitops.install(plane, "HelmRelease")
    shop = gitops.of_flux(service("shop"), namespace, kind="HelmRelease")
    plane.apply(gitops.helm_release(), shop, namespace=namespace)


async def kept_by_argo(plane: ControlPlane, namespace: str) -> None:
    """A Deployment of an application that syncs by itself, outside of Argo CD's namespace."""
    gitops.install(plane, "Application")
    app = gitops.application(automated={"prune": True, "selfHeal": True})
    shop = gitops.of_argo(deployment("shop"), namespace, f"{namespace}_shop")
    plane.apply(app, shop, namespace=namespace)


async def suspended_flux(plane: ControlPlane, namespace: str) -> None:
    """A Kustomization that an earlier run suspended."""
    await kept_by_flux(plane, namespace)
    gitops.suspended_by_us(plane, "Kustomization", namespace, was=False)


async def suspended_argo(plane: ControlPlane, namespace: str) -> None:
    """An application that an earlier run suspended."""
    await kept_by_argo(plane, namespace)
    was = {"prune": True, "selfHeal": True}
    gitops.suspended_by_us(plane, "Application", namespace, was=was)


async def until_stuck(plane: ControlPlane, namespace: str, *names: str) -> None:
    """Wait until these pods, or any where none is named, say that they cannot start."""

    def seen() -> bool:
        stuck = {
            pod["metadata"]["name"]
            for pod in plane.listed("pod", namespace)
            for one in pod.get("status", {}).get("containerStatuses", [])
            if one["state"].get("waiting")
        }
        return stuck.issuperset(names) if names else bool(stuck)

    await until(seen, "pods are stuck")


VERBS = [
    Verb(
        name="undo of a Deployment",
        use="kubernetes_undo",
        prepare=two_deployments,
        options={"workload": "deployment/shop", "to": "previous"},
        render="PATCH deployment/shop: /spec/template of previous",
        sent=(Sent("patch", "deployments", "shop", OLD),),
    ),
    Verb(
        name="undo of a Deployment that is stuck",
        use="kubernetes_undo",
        prepare=a_stuck_deployment,
        options={"workload": "deployment/shop", "revision": 1},
        render="PATCH deployment/shop: /spec/template of revision 1",
        sent=(Sent("patch", "deployments", "shop", OLD),),
    ),
    Verb(
        name="undo of a StatefulSet that is stuck",
        use="kubernetes_undo",
        prepare=a_stuck_stateful_set,
        options={"workload": "statefulset/shop", "to": "v1"},
        render="PATCH statefulset/shop: /spec/template of v1, then DELETE its pods that are stuck",
        sent=(
            Sent("patch", "statefulsets", "shop", OLD),
            Sent("delete", "pods", "shop-1"),
            Sent("patch", "statefulsets", "shop", "rollback-watchdog.io~1step"),
        ),
    ),
    Verb(
        name="undo of a DaemonSet",
        use="kubernetes_undo",
        prepare=two_daemon_sets,
        options={"workload": "daemonset/shop", "to": "v1"},
        render="PATCH daemonset/shop: /spec/template of v1",
        sent=(Sent("patch", "daemonsets", "shop", OLD),),
    ),
    Verb(
        name="wait for a rollout",
        use="kubernetes_rollout",
        prepare=two_deployments,
        options={"workload": "deployment/shop"},
        render="WATCH deployment/shop until it has rolled out",
    ),
    Verb(
        name="image of a Deployment by its tag",
        use="kubernetes_image",
        prepare=two_deployments,
        options={"workload": "deployment/shop", "container": "app", "tag": "v1"},
        render="PATCH deployment/shop: image of container app = tag v1",
        sent=(Sent("patch", "deployments", "shop", f'containers/0/image", "value": "{OLD}"'),),
    ),
    Verb(
        name="image of a StatefulSet",
        use="kubernetes_image",
        prepare=a_stuck_stateful_set,
        options={"workload": "statefulset/shop", "image": OLD},
        render=f"PATCH statefulset/shop: image of its container = {OLD}",
        sent=(Sent("patch", "statefulsets", "shop", f'containers/0/image", "value": "{OLD}"'),),
    ),
    Verb(
        name="flags of a Deployment",
        use="kubernetes_env",
        prepare=flags,
        options={"workload": "deployment/shop", "set": {"CACHE": False, "SEARCH": False}},
        render="PATCH deployment/shop: env of its container: CACHE=false SEARCH=false",
        sent=(Sent("patch", "deployments", "shop", 'env/1/value", "value": "false"'),),
    ),
    Verb(
        name="flags of a DaemonSet",
        use="kubernetes_env",
        prepare=flags,
        options={"workload": "daemonset/agent", "set": {"SEARCH": "off"}, "unset": ["MODE"]},
        render="PATCH daemonset/agent: env of its container: SEARCH=off MODE-",
        sent=(Sent("patch", "daemonsets", "agent", '"remove", "path": '),),
    ),
    Verb(
        name="scale a Deployment",
        use="kubernetes_scale",
        prepare=flags,
        options={"workload": "deployment/shop", "replicas": 0},
        render="PATCH deployment/shop: /spec/replicas = 0",
        sent=(Sent("patch", "deployments", "shop", '"/spec/replicas", "value": 0'),),
    ),
    Verb(
        name="scale a StatefulSet",
        use="kubernetes_scale",
        prepare=a_stuck_stateful_set,
        options={"workload": "statefulset/shop", "replicas": "1"},
        render="PATCH statefulset/shop: /spec/replicas = 1",
        sent=(Sent("patch", "statefulsets", "shop", '"/spec/replicas", "value": 1'),),
    ),
    Verb(
        name="pause traffic",
        use="kubernetes_selector",
        prepare=traffic,
        options={"service": "shop", "set": {"app": "nobody"}},
        render="PATCH service/shop: /spec/selector with app=nobody",
        sent=(Sent("patch", "services", "shop", '"value": {"app": "nobody"}'),),
    ),
    Verb(
        name="resume traffic",
        use="kubernetes_selector",
        prepare=traffic,
        options={"service": "shop", "selector": '{"tier": "web"}'},
        render="PATCH service/shop: /spec/selector = tier=web",
        sent=(Sent("patch", "services", "shop", '"value": {"tier": "web"}'),),
    ),
    Verb(
        name="job of a CronJob",
        use="kubernetes_job",
        prepare=a_cron_job,
        options={"name": "restore", "from": "cronjob/restore"},
        render="CREATE job/restore-…: cronjob/restore",
        sent=(Sent("create", "jobs", job_name("restore", KEY), f'"image": "{OLD}"'),),
    ),
    Verb(
        name="suspend a Kustomization",
        use="kubernetes_suspend",
        prepare=kept_by_flux,
        options={"workload": "deployment/shop", "owner": "kustomization/shop"},
        render="PATCH kustomization/shop: /spec/suspend = true",
        sent=(Sent("patch", "kustomizations", "shop", '"path": "/spec/suspend", "value": true'),),
        keepers=("Kustomization",),
    ),
    Verb(
        name="suspend the HelmRelease of a Service",
        use="kubernetes_suspend",
        prepare=a_service_of_helm,
        options={"service": "shop", "owner": "helmrelease/shop"},
        render="PATCH helmrelease/shop: /spec/suspend = true",
        sent=(Sent("patch", "helmreleases", "shop", '"path": "/spec/suspend", "value": true'),),
        keepers=("HelmRelease",),
    ),
    Verb(
        name="suspend an application",
        use="kubernetes_suspend",
        prepare=kept_by_argo,
        options={"workload": "deployment/shop", "owner": "application/shop"},
        render="PATCH application/shop: /spec/syncPolicy/automated is noted, and removed",
        sent=(
            Sent(
                "patch",
                "applications",
                "shop",
                '{"op": "remove", "path": "/spec/syncPolicy/automated"}',
            ),
        ),
        keepers=("Application",),
    ),
    Verb(
        name="resume a Kustomization",
        use="kubernetes_resume",
        prepare=suspended_flux,
        options={"workload": "deployment/shop", "owner": "kustomization/shop"},
        render="PATCH kustomization/shop: as before we suspended it",
        sent=(Sent("patch", "kustomizations", "shop", '"path": "/spec/suspend", "value": false'),),
        keepers=("Kustomization",),
    ),
    Verb(
        name="resume an application",
        use="kubernetes_resume",
        prepare=suspended_argo,
        options={"workload": "deployment/shop", "owner": "application/shop"},
        render="PATCH application/shop: as before we suspended it",
        sent=(Sent("patch", "applications", "shop", '"value": {"prune": true, "selfHeal": true}'),),
        keepers=("Application",),
    ),
]
