"""Strangers at the endpoints: whatever they send, nothing breaks and nothing is believed."""

import asyncio
import io
import json
import random
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.bed.hostile import Request, answered, rubbish, spoilt
from tests.bed.inbound import (
    NEXT_TOKEN,
    SECRET,
    SECRETS,
    TOKEN,
    a_message,
    an_alert,
    bearer,
    signed,
)
from watchdog.adapters.journal_codec import decode, encode
from watchdog.domain.doors import AlertmanagerDoor, Doors, SignalDoor
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import InboundIncomplete, SignalReceived
from watchdog.domain.inbound import Asked, Board
from watchdog.engine.reception import MOST_A_MINUTE, Reception
from watchdog.testing.doubles import ManualClock, MemoryJournal
from watchdog.web.doorkeeper import Doorkeeper
from watchdog.web.face import Facts, serving
from watchdog.web.inbound import MAX_BODY, Inbound
from watchdog.web.proofs import MOST_FAILED, WINDOW

CASES = 10_000
AT_ONCE = 25
ALERTS = "/inbound/alertmanager"
FRAUD = "/inbound/signal/fraud"
DOORS = Doors(
    AlertmanagerDoor(bearer=({"file": "am-token"}, {"file": "am-next"})),
    {"fraud": SignalDoor(({"file": "signing"},), target="shop")},
)


class KnownSecrets:
    """As in the files of the bed, unless one is taken away."""

    def __init__(self) -> None:
        self.values = dict(SECRETS)

    def read(self, reference: Mapping[str, str]) -> str:
        if reference["file"] not in self.values:
            raise ConfigError(f"there is no secret {reference['file']}")
        return self.values[reference["file"]]

    def redact(self, text: str) -> str:
        return text


@dataclass
class Desk:
    """What stands behind the endpoints, and what they let through."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(wall=float(int(time.time()))))
    secrets: KnownSecrets = field(default_factory=KnownSecrets)
    taken: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        # As it would be read from a disk.
        self.journal = MemoryJournal(
            self.clock, through=lambda event: decode(type(event).__name__, encode(event))
        )
        self.reception = Reception(self.journal, self.clock, Board())

    async def take(self, claims: Any, missing: int) -> int:  # noqa: ANN401
        count = await self.reception.take(claims, missing=missing)
        self.taken += 1
        return count

    @property
    def heard(self) -> list[SignalReceived]:
        return [event for event in self.journal.events if isinstance(event, SignalReceived)]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        data = body if isinstance(body, bytes | io.BytesIO) else json.dumps(body).encode()
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}{path}", data=data, headers=headers) as response,
        ):
            return response.status, await response.text()

    async def status(self, path: str, body: object, headers: Mapping[str, str]) -> int:
        return (await self.post(path, body, headers))[0]

    def signed(self, body: bytes, seconds: float = 1, **more: str) -> dict[str, str]:
        """Signed that long after now."""
        return signed(body, at=self.clock.now().wall + seconds, **more)


@asynccontextmanager
async def a_desk(
    doors: Doors = DOORS, before: Sequence[SignalReceived] = ()
) -> AsyncIterator[Desk]:
    desk = Desk()
    for number, event in enumerate(before):
        desk.reception.board.take(number + 1, desk.clock.now(), event)
    signed_before = dict(desk.reception.board.signed)

    async def nothing(*_: object) -> Any:  # noqa: ANN401
        return {}

    facts = Facts(list, list, lambda: b"", nothing, nothing)
    inbound = Inbound(doors, desk.take, desk.secrets, desk.clock, signed_before)
    async with serving("127.0.0.1:0", facts, inbound=inbound) as desk.url:
        desk.clock.advance(1)
        yield desk


LABELS = {"alertname": "ShopBurns", "service": "shop"}


# -- who may speak


async def test_nobody_is_heard_without_a_proof() -> None:
    body = json.dumps({"reason": "x"}).encode()
    async with a_desk() as desk:
        stamp = str(int(desk.clock.now().wall))
        wrong = [
            (ALERTS, {}),
            (ALERTS, {"Authorization": TOKEN}),
            (ALERTS, {"Authorization": f"Basic {TOKEN}"}),
            (ALERTS, bearer(TOKEN[:-1])),
            (ALERTS, bearer("é" * 20)),
            (FRAUD, {}),
            (FRAUD, desk.signed(body, secret=TOKEN)),
            (FRAUD, desk.signed(body + b" ")),
            (FRAUD, {**desk.signed(body), "X-Watchdog-Timestamp": stamp}),
            (FRAUD, {**desk.signed(body), "X-Watchdog-Timestamp": "٣" * 10}),
            (FRAUD, desk.signed(body, WINDOW + 1)),
            (FRAUD, desk.signed(body, -WINDOW - 1)),
            ("/inbound/signal/other", desk.signed(body)),
        ]
        assert [await desk.status(path, body, headers) for path, headers in wrong] == [401] * 13
        assert desk.taken == 0


async def test_either_of_two_tokens_is_enough_and_one_file_may_be_missing() -> None:
    async with a_desk() as desk:
        del desk.secrets.values["am-token"]

        assert await desk.status(ALERTS, a_message(), bearer(NEXT_TOKEN)) == 200
        assert await desk.status(ALERTS, a_message(), bearer(TOKEN)) == 401
        desk.secrets.values.clear()
        assert await desk.status(ALERTS, a_message(), bearer(NEXT_TOKEN)) == 503


async def test_a_signed_request_counts_once() -> None:
    body = json.dumps({"status": "firing"}).encode()
    async with a_desk() as desk:
        headers = desk.signed(body)
        answers = [await desk.status(FRAUD, body, headers) for _ in range(3)]
        upper = {name: value.upper() for name, value in headers.items()}
        answers.append(await desk.status(FRAUD, body, upper))
        desk.clock.advance(WINDOW - 2)
        answers.append(await desk.status(FRAUD, body, headers))

    assert answers == [200, 401, 401, 401, 401]
    assert desk.taken == 1


async def test_what_was_signed_before_the_start_is_to_be_signed_anew() -> None:
    body = b"{}"
    async with a_desk() as desk:
        early = await desk.status(FRAUD, body, desk.signed(body, -2))
        anew = await desk.status(FRAUD, body, desk.signed(body))

    assert (early, anew) == (503, 200)


async def test_what_was_signed_ahead_is_no_replay_for_the_next_process() -> None:
    body = b'{"status": "firing"}'
    async with a_desk() as desk:
        headers = desk.signed(body, 200)
        other = b'{"status": "resolved"}'
        answers = [await desk.status(FRAUD, body, headers)]
        answers.append(await desk.status(FRAUD, other, desk.signed(other)))
        heard = desk.heard
    async with a_desk(before=heard) as desk:
        answers.append(await desk.status(FRAUD, body, headers))
        answers.append(await desk.status(FRAUD, other, desk.signed(other, 202)))

    assert answers == [200, 200, 503, 200]


async def test_a_clock_that_was_ahead_at_the_start_keeps_nobody_out() -> None:
    async with a_desk() as desk:
        desk.clock.step(-3600)
        desk.clock.advance(5)

        assert await desk.status(FRAUD, b"{}", desk.signed(b"{}")) == 200
        assert await desk.status(FRAUD, b"{ }", desk.signed(b"{ }", -30)) == 503


async def test_what_could_not_be_recorded_may_be_said_again_with_the_same_signature() -> None:
    body = b"{}"
    async with a_desk() as desk:
        headers = desk.signed(body)
        desk.journal.fault = "no room"
        full = await desk.post(FRAUD, body, headers)
        desk.journal.fault = ""
        await desk.journal.probe()

        assert full == (503, "no room\n")
        assert await desk.status(FRAUD, body, headers) == 200
        assert len(desk.journal.events) == 1


async def test_who_fails_too_often_is_not_listened_to_for_a_minute() -> None:
    async with a_desk() as desk:
        for _ in range(MOST_FAILED):
            assert await desk.status(ALERTS, a_message(), bearer("guess")) == 401
        out = await desk.status(ALERTS, a_message(), bearer())
        desk.clock.advance(60)

        assert out == 503
        assert await desk.status(ALERTS, a_message(), bearer()) == 200


# -- what they say


async def test_another_version_of_the_message_is_no_message() -> None:
    async with a_desk() as desk:
        wrong = [a_message(version=version) for version in ("3", "5", 4, None)]
        answers = [await desk.status(ALERTS, message, bearer()) for message in wrong]

    assert answers == [400] * 4
    assert desk.taken == 0


async def test_one_alert_that_cannot_be_read_spoils_the_message_and_nothing_of_it_is_kept() -> None:
    async with a_desk() as desk:
        broken = {**an_alert(), "startsAt": "yesterday"}
        answer = await desk.post(ALERTS, a_message(an_alert(), broken), bearer())

    assert answer == (400, "a time is not as RFC 3339 writes it\n")
    assert desk.journal.events == []


async def test_labels_are_bounded_and_cannot_forge_a_line() -> None:
    strange = "x\r\nlevel=error \u202e\ud800" + "y" * 500
    async with a_desk() as desk:
        alert = an_alert()
        alert["labels"] = {**LABELS, "a_strange_one": strange, **{f"l{n}": "x" for n in range(100)}}
        alert["annotations"] = {"summary": "a\nb" * 999}
        assert await desk.status(ALERTS, a_message(alert), bearer()) == 200
        (event,) = desk.heard
    text = encode(event)

    assert len(event.labels) == 64
    assert event.labels["a_strange_one"].startswith("x  level=error   yyy")
    assert len(text) < 4000
    assert "\\n" not in text
    assert "\\ud800" not in text
    assert "\\u202e" not in text


async def test_an_alert_takes_little_memory_however_long_its_labels_are() -> None:
    alert = an_alert()
    long = {f"a{n}_{'n' * 100}": "v" * 200 for n in range(64)}
    alert["labels"] = {**long, **LABELS}
    async with a_desk() as desk:
        assert await desk.status(ALERTS, a_message(alert), bearer()) == 200
        (event,) = desk.heard

    assert event.name == "ShopBurns"
    assert len(encode(event)) < 3000


async def test_too_many_alerts_are_counted_as_left_out() -> None:
    async with a_desk() as desk:
        alerts = [an_alert(instance=str(number)) for number in range(600)]
        assert await desk.status(ALERTS, a_message(*alerts, truncatedAlerts=3), bearer()) == 200
        incomplete = [e for e in desk.journal.events if isinstance(e, InboundIncomplete)]

    assert [one.missing for one in incomplete] == [103]
    assert len(desk.journal.events) == 501


async def test_grafana_speaks_through_the_signed_door() -> None:
    message = {
        "receiver": "ops",
        "status": "firing",
        "alerts": [{"status": "firing", "startsAt": "2026-01-01T00:00:00Z", "labels": {}}],
        "title": "[FIRING:1] Fraud",
        "version": "1",
    }
    body = json.dumps(message).encode()
    async with a_desk() as desk:
        assert await desk.status(FRAUD, body, desk.signed(body)) == 200
        (event,) = desk.heard

    assert (event.by, event.reason) == ("ops", "[FIRING:1] Fraud")


async def test_more_new_signals_than_a_minute_may_hold_must_wait() -> None:
    async with a_desk() as desk:
        answers = Counter[int]()
        for block in range(4):
            alerts = [an_alert(instance=f"{block}/{number}") for number in range(500)]
            answers[await desk.status(ALERTS, a_message(*alerts), bearer())] += 1
        recorded = len(desk.journal.events)

    assert answers == {200: 3, 503: 1}
    assert recorded - 500 < MOST_A_MINUTE


# -- how they say it


async def test_a_body_that_is_too_long_is_refused_and_takes_no_memory() -> None:
    chunk = bytes(64 * 1024)

    async def ten_megabytes() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield chunk

    async def send(desk: Desk, path: str, headers: Mapping[str, str]) -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.post(
                    f"{desk.url}{path}", data=ten_megabytes(), headers=headers
                ) as response:
                    return response.status
            except aiohttp.ClientError:
                return 0

    async with a_desk() as desk:
        whole = await desk.status(ALERTS, io.BytesIO(bytes(10 * MAX_BODY)), bearer())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with asyncio.TaskGroup() as tasks:
            sent = [
                tasks.create_task(send(desk, *where))
                for where in [(ALERTS, bearer()), (FRAUD, desk.signed(b""))] * 15
            ]
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    # Whoever goes on sending may find the line cut before it reads the answer.
    assert {one.result() for one in sent} <= {413, 0}
    assert whole == 413
    assert grown < 50 * 1024
    assert desk.taken == 0


async def test_a_compressed_body_is_refused() -> None:
    async with a_desk() as desk:
        headers = {**bearer(), "Content-Encoding": "gzip"}

        assert await desk.status(ALERTS, b"\x1f\x8b", headers) == 400


async def test_hundreds_who_never_finish_keep_nobody_else_from_being_heard() -> None:
    half_a_body = (
        b"POST /inbound/signal/fraud HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n"
        b"X-Watchdog-Timestamp: 1\r\nX-Watchdog-Signature: 2\r\n\r\n{"
    )
    begun = [
        b"POST /inbound/alertmanager HTTP/1.1\r\nHost: x\r\nX-A: ",
        half_a_body,
        b"",
    ]
    async with a_desk() as desk:
        writers = []
        for number in range(500):
            _, writer = await asyncio.open_connection("127.0.0.1", desk.port)
            writer.write(begun[number % 3])
            writers.append(writer)

        assert await desk.status(ALERTS, a_message(), bearer()) == 200
        for writer in writers:
            writer.close()


async def test_whoever_does_not_finish_a_request_is_hung_up_on() -> None:
    async def hello(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="hello")

    doorkeeper = Doorkeeper(headers_limit=0.1)
    app = aiohttp.web.Application(middlewares=[doorkeeper.heard])
    app.router.add_get("/", hello)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    async with doorkeeper.listening(runner, "127.0.0.1", 0, None) as (host, port):
        url = f"http://{host}:{port}/"
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: ")
        async with asyncio.timeout(10), aiohttp.ClientSession() as session:
            async with session.get(url) as response:
                assert response.status == 200
            assert await hung_up(reader)
            # Whoever was heard may stay.
            async with session.get(url) as response:
                assert response.status == 200
        writer.close()
    await runner.cleanup()


async def hung_up(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


# -- anything at all


def requests(seed: int, desk: Desk) -> Iterator[Request]:
    """Valid requests with something wrong in most of them."""
    dice = random.Random(seed)
    while True:
        yield a_request(dice, desk)


def a_request(dice: random.Random, desk: Desk) -> Request:
    is_signal = dice.random() < 0.4
    body = a_body(dice, is_signal=is_signal)
    proven = dice.random() < 0.7
    if is_signal:
        stamp = dice.choice([1, 1, 1, -299, 299, 301, -301, 1e12])
        headers = desk.signed(body, stamp, secret=SECRET if proven else "guess-me")
        proven = proven and abs(stamp) <= 300
    else:
        headers = bearer(dice.choice([TOKEN, NEXT_TOKEN]) if proven else rubbish(dice))
    path = FRAUD if is_signal else ALERTS
    if dice.random() < 0.1:
        path = dice.choice(["/inbound/signal/%00", "/inbound/", "//inbound", path + "/..", "/x"])
    method = "POST" if dice.random() < 0.95 else dice.choice(["GET", "PUT", "DELETE", "BREW"])
    if dice.random() < 0.1:
        name = dice.choice([*headers, "Content-Encoding", "Expect", "Transfer-Encoding"])
        headers = {**headers, name: rubbish(dice)}
        # Something of it may be right by chance, such as an `Expect` that nobody minds.
    length = len(body) if dice.random() < 0.97 else dice.choice([0, 1, 2**63, -1])
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("utf-8", "replace")
    return Request(head + b"\r\nConnection: close\r\n\r\n" + body, proven)


def a_body(dice: random.Random, *, is_signal: bool) -> bytes:
    message: Any
    if is_signal:
        message = {
            "status": dice.choice(["firing", "resolved"]),
            "reason": "x",
            "by": "Ann",
            "valid_for": "5m",
            "starts_at": "2026-01-01T00:00:00Z",
            "salt": dice.random(),
        }
    else:
        alerts = [
            an_alert(dice.choice(["firing", "resolved"]), began=1.7e9 + dice.randrange(9))
            for _ in range(dice.randrange(4))
        ]
        message = {**a_message(*alerts), "alerts": alerts}
    for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
        message = spoilt(dice, message)
    try:
        body = json.dumps(message).encode()
    except (ValueError, TypeError):
        body = b"{"
    if dice.random() < 0.1:
        body = body[: dice.randrange(len(body) + 1)]
    if dice.random() < 0.05:
        body = dice.choice([dice.randbytes(50), b"[" * 50_000, b"1" * 9999, b"\xff\xfe{}", b""])
    return body


async def test_ten_thousand_requests_of_strangers_break_nothing_and_move_nothing() -> None:
    answers = Counter[int]()
    effects_of_strangers = []
    heard = 0
    async with a_desk() as desk:
        coming = requests(4711, desk)
        asks = [Asked("fraud"), Asked("ShopBurns", alert=True), Asked("", alert=True)]
        for _ in range(CASES // AT_ONCE):
            # So that whoever fails is listened to again.
            desk.clock.advance(61)
            batch = [next(coming) for _ in range(AT_ONCE)]
            strangers = [request for request in batch if not request.authentic][: MOST_FAILED - 5]
            others = [request for request in batch if request.authentic]
            before = desk.taken
            answers.update(await together(desk.port, strangers))
            if desk.taken != before:
                effects_of_strangers.append(strangers)
            answers.update(await together(desk.port, others))
            for ask in asks:
                desk.reception.board.of("shop").heard(ask, desk.clock.now())
                heard += 1

    assert [status for status in answers if status >= 500 and status != 503] == []
    assert effects_of_strangers == []
    assert answers[200] == desk.taken
    # Enough of each came through to have meant something.
    assert sum(answers.values()) > 0.9 * CASES
    assert min(answers[200], answers[400], answers[401]) > 500
    assert heard > 1000


async def together(port: int, batch: list[Request]) -> list[int]:
    return await asyncio.gather(*(answered(port, request) for request in batch))
