"""A daemon and a cluster: a bad release is seen, returned from, and put in quarantine."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bed.control_plane import ControlPlane, wait_for
from tests.bed.manifests import Fails, deployment
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon
from watchdog.domain.change import ChangeSeen, VersionGood, VersionQuarantined
from watchdog.domain.events import Decided, Event, RunStarted
from watchdog.domain.progress import CheckSampled, Outcome, RunEnded
from watchdog.domain.versions import Standing

V1, V2 = "registry.test:5000/shop:v1", "registry.test:5000/shop:v2"
# A machine under load misses looks, and that is not what is tried here.
PATIENT = "max_gap: 100, coverage: 0.2"
DAEMON = """\
journal: {path: state/journal.db}
targets: [shop.yaml]
"""
SHOP = """\
target: shop
mode: auto
armed_by: ann
changes:
  from:
    - {{use: kubernetes, workload: deployment/shop, {cluster}, every: 300ms}}
  bake: 900ms
sources:
  cluster: {{use: kubernetes, {cluster}, every: 300ms}}
signals:
  pods: {{from: cluster, pods: deployment/shop}}
  restarts: {{from: cluster, restarts: deployment/shop}}
  replicas: {{from: cluster, field: {{of: deployment/shop, path: spec.replicas}}}}
  image: {{from: cluster, image: {{of: deployment/shop, is: "{v1}"}}}}
triggers:
  broken: {{signal: pods, fails: 3, plan: undo, keep_firing_for: 200ms, {patient}}}
plans:
  undo:
    level: application
    returns_to: last_good
    steps:
      - {{save: restarts_before, signal: restarts}}
      - {{save: replicas_before, signal: replicas}}
      - name: Undo the release
        use: kubernetes_undo
        with: {{workload: deployment/shop, to: "{{{{ run.to_version }}}}", {cluster}}}
      - name: Wait for the rollout
        use: kubernetes_rollout
        with: {{workload: deployment/shop, {cluster}}}
        timeout: 60s
    verify:
      - {{signal: image, is: ok, within: 20s, pause: 100ms}}
      - {{signal: restarts, against: restarts_before, at_most: 0, within: 20s, pause: 100ms}}
    watch: {{short: 60s, long: 60s}}
limits: {{per_hour: 9, per_day: 9, cooldown: 0s}}
"""


@asynccontextmanager
async def a_daemon(folder: Path, kubeconfig: Path) -> AsyncIterator[Opened]:
    (folder / "state").mkdir(exist_ok=True)
    cluster = f'kubeconfig: "{kubeconfig}"'
    (folder / "shop.yaml").write_text(SHOP.format(cluster=cluster, v1=V1, patient=PATIENT))
    (folder / "daemon.yaml").write_text(DAEMON)
    async with (
        open_daemon(Files([folder / "daemon.yaml"]), EnvAndFileSecrets({})) as opened,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(opened.daemon.run(opened.open_runs))
        await opened.daemon.ready.wait()
        yield opened
        opened.daemon.service.stop("the test is over")


async def events(opened: Opened, kind: type[Event]) -> list[Any]:
    return [record.event for record in await opened.journal.read(kinds=[kind])]


async def eventually(opened: Opened, kind: type[Event], count: int = 1) -> list[Any]:
    deadline = time.monotonic() + 60
    while len(found := await events(opened, kind)) < count:
        assert time.monotonic() < deadline, await events(opened, Decided)
        await asyncio.sleep(0.05)
    return found


async def a_second_is_over() -> None:
    """A cluster tells the time in seconds: what came in the same one came at the same time."""
    now = int(time.time())
    await asyncio.to_thread(wait_for, lambda: int(time.time()) > now, "a second is over")


def version(plane: ControlPlane, namespace: str, image: str) -> str:
    """The name of the revision with this image."""
    names = [
        one["metadata"]["name"]
        for one in plane.listed("replicaset", namespace)
        if one["spec"]["template"]["spec"]["containers"][0]["image"] == image
    ]
    assert len(names) == 1
    return str(names[0])


async def test_a_bad_release_is_returned_from_and_the_cluster_says_when_it_came(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.apply(deployment(image=V1), namespace=namespace)
    await control_plane.until_rolled_out("deployment/shop", namespace)
    await a_second_is_over()
    file = control_plane.kubeconfig(tmp_path, namespace=namespace)
    async with a_daemon(tmp_path, file) as opened:
        v1 = version(control_plane, namespace, V1)
        (good,) = await eventually(opened, VersionGood)
        # Of the second in which it became good, nobody could tell which came first.
        await a_second_is_over()
        control_plane.apply(deployment(image=V2, fails=Fails.CRASH), namespace=namespace)
        (ended,) = await eventually(opened, RunEnded)

        v2 = version(control_plane, namespace, V2)
        (start,) = await events(opened, RunStarted)
        (held,) = await events(opened, VersionQuarantined)
        sampled = await events(opened, CheckSampled)
        saved = {one.name: one.saved for one in sampled if one.name.startswith("Save")}
        assert ended.outcome is Outcome.SUCCEEDED, ended
        assert (good.version, start.from_version, start.to_version) == (v1, v2, v1)
        assert held.version == v2
        assert saved["Save replicas_before: replicas"] == 2
        assert [one.note for one in sampled if one.name.startswith("restarts against")] == [
            "0 restarts since that was saved"
        ]

        # It tells of the return, too, and that is known for what it is: no release.
        seen = await eventually(opened, ChangeSeen, 3)
        versions = opened.daemon.shared.ledger.versions.of("shop")
        assert [one.version for one in seen] == [v1, v2, v1]
        assert versions.is_rollback(versions.changes[-1])
        assert (versions.running, versions.standing(v2)[0]) == (v1, Standing.QUARANTINED)
