"""One of several watchdogs waits for its turn: nothing of the cluster ends it, all is told."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import Gateway, refuses
from tests.bed.patience import until
from tests.bed.shop import a_free_port
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.kubernetes.packed_rows import packed, unpacked
from watchdog.adapters.kubernetes.shared_journal import SharedJournal
from watchdog.app.no_turn import TOLD_AFTER
from watchdog.app.taking_turns import Turn, our_turn
from watchdog.cli.status_text import text
from watchdog.domain.events import Paused
from watchdog.domain.moment import Moment
from watchdog.domain.sidecar import Sidecar
from watchdog.domain.target import Daemon


@dataclass
class TurnedClock:
    """The system's clock, and some seconds that the test has it skip."""

    skipped: float = 0.0
    _real: SystemClock = field(default_factory=SystemClock)

    def now(self) -> Moment:
        now = self._real.now()
        return Moment(now.elapsed + self.skipped, now.wall)


@dataclass
class Waiting:
    """A watchdog that stands by, until `turn` is there."""

    plane: ControlPlane
    namespace: str
    listen: str
    gate: Gateway
    clock: TurnedClock = field(default_factory=TurnedClock)
    told: list[str] = field(default_factory=list)
    turn: Turn | None = None

    async def tell(self, what: str) -> None:
        self.told.append(what)

    async def page(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.listen}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def status(self) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.listen}/api/v1/status") as answer,
        ):
            return dict(await answer.json())

    async def until_unable(self, because: str) -> str:
        """What /readyz says, once it is that."""
        async with asyncio.timeout(20):
            while True:
                try:
                    status, said = await self.page("/readyz")
                except aiohttp.ClientError:
                    status, said = 0, ""
                if status == 503 and because in said:
                    return said
                await asyncio.sleep(0.02)

    async def until_well(self) -> None:
        """Until /readyz says 200."""
        async with asyncio.timeout(20):
            while True:
                if (await self.page("/readyz"))[0] == 200:
                    return
                await asyncio.sleep(0.02)

    @property
    def holder(self) -> str:
        """Whoever has the lease; empty for nobody."""
        answer = self.plane.look("lease/shop", self.namespace)
        return str(answer.checked["spec"].get("holderIdentity", "")) if answer.status == 200 else ""


@asynccontextmanager
async def a_candidate(
    plane: ControlPlane, namespace: str, folder: Path, pause: float = 0.2
) -> AsyncIterator[Waiting]:
    """One that waits for its turn, behind a gate, for the length of the block."""
    async with plane.gateway() as gate, asyncio.TaskGroup() as tasks:
        kubeconfig = plane.kubeconfig(folder, namespace=namespace, server=gate.base)
        listen = f"127.0.0.1:{a_free_port()}"
        waiting = Waiting(plane, namespace, listen, gate)
        settings = Daemon(
            journal=str(folder / "journal.db"),
            socket=str(folder / "j.sock"),
            listen=listen,
            kill_file=str(folder / "kill"),
            sidecar=Sidecar("shop", "shop", {"kubeconfig": str(kubeconfig)}),
        )
        ended = asyncio.Event()

        async def wait() -> None:
            turns = our_turn(settings, waiting.clock, waiting.tell, pause=pause)
            async with turns as waiting.turn:
                await ended.wait()

        running = tasks.create_task(wait())
        yield waiting
        ended.set()
        if waiting.turn is None:
            running.cancel()


@pytest.fixture
async def candidate(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[Waiting]:
    async with a_candidate(control_plane, namespace, tmp_path) as waiting:
        yield waiting


def leads(candidate: Waiting) -> None:
    assert candidate.turn is not None
    assert candidate.turn.epoch > 0


def not_ours(_head: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"x": "not ours"}, "binaryData": None}


def flipped(head: dict[str, Any]) -> dict[str, Any]:
    """As a disk damages it: what is packed is still as long as it was."""
    text = head["binaryData"]["records"]
    return {"binaryData": {"records": f"{text[:40]}{'A' * 8}{text[48:]}"}}


def no_rows(_head: dict[str, Any]) -> dict[str, Any]:
    return {"binaryData": {"records": packed_text("7\n")}}


def of_a_later_version(head: dict[str, Any]) -> dict[str, Any]:
    """With a kind of record that this version does not know."""
    rows = unpacked(head, "records")
    return {"binaryData": {"records": packed([[*row[:5], "NewKind", *row[6:]] for row in rows])}}


def packed_text(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


@pytest.mark.parametrize(
    ("damage", "because"),
    [
        (not_ours, "configmap/shop is not as this program wrote it"),
        (flipped, "configmap/shop is not as this program wrote it"),
        (no_rows, "configmap/shop is not as this program wrote it"),
        (of_a_later_version, "record 1"),
    ],
)
async def test_a_damaged_journal_leaves_it_alive_and_the_lease_to_the_others(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    damage: Callable[[dict[str, Any]], dict[str, Any]],
    because: str,
) -> None:
    await recorded(control_plane, namespace, tmp_path)
    head = control_plane.get("configmap/shop", namespace)
    control_plane.patch("configmap/shop", namespace, damage(head))
    with capture_logs() as logs:
        async with a_candidate(control_plane, namespace, tmp_path) as candidate:
            why = await candidate.until_unable(because)
            assert (await candidate.page("/livez"))[0] == 200
            await until(lambda: candidate.holder == "", "the lease is given back")
            # Several tries later.
            await until(lambda: gets(candidate) > 3, "it tries again")
            assert candidate.turn is None

            whole = {"binaryData": head["binaryData"], "data": None}
            control_plane.patch("configmap/shop", namespace, whole)
            await until(lambda: candidate.turn is not None, "it leads")
            leads(candidate)
    said = [one for one in logs if one["event"] == "no_turn"]
    assert len(said) == 1
    assert said[0]["why"] in why


async def recorded(plane: ControlPlane, namespace: str, folder: Path) -> None:
    """A shared journal, as a pod left it that is gone."""
    path = folder / "gone.db"
    async with plane.reached(folder, namespace) as api:
        shared = SharedJournal(api, "shop", "gone", path)
        epoch = await shared.take_over()
        clock = SystemClock()
        async with open_journal(path, clock, epoch=epoch, copied=shared.copied) as journal:
            await journal.append(Paused("shop", "ann", "a reason", None))


def gets(candidate: Waiting) -> int:
    """How often the lease changed hands."""
    found = candidate.plane.look("lease/shop", candidate.namespace)
    return int(found.checked["spec"]["leaseTransitions"]) if found.status == 200 else 0


async def test_it_is_well_again_once_it_may_look_whoever_leads(
    control_plane: ControlPlane, namespace: str, candidate: Waiting
) -> None:
    candidate.gate.rule = refuses(403)
    await candidate.until_unable("403")

    other = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "shop"},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 15},
    }
    control_plane.apply(other, namespace=namespace)
    candidate.gate.rule = None

    await candidate.until_well()
    assert candidate.turn is None


async def test_a_right_that_is_missing_is_named_at_once_with_its_place(
    namespace: str, candidate: Waiting
) -> None:
    candidate.gate.rule = refuses(403, message="may not get leases")

    said = await candidate.until_unable("403")

    assert f"the lease shop in namespace {namespace} of {candidate.gate.base}" in said
    assert (
        "get leases.coordination.k8s.io shop: 403 may not get leases; give the account this right"
        in said
    )
    status = await candidate.status()
    assert "403" in status["daemon"]["trouble"]
    assert "CANNOT TAKE ITS TURN: the lease shop in namespace" in text(status)
    assert (await candidate.page("/livez"))[0] == 200
    candidate.gate.rule = None
    await until(lambda: candidate.turn is not None, "it leads", 30)
    leads(candidate)


async def test_an_api_server_that_is_gone_is_said_after_some_seconds_and_told_after_more(
    candidate: Waiting,
) -> None:
    candidate.gate.rule = refuses(503)
    await until(lambda: candidate.gate.refused > 1, "it was asked")
    assert (await candidate.page("/readyz"))[0] == 200

    candidate.clock.skipped += 6
    await candidate.until_unable("503")
    assert candidate.told == []

    candidate.clock.skipped += TOLD_AFTER
    await until(lambda: bool(candidate.told), "people are told")
    [told] = candidate.told
    assert told.startswith("this watchdog cannot take its turn to act: the lease shop")


async def test_one_that_stands_by_says_so_and_leaves_acts_to_the_one_that_leads(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, candidate: Waiting
) -> None:
    await until(lambda: candidate.turn is not None, "it leads")
    folder = tmp_path / "second"
    folder.mkdir()
    async with a_candidate(control_plane, namespace, folder):
        connector = aiohttp.UnixConnector(str(folder / "j.sock"))
        await until((folder / "j.sock").exists, "it listens")
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.post("http://localhost/v1/pause") as answer:
                refused = (answer.status, (await answer.json())["error"])
            async with session.post("http://localhost/v1/status") as answer:
                status = await answer.json()
    assert refused == (
        409,
        "pause: this watchdog stands by; ask the one that holds the lease shop",
    )
    assert "stands by" in text(status)
    assert "it takes over if that one is gone" in text(status)
