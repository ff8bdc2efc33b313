"""Tells the log: one line a message."""

import logging
from datetime import UTC, datetime

import structlog
from pydantic import BaseModel, ConfigDict

from watchdog.domain.topics import GOOD_NEWS
from watchdog.plugins import NotifierPlugin
from watchdog.ports import Deps, Message

_LEVELS = {"critical": logging.ERROR, "warning": logging.WARNING}


class Options(BaseModel):
    """It needs none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LogNotifier:
    """The event is named as the topic; the level follows the severity, but for good news."""

    async def send(self, message: Message) -> None:
        structlog.get_logger().log(
            _level(message),
            message.topic,
            severity=message.severity,
            target=message.target,
            title=message.title,
            text=message.text,
            fields=dict(message.fields),
            at=_time(message),
        )

    async def close(self) -> None:
        pass


def _level(message: Message) -> int:
    if message.topic in GOOD_NEWS:
        return logging.INFO
    return _LEVELS.get(message.severity, logging.INFO)


def _time(message: Message) -> str:
    return datetime.fromtimestamp(message.at.wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _build(_: Options, __: Deps) -> LogNotifier:
    return LogNotifier()


plugin = NotifierPlugin(
    summary="Write a line to the log.",
    options=Options,
    build=_build,
)
