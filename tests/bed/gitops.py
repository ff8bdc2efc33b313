"""What Argo CD and Flux have in a cluster, as far as a step sees it, and one that works like them.

The kinds are real ones of the API server, which takes any field of theirs; no controller of theirs
runs here. `keeping` plays one: it puts a workload back until it is suspended.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.bed.control_plane import ControlPlane, wait_for

Object = dict[str, Any]
# Group, version, plural, and whether status writes count as changes of what is wanted.
KINDS = {
    "Kustomization": ("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", True),
    "HelmRelease": ("helm.toolkit.fluxcd.io", "v2", "helmreleases", True),
    "Application": ("argoproj.io", "v1alpha1", "applications", False),
}
TRACKING = "argocd.argoproj.io/tracking-id"
# Seconds between two looks of whoever keeps a workload.
EVERY = 0.2


def install(plane: ControlPlane, *kinds: str) -> None:
    """Have the API server know these kinds, or all."""
    for kind in kinds or tuple(KINDS):
        group, version, plural, _ = KINDS[kind]
        path = f"/apis/{group}/{version}/namespaces/default/{plural}"
        if plane.api.get(path).status == 200:
            continue
        plane.apply(_definition(kind))
        wait_for(lambda path=path: plane.api.get(path).status == 200, f"{kind} is served")  # type: ignore[misc]


def uninstall(plane: ControlPlane, kind: str) -> None:
    """Have the API server forget a kind."""
    group, version, plural, _ = KINDS[kind]
    plane.delete(f"customresourcedefinition/{plural}.{group}")
    path = f"/apis/{group}/{version}/namespaces/default/{plural}"
    wait_for(lambda: plane.api.get(path).status == 404, f"{kind} is no longer served")


def kustomization(name: str = "shop", **spec: Any) -> Object:  # noqa: ANN401 (any of its fields)
    return _keeper("Kustomization", name, {"interval": "1m", "path": "./shop", **spec})


def helm_release(name: str = "shop", **spec: Any) -> Object:  # noqa: ANN401
    return _keeper("HelmRelease", name, {"interval": "1m", **spec})


def application(
    name: str = "shop",
    automated: Mapping[str, Any] | None = None,
    **spec: Any,  # noqa: ANN401
) -> Object:
    """One that syncs by itself as `automated` says, or does not."""
    policy = {} if automated is None else {"syncPolicy": {"automated": dict(automated)}}
    return _keeper("Application", name, {"project": "default", **policy, **spec})


def of_flux(
    found: Object, namespace: str, name: str = "shop", kind: str = "Kustomization"
) -> Object:
    """The same, with the labels that Flux leaves on it."""
    group = KINDS[kind][0]
    mine = {f"{group}/name": name, f"{group}/namespace": namespace}
    metadata = found["metadata"]
    return {**found, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **mine}}}


def of_argo(found: Object, namespace: str, app: str = "shop") -> Object:
    """The same, with the annotation that Argo CD leaves on it."""
    metadata, group = found["metadata"], found["apiVersion"].rpartition("/")[0]
    tracked = f"{app}:{group}/{found['kind']}:{namespace}/{metadata['name']}"
    notes = {**metadata.get("annotations", {}), TRACKING: tracked}
    return {**found, "metadata": {**metadata, "annotations": notes}}


def _keeper(kind: str, name: str, spec: Object) -> Object:
    group, version, _, _ = KINDS[kind]
    return {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def keeper_path(kind: str, namespace: str, name: str = "shop") -> str:
    """Where one is in the API."""
    group, version, plural, _ = KINDS[kind]
    return f"/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}"


def keeper(plane: ControlPlane, kind: str, namespace: str, name: str = "shop") -> Object:
    """One as it is now."""
    return plane.api.get(keeper_path(kind, namespace, name)).checked


def change_keeper(
    plane: ControlPlane,
    kind: str,
    namespace: str,
    change: Mapping[str, Any],
    *,
    name: str = "shop",
    as_: str = "kubectl-patch",
) -> Object:
    """Merge `change` into one, as somebody else does."""
    answer = plane.api.request(
        "PATCH",
        keeper_path(kind, namespace, name),
        change,
        query={"fieldManager": as_},
        content_type="application/merge-patch+json",
    )
    return answer.checked


def suspended_by_us(plane: ControlPlane, kind: str, namespace: str, was: object) -> None:
    """As a step of an earlier run has left it."""
    note = json.dumps({"by": "run-6/steps/0", "was": was})
    spec = {"syncPolicy": {"automated": None}} if kind == "Application" else {"suspend": True}
    change = {"metadata": {"annotations": {"rollback-watchdog.io/suspended": note}}, "spec": spec}
    change_keeper(plane, kind, namespace, change, as_="rollback-watchdog")


@dataclass
class Keeping:
    """`put_back`: how often it has put the workload back."""

    plane: ControlPlane
    kind: str
    keepers: str
    wanted: Object
    namespace: str
    put_back: int = 0
    problems: list[BaseException] = field(default_factory=list)

    def look(self) -> None:
        """As Flux and Argo CD do: apply what the repository says, unless suspended."""
        found = keeper(self.plane, self.kind, self.keepers, self.wanted["metadata"]["name"])["spec"]
        automated = (found.get("syncPolicy") or {}).get("automated")
        at_rest = automated is None if self.kind == "Application" else found.get("suspend")
        if at_rest:
            return
        name = f"{self.wanted['kind'].lower()}/{self.wanted['metadata']['name']}"
        before = self.plane.get(name, self.namespace)["metadata"]["generation"]
        # Over whatever anybody else has set, as theirs.
        (after,) = self.plane.apply(self.wanted, namespace=self.namespace)
        self.put_back += after["metadata"]["generation"] != before

    async def work(self) -> None:
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(EVERY)


@asynccontextmanager
async def keeping(
    plane: ControlPlane, kind: str, keepers: str, wanted: Object, namespace: str
) -> AsyncIterator[Keeping]:
    """Something that keeps `wanted` in its namespace, until the end of the block."""
    one = Keeping(plane, kind, keepers, wanted, namespace)
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(one.work())
        try:
            yield one
        finally:
            working.cancel()


def _definition(kind: str) -> Object:
    group, version, plural, has_status = KINDS[kind]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {
        "type": "object",
        "properties": {"spec": anything, "status": anything, "operation": anything},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    **({"subresources": {"status": {}}} if has_status else {}),
                }
            ],
        },
    }
