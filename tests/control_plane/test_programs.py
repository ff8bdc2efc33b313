"""Where the programs of the control plane come from, with a `go` that builds nothing."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.control_plane import programs
from tests.control_plane.programs import HELM, MODULES, build, found, main, missing

ROOT = Path(__file__).parents[2]
BUILT = (*MODULES, HELM)
EVERY = sorted(name for module in BUILT for name in module.packages)
# It notes that it was called, takes its time, and writes what stands behind `-o`.
GO = """#!/bin/sh
echo "$@" >> {calls}
sleep 0.1
{then}
while [ "$1" != -o ]; do shift; done
echo made > "$2"
chmod +x "$2"
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, and nothing else in the environment that says where programs are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("CI", "false")
    return tmp_path / "cache/rollback-watchdog/control-plane"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the calls of a false `go` stand, one a line."""
    use_go(tmp_path, monkeypatch)
    return tmp_path / "calls"


def use_go(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str = "") -> None:
    executable(folder / "bin/go", GO.format(calls=folder / "calls", then=then))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def executable(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(stat.S_IRWXU)
    return path


def test_every_program_is_built_once_and_found_from_then_on(cache: Path, calls: Path) -> None:
    assert missing()

    assert main() == 0
    assert main() == 0

    assert sorted(found(BUILT)) == EVERY
    assert all(path.is_relative_to(cache) for path in found(BUILT).values())
    assert len(calls.read_text().splitlines()) == len(EVERY)


def test_each_program_is_kept_under_the_version_that_its_go_mod_pins(cache: Path) -> None:
    for module in BUILT:
        text = (ROOT / "tests/control_plane" / module.folder / "go.mod").read_text()
        assert f"{module.required} {module.version}\n" in text
        assert module.version in module.cache.name


def test_kubernetes_is_told_its_version(cache: Path, calls: Path) -> None:
    build(BUILT)

    (built,) = [line for line in calls.read_text().splitlines() if "cmd/kube-apiserver" in line]
    (module,) = [each for each in MODULES if each.folder == "kubernetes"]
    assert f"gitVersion={module.version} " in built


def test_two_at_once_build_it_once(cache: Path, calls: Path) -> None:
    words = [sys.executable, "-m", "tests.control_plane.programs"]

    with ThreadPoolExecutor() as threads:
        both = [threads.submit(subprocess.run, words, cwd=ROOT, check=True) for _ in range(2)]
        for each in both:
            each.result()

    assert len(calls.read_text().splitlines()) == len(EVERY)
    assert not missing(BUILT)


def test_a_build_that_fails_leaves_nothing_and_the_next_one_goes_on(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for module in BUILT:
        (module.cache / ".building-killed").mkdir(parents=True)
    use_go(tmp_path, monkeypatch, then='case "$*" in *scheduler*) exit 2;; esac')

    assert main() == 0

    assert "kube-scheduler: `go build` ended with 2" in capfd.readouterr().err
    assert missing() == ["kube-scheduler"]
    use_go(tmp_path, monkeypatch)
    assert main() == 0
    assert not missing(BUILT)
    left = [path.name for path in cache.rglob("*") if path.name.startswith(".building-")]
    assert left == []


@pytest.mark.parametrize("ci", ["true", "false"])
def test_without_go_it_is_said_what_follows_and_ci_fails(
    ci: str, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(cache))
    monkeypatch.setenv("CI", ci)

    assert main() == (1 if ci == "true" else 0)

    said = capfd.readouterr().err
    assert "'go' is not installed" in said
    assert ("will be skipped" in said) is (ci == "false")


def test_assets_of_the_user_go_before_the_cache(
    cache: Path, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    theirs = executable(tmp_path / "assets/etcd")
    (tmp_path / "assets/kwok").write_text("not to be run")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    assert found()["etcd"] == theirs
    assert found()["kwok"].is_relative_to(cache)
    assert programs.cache_folder() == cache
