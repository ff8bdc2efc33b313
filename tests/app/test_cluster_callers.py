"""Accounts of a real cluster ask a daemon for acts: as far as RBAC lets them, and no further."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from tests.bed.acts import ANA, EVE, Answer, Client, api_settings, bearer
from tests.bed.cluster_callers import AUDIENCE, Callers, right
from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import refusal, refuses
from tests.bed.patience import until
from tests.bed.shop import Shop, a_shop
from tests.bed.shop_at_work import at_work, two_targets
from watchdog.app.opening import Opened
from watchdog.domain.asking import Via
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import CommandReceived, CommandRefused, Paused
from watchdog.domain.requests import ApprovalGiven, ApprovalRefused

E = TypeVar("E")
EVERY = ("get", "pause", "resume", "approve", "deny", "rollback", "recover", "kill")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


@pytest.fixture
def callers(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Callers:
    return Callers(control_plane, namespace, tmp_path)


class Site:
    """A daemon of two targets, `shop` and `other`, that hears accounts of the cluster."""

    def __init__(self, folder: Path, shop: Shop, callers: Callers) -> None:
        self.folder = folder
        self.callers = callers
        self._shop = shop

    def write(self, server: str | None = None, **more: object) -> Path:
        """Its files. `server`: where it finds the API server; `more`: further keys of `api`."""
        file = two_targets(self.folder, self._shop)
        target = self.folder / "shop.yaml"
        asks = "    approval: {any_of: [lead], people: 2}\n    steps:"
        target.write_text(target.read_text().replace("    steps:", asks))
        kubeconfig = str(self.callers.watchdog(server=server))
        kubernetes = {"audience": AUDIENCE, "kubeconfig": kubeconfig, "cache": "30s"}
        settings = api_settings(self.folder, kubernetes=kubernetes, **more)
        settings["people"] = {
            "ana": {"roles": ["lead"], "kubernetes": [self.callers.user("ana")]},
            "ben": {"roles": ["lead"], "kubernetes": [self.callers.user("ben")]},
        }
        if more.get("tokens") == []:
            del settings["api"]["tokens"]
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        text = file.read_text().replace('listen: ""', 'listen: "127.0.0.1:0"')
        file.write_text(text + "".join(lines))
        return file

    @asynccontextmanager
    async def asked(
        self, server: str | None = None, **more: object
    ) -> AsyncIterator[tuple[Opened, Client]]:
        async with at_work(self.write(server, **more)) as opened:
            yield opened, Client(opened.daemon.listen)


@pytest.fixture
def site(tmp_path: Path, shop: Shop, callers: Callers) -> Site:
    return Site(tmp_path, shop, callers)


async def events(opened: Opened, kind: type[E]) -> list[E]:
    found: Any = await opened.journal.read(kinds=[kind])
    return [record.event for record in found]


# -- what they may


async def test_a_right_to_one_target_is_one_to_that_target_alone(
    site: Site, callers: Callers, namespace: str
) -> None:
    token = callers.caller("ci", right("pause", names=["shop"]))

    async with site.asked() as (opened, client):
        done = await client.act("pause", token, target="shop", reason="a release")
        other = await client.act("pause", token, target="other", reason="a release")
        every = await client.act("pause", token, reason="a release")
        paused = await events(opened, Paused)
        (received,) = await events(opened, CommandReceived)
        refused = await events(opened, CommandRefused)

    name = f"kubernetes:{callers.user('ci')}"
    assert (done.status, other.status, every.status) == (200, 403, 403)
    assert other.body["missing_right"] == "pause targets.rollback-watchdog.io/other"
    assert every.body["missing_right"] == "pause targets.rollback-watchdog.io, all of them"
    assert paused == [Paused("shop", name, "a release", None)]
    assert (received.by, received.via, received.user) == (name, Via.API, callers.user("ci"))
    assert f"system:serviceaccounts:{namespace}" in received.groups
    assert [(one.by, one.status, one.user) for one in refused] == [
        (name, 403, callers.user("ci"))
    ] * 2


async def test_names_that_are_made_up_are_not_asked_about(
    site: Site, callers: Callers, control_plane: ControlPlane
) -> None:
    some = callers.caller("ci", right("pause", names=["shop", "shoq"]))
    every = callers.caller("ops", right("pause"))

    async with site.asked() as (_, client):
        mark = control_plane.mark()
        for name in ("shoq", "x" * 9999):
            refused = await client.act("pause", some, target=name, reason="x")
            unknown = await client.act("pause", every, target=name, reason="x")
            assert (refused.status, unknown.status) == (403, 422)

    # One of each, of all targets.
    assert len(callers.reviews(mark, "subjectaccessreviews")) == 2


async def test_to_stop_is_a_right_of_its_own(site: Site, callers: Callers) -> None:
    may = callers.caller("ops", right("kill"))
    pauses = callers.caller("ci", right("pause"))
    named = callers.caller("dev", right("kill", names=["shop"]))

    async with site.asked() as (opened, client):
        refused = [await client.act("kill", one, on=True, reason="x") for one in (pauses, named)]
        before = opened.daemon.shared.ledger.killed
        done = await client.act("kill", may, on=True, reason="x")

        assert opened.daemon.shared.ledger.killed
    assert [one.status for one in refused] == [403, 403]
    assert before == ""
    assert done.status == 200


async def test_what_names_a_request_or_a_run_is_about_its_target(
    site: Site, callers: Callers
) -> None:
    here = callers.caller("ben", right("approve", "deny", "recover", names=["shop"]))
    there = callers.caller("ci", right("approve", "deny", "recover", names=["other"]))

    async with site.asked() as (_, client):
        asked = await client.act("rollback", target="shop", plan="undo", reason="x")
        request = asked.body["request"]
        wrong = await client.act("approve", there, request=request, reason="x")
        no_such = await client.act("deny", there, request="r-1", reason="x")
        right_one = await client.act("approve", here, request=request, reason="x")
        begun = await client.act("rollback", target="other", plan="undo", reason="x")
        run = begun.body["run"]
        not_mine = await client.act("recover", here, run=run, how="abandon", reason="x")
        mine = await client.act("recover", there, run=run, how="abandon", reason="x")

    assert wrong.body["missing_right"] == "approve targets.rollback-watchdog.io/shop"
    assert no_such.body["missing_right"] == "deny targets.rollback-watchdog.io, all of them"
    assert (wrong.status, no_such.status, right_one.status) == (403, 403, 200)
    # Nothing is wrong with it, so there is nothing to recover: but they were heard.
    assert (not_mine.status, mine.status) == (403, 409)


async def test_reading_is_a_right_where_the_file_says_so(site: Site, callers: Callers) -> None:
    reads, pauses = callers.caller("ci", right("get")), callers.caller("ops", right("pause"))

    async with site.asked(require_token_for_reading=True) as (_, client):
        pages = [
            await client.request("GET", "/api/v1/status", headers=bearer(one))
            for one in (reads, pauses)
        ]

    assert [page.status for page in pages] == [200, 403]
    assert pages[1].body["missing_right"] == "get targets.rollback-watchdog.io, all of them"


# -- who they are


async def test_a_token_that_proves_nobody_is_answered_as_any_wrong_one(
    site: Site, callers: Callers, control_plane: ControlPlane, namespace: str
) -> None:
    token = callers.caller("ci", right(*EVERY))
    wrong = [
        EVE,
        control_plane.token(namespace, "ci"),
        control_plane.token(namespace, "ci", ["somebody-else"]),
        control_plane.expired(token),
        token[:-8] + "AAAAAAAA",
        "\u00e9" * 20,
        "short",
        "",
    ]

    async with site.asked() as (opened, client):
        answers = [await client.act("pause", each, reason="x") for each in wrong]

        assert await events(opened, CommandReceived) == []
        assert await events(opened, CommandRefused) == []
    assert {one.status for one in answers} == {401}
    assert {json.dumps(one.body) for one in answers} == {
        '{"kind": "unauthenticated", "error": "who are you?"}'
    }


async def test_a_name_may_be_as_long_as_a_cluster_lets_it_be(site: Site, callers: Callers) -> None:
    longest = "a" * 253
    token = callers.caller(longest, right("pause"))

    async with site.asked() as (opened, client):
        done = await client.act("pause", token, reason="x")
        (paused,) = await events(opened, Paused)

    assert done.status == 200
    assert paused.by == f"kubernetes:{callers.user(longest)}"


async def test_no_token_of_a_file_is_needed(site: Site, callers: Callers) -> None:
    token = callers.caller("ci", right("pause"))

    async with site.asked(tokens=[]) as (_, client):
        statuses = [(await client.act("pause", one, reason="x")).status for one in (token, ANA)]

    assert statuses == [200, 401]


async def test_whoever_wanted_it_does_not_approve_it_by_another_name_of_theirs(
    site: Site, callers: Callers
) -> None:
    ana, ben = (callers.caller(name, right("approve", "rollback")) for name in ("ana", "ben"))
    nobody = callers.caller("ci", right("approve", "rollback"))

    async with site.asked() as (opened, client):
        asked = await client.act("rollback", ANA, target="shop", plan="undo", reason="x")
        request = asked.body["request"]
        own = await client.act("approve", ana, request=request, reason="x")
        stranger = await client.act("approve", nobody, request=request, reason="x")
        other = await client.act("approve", ben, request=request, reason="x")
        again = await client.act("approve", ben, request=request, reason="x")
        refused = [one.objection for one in await events(opened, ApprovalRefused)]
        (given,) = await events(opened, ApprovalGiven)
        by = [(one.by, one.user) for one in await events(opened, CommandReceived)]

    assert [one.status for one in (own, stranger, other, again)] == [409, 409, 200, 409]
    assert refused == ["initiator", "unknown_person", "voted_already"]
    assert (given.by, given.roles) == ("ben", ("lead",))
    assert by[:2] == [("ana", ""), ("ana", callers.user("ana"))]


# -- what is not known


async def test_without_the_api_server_nobody_of_the_cluster_acts_and_others_do(
    site: Site, callers: Callers, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci", right("pause", "kill"))

    async with control_plane.gateway() as gateway, site.asked(gateway.base) as (opened, client):
        gateway.rule = refuses(503, "POST", message=f"no word on {token}")
        unknown = await client.act("pause", token, reason="x")
        stop = await client.act("kill", token, on=True, reason="x")
        assert await events(opened, CommandReceived) == []
        by_file = await client.act("pause", ANA, reason="x")
        (opened.daemon.service.kill_file).touch()
        await until(lambda: bool(opened.daemon.shared.ledger.killed), "the kill file works")

    assert (unknown.status, stop.status, by_file.status) == (503, 503, 200)
    assert unknown.body == {
        "kind": "later",
        "error": "the API server of the cluster does not say now who you are; nothing was done. "
        "Try again; the socket, the kill file and the signal USR1 work without it",
    }
    assert unknown.headers["Retry-After"] == "5"


async def test_what_somebody_may_is_not_known_either_while_it_is_gone(
    site: Site, callers: Callers, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci", right("pause", "resume"))

    async with control_plane.gateway() as gateway, site.asked(gateway.base) as (opened, client):
        before = await client.act("pause", token, reason="x")
        gateway.rule = refuses(503, "POST")
        # Who it is, is remembered; what they may do besides is not.
        unknown = await client.act("resume", token, reason="x")
        remembered = await client.act("pause", token, reason="x")

        assert [one.command for one in await events(opened, CommandReceived)] == ["pause"] * 2
    assert (before.status, unknown.status, remembered.status) == (200, 503, 200)
    assert "what you may" in unknown.body["error"]


async def test_an_api_server_that_hangs_keeps_nobody_else_waiting(
    site: Site, callers: Callers, control_plane: ControlPlane
) -> None:
    token, asked, answers = callers.caller("ci", right("pause")), asyncio.Event(), asyncio.Event()

    async def rule(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answers.wait()
        return refusal(503)

    async with control_plane.gateway() as gateway, site.asked(gateway.base) as (opened, client):
        gateway.rule = rule
        async with asyncio.TaskGroup() as tasks:
            waits = tasks.create_task(client.act("pause", token, reason="x"))
            await asked.wait()
            stop = await client.act("kill", ANA, on=True, reason="x")

            assert opened.daemon.shared.ledger.killed
            assert not waits.done()
        answers.set()

    assert stop.status == 200
    assert waits.result().status == 503


# -- those who guess


async def test_whoever_guesses_is_asked_about_so_often_and_no_more(
    site: Site, callers: Callers, control_plane: ControlPlane
) -> None:
    known = callers.caller("ci", right("pause"))
    new = callers.caller("ops", right("pause"))

    async with site.asked() as (_, client):
        assert (await client.act("pause", known, reason="x")).status == 200
        mark = control_plane.mark()
        guesses = [f"eyJhbGciOiJSUzI1NiJ9.guess-{number}.x" for number in range(100)]
        answers: list[Answer] = []
        for start in range(0, len(guesses), 25):
            batch = guesses[start : start + 25]
            answers += await asyncio.gather(*(client.act("pause", g, reason="x") for g in batch))
        asked = len(callers.reviews(mark, "tokenreviews"))
        unheard = await client.act("pause", new, reason="x")
        by_file = await client.act("kill", ANA, on=True, reason="x")
        heard = await client.act("pause", known, reason="x")

    assert Counter(one.status for one in answers) == {401: 20, 429: 80}
    assert asked == 20
    # Nobody knows of it, and nobody is asked any more.
    assert unheard.status == 429
    # But whoever is known is heard.
    assert (by_file.status, heard.status) == (200, 200)


async def test_whoever_is_right_is_no_failure_however_many_come(
    site: Site, callers: Callers, control_plane: ControlPlane, namespace: str
) -> None:
    callers.caller("ci", right("pause"))
    seconds = range(600, 630)
    tokens = [control_plane.token(namespace, "ci", [AUDIENCE], each) for each in seconds]

    async with site.asked() as (_, client):
        statuses = [(await client.act("pause", each, reason="x")).status for each in tokens]

    assert statuses == [200] * len(tokens)


# -- what nobody may read


async def test_no_token_is_ever_written_down(
    site: Site, callers: Callers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = callers.caller("ci", right("pause", "freeze"))

    async with site.asked() as (opened, client):
        said = await client.act("pause", token, reason=f"because of {token}", target="shop")
        shown = await client.act("pause", token, reason="x", target=token)
        odd = await client.act(f"pause{token}", token, reason="x")
        key = await client.act("pause", token, key=token[:200], reason="x")
        (received, *_) = await events(opened, CommandReceived)
        records = repr(await opened.journal.read())

    assert received.detail == "shop: because of [redacted]"
    assert "there is no act 'pause[redacted]'" in odd.body["error"]
    assert [one.status for one in (said, shown, odd, key)] == [200, 422, 404, 200]
    assert token not in records
    assert token not in f"{said.body}{shown.body}{odd.body}{key.body}"
    out = capsys.readouterr()
    assert token not in out.out + out.err
    for path in tmp_path.rglob("journal.db*"):
        assert token.encode() not in path.read_bytes()


# -- what the file says wrong


async def test_a_cluster_that_cannot_be_used_is_refused_at_the_start(
    site: Site, tmp_path: Path
) -> None:
    file = site.write()
    for path in tmp_path.glob("kubeconfig-*"):
        path.write_text("{}")

    with pytest.raises(ConfigError, match="kubeconfig"):
        async with at_work(file):
            raise AssertionError
