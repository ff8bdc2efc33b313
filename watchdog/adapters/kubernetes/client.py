"""The library's client, with what it has no words for, and given up without loose ends."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from typing import Any, TypeVar

import anyio
import httpx2
from lightkube import AsyncClient
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.generic_client import GenericAsyncClient
from lightkube.resources.core_v1 import PodLog

_Given = TypeVar("_Given")


class Client(AsyncClient):
    """Deletes one object, and not whichever has its name by then.

    A call may be cancelled at any moment: no connection is left open by that.
    """

    def __init__(
        self, config: SingleConfig, namespace: str | None, timeout: httpx2.Timeout, manager: str
    ) -> None:
        # Not the library's own, which would make another client of the same kind first.
        self._timeout = timeout
        self._client = _Unbroken(
            ConnectionParams(timeout=timeout), config, namespace=namespace, field_manager=manager
        )

    async def delete_exactly(
        self,
        resource: type[Any],
        name: str,
        preconditions: Mapping[str, str],
        namespace: str | None = None,
    ) -> None:
        """The API server answers 409 where it is another one by now, and leaves it alone."""
        own = self._client
        asked = own.prepare_request("delete", res=resource, name=name, namespace=namespace)
        asked.data = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": dict(preconditions),
        }
        answer = await own.send(own.build_adapter_request(asked))  # type: ignore[no-untyped-call]
        own.handle_response("delete", answer, asked)

    async def log_lines(
        self,
        pod: str,
        container: str | None,
        namespace: str | None,
        *,
        tail: int,
        since: int | None,
    ) -> AsyncGenerator[str, None]:
        """Each line as it comes; the library would hold the whole log before the first one."""
        own = self._client
        asked = own.prepare_request(
            "get",
            PodLog,
            name=pod,
            namespace=namespace,
            params={"container": container, "tailLines": tail, "sinceSeconds": since},
        )
        request = own.build_adapter_request(asked)
        answer = await own.send(request, stream=True)  # type: ignore[no-untyped-call]
        try:
            if answer.is_error:
                # What it says of itself is in its body.
                await answer.aread()
            own.raise_for_status(answer)  # type: ignore[no-untyped-call]
            async for line in answer.aiter_lines():
                yield line
        finally:
            await answer.aclose()


class _Unbroken(GenericAsyncClient):
    """Tidies up to the end, also when whoever asked is cancelled meanwhile."""

    async def send(self, req: httpx2.Request, stream: bool = False) -> httpx2.Response:  # noqa: FBT001, FBT002 -- as the library has it
        answer: httpx2.Response = await _tidily(
            super().send(req, stream=stream)  # type: ignore[no-untyped-call]
        )
        if stream and isinstance(answer.stream, httpx2.AsyncByteStream):
            answer.stream = _Tidy(answer.stream)
        return answer

    async def close(self) -> None:
        await _tidily(super().close())  # type: ignore[no-untyped-call]


class _Tidy(httpx2.AsyncByteStream):
    """A body that comes in pieces, such as that of a watch; closed as tidily."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        await _tidily(self._stream.aclose())


async def _tidily(call: Awaitable[_Given]) -> _Given:
    """What `call` gives. A cancellation reaches it as one that waits while it tidies up.

    The library shields what it tidies up from cancellations by anyio, not from those of asyncio:
    one that comes while it closes the first of several old connections leaves the others open.
    """
    given: list[_Given] = []
    failed: Exception | None = None

    async def asked() -> None:
        given.append(await call)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(asked)
    except ExceptionGroup as group:
        failed = group.exceptions[0]
    # Not raised in there: what it says of where it came from would be lost.
    if failed is not None:
        raise failed
    return given[0]
