"""The programs that render and apply what is shipped."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.control_plane.programs import HELM, found


@pytest.fixture(scope="session")
def kubectl(require_program: Callable[[str], str]) -> str:
    return require_program("kubectl")


@pytest.fixture(scope="session")
def helm() -> Path:
    if HELM.packages.keys() - found([HELM]).keys():
        reason = "not built: helm; run `make control-plane`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found([HELM])["helm"]
