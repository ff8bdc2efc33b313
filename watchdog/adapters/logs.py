"""Log set-up: one stream, one line an event, without secrets; the standard library's joins it."""

import json
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from watchdog.ports import Clock, Secrets

# Every tick of the scheduler and every request to our own pages would be a line at INFO.
_CHATTY = ("aiohttp.access", "apscheduler", "httpx2")


class Style(StrEnum):
    """JSON for machines, one object a line; CONSOLE for people."""

    JSON = "json"
    CONSOLE = "console"


@contextmanager
def logs_to(
    stream: TextIO,
    *,
    clock: Clock,
    secrets: Secrets,
    style: Style = Style.JSON,
    level: str = "info",
) -> Iterator[None]:
    """Write every log line to `stream` for as long as the context lasts.

    `level` is debug, info, warning, error or critical. Logs are a process's own, so a second
    context inside the first takes its place until it ends.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    before = structlog.get_config()
    structlog.configure(
        processors=_processors(clock, secrets, style, colors=stream.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        # A logger that remembers its set-up would go on writing to a stream of before.
        cache_logger_on_first_use=False,
    )
    try:
        with _standard_library_joined(threshold):
            yield
    finally:
        structlog.configure(**before)


@contextmanager
def _standard_library_joined(threshold: int) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in _CHATTY}
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, kept in chatty.items():
            logging.getLogger(name).setLevel(kept)


class _ToStructlog(logging.Handler):
    """Hands a record of the standard library on, so that there is one way out for all."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = f"{record.msg} {record.args}"
        structlog.get_logger().log(
            record.levelno, text, logger=record.name, exc_info=record.exc_info
        )


def _processors(clock: Clock, secrets: Secrets, style: Style, *, colors: bool) -> list[Processor]:
    def stamp(_: object, __: str, event: EventDict) -> EventDict:
        moment = datetime.fromtimestamp(clock.now().wall, UTC)
        event["timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event

    def redact(_: object, __: str, event: EventDict) -> EventDict:
        return {secrets.redact(str(key)): _redacted(value, secrets) for key, value in event.items()}

    renderer: Processor
    if style is Style.JSON:
        renderer = structlog.processors.JSONRenderer(serializer=_as_json)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=colors)
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        # Here, because a renderer of its own accord prints local variables, too, and one of
        # them may be a secret.
        structlog.processors.format_exc_info,
        stamp,
        redact,
        renderer,
    ]


def _redacted(value: object, secrets: Secrets) -> object:
    """`value` in JSON's own types, so that no object writes itself out behind our back."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case str():
            return secrets.redact(value)
        case Mapping():
            return {
                secrets.redact(str(key)): _redacted(each, secrets) for key, each in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_redacted(each, secrets) for each in value]
        case _:
            return secrets.redact(repr(value))


def _as_json(event: EventDict, **_: object) -> str:
    return json.dumps(event, ensure_ascii=False)
