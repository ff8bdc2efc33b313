"""Several watchdogs of one target, each as a pod would have it: processes on a real API server."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.bed.control_plane import ControlPlane, rolled_out
from tests.bed.manifests import deployment
from tests.bed.patience import until
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record

GOOD, BAD = "registry.test:5000/shop:v1", "registry.test:5000/shop:v2"
NAMES = ("one", "two", "three")
# Seconds. A lease that nobody lets go is free after 15, and a pod starts within some more.
PATIENCE = 90.0
# What the account of such a pod needs, and no more.
RULES = (
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": ["shop"],
        "verbs": ["get", "patch"],
    },
    {
        "apiGroups": ["apps"],
        "resources": ["deployments", "replicasets"],
        "verbs": ["list", "watch"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create"],
    },
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["shop-watchdog"],
        "verbs": ["get", "update"],
    },
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "update"]},
)


@dataclass(slots=True)
class Pods:
    """The watchdogs by name, the Deployment that they guard, and its address of health."""

    plane: ControlPlane
    namespace: str
    folder: Path
    kubeconfig: Path
    health: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, name: str) -> None:
        """One more pod: an empty folder, unless it is the container of before."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "daemon.yaml").write_text(json.dumps(self._daemon()))
        (folder / "shop.yaml").write_text(json.dumps(self._target()))
        with (folder / "log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "watchdog", "run", "daemon.yaml",
                cwd=folder, stderr=log, stdout=log,
            )  # fmt: skip

    async def end(self, name: str, how: signal.Signals) -> None:
        """The pod is gone, and its folder with it."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            process.send_signal(how)
        await process.wait()
        (self.folder / name).rename(self.folder / f"{name}-{process.pid}")

    @property
    def leader(self) -> str:
        """Whoever holds the lease and lives; empty for nobody."""
        answer = self.plane.look("lease/shop-watchdog", self.namespace)
        held = answer.checked["spec"].get("holderIdentity", "") if answer.status == 200 else ""
        pid = held.split("-")[-2] if held else ""
        return next((n for n, one in self.processes.items() if str(one.pid) == pid), "")

    async def until_led(self) -> str:
        """Its name, once there is one."""
        await until(lambda: bool(self.leader), "one of them leads", PATIENCE)
        return self.leader

    async def records(self) -> Sequence[Record]:
        """The journal as the one that leads has it."""
        leader = self.leader
        try:
            async with open_reader(self.folder / leader / "journal.db", SystemClock()) as reader:
                return await reader.read()
        except JournalError:
            return ()

    async def until_recorded(self, kind: type) -> Sequence[Record]:
        """All records, once one of `kind` is among them."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = await self.records()
                    if any(isinstance(record.event, kind) for record in found):
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__}:\n{self.logs}") from None

    @property
    def logs(self) -> str:
        """What all of them wrote."""
        return "\n".join(f"== {p.parent.name}\n{p.read_text()}" for p in self.folder.glob("*/log"))

    async def deploy(self, image: str) -> None:
        """Somebody deploys."""
        self.plane.apply(deployment("shop", image), namespace=self.namespace)
        await self.plane.until_rolled_out("deployment/shop", self.namespace)

    def is_well(self) -> bool:
        found = self.plane.get("deployment/shop", self.namespace)
        (container,) = found["spec"]["template"]["spec"]["containers"]
        return container["image"] == GOOD and rolled_out(found)

    def _daemon(self) -> dict[str, object]:
        access = {"kubeconfig": str(self.kubeconfig)}
        return {
            "journal": {"path": "journal.db"},
            "targets": ["shop.yaml"],
            "sidecar": {"lease": "shop-watchdog", "journal": "shop-journal", **access},
        }

    def _target(self) -> dict[str, object]:
        of_shop = {"kubeconfig": str(self.kubeconfig), "workload": "deployment/shop"}
        steps = [
            {
                "name": "undo",
                "use": "kubernetes_undo",
                "with": {**of_shop, "to": "previous"},
                "repeat": "observable",
                "settle": "1s",
            },
            {
                "name": "rolled out",
                "use": "kubernetes_rollout",
                "with": of_shop,
                "repeat": "idempotent",
                "timeout": "60s",
            },
        ]
        proof = {"signal": "healthy", "is": "ok", "samples": 2, "pause": "0.5s", "within": "60s"}
        return {
            "target": "shop",
            "mode": "auto",
            "armed_by": "test",
            "sources": {"health": {"use": "http", "url": self.health, "every": "1s"}},
            "signals": {"healthy": {"from": "health"}},
            "triggers": {"down": {"signal": "healthy", "fails": 2, "plan": "undo"}},
            "plans": {
                "undo": {
                    "steps": steps,
                    "verify": [proof],
                    "verify_trigger": False,
                    "watch": {"short": "0s", "long": "0s"},
                }
            },
        }


@asynccontextmanager
async def pods_of(plane: ControlPlane, namespace: str, folder: Path) -> AsyncIterator[Pods]:
    """Three of them over a Deployment that is well, and killed at the end."""
    token = plane.account(namespace, RULES)
    pods = Pods(plane, namespace, folder, plane.kubeconfig(folder, token, namespace))
    await pods.deploy(GOOD)
    async with _health(pods) as pods.health:
        try:
            for name in NAMES:
                await pods.start(name)
            yield pods
        finally:
            for name in list(pods.processes):
                await pods.end(name, signal.SIGKILL)


@asynccontextmanager
async def _health(pods: Pods) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        is_well = await asyncio.to_thread(pods.is_well)
        return web.Response(status=200 if is_well else 503)

    app = web.Application()
    app.router.add_get("/health", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/health"
    finally:
        await runner.cleanup()
