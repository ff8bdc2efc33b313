"""The programs of a control plane that do not start, are not ours, or lose who started them."""

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bed.control_plane import ControlPlane, started_control_plane, wait_for
from tests.control_plane.processes import Parts, PortTakenError, until_ready

ROOT = Path(__file__).parents[2]
START = """
import sys, time
from pathlib import Path
from tests.control_plane.processes import Parts
parts = Parts({"etcd": Path(sys.argv[1])}, Path(sys.argv[2]), {}, {})
parts.start("etcd")
print(parts.running["etcd"].pid, flush=True)
time.sleep(600)
"""


def test_another_api_server_is_not_taken_for_ours(control_plane: ControlPlane) -> None:
    theirs = control_plane.parts
    ours = Parts(theirs.programs, theirs.folder, theirs.ports, {"bed": "a-token-of-this-run"})

    with pytest.raises(PortTakenError, match="another API server answers"):
        until_ready(ours)


def test_a_program_that_ends_is_named_with_what_it_said(tmp_path: Path) -> None:
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    programs: Mapping[str, Path] = dict.fromkeys(names, script(tmp_path, "echo no disk; exit 3"))

    with (
        pytest.raises(OSError, match="ended with 3: no disk"),
        started_control_plane(programs, tmp_path / "plane"),
    ):
        pass


def test_whoever_started_it_is_killed_and_nothing_is_left_over(tmp_path: Path) -> None:
    program = script(tmp_path, "echo at work; exec sleep 600")
    words = [sys.executable, "-c", START, str(program), str(tmp_path)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        wait_for(lambda: "at work" in (tmp_path / "etcd.log").read_text(), "it has begun")
        assert is_running(pid)
        process.kill()

    wait_for(lambda: not is_running(pid), "the program has ended as well")


def script(folder: Path, text: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)
    return path


def is_running(pid: int) -> bool:
    """Neither gone, nor ended and not yet buried by whoever inherited it."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
