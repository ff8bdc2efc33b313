import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.recorder import Recorder, recording
from tests.bed.wire import free_port
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.notifiers.webhook import Options, plugin
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.domain.errors import PermanentError, StepError, TransientError
from watchdog.domain.moment import Moment
from watchdog.ports import Deps, Message

CANARY = "kanarie-7f3a"


@pytest.fixture
async def hook() -> AsyncIterator[Recorder]:
    async with recording() as hook:
        yield hook


@pytest.fixture
async def deps(hook: Recorder) -> AsyncIterator[Deps]:
    clock = SystemClock()
    environ = {"TOKEN": CANARY, "HOOK": f"{hook.url}/services/{CANARY}", "DROP": f"{hook.url}/drop"}
    environ["DEAD"] = f"http://127.0.0.1:{await free_port()}/services/{CANARY}"
    async with AioHttpClient(clock) as client:
        yield Deps(clock=clock, http=client, secrets=EnvAndFileSecrets(environ))


def a_message(
    title: str = "checkout: undo will run",
    text: str = "errors 7% > 1%",
    fields: dict[str, str] | None = None,
) -> Message:
    return Message(
        topic="decided",
        severity="critical",
        target="checkout",
        title=title,
        text=text,
        fields={"plan": "undo"} if fields is None else fields,
        at=Moment(elapsed=5.0, wall=1_700_000_000.9),
    )


async def send(deps: Deps, message: Message | None = None, **options: object) -> None:
    notifier = plugin.build(Options.model_validate(options), deps)
    await notifier.send(message or a_message())
    await notifier.close()


async def failure(deps: Deps, **options: object) -> StepError | None:
    try:
        await send(deps, None, **options)
    except StepError as error:
        return error
    return None


async def test_every_field_of_a_message_is_sent_as_json(hook: Recorder, deps: Deps) -> None:
    await send(deps, url=f"{hook.url}/hook")

    (received,) = hook.journal
    assert (received.method, received.path) == ("POST", "/hook")
    assert received.headers["Content-Type"] == "application/json"
    assert received.json == {
        "topic": "decided",
        "severity": "critical",
        "target": "checkout",
        "title": "checkout: undo will run",
        "text": "errors 7% > 1%",
        "fields": {"plan": "undo"},
        "at": "2023-11-14T22:13:20Z",
    }


async def test_slack_gets_a_post_with_its_three_characters_escaped(
    hook: Recorder, deps: Deps
) -> None:
    message = a_message(title="checkout:\nundo <!here>", text="7% > 1% & more\nsecond line")

    await send(deps, message, url=hook.url, format="slack")

    assert hook.journal[0].json == {
        "text": "checkout: undo &lt;!here&gt;",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*checkout: undo &lt;!here&gt;*\n7% &gt; 1% &amp; more\nsecond line",
                },
            },
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*plan*\nundo"}]},
            {
                "type": "context",
                "elements": [
                    {
                        "type": "mrkdwn",
                        "text": "checkout · decided · critical · 2023-11-14T22:13:20Z",
                    }
                ],
            },
        ],
    }


async def test_a_long_message_keeps_to_the_limits_of_slack(hook: Recorder, deps: Deps) -> None:
    fields = {f"{n} {'<' * 300}": "&" * 5_000 for n in range(23)}

    await send(deps, a_message("t>" * 400, "<" * 9_000, fields), url=hook.url, format="slack")

    blocks: list[dict[str, Any]] = json.loads(hook.journal[0].body)["blocks"]
    sections = [block for block in blocks if block["type"] == "section"]
    assert len(sections[0]["text"]["text"]) <= 3000
    assert [len(section["fields"]) for section in sections[1:]] == [10, 10, 3]
    texts = [each["text"] for section in sections[1:] for each in section["fields"]]
    assert max(map(len, texts)) <= 2000
    assert all(text.endswith("&amp;…") for text in texts)


async def test_a_message_without_fields_is_a_post_without_that_part(
    hook: Recorder, deps: Deps
) -> None:
    await send(deps, a_message(fields={}), url=hook.url, format="slack")

    blocks = json.loads(hook.journal[0].body)["blocks"]
    assert [block["type"] for block in blocks] == ["section", "context"]


@pytest.mark.parametrize("shape", ["json", "slack"])
async def test_a_secret_in_a_message_is_not_sent(hook: Recorder, deps: Deps, shape: str) -> None:
    deps.secrets.read({"env": "TOKEN"})
    message = a_message(f"a {CANARY}", f"b {CANARY}", {f"c {CANARY}": f"d {CANARY}"})

    await send(deps, message, url=hook.url, format=shape)

    sent = hook.journal[0].body.decode()
    assert CANARY not in sent
    assert sent.count("[redacted]") == {"json": 4, "slack": 5}[shape]


async def test_the_address_and_headers_may_be_secrets(hook: Recorder, deps: Deps) -> None:
    await send(
        deps,
        url={"env": "HOOK"},
        auth={"bearer": {"env": "TOKEN"}},
        headers={"X-Key": {"env": "TOKEN"}, "Content-Type": "application/json; charset=utf-8"},
    )

    (received,) = hook.journal
    assert received.path == f"/services/{CANARY}"
    assert received.headers["Authorization"] == f"Bearer {CANARY}"
    assert received.headers["X-Key"] == CANARY
    assert received.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (204, None),
        (302, TransientError),
        (400, PermanentError),
        (401, PermanentError),
        (404, PermanentError),
        (408, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
    ],
)
async def test_each_status_says_whether_to_try_again(
    hook: Recorder, deps: Deps, status: int, error: type[StepError] | None
) -> None:
    hook.status, hook.headers = status, {"Location": "https://other.example/x"}

    raised = await failure(deps, url=hook.url)

    assert type(raised) is (error or type(None))
    assert len(hook.journal) == 1


async def test_a_refusal_quotes_the_answer_and_no_secret(hook: Recorder, deps: Deps) -> None:
    hook.status, hook.body = 404, f"no_service /services/{CANARY}".encode()

    raised = await failure(deps, url={"env": "HOOK"})

    assert str(raised) == "webhook env:HOOK: 404 Not Found: no_service [redacted]"


async def test_a_redirect_names_the_other_host_and_is_not_followed(
    hook: Recorder, deps: Deps
) -> None:
    hook.status, hook.headers = 307, {"Location": f"https://other.example/{CANARY}"}

    raised = await failure(deps, url={"env": "HOOK"})

    assert str(raised) == (
        "webhook env:HOOK: 307 Temporary Redirect: not followed to other.example"
    )


async def test_a_lost_answer_is_a_reason_to_tell_it_again(hook: Recorder, deps: Deps) -> None:
    raised = await failure(deps, url={"env": "DROP"})

    assert type(raised) is TransientError
    assert str(raised).startswith("webhook env:DROP: POST")
    assert hook.url not in str(raised)


async def test_no_answer_in_time_is_a_reason_to_tell_it_again(hook: Recorder, deps: Deps) -> None:
    raised = await failure(deps, url=f"{hook.url}/hang", timeout="50ms")

    assert type(raised) is TransientError
    assert len(hook.journal) == 1


async def test_a_refused_connection_is_a_reason_to_tell_it_again(deps: Deps) -> None:
    raised = await failure(deps, url={"env": "DEAD"})

    assert type(raised) is TransientError
    assert str(raised).startswith("webhook env:DEAD: POST")
    assert CANARY not in str(raised)


async def test_a_missing_secret_is_no_reason_to_try_again(hook: Recorder, deps: Deps) -> None:
    raised = await failure(deps, url=hook.url, auth={"bearer": {"env": "GONE"}})

    assert type(raised) is PermanentError
    assert "secret env:GONE: the variable is not set" in str(raised)
    assert hook.journal == []


async def test_an_address_that_may_not_be_asked_is_refused_without_being_told(
    deps: Deps,
) -> None:
    raised = await failure(deps, url="http://169.254.169.254/latest")

    assert type(raised) is PermanentError
    assert "link-local or metadata address" in str(raised)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"format": "teams"}, "Input should be 'json' or 'slack'"),
        ({"timeout": 5}, "a duration needs a unit"),
        ({"timeout": "0s"}, "greater than 0"),
        ({"retries": 3}, "Extra inputs are not permitted"),
    ],
)
def test_options_that_make_no_sense_are_refused(more: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Options.model_validate({"url": "http://host/", **more})
