"""What comes in to a lane, one thing at a time: looks, orders of people, calls to look again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from watchdog.domain.errors import WatchdogError
from watchdog.engine.evaluator import Looked


class Wake:
    """Something that was waited for has come: a run is over, or the journal is well again."""


@dataclass(slots=True)
class Order:
    """Something a person asks of a lane; answered once it is done."""

    call: Callable[[], Awaitable[Any]]
    answer: "asyncio.Future[Any]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def obey(self, end: WatchdogError) -> None:
        """Do it and answer; with `end` when that is cut short."""
        try:
            answer = await self.call()
        except WatchdogError as error:
            self.refuse(error)
        except asyncio.CancelledError:
            self.refuse(end)
            raise
        else:
            if not self.answer.done():
                self.answer.set_result(answer)

    def refuse(self, error: WatchdogError) -> None:
        """Answer with `error`, where anybody still waits for an answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Inbox:
    """The queue of one lane. Nobody who puts something in waits for room."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ended = False
        self._queue: asyncio.Queue[Looked | Order | Wake] = asyncio.Queue()

    def put(self, item: Looked | Wake) -> None:
        """Hand it over; never waits."""
        self._queue.put_nowait(item)

    async def order(self, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 -- as `call`
        """Have `call` done in its turn; returns (or raises) what it does."""
        if self._ended:
            raise self.stopping()
        order = Order(call)
        self._queue.put_nowait(order)
        return await order.answer

    async def take(self) -> Looked | Order | Wake:
        """The next thing, in the order they came."""
        return await self._queue.get()

    def close(self) -> None:
        """Answer all orders that nobody will obey any more."""
        self._ended = True
        while not self._queue.empty():
            left = self._queue.get_nowait()
            if isinstance(left, Order):
                left.refuse(self.stopping())

    def stopping(self) -> WatchdogError:
        """What is answered at the end of the daemon."""
        return WatchdogError(f"{self._name}: the daemon is stopping; try again once it runs")
