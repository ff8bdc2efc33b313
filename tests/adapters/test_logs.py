import io
import json
import logging
import math
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog

from watchdog.adapters.logs import Style, logs_to
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.domain.moment import Moment

CANARY = "kanarie-7f3a"


class FixedClock:
    def now(self) -> Moment:
        return Moment(elapsed=7.0, wall=1_700_000_000.25)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Client:
    token: str


@dataclass
class Logs:
    stream: io.StringIO

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def only(self) -> dict[str, object]:
        (line,) = self.lines
        return line


@pytest.fixture
def secrets() -> EnvAndFileSecrets:
    secrets = EnvAndFileSecrets({"TOKEN": CANARY})
    secrets.read({"env": "TOKEN"})
    return secrets


@pytest.fixture
def logs(secrets: EnvAndFileSecrets) -> Iterator[Logs]:
    stream = io.StringIO()
    with logs_to(stream, clock=FixedClock(), secrets=secrets):
        yield Logs(stream)


def fail_with_a_local_secret() -> None:
    local_secret = "not-" + "registered"
    raise ValueError(f"refused {CANARY} of length {len(local_secret)}")


def test_an_event_is_one_line_of_json_with_the_clock_s_time(logs: Logs) -> None:
    structlog.get_logger().info(
        "run_started", target="checkout", steps=3, undo=None, age=math.nan, note="a\nb"
    )

    assert logs.only == {
        "age": "nan",
        "event": "run_started",
        "level": "info",
        "note": "a\nb",
        "steps": 3,
        "target": "checkout",
        "timestamp": "2023-11-14T22:13:20.250Z",
        "undo": None,
    }


def test_no_value_of_any_shape_shows_a_secret(logs: Logs) -> None:
    structlog.get_logger().error(
        f"asked with {CANARY}",
        deep={"list": [1, CANARY, (CANARY,)], CANARY: {"x": f"a {CANARY}"}},
        some={CANARY},
        data=CANARY.encode(),
        client=Client(CANARY),
        error=ValueError(CANARY),
        **{CANARY: 1},
    )

    text = logs.stream.getvalue()
    assert CANARY not in text
    assert text.count("[redacted]") == 10


def test_a_traceback_is_told_without_secrets_and_without_local_variables(logs: Logs) -> None:
    try:
        fail_with_a_local_secret()
    except ValueError:
        structlog.get_logger().exception("step_failed")

    exception = str(logs.only["exception"])
    assert "ValueError: refused [redacted] of length 14" in exception
    assert "not-registered" not in exception


def test_the_console_shows_a_traceback_without_local_variables(
    secrets: EnvAndFileSecrets,
) -> None:
    stream = Terminal()
    with logs_to(stream, clock=FixedClock(), secrets=secrets, style=Style.CONSOLE):
        try:
            fail_with_a_local_secret()
        except ValueError:
            structlog.get_logger().exception("step_failed", token=CANARY)

    shown = stream.getvalue()
    assert "step_failed" in shown
    assert "ValueError: refused [redacted] of length 14" in shown
    assert "not-registered" not in shown
    assert CANARY not in shown
    assert "\x1b[" in shown


def test_only_a_terminal_gets_colours(secrets: EnvAndFileSecrets) -> None:
    stream = io.StringIO()
    with logs_to(stream, clock=FixedClock(), secrets=secrets, style=Style.CONSOLE):
        structlog.get_logger().warning("blind", source="metrics")

    assert "\x1b[" not in stream.getvalue()
    assert "source=metrics" in stream.getvalue()


def test_what_aiohttp_and_apscheduler_log_comes_the_same_way(logs: Logs) -> None:
    logging.getLogger("aiohttp.server").error("cannot serve %s", CANARY)
    logging.getLogger("apscheduler.scheduler").warning("missed by %d s", 3)

    server, scheduler = logs.lines
    assert (server["event"], server["level"]) == ("cannot serve [redacted]", "error")
    assert server["logger"] == "aiohttp.server"
    assert (scheduler["event"], scheduler["logger"]) == ("missed by 3 s", "apscheduler.scheduler")


def test_an_exception_of_the_standard_library_s_logging_keeps_its_traceback(logs: Logs) -> None:
    try:
        fail_with_a_local_secret()
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request")

    assert "ValueError: refused [redacted]" in str(logs.only["exception"])


def test_a_tick_of_the_scheduler_and_a_served_page_are_no_lines(logs: Logs) -> None:
    logging.getLogger("apscheduler.executors.default").info("Running job")
    logging.getLogger("aiohttp.access").info("GET /metrics")
    logging.getLogger("aiohttp.server").info("listening")

    assert logs.only["event"] == "listening"


def test_a_malformed_call_of_another_library_is_still_a_line(secrets: EnvAndFileSecrets) -> None:
    stream = io.StringIO()
    with logs_to(stream, clock=FixedClock(), secrets=secrets):
        logging.getLogger("other").warning("%d of %d", "one")  # noqa: PLE1206 (that is the point)

    assert Logs(stream).only["event"] == "%d of %d ('one',)"


def test_a_python_warning_is_a_line(logs: Logs) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"deprecated {CANARY}", DeprecationWarning, stacklevel=1)

    assert "DeprecationWarning: deprecated [redacted]" in str(logs.only["event"])


def test_what_is_below_the_level_is_not_written(secrets: EnvAndFileSecrets) -> None:
    stream = io.StringIO()
    with logs_to(stream, clock=FixedClock(), secrets=secrets, level="warning"):
        structlog.get_logger().info("quiet")
        logging.getLogger("other").info("quiet, too")
        structlog.get_logger().warning("heard")

    assert Logs(stream).only["event"] == "heard"


def test_the_end_of_the_context_restores_what_was_before(secrets: EnvAndFileSecrets) -> None:
    outer, inner = io.StringIO(), io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger("apscheduler").level
    with logs_to(outer, clock=FixedClock(), secrets=secrets):
        log = structlog.get_logger()
        log.info("one")
        with logs_to(inner, clock=FixedClock(), secrets=secrets):
            log.info("two")
        log.info("three")

    assert [line["event"] for line in Logs(outer).lines] == ["one", "three"]
    assert Logs(inner).only["event"] == "two"
    assert (logging.getLogger().handlers, logging.getLogger("apscheduler").level) == before


def test_importing_the_package_sets_up_no_logging() -> None:
    program = "import logging, watchdog.adapters.logs; print(logging.getLogger().handlers)"

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=30
    )

    assert answer.stdout == "[]\n"
