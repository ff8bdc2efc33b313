"""The shipped manifests: one writer, only what is granted, restricted pods, files that load."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.rendering import (
    CHART,
    KUBERNETES,
    LEVELS,
    ROOT,
    kustomized,
    of_kind,
    only,
    overlay,
)
from watchdog.app.loading import Files
from watchdog.domain.target import Mode
from watchdog.domain.units import parse_duration

WRITES = {"create", "update", "patch", "delete", "deletecollection", "*"}
_FILES = [path for path in sorted(KUBERNETES.rglob("*.yaml")) if "example" not in path.parts]


def _documents() -> list[dict[str, Any]]:
    """All objects; what is no mapping is a JSON patch."""
    found = [one for path in _FILES for one in yaml.safe_load_all(path.read_text())]
    return [one for one in found if isinstance(one, dict) and "kind" in one]


def _deployments() -> list[dict[str, Any]]:
    """Whole ones: a patch has no selector."""
    found = [one for one in _documents() if one["kind"] == "Deployment"]
    return [one for one in found if "selector" in one["spec"]]


def _containers() -> list[dict[str, Any]]:
    return [
        container
        for deployment in _deployments()
        for container in deployment["spec"]["template"]["spec"]["containers"]
    ]


def test_every_file_is_named_by_a_kustomization_or_is_the_example_of_a_sidecar() -> None:
    named = {KUBERNETES / "sidecar.yaml"}
    for path in KUBERNETES.rglob("kustomization.yaml"):
        found = yaml.safe_load(path.read_text())
        generated = [file for one in found.get("configMapGenerator", []) for file in one["files"]]
        patched = [one["path"] for one in found.get("patches", []) if "path" in one]
        names = [*found.get("resources", []), *found.get("components", []), *generated, *patched]
        named |= {path, *((path.parent / name).resolve() for name in names)}

    assert [path for path in KUBERNETES.rglob("*.yaml") if path not in named] == []


def test_the_old_pod_is_gone_before_the_new_one_opens_the_journal() -> None:
    [deployment] = [one for one in _deployments() if one["metadata"]["name"] == "rollback-watchdog"]

    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_base_has_no_right_in_the_cluster_and_no_token(kubectl: str) -> None:
    objects = kustomized(kubectl, KUBERNETES / "base")
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]

    assert not {one["kind"] for one in objects} & {"Role", "RoleBinding", "ClusterRole"}
    assert pod["automountServiceAccountToken"] is False
    assert only(objects, "ServiceAccount")["automountServiceAccountToken"] is False


def test_alert_only_has_no_verb_that_writes(kubectl: str, tmp_path: Path) -> None:
    objects = overlay(kubectl, tmp_path, "alert-only", "shop")

    [role] = of_kind(objects, "Role")
    assert not WRITES & {verb for rule in role["rules"] for verb in rule["verbs"]}
    assert [one["roleRef"]["name"] for one in of_kind(objects, "RoleBinding")] == [
        role["metadata"]["name"]
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_the_pod_runs_as_the_account_of_its_level_bound_to_what_comes_before(
    level: str, kubectl: str, tmp_path: Path
) -> None:
    objects = overlay(kubectl, tmp_path, level, "shop")

    account = only(objects, "ServiceAccount")["metadata"]["name"]
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    bindings = of_kind(objects, "RoleBinding")
    own = "evaluator" if level == "alert-only" else level
    upto = ["evaluator", *LEVELS[1 : LEVELS.index(level) + 1]]
    assert account == f"rollback-watchdog-{own}"
    assert pod["serviceAccountName"] == account
    assert {one["roleRef"]["name"] for one in bindings} == {
        f"rollback-watchdog-{each}" for each in upto
    }
    assert {one["metadata"]["name"] for one in of_kind(objects, "Role")} == {
        one["roleRef"]["name"] for one in bindings
    }
    assert all(
        one["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "shop"}]
        for one in bindings
    )


def test_whatever_writes_names_its_objects_except_where_no_name_can_be_given() -> None:
    unnamed = [
        (one["metadata"]["name"], rule["resources"], verb)
        for one in _documents()
        if one["kind"] == "Role"
        for rule in one["rules"]
        for verb in rule["verbs"]
        if verb in WRITES and not rule.get("resourceNames")
    ]

    # The first ones are components of their own, which no overlay takes; the others hold in a
    # namespace in which there is nothing else.
    assert unnamed == [
        ("rollback-watchdog-jobs", ["jobs"], "create"),
        ("rollback-watchdog-jobs", ["jobs"], "patch"),
        ("rollback-watchdog-stateful-sets", ["pods"], "delete"),
        ("checkout-watchdog", ["leases"], "create"),
        ("checkout-watchdog", ["configmaps"], "create"),
        ("checkout-watchdog", ["configmaps"], "update"),
    ]


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


def test_the_pod_is_given_longer_to_end_than_the_daemon_takes(kubectl: str) -> None:
    loaded = Files([KUBERNETES / "example/daemon.yaml"]).load()
    pod = only(kustomized(kubectl, KUBERNETES / "base"), "Deployment")["spec"]["template"]["spec"]

    assert loaded.daemon.grace < parse_duration(f"{pod['terminationGracePeriodSeconds']}s")


@pytest.mark.parametrize(
    "shipped",
    [KUBERNETES / "components/monitoring/prometheus-rule.yaml", CHART / "files/rules.yaml"],
    ids=lambda path: path.name,
)
def test_the_alert_rules_are_those_that_are_shipped_and_tested(shipped: Path) -> None:
    rules = ROOT / "deploy/prometheus/rollback-watchdog-rules.yaml"
    found = yaml.safe_load(shipped.read_text())

    assert found.get("spec", found) == yaml.safe_load(rules.read_text())


def _shipped_files(folder: Path) -> list[Path]:
    [config] = [
        one
        for one in _documents()
        if one["kind"] == "ConfigMap" and "watchdog.yaml" in one.get("data", {})
    ]
    sidecar = folder / "sidecar.yaml"
    sidecar.write_text(config["data"]["watchdog.yaml"])
    return [KUBERNETES / "example/daemon.yaml", KUBERNETES / "sidecar/daemon.yaml", sidecar]


def test_the_files_they_mount_load_and_are_alert_only(tmp_path: Path) -> None:
    for path in _shipped_files(tmp_path):
        [target] = Files([path]).load().targets

        assert target.mode is Mode.ALERT_ONLY
