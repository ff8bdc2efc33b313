"""A real API server takes every manifest and every rendering of the chart, and admits the pod."""

import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.control_plane import RESTRICTED, ControlPlane, wait_for
from tests.deploy.claims import give_volume
from tests.deploy.rendering import (
    KUBERNETES,
    LEVELS,
    ROOT,
    Object,
    charted,
    kustomized,
    of_kind,
    only,
    overlay,
)
from watchdog.app.loading import Files

MORE = ("stateful-sets", "jobs", "callers", "monitoring", "priority")


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> None:
    """The two kinds of a Prometheus Operator that are used, as far as they are."""
    for kind, plural in (
        ("ServiceMonitor", "servicemonitors"),
        ("PrometheusRule", "prometheusrules"),
    ):
        control_plane.apply(_definition(kind, plural))
        served = partial(_is_served, control_plane, f"/apis/monitoring.coreos.com/v1/{plural}")
        wait_for(served, f"{kind} is served")


@pytest.mark.parametrize("level", LEVELS)
def test_the_api_server_takes_every_object_of_an_overlay(
    level: str, kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.apply(*overlay(kubectl, tmp_path, level, namespace), dry_run=True)


@pytest.mark.usefixtures("operator")
def test_the_api_server_takes_every_component(
    kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    objects = overlay(kubectl, tmp_path, "application", namespace, MORE)

    control_plane.apply(*objects, dry_run=True)
    kinds = {one["kind"] for one in objects}
    assert {"ServiceMonitor", "PrometheusRule", "PriorityClass"} <= kinds


def test_the_api_server_takes_the_base_and_the_example_of_a_sidecar(
    kubectl: str, control_plane: ControlPlane, namespace: str
) -> None:
    objects = kustomized(kubectl, KUBERNETES / "base")

    control_plane.apply(*objects, namespace=namespace, dry_run=True)
    sidecar = (KUBERNETES / "sidecar.yaml").read_text()
    control_plane.apply(sidecar, namespace=namespace, dry_run=True)


def test_the_example_is_an_overlay_with_a_namespace(kubectl: str) -> None:
    objects = kustomized(kubectl, KUBERNETES / "example")

    assert {one["metadata"].get("namespace") for one in objects} == {"shop"}
    assert only(objects, "ServiceAccount")["metadata"]["name"] == "rollback-watchdog-evaluator"


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("components", [(), MORE], ids=["alone", "with-all-components"])
async def test_its_pod_runs_where_restricted_is_enforced(
    components: tuple[str, ...], kubectl: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    namespace = control_plane.namespace(RESTRICTED)

    _apply(
        control_plane, overlay(kubectl, tmp_path, "application", namespace, components), namespace
    )

    await control_plane.until_rolled_out("deployment/rollback-watchdog", namespace)

    control_plane.delete(f"namespace/{namespace}")


async def test_a_pod_that_is_less_than_restricted_would_not_run(
    kubectl: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """So that the test above can fail."""
    namespace = control_plane.namespace(RESTRICTED)
    objects = overlay(kubectl, tmp_path, "alert-only", namespace)
    del only(objects, "Deployment")["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]
    control_plane.apply(*objects)

    found = await control_plane.until(
        "deployment/rollback-watchdog", namespace, _is_refused, "its pod is refused"
    )

    assert found
    control_plane.delete(f"namespace/{namespace}")


CHARTS: dict[str, dict[str, Any]] = {
    "none": {"level": "none"},
    **{level: {"level": level} for level in LEVELS},
    "all-names": {
        "level": "application",
        "guarded": {
            "deployments": ["checkout", "stock"],
            "daemonSets": ["agent"],
            "statefulSets": ["store"],
            "services": ["checkout"],
            "jobs": True,
            "cronJobs": ["migrate"],
        },
    },
    "callers-alone": {"level": "none", "callers": {"enabled": True}},
    "everything": {
        "level": "application",
        "callers": {"enabled": True},
        "image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": ["registry"]},
        "secrets": {"existing": "own", "environment": {"HOOK": {"secret": "chat", "key": "url"}}},
        "journal": {"storageClass": "fast", "size": "5Gi"},
        "networkPolicy": {"egress": [{"ports": [{"protocol": "TCP", "port": 8080}]}]},
        "priorityClass": {"create": True},
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring"}},
            "rules": {"enabled": True, "labels": {"release": "monitoring"}},
        },
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
    },
    "own-things": {
        "config": {"existing": "own"},
        "journal": {"existing": "own"},
        "networkPolicy": {"enabled": False},
        "disruptionBudget": {"enabled": False},
        "priorityClass": {"name": "system-cluster-critical"},
    },
}


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("values", CHARTS.values(), ids=CHARTS)
def test_the_api_server_takes_every_rendering_of_the_chart(
    values: dict[str, Any],
    helm: Path,
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
) -> None:
    objects = charted(helm, tmp_path, namespace, values)

    control_plane.apply(*objects, namespace=namespace, dry_run=True)


@pytest.mark.parametrize("level", LEVELS)
def test_the_chart_grants_what_the_manifests_grant(
    level: str, helm: Path, kubectl: str, tmp_path: Path
) -> None:
    names = {"deployments": ["checkout"], "daemonSets": ["checkout"], "services": ["checkout"]}
    chart = charted(helm, tmp_path, "shop", {"level": level, "guarded": names})
    shipped = overlay(kubectl, tmp_path, level, "shop")

    assert _rights(chart) == _rights(shipped)


def test_the_chart_grants_no_write_where_nothing_is_named(helm: Path, tmp_path: Path) -> None:
    objects = charted(helm, tmp_path, "shop", {"level": "application"})

    [evaluator, *others] = of_kind(objects, "Role")
    assert evaluator["metadata"]["name"].endswith("-evaluator")
    assert [one["rules"] for one in others] == [[], [], []]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"level": "root"}, "level"),
        ({"levels": ["flags"]}, "levels"),
        ({"guarded": {"deployments": "checkout"}}, "deployments"),
        ({"guarded": {"deployments": ["*"]}}, "deployments"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"callers": {"enabled": "yes"}}, "callers"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_chart_refuses_values_that_mean_nothing(
    values: dict[str, Any], complaint: str, helm: Path, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        charted(helm, tmp_path, "shop", values)


async def test_the_pod_of_the_chart_runs_where_restricted_is_enforced(
    helm: Path, control_plane: ControlPlane, tmp_path: Path
) -> None:
    namespace = control_plane.namespace(RESTRICTED)

    _apply(control_plane, charted(helm, tmp_path, namespace, {}), namespace)

    await control_plane.until_rolled_out("deployment/watchdog-rollback-watchdog", namespace)

    control_plane.delete(f"namespace/{namespace}")


def _apply(plane: ControlPlane, objects: list[Object], namespace: str) -> None:
    """Make them all, and give each claim a volume."""
    last = of_kind(objects, "Deployment")
    plane.apply(*(one for one in objects if one not in last), namespace=namespace)
    for claim in plane.listed("persistentvolumeclaim", namespace):
        give_volume(plane, namespace, claim["metadata"]["name"])
    plane.apply(*last, namespace=namespace)


def _is_served(plane: ControlPlane, path: str) -> bool:
    return plane.api.get(path).status == 200


def _is_refused(deployment: Object) -> bool:
    conditions = deployment.get("status", {}).get("conditions", [])
    return any(
        one["type"] == "ReplicaFailure" and "violates PodSecurity" in one["message"]
        for one in conditions
    )


def _rights(objects: list[Object]) -> dict[str, set[tuple[str, str, str, str]]]:
    """Of each Role, by the last word of its name: group, resource, name and verb."""
    return {
        role["metadata"]["name"].rpartition("-")[2]: {
            (group, resource, name, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for name in rule.get("resourceNames", [""])
            for verb in rule["verbs"]
        }
        for role in of_kind(objects, "Role")
    }


def _definition(kind: str, plural: str) -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}
                    },
                }
            ],
        },
    }


def test_the_folder_of_a_new_user_is_applied_as_the_page_says(
    kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    mine = tmp_path / "kubernetes/mine"
    shutil.copytree(tmp_path / "kubernetes/example", mine)
    kustomization = mine / "kustomization.yaml"
    text = kustomization.read_text()
    kustomization.write_text(text.replace("namespace: shop", f"namespace: {namespace}"))
    kubeconfig = control_plane.kubeconfig(tmp_path, namespace=namespace)

    words = [kubectl, "--kubeconfig", str(kubeconfig), "apply", "--server-side", "-k", str(mine)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    found = control_plane.get("configmap/rollback-watchdog", namespace)
    assert set(found["data"]) == {"daemon.yaml", "watchdog.yaml"}
    assert [one["metadata"]["name"] for one in control_plane.listed("role", namespace)] == [
        "rollback-watchdog-evaluator"
    ]


def test_a_level_is_named_for_its_objects_as_the_page_says(kubectl: str, tmp_path: Path) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    [patches] = [
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        if block.startswith("patches:")
    ]

    objects = overlay(kubectl, tmp_path, "application", "shop", more=patches)

    role = next(one for one in of_kind(objects, "Role") if "application" in one["metadata"]["name"])
    assert role["rules"][0]["resourceNames"] == ["checkout", "stock"]


def test_the_files_of_the_chart_load(helm: Path, tmp_path: Path) -> None:
    target = (KUBERNETES / "example/watchdog.yaml").read_text()
    objects = charted(helm, tmp_path, "shop", {"config": {"files": {"watchdog.yaml": target}}})

    for name, text in only(objects, "ConfigMap")["data"].items():
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / "etc" / name).write_text(text)

    [loaded] = Files([tmp_path / "etc/daemon.yaml"]).load().targets
    assert loaded.name == "checkout"
