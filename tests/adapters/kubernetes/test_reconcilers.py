import pytest

from watchdog.adapters.kubernetes.reconcilers import reconcilers


@pytest.mark.parametrize(
    ("metadata", "owners"),
    [
        ({}, []),
        ({"labels": {"app.kubernetes.io/instance": "shop"}}, []),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:web/shop"}},
            ["Argo CD's application shop"],
        ),
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                }
            },
            ["Flux's Kustomization flux-system/apps"],
        ),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, ["Flux's HelmRelease shop"]),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "team_shop:apps/Deployment:w/s"}},
            ["Argo CD's application team/shop"],
        ),
    ],
)
def test_whoever_keeps_an_object_is_known_by_what_it_left_there(
    metadata: dict[str, object], owners: list[str]
) -> None:
    assert list(reconcilers({"metadata": metadata})) == owners
