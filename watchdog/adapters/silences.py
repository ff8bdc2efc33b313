"""Which of an Alertmanager's silences are about certain labels; in doubt, one is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 200
# What may be tried without trusting whoever wrote it: literals, `.*` and `.+`, and choices of them.
_PLAIN = re.compile(r"(?:[\w\-/:@ ,]|\\[.\-+*?()|\[\]{}^$/]|\.[*+])*")
_MOST_GAPS = 3
_STATES = ("active", "pending", "expired")


@dataclass(frozen=True, slots=True)
class Silence:
    """An active silence, as a person needs to know it."""

    id: str
    by: str
    until: str
    comment: str

    def __str__(self) -> str:
        return f"silence {self.id} by {self.by} until {self.until}: {self.comment}"


def silences_about(answer: object, labels: Mapping[str, str]) -> list[Silence]:
    """The active ones of `answer` that are about `labels`. Raises ValueError: no such answer."""
    if not isinstance(answer, list):
        raise ValueError("the answer is no list of silences")  # noqa: TRY004 (of its contents)
    found = []
    for one in answer:
        state, matchers = _parts(one)
        if state == "active" and _is_about(matchers, labels):
            words = (_word(one.get(key)) for key in ("id", "createdBy", "endsAt", "comment"))
            found.append(Silence(*words))
    return found


def _parts(one: object) -> tuple[object, Sequence[Mapping[str, Any]]]:
    if isinstance(one, dict) and isinstance(one.get("status"), dict):
        matchers = one.get("matchers")
        state = one["status"].get("state")
        if state in _STATES and isinstance(matchers, list) and all(map(_is_matcher, matchers)):
            return state, matchers
    raise ValueError("a silence has no `status` that is known, or no `matchers`")


def _is_matcher(matcher: object) -> bool:
    return (
        isinstance(matcher, dict)
        and isinstance(matcher.get("name"), str)
        and isinstance(matcher.get("value"), str)
    )


def _is_about(matchers: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    """Whether one of `matchers` names these labels, or all of them fit anything; none differs."""
    speaks = [matcher for matcher in matchers if matcher["name"] in labels]
    if not all(_fits(matcher, labels[matcher["name"]]) for matcher in speaks):
        return False
    return bool(speaks) or all(_fits_anything(matcher) for matcher in matchers)


def _fits_anything(matcher: Mapping[str, Any]) -> bool:
    return bool(matcher.get("isRegex")) and matcher["value"] in (".*", ".+")


def _fits(matcher: Mapping[str, Any], value: str) -> bool:
    equal = matcher.get("isEqual", True) is not False
    wanted = matcher["value"]
    if not matcher.get("isRegex"):
        return (wanted == value) is equal
    alternatives = wanted.removeprefix("(").removesuffix(")").split("|")
    if not all(map(_is_plain, alternatives)):
        return True
    return any(re.fullmatch(each, value, re.DOTALL) for each in alternatives) is equal


def _is_plain(pattern: str) -> bool:
    gaps = pattern.count(".*") + pattern.count(".+")
    return len(pattern) <= _LONGEST and gaps <= _MOST_GAPS and bool(_PLAIN.fullmatch(pattern))


def _word(value: object) -> str:
    text = value if isinstance(value, str) else "?"
    line = "".join(each if each.isprintable() else " " for each in text[:_LONGEST])
    return line or "?"
