import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.control_plane.programs import found, missing

if TYPE_CHECKING:
    from tests.bed.control_plane import ControlPlane


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


@pytest.fixture(scope="session")
def control_plane(
    tmp_path_factory: pytest.TempPathFactory, require_program: Callable[[str], str]
) -> "Iterator[ControlPlane]":
    """A real Kubernetes; one for all tests of this process, kept apart by their namespaces."""
    for name in ("openssl", "setpriv"):
        require_program(name)
    if unbuilt := missing():
        reason = f"not built: {', '.join(unbuilt)}; run `make control-plane`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # Only who needs it waits for its imports.
    from tests.bed.control_plane import started_control_plane  # noqa: PLC0415

    with started_control_plane(found(), tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: "ControlPlane") -> Iterator[str]:
    """One of its own for this test, gone with all that is in it when the test ends."""
    name = control_plane.namespace()
    yield name
    control_plane.delete(f"namespace/{name}")
