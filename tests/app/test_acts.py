"""Acts by the API, from the wire to the journal, in a daemon in this process."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.bed.acts import ANA, ANA_NEXT, BEN, EVE, Client, api_settings, bearer
from tests.bed.shop import Shop, a_shop, write_files
from tests.bed.shop_at_work import at_work
from watchdog.app.acts import REASONS, SCOPES, body_of
from watchdog.app.commands import COMMANDS
from watchdog.app.opening import Opened
from watchdog.domain.asking import NOBODYS_UID, Via
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import (
    CommandAnswered,
    CommandReceived,
    CommandRefused,
    Paused,
    Resumed,
)

E = TypeVar("E")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def write(folder: Path, shop: Shop, **more: object) -> Path:
    file = write_files(folder, shop, listen="127.0.0.1:0")
    settings = api_settings(folder, **more)
    lines = (f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
    file.write_text(file.read_text() + "".join(lines))
    return file


@asynccontextmanager
async def asked(folder: Path, shop: Shop, **more: object) -> AsyncIterator[tuple[Opened, Client]]:
    async with at_work(write(folder, shop, **more)) as opened:
        yield opened, Client(opened.daemon.listen)


async def events(opened: Opened, kind: type[E]) -> list[E]:
    found: Any = await opened.journal.read(kinds=[kind])
    return [record.event for record in found]


async def test_an_act_is_on_record_by_whom_and_over_what(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        done = await client.act("pause", BEN, target="shop", reason="a release")
        (received,) = await events(opened, CommandReceived)
        (paused,) = await events(opened, Paused)
        (answered,) = await events(opened, CommandAnswered)

    assert done.status == 200
    assert done.body["done"] == "target shop is paused until somebody resumes"
    assert (received.by, received.via, received.uid) == ("ben", Via.API, NOBODYS_UID)
    assert received.detail == "shop: a release"
    assert paused == Paused("shop", "ben", "a release", None)
    assert (answered.by, answered.key, answered.status) == ("ben", received.key, 200)


@pytest.mark.parametrize("token", ["", EVE, ANA[:-1], ANA + "x", "\u00e9" * 20])
async def test_nobody_acts_without_a_token_that_is_right(
    shop: Shop, tmp_path: Path, token: str
) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        refused = await client.act("pause", token, reason="x")
        again = await client.act("no-such-act", token, reason="x")

        assert await events(opened, CommandReceived) == []
        assert await events(opened, CommandRefused) == []

    # Not a word on what is wrong, or on what there is.
    assert (refused.status, refused.body) == (again.status, again.body)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.body == {"kind": "unauthenticated", "error": "who are you?"}


async def test_a_reason_is_on_record_also_where_the_command_has_no_room_for_it(
    shop: Shop, tmp_path: Path
) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        await client.act("pause", reason="a release")
        await client.act("resume", reason="it is out")

        assert [one.detail for one in await events(opened, CommandReceived)] == [
            "all targets: a release",
            "all targets: it is out",
        ]


async def test_a_scope_that_is_missing_is_named_and_the_refusal_is_on_record(
    shop: Shop, tmp_path: Path
) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        refused = await client.act("kill", BEN, on=True, reason="x")

        assert opened.daemon.shared.ledger.killed == ""
        assert await events(opened, CommandReceived) == []
        assert await events(opened, CommandRefused) == [
            CommandRefused("kill", "ben", 403, "this token of ben lacks the scope admin")
        ]
    assert refused.status == 403
    assert refused.body["missing_scope"] == "admin"


async def test_a_token_counts_from_when_its_file_has_it_to_when_it_has_not(
    shop: Shop, tmp_path: Path
) -> None:
    async with asked(tmp_path, shop) as (_, client):
        both = [(await client.act("pause", each, reason="x")).status for each in (ANA, ANA_NEXT)]
        renewed = "a-renewed-token-0123456789"
        (tmp_path / "ana").write_text(renewed)
        old = await client.act("pause", ANA, reason="x")
        new = await client.act("pause", renewed, reason="x")
        (tmp_path / "ana-next").unlink()
        left = await client.act("pause", renewed, reason="x")

    assert both == [200, 200]
    assert (old.status, new.status, left.status) == (401, 200, 200)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("brief-word", "shorter than 16"),
        ("a blank inside of a token", "blanks"),
        (BEN, "two places"),
    ],
)
async def test_a_token_that_proves_nothing_is_refused_at_the_start(
    shop: Shop, tmp_path: Path, value: str, said: str
) -> None:
    file = write(tmp_path, shop)
    (tmp_path / "ana").write_text(value)

    with pytest.raises(ConfigError, match=said) as refused:
        async with at_work(file):
            raise AssertionError
    assert value not in str(refused.value)


@pytest.mark.parametrize("gap", [" ", " " * 20])
async def test_a_token_that_became_short_is_none_however_it_is_sent(
    shop: Shop, tmp_path: Path, gap: str
) -> None:
    async with asked(tmp_path, shop) as (_, client):
        (tmp_path / "ana").write_text("ab12")
        headers = bearer("ab12", "k") | {"Authorization": f"Bearer{gap}ab12"}
        refused = await client.post("/api/v1/acts/kill", '{"on": true, "reason": "x"}', headers)

    assert refused.status == 401


# -- once


async def test_the_same_key_gives_the_first_answer_again(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        await client.act("pause", reason="x")
        first = await client.act("resume", key="k", reason="all is well")
        again = await client.act("resume", key="k", reason="all is well")

        assert len(await events(opened, Resumed)) == 1
    assert first.status == again.status == 200
    assert first.body == again.body
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_refusal_is_an_answer_too(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (_, client):
        first = await client.act("resume", key="k", reason="x")
        await client.act("pause", reason="x")
        again = await client.act("resume", key="k", reason="x")

    assert first.status == again.status == 409
    assert first.body["kind"] == "refused"
    assert again.body == first.body


async def test_the_same_key_for_something_else_is_refused(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        await client.act("pause", key="k", reason="x")
        other = await client.act("pause", key="k", reason="y")
        another = await client.act("resume", key="k", reason="x")

        assert len(await events(opened, Paused)) == 1
        assert await events(opened, Resumed) == []
    assert (other.status, other.body["kind"]) == (422, "key_reused")
    assert (another.status, another.body["kind"]) == (422, "key_reused")


async def test_a_key_is_its_owners_alone(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        await client.act("pause", ANA, key="k", reason="x")
        done = await client.act("pause", BEN, key="k", reason="y")

        assert done.status == 200
        assert [one.by for one in await events(opened, Paused)] == ["ana", "ben"]


async def test_a_key_outlives_the_process(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (_, client):
        first = await client.act("pause", key="k", reason="x")
    async with at_work(tmp_path / "daemon.yaml") as opened:
        again = await Client(opened.daemon.listen).act("pause", key="k", reason="x")

        assert len(await events(opened, Paused)) == 1
    assert again.body == first.body
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_to_stop_is_done_each_time_it_is_asked_for(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        first = await client.act("kill", key="k", on=True, reason="x")
        await client.act("kill", on=False, reason="over")
        again = await client.act("kill", key="k", on=True, reason="x")

        assert opened.daemon.shared.ledger.killed
    assert (first.status, again.status) == (200, 200)
    assert "Idempotency-Replayed" not in again.headers


# -- what is asked


@pytest.mark.parametrize(
    ("command", "body", "said"),
    [
        ("pause", {}, "pause: reason: is missing"),
        ("pause", {"reason": " "}, "pause: reason: must not be empty"),
        ("resume", {}, "resume: reason: is missing"),
        ("pause", {"reason": "x", "by": "eve"}, "pause: by: is not known"),
        ("pause", {"reason": "x", "until": "1e9"}, "pause: until: "),
        ("kill", {"on": 1, "reason": "x"}, "kill: on: "),
        ("pause", {"reason": "x", "target": "shopp"}, "did you mean 'shop'?"),
        ("pause", {"reason": "x", "until": 1.0}, "is past"),
        ("pause", {"reason": "x", "until": 1e300}, "pause: until: "),
    ],
)
async def test_what_is_said_wrong_is_refused_with_what_is_wrong(
    shop: Shop, tmp_path: Path, command: str, body: dict[str, Any], said: str
) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        refused = await client.act(command, **body)

        assert await events(opened, Paused) == []
    assert refused.status == 422
    assert said in refused.body["error"]


@pytest.mark.parametrize(
    ("act", "body", "headers", "status"),
    [
        ("POST pause", b'{"reason": "x"}', {}, 400),
        ("POST pause", b'{"reason": "x"}', {"Idempotency-Key": "a b"}, 400),
        ("POST pause", b'{"reason": "x"}', {"Idempotency-Key": "k" * 201}, 400),
        ("GET pause", b"", {"Idempotency-Key": "k"}, 405),
        ("DELETE pause", b"", {"Idempotency-Key": "k"}, 405),
        ("POST dance", b"{}", {"Idempotency-Key": "k"}, 404),
        ("POST status", b"{}", {"Idempotency-Key": "k"}, 404),
        ("POST pause", b"{", {"Idempotency-Key": "k"}, 400),
        ("POST pause", b"[]", {"Idempotency-Key": "k"}, 400),
        ("POST pause", b"\xff", {"Idempotency-Key": "k"}, 400),
        ("POST pause", b'{"reason": "\\ud800"}', {"Idempotency-Key": "k"}, 400),
        ("POST pause", b'{"reason": NaN}', {"Idempotency-Key": "k"}, 400),
        ("POST pause", b'{"reason": "x", "reason": "y"}', {"Idempotency-Key": "k"}, 400),
        ("POST pause", b"[" * 17 + b"]" * 17, {"Idempotency-Key": "k"}, 400),
        ("POST pause", b"[" * 60_000, {"Idempotency-Key": "k"}, 400),
        ("POST pause", b" " * 70_000, {"Idempotency-Key": "k"}, 413),
        ("POST pause", b"{}", {"Idempotency-Key": "k", "Content-Type": "text/plain"}, 415),
        ("POST pause", b"{}", {"Idempotency-Key": "k", "Content-Encoding": "gzip"}, 415),
    ],
)
async def test_how_it_is_asked_matters_and_the_refusal_is_on_record(  # noqa: PLR0917 (a row)
    shop: Shop, tmp_path: Path, act: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    method, path = act.split()
    async with asked(tmp_path, shop) as (opened, client):
        said = {**bearer(), **headers}
        refused = await client.request(method, f"/api/v1/acts/{path}", data=body, headers=said)
        (record,) = await events(opened, CommandRefused)

        assert await events(opened, CommandReceived) == []
    assert refused.status == status
    assert (record.command, record.by, record.status) == (path, "ana", status)
    assert record.reason == refused.body["error"]


async def test_a_body_may_be_as_long_as_the_file_says(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop, max_body=2048) as (_, client):
        long = await client.act("pause", target="x" * 2100, reason="x")
        fits = await client.act("pause", target="x" * 1900, reason="x")

    assert (long.status, fits.status) == (413, 422)


async def test_a_name_that_no_journal_could_hold_does_no_harm(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        refused = await client.request("POST", "/api/v1/acts/%ED%A0%80%0Ax", headers=bearer())
        (record,) = await events(opened, CommandRefused)

    assert refused.status == 404
    assert "\n" not in record.command


async def test_a_secret_that_somebody_says_is_not_written_down(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        await client.act("pause", reason=f"because of {ANA}")
        await client.act("pause", target=BEN, reason="x")
        await client.act(f"pause{ANA}", reason="x")
        await client.act("pause", key=ANA, reason="x")
        await client.act("freeze", until=time.time() + 60, reason="x", spared=[BEN])
        records = await opened.journal.read()

    written = repr(records)
    assert "because of [redacted]" in written
    assert ANA not in written
    assert BEN not in written


async def test_who_is_refused_too_often_has_to_wait_and_can_stop_all_the_same(
    shop: Shop, tmp_path: Path
) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        for _ in range(20):
            await client.act("pause")
        out = await client.act("pause", reason="x")
        other = await client.act("pause", BEN, reason="x")
        for _ in range(5):
            await client.act("dance")
            await client.act("kill", on="yes")
        recorded = len(await events(opened, CommandRefused))
        stop = await client.act("kill", on=True, reason="x")

        assert opened.daemon.shared.ledger.killed
    assert (out.status, out.headers["Retry-After"]) == (429, "60")
    assert (other.status, stop.status) == (200, 200)
    # Enough to know of it; more would only fill the disk.
    assert recorded == 20


async def test_whoever_guesses_is_not_listened_to_for_a_while(shop: Shop, tmp_path: Path) -> None:
    async with asked(tmp_path, shop) as (_, client):
        statuses = [(await client.act("pause", EVE, reason="x")).status for _ in range(21)]
        page = await client.request("GET", "/api/v1/status")

    assert statuses == [401] * 20 + [429]
    assert page.status == 200


async def test_whoever_is_right_is_heard_whatever_others_at_their_address_guess(
    shop: Shop, tmp_path: Path
) -> None:
    async with asked(tmp_path, shop) as (opened, client):
        for _ in range(21):
            wrong = await client.act("kill", EVE, on=True, reason="x")
        pause = await client.act("pause", BEN, reason="x")
        stop = await client.act("kill", on=True, reason="x")

        assert opened.daemon.shared.ledger.killed
    assert (wrong.status, pause.status, stop.status) == (429, 200, 200)


# -- reading


async def test_pages_are_read_without_a_token_unless_the_file_says_otherwise(
    shop: Shop, tmp_path: Path
) -> None:
    async with asked(tmp_path, shop) as (_, client):
        assert (await client.request("GET", "/api/v1/status")).status == 200


async def test_the_file_may_ask_for_a_token_to_read(shop: Shop, tmp_path: Path) -> None:
    pages = ("/api/v1/status", "/api/v1/runs/none")
    async with asked(tmp_path, shop, require_token_for_reading=True) as (opened, client):
        without = [(await client.request("GET", page)).status for page in pages]
        shown = [(await client.request("GET", page, headers=bearer(BEN))).status for page in pages]
        health = [
            (await client.request("GET", page)).status
            for page in ("/livez", "/readyz", "/metrics", "/api/v1/openapi.json")
        ]

        assert await events(opened, CommandRefused) == []
    assert without == [401, 401]
    assert shown == [200, 404]
    assert health == [200] * 4


# -- what there is


def test_every_command_can_be_asked_for_and_says_why() -> None:
    assert {*SCOPES, "status", "run"} >= set(COMMANDS)
    for command in SCOPES:
        fields = body_of(command).model_fields
        said = [fields[name] for name in REASONS if name in fields]
        assert "by" not in fields
        assert any(field.is_required() for field in said), command
