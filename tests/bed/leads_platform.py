"""A service whose pods are those of a control plane: what it answers depends on what they run."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment

NAME = "neuronx"
GOOD, BAD = "registry.local:5000/neuronx:v1.2.2", "registry.local:5000/neuronx:v1.3.0"
READY, NUMBERS = "/health/ready", "/numbers"
FLAGS = (
    "OUTBOX_PROCESSING_ENABLED",
    "WEBHOOK_PROCESSING_ENABLED",
    "CLEANUP_ENABLED",
    "VOICE_RETRY_ENABLED",
)


@dataclass
class LeadsPlatform:
    """`slow`: it answers late as long as any pod has a feature on."""

    plane: ControlPlane
    namespace: str
    base: str = ""
    slow: bool = False
    others: Mapping[str, str] = field(default_factory=lambda: {"LOG_LEVEL": "info"})

    async def runs(self, image: str, replicas: int = 3) -> None:
        """Have it run that version, all features on, to the last pod."""
        environment = {**self.others, **dict.fromkeys(FLAGS, "true")}
        found = deployment(NAME, image, replicas, environment=environment)
        self.plane.apply(found, namespace=self.namespace)
        await self.plane.until_rolled_out(f"deployment/{NAME}", self.namespace)

    def pods(self) -> list[dict[str, Any]]:
        """The containers of the pods that take traffic."""
        return [
            pod["spec"]["containers"][0]
            for pod in self.plane.listed("pod", self.namespace, f"app={NAME}")
            if not pod["metadata"].get("deletionTimestamp")
        ]

    def images(self) -> set[str]:
        return {str(pod["image"]) for pod in self.pods()}

    def environments(self) -> list[dict[str, str]]:
        """What a program in each pod sees."""
        return [
            {entry["name"]: entry.get("value", "") for entry in pod.get("env", [])}
            for pod in self.pods()
        ]

    async def ready(self, _request: web.Request) -> web.StreamResponse:
        images = await asyncio.to_thread(self.images)
        is_ready = bool(images) and BAD not in images
        return web.json_response({"ready": is_ready}, status=200 if is_ready else 503)

    async def numbers(self, _request: web.Request) -> web.StreamResponse:
        running = await asyncio.to_thread(self.environments)
        loaded = any(each.get(flag) == "true" for each in running for flag in FLAGS)
        late = self.slow and loaded
        return web.json_response({"seconds": 6.0 if late else 0.4, "errors": 8 if late else 0.1})


@asynccontextmanager
async def leads_platform(plane: ControlPlane, namespace: str) -> AsyncIterator[LeadsPlatform]:
    """It answers on a free port of loopback."""
    platform = LeadsPlatform(plane, namespace)
    app = web.Application()
    app.router.add_get(READY, platform.ready)
    app.router.add_get(NUMBERS, platform.numbers)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    platform.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield platform
    finally:
        await runner.cleanup()
