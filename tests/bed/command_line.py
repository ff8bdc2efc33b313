"""The command as a user starts it: a process of its own, the daemon among them."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.bed.shop import wait_until
from watchdog.cli.asking import ask
from watchdog.cli.main import app, told

# Nobody's settings, and no colours.
_ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("ROLLBACK_WATCHDOG_", "STATE_DIRECTORY"))
} | {"NO_COLOR": "1", "COLUMNS": "100"}
LIMIT = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said before it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever it printed)
        return json.loads(self.out)


def command(*words: object, cwd: Path | None = None) -> Said:
    """Run `rollback-watchdog WORDS` to its end."""
    done = subprocess.run(
        _argv(words),
        capture_output=True,
        check=False,
        cwd=cwd,
        env=_ENVIRON,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def called(*words: object) -> Said:
    """The same in this process: quicker, and as good where no signal or import matters."""
    errors = io.StringIO()
    result = CliRunner().invoke(app, [str(word) for word in words])
    code = result.exit_code
    if isinstance(result.exception, Exception):
        with redirect_stderr(errors):
            code = told(result.exception)
    return Said(code, result.stdout, result.stderr + errors.getvalue())


def _argv(words: Sequence[object]) -> list[str]:
    return [sys.executable, "-m", "watchdog", *map(str, words)]


@dataclass(slots=True)
class Running:
    """A daemon at work."""

    process: "subprocess.Popen[bytes]"
    file: Path
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def status(self) -> dict[str, Any]:
        """What it says of itself through its socket."""
        return self.ask("status")

    def ask(self, word: str, **arguments: object) -> dict[str, Any]:
        """Its answer to a command; quicker than a process for each."""
        return ask(str(self.file.parent / "state/journal.sock"), word, arguments)

    @property
    def target(self) -> dict[str, Any]:
        """The one target of its status."""
        (target,) = self.status["targets"]
        assert isinstance(target, dict)
        return target

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log about one event."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{")
        return [line for line in lines if line.get("event") == event]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """The last of at least `count` lines about `event`."""
        wait_until(lambda: self._ended_or(event, count), f"{event} in\n{self.log.read_text()}")
        found = self.logged(event)
        assert len(found) >= count, f"it ended before {event}:\n{self.log.read_text()}"
        return found[-1]

    def _ended_or(self, event: str, count: int) -> bool:
        return self.process.poll() is not None or len(self.logged(event)) >= count

    def end(self) -> int:
        """Its exit code once it has ended by itself."""
        return self.process.wait(LIMIT)


@contextmanager
def daemon(
    file: Path, starting: Callable[[Running], None] = lambda _running: None
) -> Iterator[Running]:
    """A daemon of that file, from when it watches until the end of the block.

    `starting` is called before it watches.
    """
    log = file.with_suffix(".log")
    words = _argv(["run", file, "--log-format", "json"])
    with (
        log.open("ab") as stream,
        subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=_ENVIRON
        ) as process,
    ):
        running = Running(process, file, log)
        try:
            starting(running)
            running.wait_for("watching", len(running.logged("watching")) + 1)
            yield running
        finally:
            if process.poll() is None:
                process.kill()
