import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import watchdog
from watchdog.entry import EXIT_OTHER_DISTRIBUTION

COMMAND = str(Path(sys.executable).with_name("rollback-watchdog"))
STARTS = pytest.mark.parametrize(
    "start", [[COMMAND], [sys.executable, "-m", "watchdog"]], ids=["command", "module"]
)


def test_no_distribution_named_watchdog_is_installed_here() -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.distribution("watchdog")


def test_the_version_is_that_of_the_distribution() -> None:
    assert watchdog.__version__ == metadata.version("rollback-watchdog")


@STARTS
def test_it_starts_where_the_name_is_ours_alone(start: list[str], tmp_path: Path) -> None:
    answer = run([*start, "--help"], first_on_path=tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert "Usage" in answer.stdout


@STARTS
def test_it_refuses_beside_the_other_distribution(start: list[str], tmp_path: Path) -> None:
    install_the_other_distribution(tmp_path)

    assert_refused(run([*start, "--help"], first_on_path=tmp_path), tmp_path)


# Its `__main__.py` replaces ours too, so that `python -m watchdog` is theirs then.
def test_the_command_refuses_after_the_other_distribution_has_overwritten_it(
    tmp_path: Path,
) -> None:
    shutil.copytree(Path(watchdog.__file__).parent, tmp_path / "watchdog")
    install_the_other_distribution(tmp_path)
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "watchdog" / name).write_text("# theirs\n")

    assert_refused(run([COMMAND, "--help"], first_on_path=tmp_path), tmp_path)


def test_the_check_imports_nothing_else_of_ours(tmp_path: Path) -> None:
    code = "import sys, watchdog.entry; print(*(n for n in sys.modules if n[:8] == 'watchdog'))"

    answer = run([sys.executable, "-c", code], first_on_path=tmp_path)

    assert answer.stdout.split() == ["watchdog", "watchdog.entry"]


def install_the_other_distribution(site: Path) -> None:
    info = site / "watchdog-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: watchdog\nVersion: 9.9\n")


def run(command: list[str], *, first_on_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=first_on_path,
        env={**os.environ, "PYTHONPATH": str(first_on_path)},
        text=True,
        timeout=60,
    )


def assert_refused(answer: subprocess.CompletedProcess[str], site: Path) -> None:
    assert answer.returncode == EXIT_OTHER_DISTRIBUTION, answer.stderr
    assert answer.stdout == ""
    sentence, *rest = answer.stderr.splitlines()
    assert not rest
    assert f"the distribution 'watchdog' 9.9 in {site}" in sentence
    assert "pipx install rollback-watchdog" in sentence
