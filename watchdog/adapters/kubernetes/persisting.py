"""Asks again for as long as an API server does not answer: most come back within a minute."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from watchdog.adapters.kubernetes.refusals import (
    ForbiddenError,
    UnauthorizedError,
    asked_to_wait,
)
from watchdog.domain.errors import StepError, TransientError

# Seconds. Shorter than one look of a run may take.
PATIENCE = 20.0
# Seconds for which a refusal may be one of an API server that has only just come back: for a
# moment it knows neither the tokens nor the rights of anybody.
DOUBT = 5.0
_AGAIN, _LONGEST = 0.5, 5.0
T = TypeVar("T")


class Doubt:
    """Refusals in a row that are not believed yet: as many as come within `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._most = self._left = round(seconds / _AGAIN)

    def covers(self, error: StepError) -> bool:
        """Whether to ask once more in spite of it."""
        self._left -= 1
        return isinstance(error, ForbiddenError | UnauthorizedError) and self._left >= 0

    def over(self) -> None:
        """Nothing was refused: whatever was before is forgotten."""
        self._left = self._most


async def persistently(
    read: Callable[[], Awaitable[T]], patience: float = PATIENCE, *, doubt: float = 0.0
) -> T:
    """What `read`, which must change nothing, gives at last.

    Raises what it raised last, once it raised TransientError for `patience` seconds. With a
    `doubt`, in seconds, so long a refusal of the account is not believed either.
    """
    last: StepError | None = None
    doubts = Doubt(doubt)
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    return await read()
                except TransientError as error:
                    last = error
                    doubts.over()
                except StepError as error:
                    if not doubts.covers(error):
                        raise
                    last = error
                await asyncio.sleep(pause_after(last))
    except TimeoutError:
        raise last or TransientError(f"no answer within {patience:g} s") from None


def pause_after(error: StepError) -> float:
    """Seconds until it makes sense to ask again: as long as was asked for, if it is not long."""
    return min(max(_AGAIN, asked_to_wait(error)), _LONGEST)
