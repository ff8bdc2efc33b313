"""What strangers send: requests byte by byte, and values with something wrong in them."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it goes over the wire, and whether it may have an effect."""

    wire: bytes
    authentic: bool


def spoilt(dice: random.Random, value: Any) -> Any:  # noqa: ANN401
    """`value` with one part of it replaced, removed or repeated."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(list(value))
        if dice.random() < 0.1:
            return {name: each for name, each in value.items() if name != key}
        if dice.random() < 0.1:
            return {**value, rubbish(dice): value[key]}
        return {**value, key: spoilt(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.8:
        place = dice.randrange(len(value))
        return [*value[:place], spoilt(dice, value[place]), *value[place:]]
    return dice.choice(STRANGE)


STRANGE: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "firing",
    "\x00",
    "\ud800",
    "x" * 5000,
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-13-01T00:00:00Z",
    "2026-01-01",
    "1e999s",
    "-5m",
    [],
    {},
    [[]],
    {"": ""},
    {"alertname": 1},
    {"alertname": "\n"},
]


def rubbish(dice: random.Random) -> str:
    letters = "abc019 {}[]\"';:%\\/é\u2028=,.~\t"
    return "".join(dice.choice(letters) for _ in range(dice.randrange(30)))


async def answered(port: int, request: Request) -> int:
    """The status; 0 where the connection was closed without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.wire)
        async with asyncio.timeout(20):
            line = await reader.readline()
        return int(line.split()[1]) if line else 0
    except ConnectionError:
        return 0
    finally:
        writer.transport.abort()
