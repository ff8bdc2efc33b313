"""On a real control plane: decision to the accepted patch, and a rollback beside kubectl's."""

import asyncio
import json
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from bench.figures import against_limit, quantile, say
from bench.process import rss_mb
from bench.whole_daemon import daemon
from tests.bed.by_health import target_by_health
from tests.bed.control_plane import ControlPlane, started_control_plane
from tests.bed.deps import KnownSecrets
from tests.bed.manifests import deployment
from tests.bed.wire import free_port
from tests.control_plane.programs import found, missing
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.executors import kubernetes_rollout, kubernetes_undo
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.events import Decided, Record, RunEnded, StepAnswered
from watchdog.ports import Deps

TARGETS, PAIRS = 40, 20
PATCH_LIMIT_MS, WAIT_LIMIT_S, RSS_LIMIT_MB = 100.0, 1.0, 80.0
GOOD, BAD = "registry.test:5000/shop:v1", "registry.test:5000/shop:v2"
_PATIENCE = 180.0
# Seconds between two breaches, so that each decision is a moment of its own.
_APART = 2.0
# So many breaches later, one is over; the undo has long been sent by then.
_SICK = 3


@dataclass(slots=True)
class Health:
    """Which targets are sick."""

    sick: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.Response:
        return web.Response(status=503 if request.match_info["target"] in self.sick else 200)


async def measure() -> None:
    """Print both, where the control plane is built and kubectl is there."""
    kubectl, lacking = shutil.which("kubectl"), list(missing())
    if kubectl is None:
        lacking.append("kubectl")
    if kubectl is None or lacking:
        say(f"cluster: not measured; missing: {', '.join(lacking)}")
        return
    with TemporaryDirectory() as name, started_control_plane(found(), Path(name)) as plane:
        await _decisions(plane, Path(name))
        await _beside_kubectl(plane, Path(name), kubectl)


# -- decision to patch


async def _decisions(plane: ControlPlane, folder: Path) -> None:
    namespace = plane.namespace()
    names = [f"shop-{number}" for number in range(TARGETS)]
    for image in (GOOD, BAD):
        plane.apply(*(deployment(name, image, 1) for name in names), namespace=namespace)
        for name in names:
            await plane.until_rolled_out(f"deployment/{name}", namespace)
    async with _health() as (health, url):
        file = _files(folder, names, url, str(plane.kubeconfig(folder, namespace=namespace)))
        async with daemon([file], f"127.0.0.1:{await free_port()}") as process:
            await asyncio.sleep(5.0)
            for name, cured in zip_longest(names, [*[""] * _SICK, *names]):
                health.sick |= {name} if name else set()
                health.sick -= {cured}
                await asyncio.sleep(_APART)
            records = await _all_ended(folder)
            rss = rss_mb(process.pid)
    took = [1000 * one for one in _patched_after(records).values()]
    say(f"{len(took)} decisions, each to the answer of the API server that took its patch:")
    say(f"  p50: {quantile(took, 0.5):.0f} ms")
    against_limit("p99", quantile(took, 0.99), PATCH_LIMIT_MS, "ms")
    against_limit(f"memory of the daemon with {TARGETS} of them (RSS)", rss, RSS_LIMIT_MB, "MB")


def _files(folder: Path, names: Sequence[str], url: str, kubeconfig: str) -> Path:
    for name in names:
        (folder / f"{name}.yaml").write_text(json.dumps(_target(name, url, kubeconfig)))
    own = {
        "journal": {"path": "journal.db"},
        "targets": ["shop-*.yaml"],
        "limits": {"per_hour": 1000},
        "breaker": {
            "unknown": "99%",
            "targets_firing": "1000 in 2m",
            "failed_plans": "1000 in 24h",
        },
    }
    file = folder / "daemon.yaml"
    file.write_text(json.dumps(own))
    return file


def _target(name: str, url: str, kubeconfig: str) -> Mapping[str, object]:
    undo = {"kubeconfig": kubeconfig, "workload": f"deployment/{name}", "to": "previous"}
    steps = [{"use": "kubernetes_undo", "with": undo}]
    return target_by_health(name, f"{url}/{name}", steps, pause="0.2s")


async def _all_ended(folder: Path) -> Sequence[Record]:
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with open_reader(folder / "journal.db", SystemClock()) as reader:
                records = await reader.read(kinds=[Decided, StepAnswered, RunEnded])
            if sum(isinstance(one.event, RunEnded) for one in records) >= TARGETS:
                return records
            await asyncio.sleep(1.0)


def _patched_after(records: Sequence[Record]) -> dict[str, float]:
    """Of each run, the seconds from its decision to the answer to its patch."""
    decided = {
        record.event.target: record.at.elapsed
        for record in records
        if isinstance(record.event, Decided) and not record.event.refusal
    }
    runs = {r.event.run: r.event.target for r in records if isinstance(r.event, RunEnded)}
    return {
        record.event.run: record.at.elapsed - decided[runs[record.event.run]]
        for record in records
        if isinstance(record.event, StepAnswered) and record.event.ok
    }


@asynccontextmanager
async def _health() -> AsyncIterator[tuple[Health, str]]:
    health, app = Health(), web.Application()
    app.router.add_get("/{target}", health.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield health, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# -- beside kubectl


async def _beside_kubectl(plane: ControlPlane, folder: Path, kubectl: str) -> None:
    namespace = plane.namespace()
    kubeconfig = str(plane.kubeconfig(folder, namespace=namespace))
    theirs: list[float] = []
    ours: list[float] = []
    for number in range(PAIRS):
        for took, back in ((theirs, _by_kubectl(kubectl, kubeconfig)), (ours, None)):
            for image in (f"{GOOD}.{number}", f"{BAD}.{number}"):
                plane.apply(deployment("shop", image, 3), namespace=namespace)
                await plane.until_rolled_out("deployment/shop", namespace)
                # A revision's age is known to the second.
                await asyncio.sleep(1.1)
            took.append(await (back or _by_us(kubeconfig, number)))
    say(f"a rollback of 3 pods until it has rolled out, {PAIRS} pairs, alternating:")
    say(f"  kubectl rollout undo, then status, median: {statistics.median(theirs):.2f} s")
    say(f"  kubernetes_undo and kubernetes_rollout, median: {statistics.median(ours):.2f} s")
    beyond = statistics.median(ours) - statistics.median(theirs)
    against_limit("beyond kubectl's", beyond, WAIT_LIMIT_S, "s")
    say(f"  ratio: {statistics.median(ours) / statistics.median(theirs):.2f}")


async def _by_kubectl(kubectl: str, kubeconfig: str) -> float:
    began = time.monotonic()
    for words in (["undo"], ["status", "--timeout=60s"]):
        process = await asyncio.create_subprocess_exec(
            kubectl, "--kubeconfig", kubeconfig, "rollout", words[0], "deployment/shop", *words[1:],
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait():
            raise RuntimeError(f"kubectl rollout {words[0]} ended with {process.returncode}")
    return time.monotonic() - began


async def _by_us(kubeconfig: str, number: int) -> float:
    async with AioHttpClient(SystemClock()) as http:
        deps = Deps(SystemClock(), http, KnownSecrets())
        common = {"kubeconfig": kubeconfig, "workload": "deployment/shop"}
        undo = kubernetes_undo.plugin
        wait = kubernetes_rollout.plugin
        began = time.monotonic()
        options = undo.options.model_validate({**common, "to": "previous"})
        await undo.build(options, deps).execute(f"bench/{number}")
        await wait.build(wait.options.model_validate(common), deps).execute(f"bench/{number}/wait")
        return time.monotonic() - began
