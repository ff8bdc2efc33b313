"""Tells an HTTP endpoint: every field as JSON, or in the shape of Slack's incoming webhooks."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from watchdog.adapters.addresses import unfit
from watchdog.adapters.answers import quoted, redirect_host, status_line
from watchdog.adapters.auth import Auth, auth_headers
from watchdog.adapters.values import Value, nothing_done, plain, shown
from watchdog.domain.errors import PermanentError, StepError, TransientError
from watchdog.plugins import NotifierPlugin, Timeout
from watchdog.ports import Answer, Deps, Message, Secrets

# Slack refuses the whole message when one part is longer, or one list has more.
_SECTION = 3000
_FIELD = 2000
_FIELDS = 10
_NAME = 200


class Format(StrEnum):
    """What is sent: every field of the message, or what Slack makes a post of."""

    JSON = "json"
    SLACK = "slack"


class Options(BaseModel):
    """Where to. The address may be a secret as a whole, as Slack's are. `timeout` in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Value
    format: Format = Format.JSON
    auth: Auth | None = None
    headers: Mapping[str, Value] = {}
    timeout: Timeout = 10.0


class WebhookNotifier:
    """One POST a message; at least once, so the other side may hear it twice."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def send(self, message: Message) -> None:
        options, secrets = self._options, self._deps.secrets
        name = f"webhook {secrets.redact(shown(options.url))}"
        with nothing_done(name):
            url = plain(options.url, secrets)
            headers = {key: plain(value, secrets) for key, value in options.headers.items()}
            headers |= auth_headers(options.auth, secrets)
        why = unfit(url)
        if why is not None:
            raise PermanentError(f"{name}: the address {why}")
        body = _SHAPES[options.format](_redacted(message, secrets))
        try:
            answer = await self._deps.http.request(
                "POST",
                url,
                timeout=options.timeout,
                headers={"Content-Type": "application/json"} | headers,
                data=json.dumps(body).encode(),
            )
        except StepError as error:
            # In doubt, too: better told twice than not at all.
            kind = PermanentError if isinstance(error, PermanentError) else TransientError
            raise kind(secrets.redact(f"{name}: {error}")) from error
        refusal = _refusal(answer)
        if refusal is not None:
            sort, text = refusal
            raise sort(f"{name}: {text}{quoted(answer, secrets)}")

    async def close(self) -> None:
        """Nothing to close: the client belongs to the program."""


def _refusal(answer: Answer) -> tuple[type[StepError], str] | None:
    line = status_line(answer)
    match answer.status // 100:
        case 2:
            return None
        case 3:
            return TransientError, f"{line}: not followed to {redirect_host(answer)}"
        case 4 if answer.status not in {408, 429}:
            return PermanentError, line
        case _:
            return TransientError, line


def _redacted(message: Message, secrets: Secrets) -> Message:
    return replace(
        message,
        title=secrets.redact(message.title),
        text=secrets.redact(message.text),
        fields={
            secrets.redact(name): secrets.redact(value) for name, value in message.fields.items()
        },
    )


def _as_json(message: Message) -> dict[str, object]:
    return {
        "topic": message.topic,
        "severity": message.severity,
        "target": message.target,
        "title": message.title,
        "text": message.text,
        "fields": message.fields,
        "at": _time(message),
    }


def _as_slack(message: Message) -> dict[str, object]:
    title = _escaped(" ".join(message.title.split()), _NAME)
    text = _escaped(message.text, _SECTION - _NAME - len("**\n"))
    footer = f"{message.target} · {message.topic} · {message.severity} · {_time(message)}"
    fields = [
        _mrkdwn(f"*{_escaped(name, _NAME)}*\n{_escaped(value, _FIELD - _NAME - len('**|'))}")
        for name, value in message.fields.items()
    ]
    return {
        # What a phone's notification shows.
        "text": title,
        "blocks": [
            {"type": "section", "text": _mrkdwn(f"*{title}*\n{text}")},
            *(
                {"type": "section", "fields": fields[first : first + _FIELDS]}
                for first in range(0, len(fields), _FIELDS)
            ),
            {"type": "context", "elements": [_mrkdwn(_escaped(footer, _FIELD))]},
        ],
    }


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _escaped(text: str, limit: int) -> str:
    """`text` as Slack shows it, cut before the letter that would make it longer than `limit`."""
    escaped = [_ESCAPES.get(letter, letter) for letter in text]
    if sum(map(len, escaped)) <= limit:
        return "".join(escaped)
    kept, room = [], limit - len("…")
    for letters in escaped:
        room -= len(letters)
        if room < 0:
            break
        kept.append(letters)
    return "".join(kept) + "…"


def _time(message: Message) -> str:
    return datetime.fromtimestamp(message.at.wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SHAPES = {Format.JSON: _as_json, Format.SLACK: _as_slack}

plugin = NotifierPlugin(
    summary="POST to an address, as JSON or for Slack.",
    options=Options,
    build=WebhookNotifier,
)
