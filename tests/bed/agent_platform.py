"""The agent platform of the shipped file: pods in a control plane, and the requests they answer."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aiohttp import web

from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment, service
from tests.bed.metrics_page import Load, metrics_page, under_load
from tests.bed.prometheus import start_prometheus
from tests.bed.shipped_account import shipped_account
from tests.bed.wire import web_server
from tests.control_plane.audit import Call
from tests.faults.site import Site, a_site

SHIPPED = Path(__file__).parents[2] / "config/agent-platform/watchdog.yaml"
NAME, INTERNAL = "squad-api", "squad-api-internal"
GOOD, BAD = "registry.test:5000/squad-api:v1.0.0", "registry.test:5000/squad-api:v1.0.1"
WORKLOAD = f"deployment/{NAME}"
PODS = 3
PER_SECOND = 100.0
PATIENT = "max_gap: 100, coverage: 0.2"
PROVIDERS = ("groq", "cerebras", "gemini", "openrouter")
PEOPLE = {
    "inga": {"roles": ["incident-lead"]},
    "otto": {"roles": ["ops-lead"]},
    "sue": {"roles": ["security"]},
}


@dataclass(slots=True)
class AgentPlatform:
    """A daemon's folder at the shipped file, its durations divided by `speed`, and what it watches.

    Once it is `broken`, the version BAD fails 3 % of its requests, and takes 6 s for each; `broke`:
    since when (Unix seconds; 0: it has not yet). `asked`: what came from inside, in order.
    `fewest`: how many pods took the traffic of its users at the worst moment.
    """

    plane: ControlPlane
    namespace: str
    site: Site
    speed: float
    account: str
    broken: bool = False
    load: Load = field(default_factory=Load)
    asked: list[str] = field(default_factory=list)
    broke: float = 0.0
    began: float = 0.0
    since: int = 0
    fewest: int = PODS
    _images: frozenset[str] = frozenset()
    _endpoints: int = 0

    def here(self, seconds: float) -> float:
        """What `seconds` of the file take in the test."""
        return seconds / self.speed

    # -- the cluster

    async def runs(self, image: str) -> None:
        """Have it run that version, to the last pod."""
        self.plane.apply(deployment(NAME, image, PODS), namespace=self.namespace)
        await self.plane.until_rolled_out(WORKLOAD, self.namespace)

    def images(self) -> list[str]:
        """What each of its pods runs."""
        return [
            pod["spec"]["containers"][0]["image"]
            for pod in self.plane.listed("pod", self.namespace, f"app={NAME}")
            if not pod["metadata"].get("deletionTimestamp")
        ]

    def selector(self) -> dict[str, str]:
        """The pods that its users reach."""
        found = self.plane.get(f"service/{NAME}", self.namespace)
        return dict(found["spec"]["selector"])

    def endpoints(self) -> int:
        """How many pods take the traffic of its users."""
        slices = self.plane.listed(
            "endpointslice", self.namespace, f"kubernetes.io/service-name={NAME}"
        )
        found = (one for each in slices for one in each.get("endpoints") or ())
        return sum(bool(one["conditions"].get("ready")) for one in found)

    def calls(self) -> list[Call]:
        """What the API server was asked to change since the release, by whomever but the test."""
        return self.plane.calls(self.namespace, self.since)

    # -- the requests

    async def follow(self) -> None:
        """Let the load be what the pods make of it."""
        while True:
            self._images = frozenset(await asyncio.to_thread(self.images))
            self._endpoints = await asyncio.to_thread(self.endpoints)
            self.fewest = min(self.fewest, self._endpoints)
            is_bad = self.broken and BAD in self._images
            self.load.per_second = PER_SECOND * self.speed if self._endpoints else 0.0
            self.load.share_of_errors = 0.03 if is_bad else 0.0
            self.load.seconds = 6.0 if is_bad else 0.05
            self.broke = self.broke or (time.time() if is_bad else 0.0)
            await asyncio.sleep(0.05)

    async def inside(self, request: web.Request) -> web.StreamResponse:
        """What its pods answer, whoever their Service sends there."""
        self.asked.append(f"{request.method} {request.path}")
        if request.path == "/providers":
            healthy = [{"name": name, "status": "healthy"} for name in PROVIDERS]
            return web.json_response({"providers": healthy})
        return web.json_response({"status": "ok"}, status=200 if self._images else 503)

    async def outside(self, _request: web.Request) -> web.StreamResponse:
        """What its users get."""
        return web.json_response({}, status=200 if self._endpoints else 503)


@asynccontextmanager
async def agent_platform(
    plane: ControlPlane,
    namespace: str,
    folder: Path,
    *,
    programs: Sequence[str],
    speed: float = 40.0,
    bake: str = "60s",
) -> AsyncIterator[AgentPlatform]:
    """All of it but the daemon, the version GOOD at work. `programs`: Prometheus' and kubectl's."""
    prometheus, kubectl = programs
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(a_site(folder))
        site.words = ("--speed", f"{speed:g}")
        account, kubeconfig = shipped_account(
            plane, kubectl, folder, "application", namespace, NAME
        )
        found = AgentPlatform(plane, namespace, site, speed, account)
        plane.write_pod_log("all is well")
        traffic = [service(NAME), service(INTERNAL, {"app": NAME})]
        plane.apply(*traffic, namespace=namespace)
        await found.runs(GOOD)
        page = await stack.enter_async_context(metrics_page())
        found.load = await stack.enter_async_context(under_load(page, Load(0.0)))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(found.follow()).cancel)
        (folder / "prometheus").mkdir()
        server = await stack.enter_async_context(
            start_prometheus(prometheus, folder / "prometheus", [page.target])
        )
        site.environ |= {
            "PROMETHEUS_URL": server.url,
            "INTERNAL_URL": await stack.enter_async_context(web_server(found.inside)),
            "PUBLIC_URL": await stack.enter_async_context(web_server(found.outside)),
            "KUBECONFIG": str(kubeconfig),
        }
        site.write(targets=["watchdog.yaml"], people=PEOPLE)
        (folder / "watchdog.yaml").write_text(changed(SHIPPED.read_text(), bake))
        await server.until_number("sum(rate(http_requests_total[1s])) > 0")
        found.began = time.time()
        yield found


def changed(text: str, bake: str) -> str:
    """The shipped file with its mode changed, and its bake, which no test waits for.

    A machine under load misses looks, and that is not what is tried: its triggers bear it.
    """
    for old, new in (("mode: alert-only", "mode: auto\narmed_by: e2e"), ("bake: 30m", "bake: X")):
        text, count = re.subn(rf"^( *){re.escape(old)}$", rf"\1{new}", text, flags=re.MULTILINE)
        assert count == 1
    text, count = re.subn(r", for: 2m, severity", f", for: 2m, {PATIENT}, severity", text)
    assert count > 1
    return text.replace("bake: X", f"bake: {bake}")


def moment(call: Call) -> float:
    """When the API server heard of it, in Unix seconds."""
    return datetime.fromisoformat(call.at).timestamp()
