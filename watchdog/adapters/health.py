"""What the answer of a healthy service is, and how another differs from it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from watchdog.adapters.json_path import find, parse_path
from watchdog.domain.observation import Gap, Unknown
from watchdog.ports import Answer

_MOST_SEARCHED = 64 * 1024
_SHOWN = 60
_ABSENT = object()


class Expect(BaseModel):
    """What a healthy answer is. `json`: path -> value; `body` is a part of it, as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: int | tuple[int, ...] = 200
    json_values: Mapping[str, JsonValue] = Field(default={}, alias="json")
    body: str = ""
    body_matches: re.Pattern[str] | None = None

    @field_validator("json_values")
    @classmethod
    def _are_paths(cls, values: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        for path in values:
            parse_path(path)
        return values

    @property
    def statuses(self) -> tuple[int, ...]:
        return (self.status,) if isinstance(self.status, int) else self.status


@dataclass(frozen=True)
class Look:
    """The answer of one request, and its JSON, parsed once for all who want it."""

    answer: Answer

    @cached_property
    def document(self) -> object:
        """The JSON, or a Gap that says why there is none."""
        if self.answer.truncated:
            length = len(self.answer.body)
            return Gap(Unknown.PARSE, f"the answer is longer than {length} bytes (max_bytes)")
        try:
            return json.loads(self.answer.body)
        except (ValueError, RecursionError):
            return Gap(Unknown.PARSE, "the answer is not JSON")


def trouble(look: Look, expect: Expect) -> str | Gap | None:
    """Why the answer is not as expected; a Gap where we cannot tell; None when it is.

    Quotes the answer: to be redacted.
    """
    answer = look.answer
    if answer.status not in expect.statuses:
        wanted = " or ".join(map(str, expect.statuses))
        return f"HTTP {answer.status}, expected {wanted}"
    if not (expect.json_values or expect.body or expect.body_matches):
        return None
    if answer.truncated and isinstance(look.document, Gap):
        return look.document
    return _wrong_body(answer, expect) or _wrong_json(look, expect)


def _wrong_body(answer: Answer, expect: Expect) -> str | None:
    if expect.body and expect.body.encode() not in answer.body:
        return f"the body does not hold {_short(expect.body)}"
    if expect.body_matches is not None:
        text = answer.body[:_MOST_SEARCHED].decode(errors="replace")
        if not expect.body_matches.search(text):
            return f"the body does not match {_short(expect.body_matches.pattern)}"
    return None


def _wrong_json(look: Look, expect: Expect) -> str | None:
    if not expect.json_values:
        return None
    if isinstance(look.document, Gap):
        return look.document.note
    for path, wanted in expect.json_values.items():
        found = find(look.document, parse_path(path))
        if len(found) > 1:
            return f"{len(found)} values at {path}"
        there = found[0] if found else _ABSENT
        # In Python 1 equals True; in JSON a number is no truth value.
        if there != wanted or isinstance(there, bool) != isinstance(wanted, bool):
            # Not cut short yet: half a secret could not be redacted any more.
            shown = "nothing" if there is _ABSENT else json.dumps(there, ensure_ascii=False)
            return f"{path} is {shown}, expected {_short(wanted)}"
    return None


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
