"""The shipped manifests and the chart, as kubectl and helm render them."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/helm/rollback-watchdog"
LEVELS = ("alert-only", "flags", "routing", "application")
# Seconds.
_LIMIT = 60


def kustomized(kubectl: str, folder: Path) -> list[Object]:
    """What `kubectl apply -k FOLDER` would send."""
    return _documents([kubectl, "kustomize", str(folder)])


def overlay(
    kubectl: str,
    folder: Path,
    level: str,
    namespace: str,
    components: Sequence[str] = (),
    *,
    more: Mapping[str, Any] | None = None,
) -> list[Object]:
    """An overlay as a user takes it: in a namespace of theirs, with components of their choice.

    `folder` must be empty; the files of ../example are what is watched. `more`: further keys of
    their kustomization.
    """
    # Kustomize wants paths that are relative to it.
    shipped = Path("..", *[".."] * (len(folder.resolve().parents) - 1)) / str(KUBERNETES)[1:]
    files = ["daemon.yaml", "watchdog.yaml"]
    for name in files:
        (folder / name).write_text((KUBERNETES / "example" / name).read_text())
    written = {
        "namespace": namespace,
        "resources": [str(shipped / "overlays" / level)],
        "components": [str(shipped / "components" / one) for one in components],
        "configMapGenerator": [{"name": "rollback-watchdog", "files": files}],
        "generatorOptions": {"disableNameSuffixHash": True},
        **(more or {}),
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return kustomized(kubectl, folder)


def sidecar(
    kubectl: str, folder: Path, namespace: str, deployment: Object
) -> tuple[list[Object], list[Object]]:
    """The sidecar as a user takes it, and the namespace of its turns, which is `NAME-watchdog`.

    `folder` must be empty; `deployment` is that of the user, whose names come in.
    """
    copy, service = folder / "watchdog", deployment["metadata"]["name"]
    shutil.copytree(KUBERNETES / "sidecar", copy)
    for path in copy.rglob("*.yaml"):
        text = path.read_text()
        # As the page says.
        text = text.replace("checkout", service)
        path.write_text(text.replace("namespace: shop\n", f"namespace: {namespace}\n"))
    (folder / "deployment.yaml").write_text(yaml.safe_dump(deployment))
    written = {
        "namespace": namespace,
        "resources": ["deployment.yaml"],
        "components": ["watchdog"],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return kustomized(kubectl, folder), kustomized(kubectl, copy / "turns")


def charted(helm: Path, folder: Path, namespace: str, values: Mapping[str, Any]) -> list[Object]:
    """What `helm install` would send. Raises AssertionError with what helm says."""
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    words = [
        str(helm), "template", "watchdog", str(CHART), "--namespace", namespace,
        "--values", str(file), "--kube-version", "1.34.4",
    ]  # fmt: skip
    return _documents(words)


def only(objects: Sequence[Object], kind: str) -> Object:
    """The one of this kind."""
    [found] = of_kind(objects, kind)
    return found


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """All of this kind, in order."""
    return [one for one in objects if one["kind"] == kind]


def _documents(words: Sequence[str]) -> list[Object]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=_LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]
