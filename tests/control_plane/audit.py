"""What was asked of the API server, as its own audit log has it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

_CHANGING = ("create", "update", "patch", "delete", "deletecollection")
# What asks a question by creating something that is stored nowhere.
_QUESTIONS = (
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "tokenreviews",
)


class Call(NamedTuple):
    """One request that was answered. `code` is the status of the answer.

    `resource` is such as `deployments` or `pods/log`; `body` is what was sent, a JSON patch being
    a list; `answer` the object afterwards; both are there only of what changes something.
    `at`: when it came, as the log writes it. `parameters`: those of its address.
    """

    verb: str
    resource: str
    name: str
    namespace: str
    user: str
    code: int
    body: Any
    answer: Any
    at: str
    parameters: Mapping[str, str]
    agent: str

    @property
    def dry_run(self) -> bool:
        return "dryRun" in self.parameters

    @property
    def mutating(self) -> bool:
        """Whether it changes something where it is not refused."""
        resource = self.resource.partition("/")[0]
        return self.verb in _CHANGING and not self.dry_run and resource not in _QUESTIONS


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log in a file that only grows."""

    path: Path

    def mark(self) -> int:
        """How long it is now, in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def holds(self, text: str, since: int = 0) -> bool:
        return any(text in line for line in self._lines(since))

    def calls(self, since: int = 0) -> list[Call]:
        """All calls since a mark, by whomever; without those of the control plane's own parts."""
        return [call for line in self._lines(since) if (call := _call(json.loads(line)))]

    def _lines(self, since: int) -> Iterator[str]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(since)
            for line in file:
                # The last one may be half written.
                if line.endswith(b"\n"):
                    yield line.decode()


def _call(event: Mapping[str, Any]) -> Call | None:
    asked = event.get("objectRef")
    user = event["user"]["username"]
    if asked is None or user == "bed":
        return None
    part = asked.get("subresource", "")
    query = parse_qs(urlsplit(event["requestURI"]).query)
    return Call(
        verb=event["verb"],
        resource=asked["resource"] + (f"/{part}" if part else ""),
        name=asked.get("name", ""),
        namespace=asked.get("namespace", ""),
        user=user,
        code=event.get("responseStatus", {}).get("code", 0),
        body=event.get("requestObject"),
        answer=event.get("responseObject"),
        at=event["requestReceivedTimestamp"],
        parameters={name: values[-1] for name, values in query.items()},
        agent=event.get("userAgent", ""),
    )
