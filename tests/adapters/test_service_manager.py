"""sd_notify against real datagram sockets, as systemd has them."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from watchdog.adapters.service_manager import ServiceManager

PID = 4711


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A socket at `address`, which `@` begins where it has no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(address.replace("@", "\0", 1))
        own.settimeout(5)
        yield own


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "file" else f"@watchdog-{os.getpid()}"


def test_words_arrive_as_one_datagram_a_line_each(address: str) -> None:
    with listening(address) as own:
        ServiceManager({"NOTIFY_SOCKET": address}, PID).tell("READY=1", "STATUS=watching")

        assert own.recv(4096) == b"READY=1\nSTATUS=watching"


def test_a_line_break_begins_no_further_word(address: str) -> None:
    with listening(address) as own:
        ServiceManager({"NOTIFY_SOCKET": address}, PID).tell("STATUS=disk\nWATCHDOG=1")

        assert own.recv(4096) == b"STATUS=disk WATCHDOG=1"


def test_signs_of_life_are_given_twice_as_often_as_they_are_asked_for() -> None:
    environ = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "120000000"}

    assert ServiceManager(environ, PID).every == 60
    assert ServiceManager({**environ, "WATCHDOG_PID": str(PID)}, PID).every == 60


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "120000000"},
        {"NOTIFY_SOCKET": "@x"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"},
    ],
)
def test_nobody_asked_this_process_for_signs_of_life(environ: dict[str, str]) -> None:
    assert ServiceManager(environ, PID).every == 0


@pytest.mark.parametrize("name", ["", "vsock:2:1234", "relative"])
def test_where_there_is_no_such_socket_nobody_is_told(name: str) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": name}, PID)

    manager.tell("READY=1")

    assert not manager.listens


def test_a_socket_that_is_gone_or_full_holds_nothing_up(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager = ServiceManager({"NOTIFY_SOCKET": address}, PID)
    manager.tell("READY=1")

    with listening(address) as own:
        for _ in range(2000):
            manager.tell("WATCHDOG=1")
        assert own.recv(4096) == b"WATCHDOG=1"
