"""Worlds for steps that suspend and resume: a shop that Flux or Argo CD keeps."""

from typing import Any

from tests.bed import gitops
from tests.bed.cluster_steps import ClusterSteps
from tests.bed.manifests import deployment

SHOP = {"workload": "deployment/shop"}


def kustomization(steps: ClusterSteps) -> dict[str, Any]:
    return gitops.keeper(steps.plane, "Kustomization", steps.namespace)


def application(steps: ClusterSteps) -> dict[str, Any]:
    return gitops.keeper(steps.plane, "Application", steps.namespace)


async def by_flux(steps: ClusterSteps, **spec: Any) -> None:  # noqa: ANN401
    steps.plane.apply(gitops.kustomization(**spec), namespace=steps.namespace)
    await steps.has(gitops.of_flux(deployment("shop"), steps.namespace))


async def by_argo(steps: ClusterSteps, automated: dict[str, Any] | None) -> None:
    steps.plane.apply(gitops.application(automated=automated), namespace=steps.namespace)
    tracked = f"{steps.namespace}_shop"
    await steps.has(gitops.of_argo(deployment("shop"), steps.namespace, tracked))
