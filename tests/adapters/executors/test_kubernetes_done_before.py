"""Steps sent a second time by a leader that slept, once another one has gone on with the run."""

from pathlib import Path

from tests.bed.cluster_steps import cluster_steps
from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.bed.gitops import keeper
from tests.bed.kubernetes_verbs import BAD, OLD, kept_by_flux
from tests.bed.manifests import deployment, service
from tests.bed.undone import Shop
from watchdog.adapters.executors import (
    kubernetes_env,
    kubernetes_image,
    kubernetes_resume,
    kubernetes_scale,
    kubernetes_selector,
    kubernetes_suspend,
    kubernetes_undo,
)
from watchdog.domain.events import Effect

SHOP = "deployment/shop"


async def test_a_service_that_runs_again_is_not_stopped_again(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with cluster_steps(control_plane, namespace, kubernetes_scale.plugin, tmp_path) as steps:
        await steps.has(deployment(replicas=3))
        await steps.execute("run-1/steps/1", workload=SHOP, replicas=0)
        await steps.execute("run-1/steps/2", workload=SHOP, replicas=3)

        effect, why = await steps.inspect("run-1/steps/1", workload=SHOP, replicas=0)
        said = await steps.execute("run-1/steps/1", workload=SHOP, replicas=0)

    assert effect is Effect.APPLIED, why
    assert "was done before" in said
    assert control_plane.get(SHOP, namespace)["spec"]["replicas"] == 3


async def test_traffic_that_was_resumed_is_not_paused_again(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    selector = kubernetes_selector.plugin
    async with cluster_steps(control_plane, namespace, selector, tmp_path) as steps:
        await steps.has(deployment(replicas=1), service())
        before = control_plane.get("service/shop", namespace)["spec"]["selector"]
        await steps.execute("run-1/steps/1", service="shop", set={"app": "paused"})
        await steps.execute("run-1/undo/1", service="shop", selector=dict(before))

        effect, why = await steps.inspect("run-1/steps/1", service="shop", set={"app": "paused"})
        await steps.execute("run-1/steps/1", service="shop", set={"app": "paused"})

    assert effect is Effect.APPLIED, why
    assert control_plane.get("service/shop", namespace)["spec"]["selector"] == before


async def test_an_undo_goes_back_once_whatever_other_step_came_since(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with real_deps() as deps:
        shop = Shop(control_plane, namespace, tmp_path, deps)
        await shop.deploy(SHOP, "registry.test:5000/shop:v0", OLD, BAD)
        await shop.undo(SHOP, key="run-1/steps/1")
        await control_plane.until_rolled_out(SHOP, namespace)
        scale = kubernetes_scale.plugin
        async with cluster_steps(control_plane, namespace, scale, tmp_path) as steps:
            await steps.execute("run-2/steps/0", workload=SHOP, replicas=4)
        await control_plane.until_rolled_out(SHOP, namespace)

        probe = kubernetes_undo.plugin.probe(shop.options(SHOP, to="previous"), deps)
        effect, why = await probe.inspect("run-1/steps/1")
        said = await shop.undo(SHOP, key="run-1/steps/1")

        assert effect is Effect.APPLIED, why
        assert "was done before" in said
        assert shop.image(SHOP) == OLD


async def test_flags_and_images_that_were_put_back_stay_as_they_are(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    env, image = kubernetes_env.plugin, kubernetes_image.plugin
    async with (
        cluster_steps(control_plane, namespace, env, tmp_path) as flags,
        cluster_steps(control_plane, namespace, image, tmp_path) as images,
    ):
        await flags.has(deployment(image=OLD, environment={"SEARCH": "on"}))
        await flags.execute("run-1/steps/1", workload=SHOP, set={"SEARCH": "off"})
        await images.execute("run-1/steps/2", workload=SHOP, tag="v0")
        await flags.execute("run-1/undo/1", workload=SHOP, set={"SEARCH": "on"})
        await images.execute("run-1/undo/2", workload=SHOP, tag="v1")
        generation = control_plane.get(SHOP, namespace)["metadata"]["generation"]

        await flags.execute("run-1/steps/1", workload=SHOP, set={"SEARCH": "off"})
        await images.execute("run-1/steps/2", workload=SHOP, tag="v0")

    assert control_plane.get(SHOP, namespace)["metadata"]["generation"] == generation


async def test_who_was_resumed_is_not_suspended_again(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await kept_by_flux(control_plane, namespace)
    suspend, resume = kubernetes_suspend.plugin, kubernetes_resume.plugin
    async with (
        cluster_steps(control_plane, namespace, suspend, tmp_path) as before,
        cluster_steps(control_plane, namespace, resume, tmp_path) as after,
    ):
        await before.execute("run-1/steps/0", workload=SHOP)
        await after.execute("run-1/undo/0", workload=SHOP)

        effect, why = await before.inspect("run-1/steps/0", workload=SHOP)
        said = await before.execute("run-1/steps/0", workload=SHOP)

    assert effect is Effect.APPLIED, why
    assert "was done before" in said
    assert keeper(control_plane, "Kustomization", namespace)["spec"]["suspend"] is False
