"""What a service was asked, written down as it came: what a test reads instead of our own log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Asked:
    """One request. `at`: elapsed seconds on the monotonic clock; `status` None: no answer yet.

    `body` is what its JSON says, or its text where it is no JSON, or None where it is empty.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    at: float
    status: int | None = None

    def __str__(self) -> str:
        body = "" if self.body is None else f" {json.dumps(self.body)}"
        return f"{self.method} {self.path}{body}"


@dataclass(slots=True)
class RequestJournal:
    """Every request, in the order they came."""

    entries: list[Asked] = field(default_factory=list)

    def __iter__(self) -> Iterator[Asked]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def mutating(self) -> list[Asked]:
        """Those that could have changed something."""
        return [asked for asked in self.entries if asked.method not in READING]

    def to(self, path: str, method: str = "") -> list[Asked]:
        """Those to `path`, of any method or of `method` alone."""
        return [
            asked for asked in self.entries if asked.path == path and method in ("", asked.method)
        ]

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(asked) | {"headers": dict(asked.headers)} for asked in self.entries]


def content(raw: bytes) -> Any:  # noqa: ANN401 -- whatever was sent
    """The JSON in `raw`, its text where it is none, None where there is nothing."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
