import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.recorder import Recorder, recording
from tests.bed.wire import free_port
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.executors.http import Options, plugin
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.domain.errors import InDoubtError, PermanentError, StepError, TransientError
from watchdog.ports import Deps
from watchdog.testing.contracts_executor import (
    KEY,
    ExecutorCase,
    ExecutorContract,
)

CANARY = "kanarie-7f3a"
Answered = tuple[int, dict[str, str]]
BEARER = {"bearer": {"env": "ADMIN_TOKEN"}}


@pytest.fixture
async def api() -> AsyncIterator[Recorder]:
    async with recording() as api:
        yield api


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    clock = SystemClock()
    secrets = EnvAndFileSecrets({"ADMIN_TOKEN": CANARY, "BROKEN": f"{CANARY}\r\nX-Evil: 1"})
    async with AioHttpClient(clock) as client:
        yield Deps(clock=clock, http=client, secrets=secrets)


def options(url: str, **more: object) -> Options:
    return Options.model_validate({"url": url, **more})


async def send(deps: Deps, url: str, **more: object) -> str:
    return await plugin.build(options(url, **more), deps).execute(KEY)


async def failure(deps: Deps, url: str, **more: object) -> StepError | None:
    try:
        await send(deps, url, **more)
    except StepError as error:
        return error
    return None


class TestContract(ExecutorContract):
    @pytest.fixture
    def case(self, api: Recorder, deps: Deps) -> ExecutorCase:
        return ExecutorCase(
            plugin=plugin,
            deps=deps,
            secret=CANARY,
            works=options(f"{api.url}/ok", auth=BEARER, json={"emergency": True}),
            loses=options(f"{api.url}/drop", auth=BEARER),
            hangs=options(f"{api.url}/hang", auth=BEARER),
            defects={
                "no token": options(f"{api.url}/ok", auth={"bearer": {"env": "GONE"}}),
                "line break in the token": options(
                    f"{api.url}/ok", auth={"bearer": {"env": "BROKEN"}}
                ),
                "no header's value": options(f"{api.url}/ok", headers={"X-Key": {"env": "GONE"}}),
                "no address": options("/admin/ok", auth=BEARER),
                "not JSON": options(f"{api.url}/ok", auth=BEARER, json={"x": float("nan")}),
                "metadata": options("http://169.254.169.254/latest", auth=BEARER),
            },
            keys=lambda: [each.headers["Idempotency-Key"] for each in api.journal],
            left_over=lambda: api.waiting,
        )


async def test_an_answer_of_2xx_is_told_in_one_line(api: Recorder, deps: Deps) -> None:
    api.status = 202

    told = await send(deps, f"{api.url}/admin")

    assert told.startswith("202 Accepted in ")
    assert told.endswith(" ms")


async def test_json_is_sent_as_json_with_key_and_token(api: Recorder, deps: Deps) -> None:
    await send(deps, f"{api.url}/a?b=c", auth=BEARER, json={"seconds": 7, "off": False, "x": "é"})

    (received,) = api.journal
    assert (received.method, received.path) == ("POST", "/a?b=c")
    assert json.loads(received.body) == {"seconds": 7, "off": False, "x": "é"}
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["Authorization"] == f"Bearer {CANARY}"
    assert received.headers["Idempotency-Key"] == KEY
    assert received.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("content", "kind", "sent"),
    [
        ({"json": None}, "application/json", b"null"),
        ({"body": "plain é"}, "text/plain; charset=utf-8", "plain é".encode()),
        ({"form": {"a": "b c", "n": 3}}, "application/x-www-form-urlencoded", b"a=b+c&n=3"),
        ({"json": {}, "headers": {"content-type": "text/x"}}, "text/x", b"{}"),
    ],
)
async def test_content_names_its_type_unless_a_header_does(
    api: Recorder, deps: Deps, content: dict[str, Any], kind: str, sent: bytes
) -> None:
    await send(deps, api.url, **content)

    (received,) = api.journal
    assert (received.headers["Content-Type"], received.body) == (kind, sent)


async def test_a_request_may_have_no_content(api: Recorder, deps: Deps) -> None:
    await send(deps, api.url, method="DELETE")

    (received,) = api.journal
    assert (received.method, received.body) == ("DELETE", b"")


async def test_a_header_may_be_a_secret(api: Recorder, deps: Deps) -> None:
    await send(deps, api.url, headers={"X-Api-Key": {"env": "ADMIN_TOKEN"}, "X-Number": 7})

    (received,) = api.journal
    assert received.headers["X-Api-Key"] == CANARY
    assert received.headers["X-Number"] == "7"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ((201, {}), None, ""),
        (
            (301, {"Location": "https://other.example/x"}),
            PermanentError,
            "goes to other.example",
        ),
        ((307, {}), PermanentError, "this one goes to itself; write the final address into url"),
        ((400, {}), PermanentError, "400 Bad Request: refused"),
        ((401, {}), PermanentError, "were refused; look at auth bearer env:ADMIN_TOKEN"),
        ((403, {}), PermanentError, "were refused; look at auth bearer env:ADMIN_TOKEN"),
        ((404, {}), PermanentError, "404 Not Found: refused"),
        ((405, {}), PermanentError, "405 Method Not Allowed: refused"),
        ((408, {}), InDoubtError, "408 Request Timeout: it may have happened"),
        ((409, {}), InDoubtError, "409 Conflict: it may have happened"),
        ((429, {}), TransientError, "429 Too Many Requests: nothing done"),
        ((500, {}), InDoubtError, "500 Internal Server Error: the server failed"),
        ((502, {}), InDoubtError, "502 Bad Gateway: the server failed"),
        ((503, {}), InDoubtError, "503 Service Unavailable: the server failed"),
        ((503, {"Retry-After": "30"}), TransientError, "503 Service Unavailable: nothing done"),
        ((504, {}), InDoubtError, "504 Gateway Timeout: the server failed"),
        ((599, {}), InDoubtError, "599: the server failed"),
    ],
)
async def test_each_status_says_whether_it_happened(
    api: Recorder, deps: Deps, answer: Answered, error: type[StepError] | None, text: str
) -> None:
    api.status, api.headers = answer

    raised = await failure(deps, f"{api.url}/admin", auth=BEARER)

    assert type(raised) is (error or type(None))
    assert text in str(raised)
    assert len(api.journal) == 1, "sent once, and no redirect followed"


@pytest.mark.parametrize("status", [404, [200, 404]])
async def test_a_status_that_is_expected_is_no_failure(
    api: Recorder, deps: Deps, status: object
) -> None:
    api.status = 404

    assert (await send(deps, api.url, expect={"status": status})).startswith("404 Not Found")


async def test_another_2xx_than_the_expected_one_is_in_doubt(api: Recorder, deps: Deps) -> None:
    api.status = 202

    with pytest.raises(InDoubtError, match="202 Accepted instead of 200 or 201; it may have"):
        await send(deps, api.url, expect={"status": [200, 201]})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"state": {"done": [True]}, "n": 1}, None),
        ({"state": {"done": [1]}, "n": 1}, "its JSON has another state.done.0 than true"),
        ({"state": {"done": [True]}, "n": True}, "its JSON has another n than 1"),
        ({"state": {"done": []}, "n": 1}, "its JSON has no state.done.0"),
        ({"state": None}, "its JSON has no state.done.0"),
        ([], "its JSON has no state.done.0"),
    ],
)
async def test_the_json_of_the_answer_can_be_expected(
    api: Recorder, deps: Deps, body: object, problem: str | None
) -> None:
    api.body = json.dumps(body).encode()

    raised = await failure(deps, api.url, expect={"json": {"state.done.0": True, "n": 1}})

    assert (raised is None) == (problem is None)
    if raised is not None:
        assert type(raised) is InDoubtError
        assert f"200 OK, but {problem}; it may have happened" in str(raised)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"a":"' + b"x" * (1 << 20) + b'"}', "it is too long to be read as JSON"),
    ],
)
async def test_an_answer_that_is_not_the_expected_json_is_in_doubt(
    api: Recorder, deps: Deps, body: bytes, problem: str
) -> None:
    api.body = body

    with pytest.raises(InDoubtError, match=f"200 OK, but {problem}; it may have happened"):
        await send(deps, api.url, expect={"json": {"a": "x"}})


async def test_a_refused_connection_proves_that_nothing_happened(deps: Deps) -> None:
    with pytest.raises(TransientError, match="cannot connect"):
        await send(deps, f"http://127.0.0.1:{await free_port()}/admin")


async def test_a_secret_that_stands_in_the_address_is_not_told(deps: Deps) -> None:
    deps.secrets.read({"env": "ADMIN_TOKEN"})

    raised = await failure(deps, f"http://127.0.0.1:{await free_port()}/{CANARY}")

    assert "/[redacted]: cannot connect" in str(raised)


async def test_an_error_quotes_the_body_in_one_line_without_secrets(
    api: Recorder, deps: Deps
) -> None:
    encoded = base64.b64encode(f"me:{CANARY}".encode()).decode()
    api.status = 422
    api.body = f"token\n\x1b[31m {CANARY} and {encoded} are {'long ' * 100}".encode()

    raised = await failure(deps, api.url, auth=BEARER)

    text = str(raised)
    assert ": token [31m [redacted] and bWU6[redacted]" in text
    assert CANARY not in text
    assert text.endswith("…")
    assert len(text) < 320


async def test_a_secret_at_the_place_of_the_cut_does_not_show_its_first_half(
    api: Recorder, deps: Deps
) -> None:
    api.status = 422
    api.body = b"x" * 195 + CANARY.encode()

    raised = await failure(deps, api.url, auth=BEARER)

    assert CANARY[:4] not in str(raised)


async def test_refused_credentials_without_auth_say_so(api: Recorder, deps: Deps) -> None:
    api.status = 401

    with pytest.raises(PermanentError, match="look at auth none; give the step an auth"):
        await send(deps, api.url)


async def test_a_step_that_preflight_refuses_is_not_sent_either(api: Recorder, deps: Deps) -> None:
    with pytest.raises(PermanentError) as error:
        await send(deps, f"{api.url}/a", auth={"bearer": {"env": "GONE"}})

    assert str(error.value) == (
        f"POST {api.url}/a: not sent: auth: secret env:GONE: the variable is not set; "
        "set it in the environment of this program"
    )
    assert api.journal == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"json": {}, "body": "x"}, "one of json, body and form"),
        ({"json": None, "form": {}}, "one of json, body and form"),
        ({"headers": {"Bad Name": "x"}}, "'Bad Name' is no name of a header"),
        ({"headers": {"authorization": "Bearer x"}}, "for credentials use auth"),
        ({"headers": {"Idempotency-Key": "x"}}, "header Idempotency-Key cannot be set here"),
        ({"method": "TRACE"}, "Input should be 'POST'"),
        ({"follow": True}, "Extra inputs are not permitted"),
        ({"expect": {"status": [100]}}, "greater than or equal to 200"),
    ],
)
def test_options_that_make_no_sense_are_refused(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        options("http://host/", **more)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"json": {"emergency": True}, "auth": BEARER},
            'POST http://h/x json={"emergency": true} auth=bearer env:ADMIN_TOKEN',
        ),
        (
            {
                "method": "PUT",
                "body": "a\nb",
                "headers": {"X-Key": {"file": "/run/key"}},
                "auth": {"basic": {"user": "me", "password": {"env": "PASSWORD"}}},
            },
            'PUT http://h/x body="a\\nb" X-Key="file:/run/key" auth=basic me env:PASSWORD',
        ),
        (
            {"form": {"a": "b c"}, "auth": {"header": {"name": "X-Key", "value": {"env": "K"}}}},
            "POST http://h/x form=a=b+c auth=header X-Key env:K",
        ),
        ({"json": None}, "POST http://h/x json=null"),
        ({"method": "DELETE"}, "DELETE http://h/x"),
    ],
)
def test_a_line_shows_what_would_be_sent(deps: Deps, more: dict[str, Any], line: str) -> None:
    assert plugin.probe(options("http://h/x", **more), deps).render() == line
