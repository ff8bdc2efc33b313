"""The image, built without a registry, runs read-only and without rights to a verified rollback."""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bed.stepping_service import STEPS, stepping_service
from tests.deploy.containers import IMAGE, Podman, missing_programs
from tests.kills.killing import PATIENCE, read_journal, write_file
from watchdog.domain.progress import RunEnded

ROOT = Path(__file__).parents[2]
NOBODY = 65532
LOCKED_DOWN = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all",
    "--security-opt", "no-new-privileges",
)  # fmt: skip

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    missing = missing_programs()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}; run `make system`")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; run `make system`")
    if os.geteuid() != 0:
        pytest.skip("a base is made by mmdebstrap as root")
    # Podman takes a folder of 50 characters at most.
    with tempfile.TemporaryDirectory(prefix="podman-", dir="/tmp") as folder:
        podman = Podman(Path(folder))
        podman.make_bases()
        podman.build(ROOT)
        yield podman
        podman("system", "reset", "--force", check=False)


@asynccontextmanager
async def _container(podman: Podman, folder: Path) -> AsyncIterator[None]:
    """The image as the Deployment runs it: its configuration read-only, its journal a volume."""
    state = folder / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    file = folder / "watchdog.yaml"
    file.chmod(0o644)
    name = f"rollback-watchdog-{os.getpid()}"
    started = await asyncio.to_thread(
        podman, "run", "--detach", "--name", name, *LOCKED_DOWN,
        "--env", "ROLLBACK_WATCHDOG_LISTEN=",
        "--volume", f"{file}:/etc/rollback-watchdog/watchdog.yaml:ro",
        "--volume", f"{state}:/var/lib/rollback-watchdog",
        IMAGE,
    )  # fmt: skip
    assert started.returncode == 0
    try:
        yield
    finally:
        logs = await asyncio.to_thread(podman, "logs", name, check=False)
        (folder / "container.log").write_text(logs.stdout + logs.stderr)
        await asyncio.to_thread(podman, "stop", "--time", "30", name, check=False)
        await asyncio.to_thread(podman, "rm", "--force", name, check=False)


async def test_it_rolls_back_read_only_without_root_and_without_capabilities(
    podman: Podman, tmp_path: Path
) -> None:
    async with stepping_service(random.Random(1).randrange(100)) as service:
        write_file(tmp_path, service, look_up=True)
        async with _container(podman, tmp_path):
            async with asyncio.timeout(PATIENCE):
                await service.finished.wait()

    outcomes = [
        record.event.outcome.value
        for record in await read_journal(tmp_path / "state")
        if isinstance(record.event, RunEnded)
    ]
    assert outcomes == ["succeeded"]
    assert service.done == dict.fromkeys(STEPS, 1)


def test_it_is_nobody_and_holds_no_installer_and_no_compiler(podman: Podman) -> None:
    looked = podman(
        "run", "--rm", *LOCKED_DOWN, "--entrypoint", "/opt/rollback-watchdog/bin/python", IMAGE,
        "-c", "import importlib.util, os, shutil;"
        "print(os.getuid(), [n for n in ('pip', 'setuptools', 'hatchling')"
        " if importlib.util.find_spec(n)], [n for n in ('gcc', 'cc', 'make', 'git') "
        "if shutil.which(n)])",
    )  # fmt: skip

    assert looked.stdout.strip() == f"{NOBODY} [] []"


def test_its_bytecode_is_compiled(podman: Podman) -> None:
    looked = podman(
        "run", "--rm", *LOCKED_DOWN, "--entrypoint", "/opt/rollback-watchdog/bin/python", IMAGE,
        "-c", "import importlib.util, pathlib, watchdog.ports;"
        "print(pathlib.Path(importlib.util.cache_from_source(watchdog.ports.__file__)).exists())",
    )  # fmt: skip

    assert looked.stdout.strip() == "True"


def test_nothing_of_this_machine_is_copied_into_it(podman: Podman) -> None:
    looked = podman(
        "run", "--rm", *LOCKED_DOWN, "--entrypoint", "/opt/rollback-watchdog/bin/python", IMAGE,
        "-c", "import pathlib;"
        "print([str(p) for p in (pathlib.Path('/etc/pip.conf'), pathlib.Path('/src')) "
        "if p.exists()])",
    )  # fmt: skip

    assert looked.stdout.strip() == "[]"
