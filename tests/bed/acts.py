"""The API of a daemon as its files switch it on, and a client that asks for acts."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

ANA, ANA_NEXT, BEN, EVE = (
    "ana-token-0123456789",
    "ana-next-token-0123456789",
    "ben-token-0123456789",
    "eve-token-0123456789",
)
TOKENS = {"ana": ANA, "ana-next": ANA_NEXT, "ben": BEN}
PEOPLE = {"ana": {"roles": ["lead"]}, "ben": {"roles": ["oncall"]}}
_KEYS = itertools.count(1)


def api_settings(folder: Path, **more: object) -> dict[str, Any]:
    """`people` and `api` of a daemon's file: Ana may do everything, Ben acts and reads."""
    for name, value in TOKENS.items():
        (folder / name).write_text(value)

    def token(person: str, name: str, *scopes: str) -> dict[str, Any]:
        return {"person": person, "token": {"file": str(folder / name)}, "scopes": scopes}

    every = ("read", "act", "admin")
    tokens = [
        token("ana", "ana", *every),
        token("ana", "ana-next", *every),
        token("ben", "ben", "read", "act"),
    ]
    return {"people": PEOPLE, "api": {"tokens": tokens, **more}}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Client:
    """Asks one daemon at `url`."""

    url: str

    async def act(
        self, command: str, token: str = ANA, *, key: str | None = None, **body: object
    ) -> Answer:
        """Ask for an act; under a new key, unless one is given. An empty one is left out."""
        key = f"key-{next(_KEYS)}" if key is None else key
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.post(f"/api/v1/acts/{command}", json.dumps(body), headers)

    async def post(self, path: str, body: Any, headers: Mapping[str, str]) -> Answer:  # noqa: ANN401
        return await self.request("POST", path, data=body, headers=headers)

    async def request(self, method: str, path: str, **more: Any) -> Answer:  # noqa: ANN401
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}{path}", **more) as response,
        ):
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Answer(response.status, json.loads(text) if is_json else text, response.headers)


def bearer(token: str = ANA, key: str = "") -> dict[str, str]:
    """The headers of an act."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return headers | ({"Idempotency-Key": key} if key else {})
