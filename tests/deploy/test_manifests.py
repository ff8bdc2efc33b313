"""The shipped manifests: one writer, no right in the cluster, restricted pods, files that load."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from watchdog.app.loading import Files
from watchdog.domain.target import Mode

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"


def _documents() -> list[dict[str, Any]]:
    files = [path for path in sorted(FOLDER.glob("*.yaml")) if path.name != "watchdog.yaml"]
    return [one for path in files for one in yaml.safe_load_all(path.read_text()) if one]


def _deployments() -> list[dict[str, Any]]:
    return [one for one in _documents() if one["kind"] == "Deployment"]


def _containers() -> list[dict[str, Any]]:
    return [
        container
        for deployment in _deployments()
        for container in deployment["spec"]["template"]["spec"]["containers"]
    ]


def test_every_file_is_named_by_the_kustomization_or_is_the_example_of_a_sidecar() -> None:
    [kustomization] = [one for one in _documents() if one["kind"] == "Kustomization"]
    named = {*kustomization["resources"], *kustomization["configMapGenerator"][0]["files"]}

    assert named | {"kustomization.yaml", "sidecar.yaml"} == {
        path.name for path in FOLDER.iterdir()
    }


def test_the_old_pod_is_gone_before_the_new_one_opens_the_journal() -> None:
    [deployment] = [one for one in _deployments() if one["metadata"]["name"] == "rollback-watchdog"]

    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_it_has_no_right_in_the_cluster_and_no_token() -> None:
    kinds = {one["kind"] for one in _documents()}
    pods = [one["spec"]["template"]["spec"] for one in _deployments()]

    assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
    assert all(pod["automountServiceAccountToken"] is False for pod in pods)


@pytest.mark.parametrize("container", _containers(), ids=lambda one: one["name"])
def test_a_container_is_restricted_and_cannot_write_its_root(container: dict[str, Any]) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("deployment", _deployments(), ids=lambda one: one["metadata"]["name"])
def test_a_pod_meets_the_restricted_standard(deployment: dict[str, Any]) -> None:
    pod = deployment["spec"]["template"]["spec"]
    security = pod["securityContext"]

    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert all(set(volume) - {"name"} <= _ALLOWED_VOLUMES for volume in pod.get("volumes", []))


_ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected"}


def test_the_journal_outlives_the_pod() -> None:
    [deployment] = [one for one in _deployments() if one["metadata"]["name"] == "rollback-watchdog"]
    volumes = {one["name"]: one for one in deployment["spec"]["template"]["spec"]["volumes"]}

    assert "persistentVolumeClaim" in volumes["journal"]


def _shipped_files(folder: Path) -> list[Path]:
    [config] = [
        one
        for one in _documents()
        if one["kind"] == "ConfigMap" and "watchdog.yaml" in one.get("data", {})
    ]
    sidecar = folder / "sidecar.yaml"
    sidecar.write_text(config["data"]["watchdog.yaml"])
    return [FOLDER / "watchdog.yaml", sidecar]


def test_the_files_they_mount_load_and_are_alert_only(tmp_path: Path) -> None:
    for path in _shipped_files(tmp_path):
        [target] = Files([path]).load().targets

        assert target.mode is Mode.ALERT_ONLY
