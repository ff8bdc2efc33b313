import os
import shutil
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def require_program() -> Callable[[str], str]:
    """Give a program's path, or skip: but in CI a missing program is a failure."""

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is not None:
            return path
        reason = f"the program {name!r} is not installed: run `make system`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return require
