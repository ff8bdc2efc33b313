"""The shipped systemd unit is one that systemd itself accepts."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from watchdog.adapters.journals.sqlite import WRITE_LIMIT

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "rollback-watchdog.service"


def _installed(folder: Path, program: Path) -> Path:
    """The unit as installed where the program lies at `program`: systemd looks whether it does."""
    text = UNIT.read_text().replace("/opt/rollback-watchdog/bin/rollback-watchdog", str(program))
    unit = folder / UNIT.name
    unit.write_text(text)
    return unit


def _verify(unit: Path, analyze: str) -> subprocess.CompletedProcess[str]:
    argv = [analyze, "verify", "--man=no", str(unit)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_systemd_accepts_the_unit(tmp_path: Path, require_program: Callable[[str], str]) -> None:
    program = tmp_path / "rollback-watchdog"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    done = _verify(_installed(tmp_path, program), require_program("systemd-analyze"))

    assert (done.returncode, _about(UNIT.name, done.stderr)) == (0, [])


def test_systemd_would_not_accept_a_unit_with_a_mistake(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    unit = _installed(tmp_path, tmp_path / "absent")

    done = _verify(unit, require_program("systemd-analyze"))

    assert _about(UNIT.name, done.stderr)


def test_the_unit_wants_the_signs_of_life_that_the_daemon_gives() -> None:
    lines = UNIT.read_text().splitlines()

    assert "Type=notify" in lines
    # After any end but one that was asked for, that of the watchdog included.
    assert "Restart=on-failure" in lines
    (seconds,) = [line.partition("=")[2] for line in lines if line.startswith("WatchdogSec=")]
    # The journal may keep the loop's lanes waiting for half a minute; that is no reason to die.
    assert int(seconds) >= 2 * WRITE_LIMIT


def _about(name: str, text: str) -> list[str]:
    """The lines that speak of our unit, not of others on this machine."""
    return [line for line in text.splitlines() if name in line]
