"""Rollbacks in a cluster where something is wrong: one daemon, a target for each row."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bed.answer_loser import changes, losing_answers
from tests.bed.control_plane import ControlPlane
from tests.bed.kubernetes_verbs import BAD, OLD, two_deployments
from tests.bed.manifests import deployment
from tests.bed.wire import web_server
from tests.faults.kubernetes_fates import DEPLOYMENT, NEWER, REFUSED, ROWS, Row, Trouble
from tests.faults.site import TARGET, Site, a_site, a_target
from watchdog.domain.events import Decided, Record
from watchdog.domain.progress import Proof, RunEnded, RunVerified, StepEnded, StepIntended

# Seconds. All rows come to their end at the same time; one of them waits for a minute.
LONGEST = 300.0
pytestmark = pytest.mark.timeout(LONGEST + 60.0)
DOCUMENT = Path(__file__).parents[2] / "docs/kubernetes.md"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is left once every run is over."""

    records: Sequence[Record]
    runs: Mapping[str, str]

    def outcome(self, row: Row) -> str:
        """How the run of a row ended, or that there was none."""
        ends = [
            record.event.outcome.value
            for record in self.records
            if isinstance(record.event, RunEnded) and record.event.target == row.name
        ]
        refusals = [
            record.event
            for record in self.records
            if isinstance(record.event, Decided) and record.event.target == row.name
        ]
        if not ends and refusals and refusals[0].refusal == "preflight_failed":
            return REFUSED
        (outcome,) = ends
        return outcome

    def details(self, row: Row) -> list[str]:
        """What was written down of it."""
        return [
            detail
            for record in self.records
            if getattr(record.event, "target", row.name) == row.name
            and (detail := str(getattr(record.event, "detail", "")))
        ]


@pytest.fixture(scope="module")
def aftermath(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    return asyncio.run(_let_it_happen(control_plane, tmp_path_factory.mktemp("kubernetes")))


async def _let_it_happen(plane: ControlPlane, folder: Path) -> Aftermath:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(a_site(folder))
        health = await stack.enter_async_context(a_health_page(plane))
        troubles: dict[str, Trouble] = {}
        for row in ROWS:
            way = await stack.enter_async_context(losing_answers(plane))
            troubles[row.name] = Trouble(plane, plane.namespace(), way)
        async with asyncio.TaskGroup() as tasks:
            for row in ROWS:
                tasks.create_task(row.prepare(plane, troubles[row.name].namespace))
        site.write(*(_target(site, health, row, troubles[row.name]) for row in ROWS))
        for row in ROWS:
            row.begins(troubles[row.name])
        # Where all ask at once, one may be put off for a moment.
        begun = {row.name for row in ROWS if row.outcome != REFUSED}
        refused = {row.name for row in ROWS} - begun
        async with site.at_work(), asyncio.timeout(LONGEST):
            left = begun | refused
            while left:
                await asyncio.sleep(0.1)
                left -= begun & {one.target for one in await site.events(RunEnded)}
                left -= refused & {one.target for one in await site.events(Decided) if one.refusal}
        await site.assert_sound()
        runs = {row.name: image(plane, troubles[row.name].namespace, row.workload) for row in ROWS}
        for trouble in troubles.values():
            plane.delete(f"namespace/{trouble.namespace}")
        return Aftermath(await site.records(), runs)


@asynccontextmanager
async def a_health_page(plane: ControlPlane) -> AsyncIterator[str]:
    """Healthy is a namespace whose shop is not to run version 2: /NAMESPACE/KIND/NAME."""

    async def answer(request: web.Request) -> web.StreamResponse:
        namespace, _, workload = request.path.strip("/").partition("/")
        bad = image(plane, namespace, workload) == BAD
        return web.json_response({"healthy": not bad}, status=503 if bad else 200)

    async with web_server(answer) as url:
        yield url


def image(plane: ControlPlane, namespace: str, workload: str) -> str:
    """What it is to run."""
    template = plane.get(workload, namespace)["spec"]["template"]
    return str(template["spec"]["containers"][0]["image"])


def _target(site: Site, health: str, row: Row, trouble: Trouble) -> dict[str, Any]:
    reached = {"server": trouble.way.url, "namespace": trouble.namespace, **row.reached(trouble)}
    file = str(trouble.plane.kubeconfig(site.folder, **reached))
    return a_rollback(
        site, row.name, f"{health}/{trouble.namespace}/{row.workload}", file,
        workload=row.workload, options=row.options, seconds=row.seconds, waits=row.waits,
    )  # fmt: skip


def a_rollback(
    site: Site,
    name: str,
    health: str,
    file: str,
    *,
    workload: str = DEPLOYMENT,
    options: Mapping[str, Any],
    seconds: str = "20s",
    waits: str = "60s",
    patience: str = "500ms",
) -> dict[str, Any]:
    """A target that returns its workload and waits for the rollout."""
    where = {"workload": workload, "kubeconfig": file}
    undo = {"name": "undo", "use": "kubernetes_undo", "with": {**where, **options},
            "timeout": seconds, "settle": "1s"}  # fmt: skip
    wait = {"name": "wait", "use": "kubernetes_rollout", "with": {**where, "patience": patience},
            "timeout": waits, "retries": 0}  # fmt: skip
    target = a_target(site.api, undo, wait, name=name)
    target["sources"]["health"] |= {"url": health, "every": "1s"}
    return target


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_rollback_comes_to_the_end_that_the_table_says(aftermath: Aftermath, row: Row) -> None:
    assert aftermath.outcome(row) == row.outcome, aftermath.details(row)
    assert aftermath.runs[row.name] == row.version, aftermath.details(row)


def test_the_table_stands_in_the_documentation() -> None:
    lines = DOCUMENT.read_text().splitlines()

    assert [str(row) for row in ROWS if str(row) not in lines] == []


async def test_kill_9_before_the_answer_and_in_the_wait_comes_to_one_rollback(
    control_plane: ControlPlane, namespace: str, site: Site
) -> None:
    # Pods of version 1 start only where the node bears a label: the wait lasts until it does.
    old = deployment("shop", OLD)
    old["spec"]["template"]["spec"]["nodeSelector"] = {namespace: "yes"}
    label(control_plane, namespace, "yes")
    control_plane.apply(old, namespace=namespace)
    await control_plane.until_rolled_out(DEPLOYMENT, namespace)
    bad = deployment("shop", BAD)
    bad["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "n0"}
    control_plane.apply(bad, namespace=namespace)
    await control_plane.until_rolled_out(DEPLOYMENT, namespace)
    label(control_plane, namespace, None)
    began = control_plane.mark()
    async with a_health_page(control_plane) as health, losing_answers(control_plane) as way:
        file = str(control_plane.kubeconfig(site.folder, namespace=namespace, server=way.url))
        site.write(
            a_rollback(
                site,
                TARGET,
                f"{health}/{namespace}/{DEPLOYMENT}",
                file,
                options={"to": "previous"},
                seconds="3s",
                patience="60s",
            )
        )
        way.holds = changes
        async with site.at_work():
            await site.until(lambda: way.held == 1, "the answer to the patch is held")
            await site.kill()
        way.holds = lambda _request: False
        async with site.at_work():
            await site.until(lambda: len(way.watches) == 2, "it waits for the rollout")
            await site.kill()
        async with site.at_work():
            await site.until(lambda: len(way.watches) == 2, "it waits for the rollout again")
            label(control_plane, namespace, "yes")
            ended = await site.until_event(RunEnded)
            await site.stop()

    assert ended.outcome.value == "succeeded"
    steps = await site.events(StepEnded)
    assert [(one.name, one.result.value) for one in steps] == [("undo", "ok"), ("wait", "ok")]
    (proven,) = await site.events(RunVerified)
    assert proven.proof is Proof.PASSED
    # One rollback, whoever had died meanwhile.
    (patch,) = control_plane.calls(namespace, began)
    assert (patch.verb, patch.resource, patch.name) == ("patch", "deployments", "shop")
    assert image(control_plane, namespace, DEPLOYMENT) == OLD
    await site.assert_sound()


async def test_a_fix_that_is_deployed_while_a_killed_daemon_leaves_a_step_in_doubt_stays(
    control_plane: ControlPlane, namespace: str, site: Site
) -> None:
    await two_deployments(control_plane, namespace)
    async with a_health_page(control_plane) as health, losing_answers(control_plane) as way:
        file = str(control_plane.kubeconfig(site.folder, namespace=namespace, server=way.url))
        page = f"{health}/{namespace}/{DEPLOYMENT}"
        site.write(a_rollback(site, TARGET, page, file, options={"to": "previous"}, seconds="3s"))
        # It never reaches the API server, which nobody can know by its answer.
        way.refuses = lambda request: 500 if changes(request) else 0
        async with site.at_work():
            await site.until(lambda: way.refused == 1, "the patch is sent")
            await site.kill()
        fix = deployment("shop", NEWER)["spec"]["template"]
        control_plane.patch(DEPLOYMENT, namespace, {"spec": {"template": fix}})
        way.refuses = lambda _request: 0
        async with site.at_work():
            ended = await site.until_event(RunEnded)
            await site.stop()

    assert ended.outcome.value == "failed"
    assert "somebody else changed what it runs meanwhile; not sent" in ended.detail
    assert image(control_plane, namespace, DEPLOYMENT) == NEWER
    first, second = await site.events(StepIntended)
    assert first.stood == second.stood != ""
    await site.assert_sound()


def label(plane: ControlPlane, namespace: str, value: str | None) -> None:
    """Let pods of version 1 start, or not."""
    plane.patch("node/n0", "", {"metadata": {"labels": {namespace: value}}})
