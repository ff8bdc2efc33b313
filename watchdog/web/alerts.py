"""Reads what Alertmanager's webhook and signed signals say; every byte is one of a stranger."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from watchdog.domain.claims import Claim, Voice, Word
from watchdog.domain.doors import AlertmanagerDoor, SignalDoor
from watchdog.domain.units import parse_duration

VERSION = "4"
# Of one message; what is beyond that counts as left out.
MOST_ALERTS = 500
MOST_LABELS = 64
# Characters of all labels of one alert, names and values together.
MOST_LABEL_TEXT = 2048
LONGEST_NAME = 128
LONGEST_VALUE = 200
LONGEST_REASON = 300
# Seconds. Nobody's word counts for longer than a week.
LONGEST_VALID = 7 * 86_400.0

_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Line breaks and their like could forge a log line; lone surrogates cannot be written at all.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)


class UnreadableError(ValueError):
    """No message of the kind that belongs here, however often it is sent."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one message says, and how much of it was left out."""

    claims: tuple[Claim, ...]
    missing: int = 0


def alertmanager(body: bytes, door: AlertmanagerDoor) -> Read:
    """The alerts of a webhook message, version 4. Raises UnreadableError."""
    message = _object(body)
    if message.get("version") != VERSION:
        raise UnreadableError(f'no message of version "{VERSION}"')
    alerts = message.get("alerts")
    truncated = message.get("truncatedAlerts", 0)
    if not isinstance(alerts, list) or not all(isinstance(each, dict) for each in alerts):
        raise UnreadableError("`alerts` is no list of alerts")
    if not isinstance(truncated, int) or isinstance(truncated, bool) or truncated < 0:
        raise UnreadableError("`truncatedAlerts` is no count")
    by = clean(message.get("receiver"), LONGEST_NAME)
    claims = tuple(_alert(each, door, by) for each in alerts[:MOST_ALERTS])
    # A count that no message can have is no more than that.
    missing = min(truncated, 1_000_000) + max(len(alerts) - MOST_ALERTS, 0)
    return Read(claims, missing)


def _alert(alert: Mapping[str, Any], door: AlertmanagerDoor, by: str) -> Claim:
    labels = _labels(alert.get("labels"))
    fingerprint = alert.get("fingerprint")
    if not labels.get("alertname"):
        raise UnreadableError("an alert has no label `alertname`")
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        raise UnreadableError("an alert has no `fingerprint`")
    notes = alert.get("annotations")
    notes = notes if isinstance(notes, dict) else {}
    return Claim(
        name=labels["alertname"],
        how=Voice.ALERTMANAGER,
        status=_word(alert.get("status")),
        fingerprint=fingerprint,
        valid_for=door.valid_for,
        starts_at=_time(alert.get("startsAt")),
        labels=labels,
        by=by,
        reason=clean(notes.get("summary") or notes.get("description"), LONGEST_REASON),
        max_age=door.max_age,
    )


def signal(name: str, body: bytes, door: SignalDoor) -> Read:
    """One signed signal; the body of Grafana's webhook is one, too. Raises UnreadableError."""
    message = _object(body)
    alerts = message.get("alerts")
    first = alerts[0] if isinstance(alerts, list) and alerts else {}
    first = first if isinstance(first, dict) else {}
    begun = message.get("starts_at") or first.get("startsAt")
    valid = message.get("valid_for")
    texts = (message.get(key) for key in ("reason", "title", "message"))
    reason = next((text for text in texts if isinstance(text, str) and text), "")
    claim = Claim(
        name=name,
        how=Voice.WEBHOOK,
        status=_word(message.get("status", Word.FIRING.value)),
        fingerprint=name,
        valid_for=door.valid_for if valid is None else _duration(valid),
        starts_at=None if begun is None else _time(begun),
        target=door.target,
        labels=_labels(message.get("labels", {})),
        by=clean(message.get("by") or message.get("receiver"), LONGEST_NAME),
        reason=clean(reason, LONGEST_REASON),
        lapses=valid is not None,
    )
    return Read((claim,))


def clean(text: object, longest: int) -> str:
    """`text` in one printable line of at most `longest` characters; empty where it is none."""
    if not isinstance(text, str):
        return ""
    line = _UNPRINTABLE.sub(" ", text[: longest + 1]).strip()
    return line if len(line) <= longest else line[:longest] + "…"


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("the body is no JSON") from None
    if not isinstance(message, dict):
        raise UnreadableError("the body is no JSON object")
    return message


def _labels(labels: object) -> dict[str, str]:
    if not isinstance(labels, dict):
        raise UnreadableError("`labels` is no object")
    known: dict[str, str] = {}
    room = MOST_LABEL_TEXT
    # The name of the alert first: without it, nobody could tell what is meant.
    for name in sorted(labels, key=lambda name: (name != "alertname", name)):
        value = labels[name]
        if len(name) <= LONGEST_NAME and _LABEL.fullmatch(name) and isinstance(value, str):
            text = clean(value, LONGEST_VALUE)
            room -= len(name) + len(text)
            if room < 0 or len(known) == MOST_LABELS:
                break
            known[name] = text
    return known


def _word(status: object) -> Word:
    for word in Word:
        if status == word.value:
            return word
    raise UnreadableError("`status` is neither firing nor resolved")


def _time(text: object) -> float:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        pass
    raise UnreadableError("a time is not as RFC 3339 writes it")


def _duration(text: object) -> float:
    try:
        seconds = parse_duration(text) if isinstance(text, str) else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_VALID:
        raise UnreadableError("`valid_for` is no time like 30m, a week at most")
    return seconds
