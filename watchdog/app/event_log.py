"""A log line for every journalled event, from one place: log and journal cannot disagree."""

import dataclasses
import logging
import re
from collections.abc import Sequence
from enum import Enum

import structlog

from watchdog.domain.events import (
    CheckSampled,
    Decided,
    Event,
    EvidenceCollected,
    NotificationDelivered,
    Record,
)
from watchdog.domain.words import utc

# Many, and told of in fewer words by what follows from them.
_QUIET = (CheckSampled, EvidenceCollected, NotificationDelivered)
# What a line has no room for: the journal has it.
_LEFT_OUT = frozenset(
    {"plan_hash", "evidence", "points", "would_do", "key", "query", "asks", "answer", "rest"}
)
_TIMES = frozenset({"since", "until"})
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def log_events(records: Sequence[Record]) -> None:
    """One line each, named like the event, with its number in the journal as `seq`."""
    log = structlog.get_logger()
    for record in records:
        level = logging.DEBUG if isinstance(record.event, _QUIET) else logging.INFO
        log.log(level, event_name(record.event), seq=record.seq, **_fields(record.event))


def event_name(event: Event) -> str:
    """`trigger_changed` of a TriggerChanged."""
    # `decided` is what the log is told as a channel.
    if isinstance(event, Decided):
        return "decision"
    return _WORD.sub("_", type(event).__name__).lower()


def _fields(event: Event) -> dict[str, object]:
    pairs = ((one.name, getattr(event, one.name)) for one in dataclasses.fields(event))
    return {
        name: utc(value) if name in _TIMES and isinstance(value, float) else _plain(value)
        for name, value in pairs
        if name not in _LEFT_OUT and value not in ("", None, ())
    }


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else value.value
    # A whole plan is in the journal; its name says which.
    return value.name if dataclasses.is_dataclass(value) and hasattr(value, "name") else value
