import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from watchdog.domain.errors import ConfigError, JournalError, WatchdogError
from watchdog.web.control import MAX_BODY, taking_commands


@dataclass
class Ears:
    """Writes down what it is told to do, and answers or raises as a test wants."""

    heard: list[tuple[str, Mapping[str, Any], int]] = field(default_factory=list)
    error: WatchdogError | None = None

    async def obey(self, command: str, arguments: Mapping[str, Any], uid: int) -> Mapping[str, Any]:
        self.heard.append((command, arguments, uid))
        if self.error is not None:
            raise self.error
        return {"done": command}


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        yield session


async def posted(path: Path, command: str, body: bytes = b"{}") -> tuple[int, dict[str, Any]]:
    async with client(path) as session, session.post(f"/v1/{command}", data=body) as response:
        return response.status, json.loads(await response.text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watchdog.sock"


@pytest.fixture
def ears() -> Ears:
    return Ears()


async def test_a_command_is_obeyed_with_its_arguments_and_the_users_number(
    path: Path, ears: Ears
) -> None:
    async with taking_commands(path, ears.obey):
        answer = await posted(path, "pause", b'{"target": "checkout", "uid": 12345}')

    assert answer == (200, {"done": "pause"})
    assert ears.heard == [("pause", {"target": "checkout", "uid": 12345}, os.getuid())]


async def test_only_the_user_of_the_daemon_may_use_it(path: Path, ears: Ears) -> None:
    async with taking_commands(path, ears.obey):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_it_is_gone_at_the_end(path: Path, ears: Ears) -> None:
    async with taking_commands(path, ears.obey):
        assert path.exists()

    assert not path.exists()


async def test_what_another_put_in_its_place_stays(path: Path, ears: Ears) -> None:
    async with taking_commands(path, ears.obey):
        path.unlink()
        path.write_text("another's")

    assert path.read_text() == "another's"


async def test_what_a_dead_process_left_is_replaced(path: Path, ears: Ears) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))

    async with taking_commands(path, ears.obey):
        assert (await posted(path, "status"))[0] == 200


async def test_the_place_of_a_living_one_is_refused(path: Path, ears: Ears) -> None:
    async with taking_commands(path, ears.obey):
        with pytest.raises(ConfigError, match=f"another daemon answers at {path}"):
            async with taking_commands(path, ears.obey):
                pass
        assert (await posted(path, "status"))[0] == 200


async def test_a_file_that_is_no_socket_is_left_alone(path: Path, ears: Ears) -> None:
    path.write_text("precious")

    with pytest.raises(ConfigError, match="exists and is no socket"):
        async with taking_commands(path, ears.obey):
            pass

    assert path.read_text() == "precious"


async def test_a_path_that_no_socket_can_have_is_a_clear_error(tmp_path: Path, ears: Ears) -> None:
    with pytest.raises(ConfigError, match="longer than 107 bytes"):
        async with taking_commands(tmp_path / ("x" * 120), ears.obey):
            pass


async def test_a_missing_folder_is_a_clear_error(tmp_path: Path, ears: Ears) -> None:
    with pytest.raises(ConfigError, match="its folder must exist"):
        async with taking_commands(tmp_path / "none" / "s.sock", ears.obey):
            pass


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ConfigError("no such target"), (400, {"kind": "usage", "error": "no such target"})),
        (JournalError("disk full"), (503, {"kind": "journal", "error": "disk full"})),
        (WatchdogError("not now"), (409, {"kind": "refused", "error": "not now"})),
    ],
)
async def test_the_kind_of_a_refusal_is_told(
    path: Path, ears: Ears, error: WatchdogError, answer: tuple[int, dict[str, str]]
) -> None:
    ears.error = error

    async with taking_commands(path, ears.obey):
        assert await posted(path, "pause") == answer


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe"])
async def test_what_is_no_object_is_refused_and_not_obeyed(
    path: Path, ears: Ears, body: bytes
) -> None:
    async with taking_commands(path, ears.obey):
        status, answer = await posted(path, "pause", body)

    assert status == 400
    assert "JSON" in answer["error"]
    assert ears.heard == []


async def test_a_body_without_end_is_refused(path: Path, ears: Ears) -> None:
    async with (
        taking_commands(path, ears.obey),
        client(path) as session,
        session.post("/v1/pause", data=b" " * (MAX_BODY + 1)) as response,
    ):
        assert response.status == 413

    assert ears.heard == []


async def test_only_posts_are_commands(path: Path, ears: Ears) -> None:
    async with (
        taking_commands(path, ears.obey),
        client(path) as session,
        session.get("/v1/kill") as response,
    ):
        assert response.status == 405

    assert ears.heard == []


async def test_making_it_leaves_the_umask_of_the_process_alone(path: Path, ears: Ears) -> None:
    before = os.umask(0o022)
    try:
        async with taking_commands(path, ears.obey):
            pass
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
