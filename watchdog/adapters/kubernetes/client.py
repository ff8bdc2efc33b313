"""The library's client, with what it has no words for, and given up without loose ends."""

from collections.abc import Awaitable
from typing import Any, TypeVar

import anyio
import httpx2
from lightkube import AsyncClient
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.generic_client import GenericAsyncClient

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
        self, resource: type[Any], name: str, uid: str, namespace: str | None = None
    ) -> None:
        """The API server answers 409 where another one has the name, and leaves it alone."""
        own = self._client
        asked = own.prepare_request("delete", res=resource, name=name, namespace=namespace)
        asked.data = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
        }
        answer = await own.send(own.build_adapter_request(asked))  # type: ignore[no-untyped-call]
        own.handle_response("delete", answer, asked)


class _Unbroken(GenericAsyncClient):
    """Tidies up to the end, also when whoever asked is cancelled meanwhile."""

    async def send(self, req: httpx2.Request, stream: bool = False) -> httpx2.Response:  # noqa: FBT001, FBT002 -- as the library has it
        return await _tidily(super().send(req, stream=stream))  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await _tidily(super().close())  # type: ignore[no-untyped-call]


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
