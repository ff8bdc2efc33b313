"""A real PostgreSQL on a socket of its own, and a writer who remembers what was acknowledged."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bed.patience import until

USER = "bed"
# Seconds. Far more than it takes.
PATIENCE = 60.0
# Debian keeps them off the PATH, one folder for each version.
_FOLDERS = Path("/usr/lib/postgresql")


@dataclass(slots=True)
class Postgres:
    """A server, and the rows of its table `orders`. Its socket is in `folder`."""

    psql: str
    folder: Path
    acknowledged: int = 0
    enough: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What reaches it by psql, quietly and without anybody's own settings."""
        return (
            self.psql, "-h", str(self.folder), "-U", USER, "-d", "postgres",
            "-XAtq", "-v", "ON_ERROR_STOP=1",
        )  # fmt: skip

    async def number(self, query: str) -> int:
        process = await asyncio.create_subprocess_exec(
            *self.words, "-c", query, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
        return int(out)

    async def write(self) -> None:
        """Insert one row after the other until it is `enough`; count those acknowledged."""
        process = await asyncio.create_subprocess_exec(
            *self.words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            while not self.enough:
                row = self.acknowledged + 1
                process.stdin.write(b"INSERT INTO orders VALUES (%d) RETURNING n;\n" % row)
                async with asyncio.timeout(PATIENCE):
                    answer = await process.stdout.readline()
                assert int(answer) == row
                self._note(row)
                await asyncio.sleep(0.01)
        finally:
            process.stdin.close()
            await process.wait()

    async def until_written(self, rows: int) -> None:
        await until(lambda: self.acknowledged >= rows, f"{rows} rows are in", PATIENCE)

    def _note(self, row: int) -> None:
        self.acknowledged = row
        note = self.folder / "noted"
        note.write_text(str(row))
        note.replace(self.folder / "acknowledged")


@asynccontextmanager
async def postgres(require_program: Callable[[str], str]) -> AsyncIterator[Postgres]:
    """A server with an empty table `orders`, from nothing, and gone at the end."""
    psql, programs = require_program("psql"), _programs(require_program)
    # Its owner must be able to reach it, which they could not in a folder of the tests.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        await _run(programs / "initdb", folder, "-D", "data", "-U", USER, "-A", "trust", "-N")
        server = await _start(
            programs / "postgres", folder, "-D", "data", "-k", str(folder), "-h", ""
        )
        try:
            found = Postgres(psql, folder)
            await _until_it_answers(found)
            yield found
        finally:
            server.send_signal(signal.SIGINT)
            await server.wait()


def _programs(require_program: Callable[[str], str]) -> Path:
    """The folder of `initdb` and `postgres`."""
    versions = sorted(
        (each for each in _FOLDERS.glob("*/bin") if (each / "initdb").exists()),
        key=lambda each: float(each.parent.name),
    )
    return versions[-1] if versions else Path(require_program("initdb")).parent


async def _start(program: Path, folder: Path, *words: str) -> asyncio.subprocess.Process:
    # It refuses to work as root.
    user = "postgres" if os.getuid() == 0 else None
    with (folder / "server.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            str(program), *words, cwd=folder, user=user,
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip


async def _run(program: Path, folder: Path, *words: str) -> None:
    process = await _start(program, folder, *words)
    async with asyncio.timeout(PATIENCE):
        assert await process.wait() == 0, (folder / "server.log").read_text()


async def _until_it_answers(server: Postgres) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            process = await asyncio.create_subprocess_exec(
                *server.words, "-c", "CREATE TABLE IF NOT EXISTS orders (n bigint PRIMARY KEY)",
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            if await process.wait() == 0:
                return
            await asyncio.sleep(0.05)
