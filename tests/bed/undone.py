"""A namespace of the control plane with a shop in it, and undo steps on that shop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import daemon_set, deployment, stateful_set
from tests.bed.patience import until
from watchdog.adapters.executors.kubernetes_undo import Options, plugin
from watchdog.domain.errors import PermanentError
from watchdog.ports import Deps
from watchdog.testing.contracts_executor import refusals

NAMES = ("deployment/shop", "statefulset/shop", "daemonset/shop")
MAKERS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "deployment/shop": deployment,
    "statefulset/shop": stateful_set,
    "daemonset/shop": daemon_set,
}


@dataclass
class Shop:
    """A namespace, and undo steps in it."""

    plane: ControlPlane
    namespace: str
    folder: Path
    deps: Deps
    server: str = ""
    steps: int = 0

    def options(self, workload: str, **to: Any) -> Options:  # noqa: ANN401
        server = self.server or self.plane.api_server
        file = self.plane.kubeconfig(self.folder, namespace=self.namespace, server=server)
        return Options.model_validate({"workload": workload, "kubeconfig": str(file), **to})

    async def undo(self, workload: str = "deployment/shop", key: str = "", **to: Any) -> str:  # noqa: ANN401
        self.steps += 1
        step = plugin.build(self.options(workload, **to or {"to": "previous"}), self.deps)
        return await step.execute(key or f"run-1/step-{self.steps}")

    async def refused(self, workload: str = "deployment/shop", **to: Any) -> str:  # noqa: ANN401
        """Why neither preflight nor the step does it; nothing was sent."""
        began = self.plane.mark()
        options = self.options(workload, **to or {"to": "previous"})
        (text,) = refusals(await plugin.probe(options, self.deps).preflight())
        with pytest.raises(PermanentError):
            await plugin.build(options, self.deps).execute("refused")
        assert self.plane.calls(self.namespace, began) == []
        return text

    async def deploy(self, workload: str, *images: str, **more: Any) -> None:  # noqa: ANN401
        """Roll these out, one after the other."""
        for image in images:
            await self.a_second_later(workload)
            self.apply(workload, image, **more)
            await self.plane.until_rolled_out(workload, self.namespace)

    def apply(self, workload: str, image: str, **more: Any) -> None:  # noqa: ANN401
        self.plane.apply(MAKERS[workload]("shop", image, **more), namespace=self.namespace)

    async def a_second_later(self, workload: str) -> None:
        """Revisions of anything but a Deployment are told apart by the second."""
        made = [
            one["metadata"]["creationTimestamp"]
            for one in self.plane.listed("controllerrevision", self.namespace)
        ]
        if made and workload != "deployment/shop":
            await until(lambda: self.second() > max(made), "the next second")

    def second(self) -> str:
        """What a new object would bear as its second now."""
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "second"}}
        (made,) = self.plane.apply(probe, namespace=self.namespace, dry_run=True)
        return str(made["metadata"]["creationTimestamp"])

    def template(self, workload: str = "deployment/shop") -> Any:  # noqa: ANN401
        return self.plane.get(workload, self.namespace)["spec"]["template"]

    def image(self, workload: str = "deployment/shop") -> str:
        return str(self.template(workload)["spec"]["containers"][0]["image"])


def ready_pods(shop: Shop) -> list[dict[str, Any]]:
    return [
        pod
        for pod in shop.plane.listed("pod", shop.namespace)
        if any(
            one["type"] == "Ready" and one["status"] == "True"
            for one in pod.get("status", {}).get("conditions", [])
        )
    ]
