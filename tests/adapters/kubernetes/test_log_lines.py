"""Lines of many logs are counted as they come: never are all of them held at once."""

import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bed.deps import KnownSecrets
from tests.bed.wire import web_server
from tests.control_plane.credentials import kubeconfig
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.asks import Ask
from watchdog.adapters.kubernetes.looks import look
from watchdog.adapters.kubernetes.reads import Reads
from watchdog.adapters.kubernetes.workloads import Workload
from watchdog.domain.errors import TransientError
from watchdog.domain.observation import Observation, Sample

PODS, LINES = 16, 3000
LINE = b"ERROR %d " + b"x" * 300 + b"\n"


class Pods(Reads):
    """So many of them, all of which have begun."""

    async def pods(self, which: Workload) -> Sequence[Object]:
        return [_pod(f"shop-{number}") for number in range(PODS)]


def _pod(name: str) -> Object:
    state = {"name": "app", "state": {"running": {}}, "restartCount": 0}
    return {
        "metadata": {"name": name, "uid": name},
        "spec": {"containers": [{"name": "app"}]},
        "status": {"phase": "Running", "containerStatuses": [state]},
    }


@asynccontextmanager
async def cluster(answer: Any, folder: Path) -> AsyncIterator[KubeApi]:  # noqa: ANN401
    async with web_server(answer) as url:
        file = folder / "kubeconfig"
        file.write_text(kubeconfig(url, folder, "token", "default"))
        async with reached(Access(kubeconfig=str(file))) as api:
            yield api


async def counted(api: KubeApi, **more: object) -> Observation:
    asked = {"of": "deployment/shop", "matching": "ERROR", **more}
    return await look(Pods(api), Ask.model_validate({"log_lines": asked}), KnownSecrets())


async def written(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for first in range(0, LINES, 100):
        await response.write(b"".join(LINE % number for number in range(first, first + 100)))
    return response


async def test_all_lines_are_counted_and_few_of_them_held(tmp_path: Path) -> None:
    async with cluster(written, tmp_path) as api:
        tracemalloc.start()
        try:
            seen = await counted(api)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert isinstance(seen, Sample)
    assert (seen.read, seen.warnings) == (PODS * LINES, ())
    # All of them are more than 15 million.
    assert peak < 6_000_000


async def test_a_log_that_was_cut_short_is_warned_of(tmp_path: Path) -> None:
    async with cluster(written, tmp_path) as api:
        seen = await counted(api, tail=LINES)

    assert isinstance(seen, Sample)
    assert seen.warnings[0].startswith("shop-0, shop-1, shop-2: more than 3000 lines in 1m")


async def test_a_pod_that_is_gone_meanwhile_has_written_nothing(tmp_path: Path) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        if "/shop-3/" in request.path:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        return web.Response(text="ERROR one\nfine\n")

    async with cluster(gone, tmp_path) as api:
        seen = await counted(api)

    assert isinstance(seen, Sample)
    assert seen.read == PODS - 1


async def test_a_log_that_breaks_off_is_no_answer(tmp_path: Path) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(LINE % 1)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with cluster(broken, tmp_path) as api:
        with pytest.raises(TransientError, match="no answer from the API server"):
            await counted(api)
