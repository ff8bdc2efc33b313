"""Reads the bodies of requests: so many at once, so long, and within their time."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

# Seconds in which the whole body must have come, and bodies that are read at once.
BODY_LIMIT = 10.0
MOST_BODIES = 32


class BodyError(Exception):
    """There is no body to work with; the text says why."""


class TooLongError(BodyError):
    """It is longer than allowed."""


class LateError(BodyError):
    """It did not come in time."""


class CrowdedError(BodyError):
    """Too many are being read already."""


class BrokenError(BodyError):
    """It ended before it was whole."""


@dataclass(slots=True)
class Bodies:
    """Reads bodies of at most `most_bytes`."""

    most_bytes: int
    limit: float = BODY_LIMIT
    _reading: int = field(default=0, init=False)

    async def read(self, request: web.Request) -> bytes:
        """The whole body of `request`. Raises BodyError."""
        if (request.content_length or 0) > self.most_bytes:
            self._too_long()
        if self._reading >= MOST_BODIES:
            raise CrowdedError("too many requests at once")
        self._reading += 1
        try:
            async with asyncio.timeout(self.limit):
                return await self._whole(request)
        except TimeoutError:
            raise LateError(f"the body did not come within {self.limit:g} s") from None
        except web.RequestPayloadError:
            raise BrokenError("the body is broken") from None
        finally:
            self._reading -= 1

    async def _whole(self, request: web.Request) -> bytes:
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self.most_bytes:
                self._too_long()
        return bytes(body)

    def _too_long(self) -> None:
        raise TooLongError(f"the body is longer than {self.most_bytes} bytes")
