"""What an HTTP answer says, in words fit for a log, and whether its JSON is what was expected."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from pydantic import JsonValue

from watchdog.ports import Answer, Secrets

_QUOTED = 200
# Redacting reads all it is given, and nobody reads more of an error page.
_LOOKED_AT = 16 * 1024
_INVISIBLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_ABSENT = object()


def status_line(answer: Answer) -> str:
    """Such as `503 Service Unavailable`."""
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)


def quoted(answer: Answer, secrets: Secrets) -> str:
    """The beginning of the body in one line, after a colon; empty when there is none."""
    text = answer.body[:_LOOKED_AT].decode(errors="replace")
    # Redacted before it is cut: half a secret is not recognised any more.
    line = _INVISIBLE.sub(" ", secrets.redact(text)).strip()
    if not line:
        return ""
    return f": {line[:_QUOTED]}…" if len(line) > _QUOTED else f": {line}"


def redirect_host(answer: Answer) -> str:
    """The host a redirect goes to; the rest of its address may hold a secret."""
    try:
        return urlsplit(answer.headers.get("Location", "")).netloc.rpartition("@")[2] or "itself"
    except ValueError:
        return "no address"


def mismatch(expected: Mapping[str, JsonValue], answer: Answer) -> str | None:
    """How the JSON of `answer` differs from `expected` (dotted path -> value), if it does."""
    if not expected:
        return None
    if answer.truncated:
        return "it is too long to be read as JSON"
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "it is not JSON"
    for path, value in expected.items():
        there = _at(path, document)
        if there is _ABSENT:
            return f"its JSON has no {path}"
        # In Python 1 equals True; in JSON a number is no truth value.
        if there != value or isinstance(there, bool) != isinstance(value, bool):
            return f"its JSON has another {path} than {json.dumps(value)}"
    return None


def _at(path: str, document: object) -> object:
    """What stands at `a.b.0`: names of members, and positions in a list."""
    for part in path.split("."):
        if isinstance(document, dict):
            document = document.get(part, _ABSENT)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _ABSENT
    return document
