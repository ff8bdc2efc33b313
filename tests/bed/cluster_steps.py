"""Steps carried out in one namespace of the control plane, and what the API server was sent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.control_plane.audit import Call
from watchdog.domain.errors import StepError
from watchdog.domain.events import Effect
from watchdog.plugins import AnyExecutorPlugin
from watchdog.ports import Deps, Finding

KEY = "run-7/steps/2"


@dataclass
class ClusterSteps:
    """One kind of step, in one namespace, as the account of `token`."""

    plane: ControlPlane
    namespace: str
    plugin: AnyExecutorPlugin
    deps: Deps
    folder: Path
    token: str | None = None
    server: str | None = None
    began: int = 0

    def options(self, **options: Any) -> Any:  # noqa: ANN401 (the model is the plugin's own)
        file = self.plane.kubeconfig(self.folder, self.token, self.namespace, server=self.server)
        return self.plugin.options.model_validate({"kubeconfig": str(file), **options})

    async def has(self, *objects: Mapping[str, Any]) -> None:
        """Have these objects, once their controllers have written what they write on them."""
        for found in self.plane.apply(*objects, namespace=self.namespace):
            name = f"{found['kind'].lower()}/{found['metadata']['name']}"
            if found["kind"] == "Deployment":
                await self.plane.until(name, self.namespace, _is_taken_up, "it is taken up")

    async def execute(self, key: str = KEY, **options: Any) -> str:  # noqa: ANN401
        return await self.plugin.build(self.options(**options), self.deps).execute(key)

    async def refused(self, key: str = KEY, **options: Any) -> StepError:  # noqa: ANN401
        """The error that it ends with."""
        try:
            said = await self.execute(key, **options)
        except StepError as error:
            return error
        raise AssertionError(f"it was done: {said}")

    async def findings(self, **options: Any) -> Sequence[Finding]:  # noqa: ANN401
        return await self.plugin.probe(self.options(**options), self.deps).preflight()

    async def preflight(self, **options: Any) -> list[str]:  # noqa: ANN401
        """What it has against it; empty where it may run."""
        return [one.text for one in await self.findings(**options) if not one.ok]

    async def said_before(self, **options: Any) -> str:  # noqa: ANN401
        """All that preflight says of a step that may run."""
        found = await self.findings(**options)
        assert all(one.ok for one in found), found
        return "\n".join(one.text for one in found)

    async def inspect(self, key: str = KEY, **options: Any) -> tuple[Effect, str]:  # noqa: ANN401
        return await self.plugin.probe(self.options(**options), self.deps).inspect(key)

    def render(self, **options: Any) -> str:  # noqa: ANN401
        return self.plugin.probe(self.options(**options), self.deps).render()

    def sent(self) -> list[Call]:
        """Every change that was asked for, by the judgement of the API server's audit log."""
        return self.plane.calls(self.namespace, self.began)

    def through(self, server: str) -> "ClusterSteps":
        """The same, by another way to the API server."""
        return replace(self, server=server)

    def as_account(self, *rules: dict[str, Any]) -> "ClusterSteps":
        """The same, by an account that has these rights and no others."""
        return replace(self, token=self.plane.account(self.namespace, rules))


def _is_taken_up(found: Mapping[str, Any]) -> bool:
    numbered = "deployment.kubernetes.io/revision" in found["metadata"].get("annotations", {})
    seen = found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
    return bool(seen and (numbered or found["spec"].get("paused")))


@asynccontextmanager
async def cluster_steps(
    plane: ControlPlane, namespace: str, plugin: AnyExecutorPlugin, folder: Path, **secrets: str
) -> AsyncIterator[ClusterSteps]:
    """Steps of this kind. `secrets` were read before, so that they are known."""
    async with real_deps(**secrets) as deps:
        yield ClusterSteps(plane, namespace, plugin, deps, folder, began=plane.mark())


def paths(call: Call) -> list[str]:
    """What a JSON patch changes; neither what it tests nor the note of the step."""
    changed = [each["path"] for each in call.body if each["op"] != "test"]
    return [path for path in changed if not path.startswith("/metadata/annotations")]
