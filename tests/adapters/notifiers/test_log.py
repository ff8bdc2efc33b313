import io
import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.logs import logs_to
from watchdog.adapters.notifiers.log import Options, plugin
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.domain.moment import Moment
from watchdog.ports import Deps, Message


def a_message(severity: str = "critical", text: str = "errors 7% > 1%") -> Message:
    return Message(
        topic="decided",
        severity=severity,
        target="checkout",
        title="checkout: undo will run",
        text=text,
        fields={"plan": "undo", "event": "not ours"},
        at=Moment(elapsed=5.0, wall=1_700_000_000.0),
    )


async def told(message: Message, level: str = "info") -> list[dict[str, object]]:
    clock, secrets = SystemClock(), EnvAndFileSecrets({"TOKEN": "kanarie-7f3a"})
    secrets.read({"env": "TOKEN"})
    stream = io.StringIO()
    deps = Deps(clock=clock, http=AioHttpClient(clock), secrets=secrets)
    with logs_to(stream, clock=clock, secrets=secrets, level=level):
        notifier = plugin.build(Options(), deps)
        await notifier.send(message)
        await notifier.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_a_message_is_one_line_named_for_its_topic() -> None:
    (line,) = await told(a_message())

    del line["timestamp"]
    assert line == {
        "event": "decided",
        "level": "error",
        "severity": "critical",
        "target": "checkout",
        "title": "checkout: undo will run",
        "text": "errors 7% > 1%",
        "fields": {"plan": "undo", "event": "not ours"},
        "at": "2023-11-14T22:13:20Z",
    }


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("critical", "error"),
        ("warning", "warning"),
        ("info", "info"),
        ("", "info"),
    ],
)
async def test_the_level_follows_the_severity(severity: str, level: str) -> None:
    (line,) = await told(a_message(severity))

    assert line["level"] == level


@pytest.mark.parametrize("topic", ["verified", "stable", "seeing", "closed"])
async def test_good_news_is_no_error_however_grave_it_was(topic: str) -> None:
    (line,) = await told(replace(a_message("critical"), topic=topic))

    assert (line["event"], line["level"], line["severity"]) == (topic, "info", "critical")


async def test_a_secret_in_a_message_does_not_reach_the_log() -> None:
    (line,) = await told(a_message(text="the answer was kanarie-7f3a"))

    assert line["text"] == "the answer was [redacted]"


async def test_a_message_below_the_level_of_the_log_is_not_written() -> None:
    assert await told(a_message("info"), level="warning") == []


def test_there_is_nothing_to_set() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Options.model_validate({"level": "info"})
