"""The journal in ConfigMaps of a real API server: what one wrote, the next one finds, or nobody."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.bed.control_plane import ControlPlane
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.adapters.kubernetes.packed_rows import Row, packed, unpacked
from watchdog.adapters.kubernetes.shared_journal import FULL, SharedJournal
from watchdog.app.retaining import Keeping, Retention
from watchdog.domain.errors import JournalError
from watchdog.domain.events import ConfigRefused, Paused
from watchdog.domain.ledger import Ledger

Open = Callable[..., AbstractAsyncContextManager[SqliteJournal]]
LONG = "x" * 60


@pytest.fixture
def pod(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Open:
    """A pod: a folder of its own, and the journal that it shares."""

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


async def reasons(journal: SqliteJournal) -> list[str]:
    found = await journal.read(kinds=[Paused])
    return [record.event.reason for record in found if isinstance(record.event, Paused)]


async def test_the_next_one_finds_all_that_the_one_before_recorded(pod: Open) -> None:
    async with pod("first") as journal:
        await journal.append(paused("one"), paused("two"))
        await journal.append(paused("three"))
        await journal.keep("cursor/log", "3")
        await journal.append(paused("four"))
        head = await journal.head()

    async with pod("second") as journal:
        assert await reasons(journal) == ["one", "two", "three", "four"]
        assert await journal.head() == head
        kept = await journal.kept("cursor/log")
        assert kept is not None
        assert kept[0] == "3"
        await journal.append(paused("five"))
        assert [one.epoch for one in await journal.read(kinds=[Paused])] == [1, 1, 1, 1, 2]
        path = journal.path
    assert verify(path).ok


async def test_whoever_was_replaced_records_nothing_more_and_its_words_reach_nobody(
    pod: Open,
) -> None:
    async with pod("first") as old:
        await old.append(paused("one"))
        async with pod("second") as new:
            with pytest.raises(JournalError, match="taken over by second: epoch 2, and ours is 1"):
                await old.append(paused("lost"))
            assert not old.healthy
            await new.append(paused("two"))
            with pytest.raises(JournalError):
                await old.probe()
            assert new.healthy

    async with pod("third") as journal:
        assert await reasons(journal) == ["one", "two"]


async def test_what_no_object_holds_was_never_recorded(
    control_plane: ControlPlane, pod: Open
) -> None:
    async with control_plane.proxy() as proxy:
        async with pod("first", proxy.base) as journal:
            await journal.append(paused("one"))
            await proxy.close()
            with pytest.raises(JournalError, match="cannot be written"):
                await journal.append(paused("lost"))
            assert not journal.healthy

        # The same pod, its file still there, with a record that nobody was told of.
        async with pod("first") as journal:
            assert await reasons(journal) == ["one"]
            assert journal.healthy


async def test_a_journal_that_was_there_before_becomes_the_shared_one(
    tmp_path: Path, pod: Open
) -> None:
    (tmp_path / "first").mkdir()
    async with open_journal(tmp_path / "first/journal.db", SystemClock()) as alone:
        await alone.append(paused("before"))

    async with pod("first") as journal:
        await journal.append(paused("after"))

    async with pod("second") as journal:
        assert await reasons(journal) == ["before", "after"]


async def test_many_records_stand_in_several_objects_and_come_back_in_order(
    control_plane: ControlPlane, namespace: str, pod: Open
) -> None:
    count = 0
    async with pod("first") as journal:
        while len(control_plane.listed("configmap", namespace)) < 4:
            many = [paused(f"{n} {hash((n, LONG))}") for n in range(count, count + 600)]
            await journal.append(*many)
            count += 600
        head = await journal.head()
    names = {one["metadata"]["name"] for one in control_plane.listed("configmap", namespace)}
    assert {"shop", "shop-0", "shop-1"} <= names

    async with pod("second") as journal:
        assert await journal.head() == head
        assert [int(text.split()[0]) for text in await reasons(journal)] == list(range(count))


async def test_what_retention_took_away_goes_out_of_the_objects_with_the_next_take_over(
    control_plane: ControlPlane, namespace: str, pod: Open
) -> None:
    def sealed() -> int:
        found = control_plane.get("configmap/shop", namespace)
        return int(found["metadata"]["annotations"]["rollback-watchdog.io/sealed"])

    async def filled(journal: SqliteJournal, until: int) -> None:
        while sealed() < until:
            some = (ConfigRefused("shop.yaml", f"{n} {hash((n, LONG))}") for n in range(900))
            await journal.append(paused("kept"), *some)

    async with pod("first") as journal:
        await filled(journal, 4)
        keeping = Keeping(keep=-60.0)
        once = Retention(journal, SystemClock(), Ledger(), keeping, print, pause=0.0).once
        assert await once() > 2000
        await journal.append(paused("and on"))
        kept = await reasons(journal)

    async with pod("second") as journal:
        assert sealed() == 1
        assert await reasons(journal) == kept
        # Into those that are left over.
        await filled(journal, 3)
        kept = await reasons(journal)
        head = await journal.head()

    async with pod("third") as journal:
        assert (await reasons(journal), await journal.head()) == (kept, head)
        path = journal.path
    assert verify(path).ok


async def test_who_is_cut_off_while_it_makes_them_fewer_loses_none(
    control_plane: ControlPlane, namespace: str, pod: Open
) -> None:
    async with pod("first") as journal:
        while control_plane.look("configmap/shop-1", namespace).status != 200:
            await journal.append(*(paused(f"{n} {hash((n, LONG))}") for n in range(900)))
        said, head = await reasons(journal), await journal.head()
    one, two = (control_plane.get(f"configmap/shop-{n}", namespace) for n in (0, 1))
    both = packed([*unpacked(one, "records"), *unpacked(two, "records")])
    control_plane.patch("configmap/shop-0", namespace, {"binaryData": {"records": both}})

    async with pod("second") as journal:
        assert (await reasons(journal), await journal.head()) == (said, head)


async def test_whoever_was_replaced_never_writes_over_what_is_full_by_now(
    control_plane: ControlPlane, namespace: str, pod: Open
) -> None:
    async with pod("first") as old:
        await old.append(*(paused(f"{n} {hash((n, LONG))}") for n in range(2700)))
        # As the next one left it, once it was full again.
        text = packed([[1, "by another"]])
        found = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "shop-0", "annotations": {"rollback-watchdog.io/epoch": "2"}},
            "binaryData": {"records": text},
        }
        control_plane.apply(found, namespace=namespace)
        with pytest.raises(JournalError, match="taken over"):
            await old.append(paused("late"))

    assert control_plane.get("configmap/shop-0", namespace)["binaryData"]["records"] == text


@pytest.mark.parametrize("name", ["shop", "shop-0"])
async def test_a_damaged_or_missing_part_is_refused_by_its_name(
    control_plane: ControlPlane, namespace: str, pod: Open, name: str
) -> None:
    async with pod("first") as journal:
        while control_plane.look("configmap/shop-0", namespace).status != 200:
            await journal.append(*(paused(f"{n} {hash((n, LONG))}") for n in range(900)))
    found = control_plane.get(f"configmap/{name}", namespace)
    packed = found["binaryData"]["records"]
    control_plane.patch(
        f"configmap/{name}", namespace, {"binaryData": {"records": packed[: len(packed) // 8 * 4]}}
    )

    with pytest.raises(JournalError, match=f"configmap/{name}"):
        async with pod("second"):
            pass

    if name == "shop-0":
        control_plane.delete("configmap/shop-0", namespace)
        with pytest.raises(JournalError, match="configmap/shop-0, a part of"):
            async with pod("third"):
                pass


async def test_an_answer_that_was_lost_is_no_reason_to_stop(
    control_plane: ControlPlane, namespace: str, pod: Open
) -> None:
    async with pod("first") as journal:
        await journal.append(paused("one"))
        # As if our own write had arrived and its answer had not: a version that we do not know.
        control_plane.patch("configmap/shop", namespace, {"metadata": {"labels": {"seen": "yes"}}})
        await journal.append(paused("two"))
        assert journal.healthy

    async with pod("second") as journal:
        assert await reasons(journal) == ["one", "two"]


def test_an_object_is_left_alone_long_before_it_is_too_large() -> None:
    assert FULL * 4 / 3 < 1 << 18


async def test_what_is_copied_and_then_not_written_leaves_its_place_to_the_next(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    path, lost = tmp_path / "journal.db", False
    async with control_plane.reached(tmp_path, namespace) as api:
        shared = SharedJournal(api, "shop", "first", path)

        async def copied(rows: Sequence[Row]) -> None:
            await shared.copied(rows)
            if lost:
                raise JournalError("the answer was lost")

        epoch = await shared.take_over()
        async with open_journal(path, SystemClock(), epoch=epoch, copied=copied) as journal:
            await journal.append(paused("one"))
            lost = True
            with pytest.raises(JournalError, match="was lost"):
                await journal.append(paused("lost"), paused("lost as well"))
            assert there(control_plane, namespace) == [1, 2, 3]
            assert await reasons(journal) == ["one"]
            lost = False
            await journal.probe()
            assert there(control_plane, namespace) == [1]
            await journal.append(paused("two"))
            assert there(control_plane, namespace) == [1, 2]

        async with control_plane.reached(tmp_path, namespace) as again:
            later = SharedJournal(again, "shop", "second", tmp_path / "other.db")
            epoch = await later.take_over()
            other = open_journal(tmp_path / "other.db", SystemClock(), epoch=epoch)
            async with other as journal:
                assert await reasons(journal) == ["one", "two"]


def there(control_plane: ControlPlane, namespace: str) -> list[int]:
    """The numbers of the records in the object that is written."""
    found = control_plane.get("configmap/shop", namespace)
    return [row[0] for row in unpacked(found, "records")]
