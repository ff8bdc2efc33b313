"""Who would put an object back to what a repository says: it has left its name on it."""

from collections.abc import Iterator

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.workloads import annotations, metadata

_ARGO = "argocd.argoproj.io/tracking-id"
_FLUX = {
    "Kustomization": "kustomize.toolkit.fluxcd.io",
    "HelmRelease": "helm.toolkit.fluxcd.io",
}


def reconcilers(found: Object) -> Iterator[str]:
    """Each that owns `found`, such as `Argo CD's application shop`.

    A label of Helm's says as much of many things, and so nothing for certain.
    """
    tracked = annotations(found).get(_ARGO, "")
    if tracked:
        yield f"Argo CD's application {tracked.partition(':')[0]}"
    labels = metadata(found).get("labels") or {}
    for kind, prefix in _FLUX.items():
        name = labels.get(f"{prefix}/name")
        if name:
            space = labels.get(f"{prefix}/namespace")
            yield f"Flux's {kind} {f'{space}/' if space else ''}{name}"
