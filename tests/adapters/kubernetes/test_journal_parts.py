"""A shared journal of many objects: how it begins, how it is read, and whose epoch is above all."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import refusal
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.adapters.kubernetes.journal_parts import AT_ONCE
from watchdog.adapters.kubernetes.packed_rows import packed, pieces
from watchdog.adapters.kubernetes.shared_journal import FULL, SharedJournal
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Paused

Pod = Callable[..., AbstractAsyncContextManager[SqliteJournal]]
EPOCH = "rollback-watchdog.io/epoch"
SEALED = "rollback-watchdog.io/sealed"


@pytest.fixture
def pod(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Pod:
    """A pod that leads: a folder of its own, and the journal that it shares."""

    @asynccontextmanager
    async def opened(name: str, server: str | None = None) -> AsyncIterator[SqliteJournal]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = folder / "journal.db"
        async with control_plane.reached(tmp_path, namespace, server=server) as api:
            shared = SharedJournal(api, "shop", name, path)
            epoch = await shared.take_over()
            clock = SystemClock()
            async with open_journal(path, clock, epoch=epoch, copied=shared.copied) as journal:
                yield journal

    return opened


def paused(reason: str) -> Paused:
    return Paused("shop", "ann", reason, None)


def noise(count: int) -> list[Paused]:
    """That nothing packs to much less."""
    return [paused(f"{n} {secrets.token_hex(200)}") for n in range(count)]


async def reasons(journal: SqliteJournal) -> list[str]:
    found = await journal.read(kinds=[Paused])
    return [record.event.reason for record in found if isinstance(record.event, Paused)]


async def alone(path: Path, *events: Paused) -> None:
    """A journal that nobody shared so far."""
    path.parent.mkdir(exist_ok=True)
    async with open_journal(path, SystemClock()) as journal:
        await journal.append(*events)


def epoch_of(plane: ControlPlane, namespace: str, name: str) -> int:
    return int(plane.get(f"configmap/{name}", namespace)["metadata"]["annotations"][EPOCH])


def write_epoch(plane: ControlPlane, namespace: str, name: str, epoch: int) -> None:
    """As a later one would have left it."""
    change = {"metadata": {"annotations": {EPOCH: str(epoch)}}}
    plane.patch(f"configmap/{name}", namespace, change)


# How it begins


async def test_a_journal_of_more_than_an_object_can_hold_becomes_the_shared_one(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pod: Pod
) -> None:
    await alone(tmp_path / "first/journal.db", *noise(4000))
    async with pod("first") as journal:
        await journal.append(paused("after"))
        said, head = await reasons(journal), await journal.head()

    sizes = [len(json.dumps(one)) for one in control_plane.listed("configmap", namespace)]
    assert sum(sizes) > 1 << 20
    assert max(sizes) < 1 << 18

    async with pod("second") as journal:
        assert (await reasons(journal), await journal.head()) == (said, head)
        path = journal.path
    assert said[-1] == "after"
    assert verify(path).ok


async def test_what_was_there_before_is_there_from_the_first_moment(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pod: Pod
) -> None:
    path = tmp_path / "first/journal.db"
    await alone(path, paused("latched before"))
    async with control_plane.reached(tmp_path, namespace) as api:
        # Killed before it recorded anything.
        await SharedJournal(api, "shop", "first", path).take_over()

    for name in ("first", "second"):
        async with pod(name) as journal:
            assert await reasons(journal) == ["latched before"]


async def test_who_is_cut_off_while_it_begins_has_lost_nothing(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pod: Pod
) -> None:
    path = tmp_path / "first/journal.db"
    await alone(path, *noise(600))

    async def no_head(request: web.Request) -> web.StreamResponse | None:
        made = request.method == "POST" and (await request.json())["metadata"]["name"] == "shop"
        return refusal(503) if made else None

    async with control_plane.gateway() as gate:
        gate.rule = no_head
        with pytest.raises(JournalError, match="create configmaps shop: 503"):
            async with pod("first", gate.base):
                pass
    assert control_plane.look("configmap/shop-0", namespace).status == 200

    async with pod("first") as journal:
        assert len(await reasons(journal)) == 600
    async with pod("second") as journal:
        assert len(await reasons(journal)) == 600


async def test_a_backup_that_was_put_there_is_not_shared_before_a_person_accepts_it(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "first/journal.db"
    await alone(path, paused("one"))
    before = path.read_bytes()
    await alone(path, paused("two"))
    path.write_bytes(before)
    async with control_plane.reached(tmp_path, namespace) as api:
        with pytest.raises(JournalError, match="not the one that was last written here"):
            await SharedJournal(api, "shop", "first", path).take_over()
        assert control_plane.look("configmap/shop", namespace).status == 404

        accepted = SharedJournal(api, "shop", "first", path, accepts_older=True)
        assert await accepted.take_over() == 1


# How it is read


async def test_the_parts_are_read_several_at_once_and_never_too_many(
    control_plane: ControlPlane, tmp_path: Path, pod: Pod
) -> None:
    await alone(tmp_path / "first/journal.db", *noise(4000))
    async with pod("first") as journal:
        said = await reasons(journal)
    waiting, most = 0, 0

    async def slow(request: web.Request) -> web.StreamResponse | None:
        nonlocal waiting, most
        if request.method == "GET":
            waiting += 1
            most = max(most, waiting)
            await asyncio.sleep(0.1)
            waiting -= 1
        return None

    async with control_plane.gateway() as gate:
        gate.rule = slow
        async with pod("second", gate.base) as journal:
            assert await reasons(journal) == said
    assert most == AT_ONCE


# Whose epoch is above all


async def test_where_the_head_is_gone_the_next_one_begins_above_the_parts_that_are_left(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pod: Pod
) -> None:
    await alone(tmp_path / "first/journal.db", *noise(1500))
    async with pod("first"):
        pass
    write_epoch(control_plane, namespace, "shop-0", 4)
    write_epoch(control_plane, namespace, "shop-1", 7)
    control_plane.delete("configmap/shop", namespace)

    await alone(tmp_path / "second/journal.db", *noise(900))
    async with pod("second") as journal:
        assert epoch_of(control_plane, namespace, "shop") == 8
        assert epoch_of(control_plane, namespace, "shop-1") == 8
        said = await reasons(journal)
    async with pod("third") as journal:
        assert await reasons(journal) == said


@pytest.mark.parametrize("behind", [False, True])
async def test_where_an_older_head_was_put_back_the_next_one_rises_above_what_is_there(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, pod: Pod, *, behind: bool
) -> None:
    await alone(tmp_path / "first/journal.db", *noise(600))
    async with pod("first") as journal:
        said = await reasons(journal)
    found = control_plane.get("configmap/shop", namespace)
    sealed = int(found["metadata"]["annotations"][SEALED])
    assert sealed
    later = sealed if behind else 0
    if behind:
        left = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": f"shop-{later}"}}
        control_plane.apply(left, namespace=namespace)
    write_epoch(control_plane, namespace, f"shop-{later}", 9)

    async with pod("second") as journal:
        assert epoch_of(control_plane, namespace, "shop") == 10
        assert await reasons(journal) == said
        while control_plane.look(f"configmap/shop-{sealed + 1}", namespace).status != 200:
            await journal.append(*noise(100))
    assert epoch_of(control_plane, namespace, f"shop-{sealed}") == 10


def test_pieces_are_small_enough_and_nothing_is_lost_or_out_of_order() -> None:
    rows = [[n, secrets.token_hex(200)] for n in range(1000)]
    huge = [1000, secrets.token_hex(FULL)]

    found = pieces([*rows, huge], FULL)

    assert [row for piece in found for row in piece] == [*rows, huge]
    assert [piece for piece in found if len(packed(piece)) > FULL] == [[huge]]
    assert pieces([], FULL) == [[]]
