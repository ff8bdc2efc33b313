"""The chart as a user installs, changes and removes it, by helm itself on a real API server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.control_plane import RESTRICTED, ControlPlane
from tests.deploy.claims import give_volume
from tests.deploy.rendering import CHART, KUBERNETES, LEVELS

NAME = "watchdog-rollback-watchdog"
# Seconds, for helm and all that it waits for.
LIMIT = 90
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "journal"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
NAMED = {"deployments": ["checkout"], "services": ["checkout"], "statefulSets": ["store"]}


class Release:
    """One of the chart, in a namespace that enforces `restricted`."""

    def __init__(self, plane: ControlPlane, helm: Path, folder: Path) -> None:
        self.plane = plane
        self.namespace = plane.namespace(RESTRICTED)
        self._helm = helm
        self._folder = folder
        self._kubeconfig = plane.kubeconfig(folder, namespace=self.namespace)
        plane.apply(CLAIM, namespace=self.namespace)
        give_volume(plane, self.namespace, "journal")

    def helm(self, *words: str) -> str:
        """What it says. Raises AssertionError where it fails."""
        # It keeps nothing outside of this folder.
        places = {
            f"HELM_{place}_HOME": str(self._folder / "helm")
            for place in ("CACHE", "CONFIG", "DATA")
        }
        done = subprocess.run(
            [str(self._helm), "--kubeconfig", str(self._kubeconfig), *words],
            capture_output=True, text=True, timeout=LIMIT, check=False, env=places,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def put(self, verb: str, level: str, **values: object) -> str:
        """`helm install` or `upgrade`, until its pod is ready."""
        own = {"level": level, "journal": {"existing": "journal"}, **values}
        file = self._folder / "values.json"
        file.write_text(json.dumps(own))
        target = KUBERNETES / "example/watchdog.yaml"
        return self.helm(
            verb, "watchdog", str(CHART), "--namespace", self.namespace, "--values", str(file),
            # As the page says.
            "--set-file", rf"config.files.watchdog\.yaml={target}", "--wait", "--timeout", "60s",
        )  # fmt: skip

    def may(self, level: str, verb: str, resource: str, name: str) -> bool:
        """Whether the pod's account may."""
        own = "evaluator" if level == "alert-only" else level
        account = NAME if level == "none" else f"{NAME}-{own}"
        token = self.plane.token(self.namespace, account)
        path = f"/apis/apps/v1/namespaces/{self.namespace}/{resource}/{name}"
        asked = self.plane.api_as(token)
        if verb == "get":
            return asked.get(path).status != 403
        merge = "application/merge-patch+json"
        return asked.request("PATCH", path, {}, content_type=merge).status != 403

    def names(self, kind: str) -> set[str]:
        return {one["metadata"]["name"] for one in self.plane.listed(kind, self.namespace)}


@pytest.fixture
def release(control_plane: ControlPlane, helm: Path, tmp_path: Path) -> Iterator[Release]:
    found = Release(control_plane, helm, tmp_path)
    yield found
    control_plane.delete(f"namespace/{found.namespace}")


@pytest.mark.parametrize("level", ["none", *LEVELS])
def test_a_level_is_installed_and_its_pod_is_ready_with_its_rights(
    level: str, release: Release
) -> None:
    said = release.put("install", level, guarded=NAMED)

    assert f"(level {level})" in said
    [listed] = json.loads(release.helm("list", "--namespace", release.namespace, "-o", "json"))
    assert (listed["name"], listed["status"]) == ("watchdog", "deployed")
    pod = release.plane.get(f"deployment/{NAME}", release.namespace)["spec"]["template"]["spec"]
    assert set(release.plane.get(f"configmap/{NAME}", release.namespace)["data"]) == {
        "daemon.yaml", "watchdog.yaml",
    }  # fmt: skip
    assert pod["serviceAccountName"] in release.names("serviceaccount")
    may = [
        release.may(level, verb, "deployments", name)
        for verb, name in (("get", "any"), ("patch", "checkout"), ("patch", "any"))
    ]
    assert may == [level != "none", level in LEVELS[1:], False]


def test_a_release_that_is_taken_down_a_level_loses_the_rights_of_the_one_before(
    release: Release,
) -> None:
    release.put("install", "application", guarded=NAMED)
    assert f"{NAME}-application" in release.names("serviceaccount")

    release.put("upgrade", "alert-only", guarded=NAMED)

    assert release.names("role") == {f"{NAME}-evaluator"}
    assert release.names("rolebinding") == {f"{NAME}-evaluator"}
    assert f"{NAME}-application" not in release.names("serviceaccount")


def test_a_release_that_is_removed_leaves_its_journal_and_nothing_else(
    release: Release,
) -> None:
    release.helm("install", "watchdog", str(CHART), "--namespace", release.namespace)

    release.helm("uninstall", "watchdog", "--namespace", release.namespace, "--wait")

    assert release.names("persistentvolumeclaim") == {"journal", f"{NAME}-journal"}
    for kind in ("deployment", "service", "role", "rolebinding", "networkpolicy"):
        assert release.names(kind) == set()
    assert not any(name.startswith(NAME) for name in release.names("serviceaccount"))
