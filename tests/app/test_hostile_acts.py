"""Ten thousand hostile requests for acts: nothing breaks, nobody acts who may not."""

import asyncio
import json
import random
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.bed.acts import ANA, BEN, EVE, Client
from tests.bed.hostile import Request, answered, rubbish, spoilt
from tests.bed.patience import until
from watchdog.adapters.journal_codec import decode, encode
from watchdog.app.act_desk import ActDesk
from watchdog.app.acts import SCOPES
from watchdog.app.commands import parsed
from watchdog.app.openapi import document
from watchdog.domain.asking import Asker
from watchdog.domain.doors import ApiDoor, Scope, TokenDoor
from watchdog.domain.errors import ConfigError, JournalError, WatchdogError
from watchdog.domain.events import CommandReceived
from watchdog.domain.ledger import Ledger
from watchdog.domain.receipts import KEPT
from watchdog.testing.doubles import ManualClock, MemoryJournal
from watchdog.web.face import Facts, serving
from watchdog.web.proofs import MOST_FAILED

CASES = 10_000
AT_ONCE = 25
# Batches after which every connection there may be, and every model, has been made once.
WARM = 60
MOST_GROWTH = 50 * 1024
VALUES = {"ana": ANA, "ben": BEN}
DOOR = ApiDoor(
    (
        TokenDoor("ana", {"file": "ana"}, frozenset(Scope)),
        TokenDoor("ben", {"file": "ben"}, frozenset({Scope.READ, Scope.ACT})),
    )
)
# What a person may say of each command, before something is spoilt in it.
SAID: Mapping[str, dict[str, Any]] = {
    "pause": {"target": "shop", "reason": "x", "until": 2e9},
    "resume": {"target": None, "reason": "x"},
    "clear": {"target": "shop", "assessment": "fine"},
    "rollback": {"target": "shop", "plan": "undo", "reason": "x", "plan_hash": "a" * 64},
    "kill": {"on": True, "reason": "x"},
    "signal": {"name": "fraud", "reason": "x", "valid_for": 60, "withdraw": False},
    "judge": {"decision": "last", "right": True, "reason": "x"},
    "ack": {"target": "shop", "reason": "x"},
}


class Secrets:
    def read(self, reference: Mapping[str, str]) -> str:
        return VALUES[reference["file"]]

    def redact(self, text: str) -> str:
        for value in VALUES.values():
            text = text.replace(value, "[redacted]")
        return text


class Obedient:
    """In the place of the daemon: keeps what it was asked, and now and then refuses."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        # By whom each was done: as the command says, and as the token proved.
        self.asked: list[tuple[str, str]] = []
        self.released = asyncio.Event()
        self.released.set()

    async def carry_out(
        self, command: str, arguments: Mapping[str, Any], asker: Asker
    ) -> dict[str, Any]:
        assert parsed(command, arguments) is not None
        received = CommandReceived(
            command, asker.uid, str(arguments["by"]), "", asker.via, asker.key, asker.asks
        )
        await self._journal.append(received)
        self.asked.append((str(arguments["by"]), asker.person))
        await self.released.wait()
        match str(arguments.get("target"))[-1:]:
            case "p":
                return {"done": "it is", "notes": []}
            case "q":
                raise JournalError("the disk is full")
            case "r":
                raise WatchdogError("not now")
            case "s":
                raise ConfigError("there is no such thing")
        return {"done": "it is", "notes": []}


@dataclass
class Desk:
    clock: ManualClock = field(default_factory=lambda: ManualClock(wall=1.8e9))
    url: str = ""

    def __post_init__(self) -> None:
        # As it would be read from a disk.
        self.journal = MemoryJournal(
            self.clock, through=lambda event: decode(type(event).__name__, encode(event))
        )
        self.obedient = Obedient(self.journal)
        control: Any = self.obedient
        self.desk = ActDesk(control, self.journal, self.clock, Secrets(), Ledger())
        self.journal.listen(self.desk.learn)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def client(self) -> Client:
        return Client(self.url)


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    desk = Desk()

    async def nothing(*_: object) -> Any:  # noqa: ANN401
        return {}

    facts = Facts(list, list, lambda: b"", nothing, nothing)
    acts = desk.desk.acts(DOOR, document(DOOR))
    async with serving("127.0.0.1:0", facts, acts=acts) as desk.url:
        yield desk


# -- anything at all


def requests(seed: int) -> Iterator[Request]:
    dice = random.Random(seed)
    number = 0
    while True:
        number += 1
        yield a_request(dice, number)


def a_request(dice: random.Random, number: int) -> Request:
    """A valid request with something wrong in most of them; `authentic` if it may have effect."""
    command = dice.choice(list(SAID))
    proof = dice.choice([ANA, ANA, ANA, BEN, BEN, EVE, rubbish(dice)])
    proven = proof == ANA or (proof == BEN and SCOPES[command] is Scope.ACT)
    headers = {
        "Authorization": f"Bearer {proof}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"k{number if dice.random() < 0.9 else 0}",
    }
    body = a_body(dice, command)
    path = f"/api/v1/acts/{command}"
    if dice.random() < 0.1:
        path = dice.choice(
            ["/api/v1/acts/", "/api/v1/acts/%00", path + "/x", path + "?a=b", "/api/v1/acts/..%2f"]
        )
    method = "POST" if dice.random() < 0.95 else dice.choice(["GET", "PUT", "DELETE", "BREW"])
    if dice.random() < 0.15:
        name = dice.choice([*headers, "Content-Encoding", "Expect", "Transfer-Encoding"])
        headers = {**headers, name: rubbish(dice)}
        proven = proven and name != "Authorization"
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    length = len(body) if dice.random() < 0.97 else dice.choice([0, 1, 2**63, -1])
    lines.append(f"Content-Length: {length}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if dice.random() < 0.03:
        lines += [f"X-{n}: {'y' * dice.choice([1, 5000])}" for n in range(dice.choice([30, 90]))]
    head = "\r\n".join(lines).encode("utf-8", "replace")
    return Request(head + b"\r\nConnection: close\r\n\r\n" + body, proven)


def a_body(dice: random.Random, command: str) -> bytes:
    said: Any = dict(SAID[command])
    if "target" in said:
        said["target"] = dice.choice(["shop", "shoq", "shor", "shos", None])
    for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
        said = spoilt(dice, said)
    try:
        body = json.dumps(said).encode()
    except (ValueError, TypeError):
        body = b"{"
    if dice.random() < 0.1:
        body = body[: dice.randrange(len(body) + 1)]
    if dice.random() < 0.07:
        deep = b'{"reason": ' + b'{"a":' * 9_000 + b"1" + b"}" * 9_001
        body = dice.choice(
            [
                dice.randbytes(50),
                b"[" * 60_000,
                b"1" * 9999,
                b"\xff\xfe{}",
                b"",
                deep,
                b'"' * 65_000,
            ]
        )
    return body


@pytest.mark.timeout(90)
async def test_ten_thousand_hostile_requests_break_nothing_and_do_nothing_unauthorised() -> None:
    answers = Counter[int]()
    moved = []
    async with a_desk() as desk:
        coming = requests(4711)
        before = 0
        for number in range(CASES // AT_ONCE):
            # So that whoever fails is listened to again, and keys are forgotten in the end.
            desk.clock.advance(KEPT / 50)
            batch = [next(coming) for _ in range(AT_ONCE)]
            strangers = [request for request in batch if not request.authentic][: MOST_FAILED - 5]
            others = [request for request in batch if request.authentic]
            done = len(desk.obedient.asked)
            answers.update(await together(desk.port, strangers))
            if len(desk.obedient.asked) != done:
                moved.append(strangers)
            answers.update(await together(desk.port, others))
            if number == WARM:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            # The double would keep every record there ever was.
            desk.journal.disk.records.clear()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    # 503 is what a full disk is answered with, and no server's mistake.
    assert [status for status in answers if status >= 500 and status != 503] == []
    assert moved == []
    assert set(desk.obedient.asked) == {("ana", "ana"), ("ben", "ben")}
    assert grown < MOST_GROWTH
    # Enough of each came through to have meant something.
    assert sum(answers.values()) > 0.9 * CASES
    assert min(answers[status] for status in (200, 400, 401, 403, 404, 405, 409, 422, 503)) > 20


async def together(port: int, batch: list[Request]) -> list[int]:
    return await asyncio.gather(*(answered(port, request) for request in batch))


# -- at once


async def test_of_many_at_once_under_one_key_one_is_done() -> None:
    async with a_desk() as desk:
        desk.obedient.released.clear()
        async with asyncio.TaskGroup() as tasks:
            sent = [
                tasks.create_task(desk.client.act("pause", key="k", target="shop", reason="x"))
                for _ in range(20)
            ]
            await until(lambda: sum(task.done() for task in sent) == 19, "all others are refused")
            desk.obedient.released.set()
        answers = Counter((one.result().status, one.result().body.get("kind", "")) for one in sent)

    assert answers == {(200, ""): 1, (409, "under_way"): 19}
    assert len(desk.obedient.asked) == 1


async def test_what_was_taken_and_could_not_be_recorded_is_in_doubt() -> None:
    async with a_desk() as desk:
        full = await desk.client.act("ack", key="k", target="shoq", reason="x")
        again = await desk.client.act("ack", key="k", target="shoq", reason="x")

    assert (full.status, full.body["kind"]) == (503, "journal")
    assert (again.status, again.body["kind"]) == (409, "in_doubt")
    assert len(desk.obedient.asked) == 1


async def test_what_could_not_be_taken_may_be_asked_again_under_the_same_key() -> None:
    async with a_desk() as desk:
        desk.journal.fault = "no room"
        full = await desk.client.act("ack", key="k", target="shop", reason="x")
        desk.journal.fault = ""
        await desk.journal.probe()
        again = await desk.client.act("ack", key="k", target="shop", reason="x")

    assert (full.status, full.headers["Retry-After"]) == (503, "5")
    assert again.status == 200
    assert len(desk.obedient.asked) == 1


async def test_a_key_is_forgotten_after_a_day() -> None:
    async with a_desk() as desk:
        await desk.client.act("ack", key="k", target="shop", reason="x")
        desk.clock.advance(KEPT - 1)
        known = await desk.client.act("ack", key="k", target="shop", reason="x")
        desk.clock.advance(1)
        forgotten = await desk.client.act("ack", key="k", target="shop", reason="x")

    assert known.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in forgotten.headers
    assert len(desk.obedient.asked) == 2


# -- slowly


async def test_hundreds_who_never_finish_keep_nobody_from_acting() -> None:
    half_a_body = (
        f"POST /api/v1/acts/pause HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {EVE}\r\n"
        "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
    ).encode()
    begun = [b"POST /api/v1/acts/pause HTTP/1.1\r\nHost: x\r\nX-A: ", half_a_body, b""]
    async with a_desk() as desk:
        writers = []
        for number in range(500):
            _, writer = await asyncio.open_connection("127.0.0.1", desk.port)
            writer.write(begun[number % 3] if number < 60 else begun[number % 2 * 2])
            writers.append(writer)
        desk.clock.advance(61)

        assert (await desk.client.act("kill", on=True, reason="x")).status == 200
        for writer in writers:
            writer.close()
