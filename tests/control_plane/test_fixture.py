"""What tests of Kubernetes do where its programs are not built."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0)])
def test_they_are_skipped_but_fail_in_ci(ci: str, code: int, tmp_path: Path) -> None:
    test = "tests/control_plane/test_control_plane.py::test_a_quota_is_enforced"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    environment.pop("KUBEBUILDER_ASSETS", None)
    environment |= {"CI": ci, "XDG_CACHE_HOME": str(tmp_path)}

    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == code, done.stdout + done.stderr
    assert "not built: etcd, kwok, kube-apiserver" in done.stdout
    assert "run `make control-plane`" in done.stdout
