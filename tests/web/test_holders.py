"""Who sends a request: tokens of files first, then a cluster's word, and whoever guesses waits."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp.test_utils import make_mocked_request

from watchdog.domain.callers import Caller
from watchdog.domain.doors import ApiDoor, Scope, TokenDoor
from watchdog.domain.errors import ConfigError, TransientError
from watchdog.testing.doubles import ManualClock
from watchdog.web.holders import OF_ALL, Holders, TooManyError
from watchdog.web.proofs import MINUTE, LaterError, RefusedError
from watchdog.web.tokens import REST, Holder, Tokens

ANA = "ana-token-0123456789"
# As an API server makes them.
CI, WRONG = "eyJh.ci-token-0123456789.c2ln", "eyJh.wrong-token-0123456789.c2ln"
DOOR = ApiDoor((TokenDoor("ana", {"file": "ana"}, frozenset(Scope)),))
MOST = 5


@dataclass
class Files:
    """Secrets that count how often they are read."""

    values: dict[str, str] = field(default_factory=lambda: {"ana": ANA})
    reads: int = 0

    def read(self, reference: Mapping[str, str]) -> str:
        self.reads += 1
        if reference["file"] not in self.values:
            raise ConfigError("there is no such file")
        return self.values[reference["file"]]

    def redact(self, text: str) -> str:
        return text


@dataclass
class Cluster:
    """Knows the token CI; while it is `gone`, nobody's. `held`: it answers once that is set."""

    gone: bool = False
    asked: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    held: asyncio.Event | None = None

    def knows(self, token: str) -> bool:
        return token in self.known

    async def who(self, token: str) -> Caller | None:
        self.asked.append(token)
        if self.held is not None:
            await self.held.wait()
        if self.gone:
            raise TransientError(f"no answer about {token}")
        if token != CI:
            return None
        self.known.add(token)
        return Caller("ci")

    async def may(self, caller: Caller, verb: str, target: str) -> bool:
        if self.gone:
            raise TransientError("no answer")
        return (caller.user, verb, target) == ("ci", "pause", "shop")


class Door:
    def __init__(self, door: ApiDoor = DOOR, cluster: Cluster | None = None) -> None:
        self.clock, self.files = ManualClock(), Files()
        tokens = Tokens(door, self.files)
        self.holders = Holders(
            tokens, self.clock, MOST, cluster, lambda caller: f"kubernetes:{caller.user}"
        )

    async def shown(self, token: str, peer: str = "10.0.0.1") -> Holder:
        headers = {"Authorization": f"Bearer {token}"}
        request = make_mocked_request("POST", "/", headers=headers)
        return await self.holders.of(request.clone(remote=peer))

    async def guessed(self, times: int = MOST, peer: str = "10.0.0.1") -> None:
        for number in range(times):
            with pytest.raises(RefusedError):
                await self.shown(f"{WRONG}-{peer.replace('.', '-')}-{number}", peer)


# -- tokens of files


async def test_a_wrong_token_waits_after_so_many_and_a_right_one_never_does() -> None:
    door = Door()
    await door.guessed()

    with pytest.raises(TooManyError):
        await door.shown(WRONG)
    assert (await door.shown(ANA)).person == "ana"
    # That somebody is right says nothing of the others.
    with pytest.raises(TooManyError):
        await door.shown(WRONG)
    door.clock.advance(MINUTE)
    with pytest.raises(RefusedError):
        await door.shown(WRONG)


async def test_whoever_goes_on_guessing_has_the_files_read_once_a_second() -> None:
    door = Door()
    await door.guessed()
    before = door.files.reads
    for _ in range(100):
        with pytest.raises(TooManyError):
            await door.shown(WRONG)
    rested = door.files.reads - before
    door.clock.advance(REST)
    with pytest.raises(TooManyError):
        await door.shown(WRONG)

    assert rested == 0
    assert door.files.reads - before == 1


async def test_a_renewed_token_is_heard_even_then_within_a_second() -> None:
    door = Door()
    await door.guessed()
    door.files.values["ana"] = "ana-renewed-0123456789"
    door.clock.advance(REST)

    assert (await door.shown("ana-renewed-0123456789")).person == "ana"
    with pytest.raises(TooManyError):
        await door.shown(ANA)


async def test_a_token_that_is_removed_is_wrong_at_once_even_then() -> None:
    door = Door()
    await door.guessed()
    door.files.values["ana"] = "ana-renewed-0123456789"

    with pytest.raises(TooManyError):
        await door.shown(ANA)


async def test_where_no_file_can_be_read_nobody_is_wrong() -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)
    await door.shown(CI)
    door.files.values.clear()

    with pytest.raises(LaterError):
        await door.shown(ANA)
    # But whom the cluster knew before is known.
    assert (await door.shown(CI)).person == "kubernetes:ci"


@pytest.mark.parametrize("unread", [["ana"], ["ana", "ben"]])
async def test_what_may_stand_in_a_file_that_cannot_be_read_is_told_to_no_cluster(
    unread: list[str],
) -> None:
    cluster = Cluster()
    tokens = tuple(TokenDoor(who, {"file": who}, frozenset(Scope)) for who in ("ana", "ben"))
    door = Door(ApiDoor(tokens), cluster)
    # A person's token may look like one of a cluster.
    door.files.values = {"ana": WRONG, "ben": "ben-token-0123456789"}
    for who in unread:
        del door.files.values[who]

    with pytest.raises(LaterError):
        await door.shown(WRONG)
    assert cluster.asked == []


# -- tokens of a cluster


async def test_a_file_is_asked_before_the_cluster() -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)

    assert (await door.shown(ANA)).caller is None
    assert cluster.asked == []
    found = await door.shown(CI)
    assert (found.person, found.scopes, found.caller) == (
        "kubernetes:ci", frozenset(), Caller("ci"),
    )  # fmt: skip
    assert CI not in repr(found)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "short",
        "\u00e9" * 20,
        "two words-0123456789",
        # Such as one that is renewed, and is not in its file yet.
        "renewed-ana-token-0123456789",
        "two.parts-0123456789",
        "eyJh.ci-token-0123456789.",
        "eyJh.ci-token-0123456789.c2ln.more",
        "eyJh.ci-token/0123456789.c2ln",
    ],
)
async def test_what_can_be_no_token_is_not_asked_about(token: str) -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)

    with pytest.raises(RefusedError):
        await door.shown(token)
    assert cluster.asked == []


async def test_of_one_address_so_many_are_asked_about_also_at_once() -> None:
    cluster = Cluster(held=asyncio.Event())
    door = Door(cluster=cluster)
    async with asyncio.TaskGroup() as tasks:
        sent = [tasks.create_task(_answer(door.shown(f"{WRONG}-{number}"))) for number in range(50)]
        await asyncio.sleep(0)
        assert cluster.held is not None
        cluster.held.set()

    answers = [task.result() for task in sent]
    assert len(cluster.asked) == MOST
    assert answers.count("RefusedError") == MOST
    assert answers.count("TooManyError") == 50 - MOST


async def _answer(asked: object) -> str:
    try:
        await asked  # type: ignore[misc]
    except (RefusedError, TooManyError) as error:
        return type(error).__name__
    return ""


async def test_of_all_addresses_so_many_are_asked_about() -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)
    for number in range(OF_ALL):
        await door.guessed(peer=f"10.0.1.{number}")

    with pytest.raises(TooManyError):
        await door.shown(CI, "10.0.2.1")
    assert len(cluster.asked) == OF_ALL * MOST
    # Tokens of files have nothing to do with it.
    assert (await door.shown(ANA, "10.0.2.1")).person == "ana"
    with pytest.raises(RefusedError):
        await Door().shown(WRONG, "10.0.2.1")


async def test_whoever_is_right_is_no_failure() -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)
    for _ in range(OF_ALL * MOST + 1):
        cluster.known.clear()
        await door.shown(CI)

    await door.guessed()


async def test_a_token_that_was_right_is_asked_about_whatever_others_guess() -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)
    await door.shown(CI)
    await door.guessed()

    assert (await door.shown(CI)).person == "kubernetes:ci"
    cluster.known.clear()
    with pytest.raises(TooManyError):
        await door.shown(CI)


async def test_a_cluster_that_does_not_answer_is_asked_so_often_and_no_more() -> None:
    cluster = Cluster(gone=True)
    door = Door(cluster=cluster)
    for _ in range(MOST):
        with pytest.raises(LaterError) as later:
            await door.shown(CI)
    with pytest.raises(TooManyError):
        await door.shown(CI)

    assert CI not in str(later.value)
    assert len(cluster.asked) == MOST


async def test_what_somebody_may_is_not_known_while_it_is_gone() -> None:
    cluster = Cluster()
    door = Door(cluster=cluster)
    holder = await door.shown(CI)

    assert await door.holders.may(holder, "pause", "shop")
    assert not await door.holders.may(holder, "pause", "")
    assert not await door.holders.may(await door.shown(ANA), "pause", "shop")
    cluster.gone = True
    with pytest.raises(LaterError):
        await door.holders.may(holder, "pause", "shop")
