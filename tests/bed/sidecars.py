"""Several watchdogs of one target, each as a pod would have it: processes on a real API server.

They have the account of the shipped sidecar, its files but for the target, and no other right.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import yaml
from aiohttp import web

from tests.bed.by_health import target_by_health
from tests.bed.control_plane import ControlPlane, rolled_out
from tests.bed.manifests import deployment
from tests.bed.patience import until
from tests.deploy.rendering import Object, only, sidecar
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record

GOOD, BAD = "registry.test:5000/shop:v1", "registry.test:5000/shop:v2"
NAMES = ("one", "two", "three")
# Seconds. A lease that nobody lets go is free after 15, and a pod starts within some more.
PATIENCE = 90.0


@dataclass(slots=True)
class Pods:
    """The watchdogs by name, the Deployment that they guard, and its address of health."""

    plane: ControlPlane
    namespace: str
    folder: Path
    kubeconfig: Path
    shipped: Sequence[Object]
    health: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The Deployment's name."""
        return str(only(self.shipped, "Deployment")["metadata"]["name"])

    @property
    def user(self) -> str:
        """Their account, as the audit log calls it."""
        name = only(self.shipped, "ServiceAccount")["metadata"]["name"]
        return f"system:serviceaccount:{self.namespace}:{name}"

    async def start(self, name: str) -> None:
        """One more pod: an empty folder, unless it is the container of before."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "daemon.yaml").write_text(json.dumps(self._daemon()))
        (folder / "watchdog.yaml").write_text(json.dumps(self._target()))
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
        answer = self.plane.look(f"lease/{self.service}", f"{self.service}-watchdog")
        held = answer.checked["spec"].get("holderIdentity", "") if answer.status == 200 else ""
        pid = held.split("-")[-2] if held else ""
        return next((n for n, one in self.processes.items() if str(one.pid) == pid), "")

    async def until_led(self) -> str:
        """Its name, once there is one."""
        return await self.until_follows("")

    async def until_follows(self, before: str) -> str:
        """The name of another one, once it leads."""
        try:
            await until(lambda: self.leader not in ("", before), "another one leads", PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.logs}") from None
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
        deployment = only(self.shipped, "Deployment")
        _service_in(deployment)["image"] = image
        self.plane.apply(deployment)
        await self.plane.until_rolled_out(f"deployment/{self.service}", self.namespace)

    def is_well(self) -> bool:
        found = self.plane.get(f"deployment/{self.service}", self.namespace)
        return _service_in(found)["image"] == GOOD and rolled_out(found)

    def _daemon(self) -> Object:
        shipped = yaml.safe_load(only(self.shipped, "ConfigMap")["data"]["daemon.yaml"])
        reached = {"kubeconfig": str(self.kubeconfig)}
        return {
            **shipped,
            "journal": {"path": "journal.db"},
            "sidecar": {**shipped["sidecar"], **reached},
            "switches": {**shipped["switches"], **reached},
        }

    def _target(self) -> Object:
        workload = f"deployment/{self.service}"
        mine = {"kubeconfig": str(self.kubeconfig), "workload": workload}
        steps = [
            {
                "name": "undo",
                "use": "kubernetes_undo",
                "with": {**mine, "to": "previous"},
                "repeat": "observable",
                "settle": "1s",
            },
            {
                "name": "rolled out",
                "use": "kubernetes_rollout",
                "with": mine,
                "repeat": "idempotent",
                "timeout": "60s",
            },
        ]
        return target_by_health(self.service, self.health, steps, samples=2, pause="0.5s")


@asynccontextmanager
async def pods_of(
    plane: ControlPlane, namespace: str, folder: Path, kubectl: str
) -> AsyncIterator[Pods]:
    """Three of them over a Deployment that is well, and killed at the end."""
    rendered = folder / "rendered"
    rendered.mkdir()
    # What is made of the service's name is one of its kind in the whole cluster.
    objects, turns = sidecar(kubectl, rendered, namespace, deployment(namespace, GOOD))
    plane.apply(*turns, *objects)
    account = only(objects, "ServiceAccount")["metadata"]["name"]
    kubeconfig = plane.kubeconfig(folder, plane.token(namespace, account), namespace)
    pods = Pods(plane, namespace, folder, kubeconfig, objects)
    await pods.deploy(GOOD)
    async with _health(pods) as pods.health:
        try:
            for name in NAMES:
                await pods.start(name)
            yield pods
        finally:
            for name in list(pods.processes):
                await pods.end(name, signal.SIGKILL)
            plane.delete(f"namespace/{only(turns, 'Namespace')['metadata']['name']}")


def _service_in(deployment: Object) -> Object:
    """Its container, and not the watchdog's."""
    [found] = [
        one for one in deployment["spec"]["template"]["spec"]["containers"] if one["name"] == "app"
    ]
    return cast("Object", found)


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
