"""A daemon in this process that guards a shop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bed.shop import Shop, write_files
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon


@asynccontextmanager
async def at_work(file: Path) -> AsyncIterator[Opened]:
    async with (
        open_daemon(Files([file]), EnvAndFileSecrets({})) as opened,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(opened.daemon.run(opened.open_runs))
        await opened.daemon.ready.wait()
        yield opened
        opened.daemon.service.stop("the test is over")


def two_targets(folder: Path, shop: Shop) -> Path:
    file = write_files(folder, shop)
    other = (folder / "shop.yaml").read_text().replace("target: shop", "target: other")
    (folder / "other.yaml").write_text(other)
    file.write_text(file.read_text().replace("[shop.yaml]", "[shop.yaml, other.yaml]"))
    return file
