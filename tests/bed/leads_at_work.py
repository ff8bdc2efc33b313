"""The leads platform of the shipped file: pods in a control plane, numbers in a Prometheus."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.bed.control_plane import ControlPlane
from tests.bed.leads_platform import BAD, FLAGS, NAME, LeadsPlatform
from tests.bed.metrics_page import Load, MetricsPage, metrics_page, under_load
from tests.bed.prometheus import start_prometheus
from tests.bed.shipped_account import shipped_account
from tests.bed.wire import web_server
from tests.control_plane.audit import Call
from tests.faults.site import Site, a_site

SHIPPED = Path(__file__).parents[2] / "config/leads-platform/watchdog.yaml"
WORKLOAD = f"deployment/{NAME}"
TOKEN = "canary-71c0d5a3e9f24b18"
PUBLISHED, FAILED = "neuronx_outbox_publish_success_total", "neuronx_outbox_publish_fail_total"
PENDING = "neuronx_outbox_pending_total"
PER_SECOND = 20.0
# One alert fires all the time: it was there before.
OLD_ALERT = """\
groups:
- name: bed
  rules:
  - {alert: DiskIsFilling, expr: "vector(1)"}
"""


@dataclass
class LeadsAtWork(LeadsPlatform):
    """A daemon's folder at the shipped file, its durations divided by `speed`, and what it watches.

    It is ready while none of the pods that serve is of BAD. While `slow`, it is slow and failing as
    long as any pod has a feature on; it publishes as long as one has its outbox on.
    """

    site: Site = field(kw_only=True)
    speed: float = field(kw_only=True)
    page: MetricsPage = field(kw_only=True)
    account: str = ""
    since: int = 0
    load: Load = field(default_factory=Load)
    published: float = 0.0
    _is_ready: bool = True

    def here(self, seconds: float) -> float:
        """What `seconds` of the file take in the test."""
        return seconds / self.speed

    def calls(self) -> list[Call]:
        """What the API server was asked to change since `since`, by whomever but the test."""
        return self.plane.calls(self.namespace, self.since)

    def serving(self) -> list[dict[str, Any]]:
        """Its pods that are ready."""
        return [
            pod
            for pod in self.plane.listed("pod", self.namespace, f"app={NAME}")
            if not pod["metadata"].get("deletionTimestamp")
            for one in pod.get("status", {}).get("conditions", [])
            if (one["type"], one["status"]) == ("Ready", "True")
        ]

    async def follow(self) -> None:
        """Let its numbers be what the pods make of them."""
        while True:
            pods = await asyncio.to_thread(self.environments)
            serving = await asyncio.to_thread(self.serving)
            images = {pod["spec"]["containers"][0]["image"] for pod in serving}
            self._is_ready = bool(images) and BAD not in images
            is_bad = self.slow and any(each.get(flag) == "true" for each in pods for flag in FLAGS)
            self.load.per_second = PER_SECOND * self.speed
            self.load.share_of_errors = 0.08 if is_bad else 0.0
            self.load.seconds = 6.0 if is_bad else 0.05
            if any(each.get(FLAGS[0]) == "true" for each in pods):
                self.published += 1
            self.page.gauge(PUBLISHED, self.published)
            await asyncio.sleep(0.05)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What its users get."""
        if request.path == "/leads":
            known = request.headers.get("Authorization") == f"Bearer {TOKEN}"
            return web.json_response([], status=200 if known else 401)
        return web.json_response({"ready": self._is_ready}, status=200 if self._is_ready else 503)


@asynccontextmanager
async def leads_at_work(
    plane: ControlPlane,
    namespace: str,
    folder: Path,
    *,
    programs: Sequence[str],
    level: str,
    speed: float = 60.0,
) -> AsyncIterator[LeadsAtWork]:
    """All of it but the daemon and the pods. `programs`: those of Prometheus and of kubectl.

    The daemon will have the account of the shipped `level`.
    """
    prometheus, kubectl = programs
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(a_site(folder))
        site.words = ("--speed", f"{speed:g}")
        page = await stack.enter_async_context(metrics_page())
        account, kubeconfig = shipped_account(plane, kubectl, folder, level, namespace, NAME)
        found = LeadsAtWork(plane, namespace, site=site, speed=speed, page=page, account=account)
        for name in (PUBLISHED, FAILED, PENDING):
            page.gauge(name, 0.0)
        found.load = await stack.enter_async_context(under_load(page, Load(0.0)))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(found.follow()).cancel)
        (folder / "prometheus").mkdir()
        server = await stack.enter_async_context(
            start_prometheus(prometheus, folder / "prometheus", [page.target], rules=OLD_ALERT)
        )
        found.base = await stack.enter_async_context(web_server(found.answer))
        site.environ |= {
            "PROMETHEUS_URL": server.url,
            "BASE_URL": found.base,
            "TEST_TOKEN": TOKEN,
            "KUBECONFIG": str(kubeconfig),
        }
        site.write(targets=["watchdog.yaml"])
        (folder / "watchdog.yaml").write_text(changed(SHIPPED.read_text(), speed))
        await server.until_number("sum(rate(http_requests_total[1s])) > 0")
        yield found


def changed(text: str, speed: float) -> str:
    """The shipped file with exactly its mode changed, and the one timeout that a test waits for.

    `--speed` divides durations, and leaves alone how long a call may take.
    """
    limit = f"timeout: {300 / speed:g}s"
    for old, new in (("mode: alert-only", "mode: auto\narmed_by: e2e"), ("timeout: 5m", limit)):
        text, count = re.subn(rf"^( *){re.escape(old)}$", rf"\1{new}", text, flags=re.MULTILINE)
        assert count == 1
    return text
