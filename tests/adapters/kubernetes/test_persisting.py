import pytest

from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.domain.errors import PermanentError, TransientError


class Server:
    """Answers once it was asked `failures` times."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or TransientError("gone")
        self.asked = 0

    async def read(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise self.error
        return "here"


async def test_who_comes_back_is_heard() -> None:
    server = Server(1)

    assert await persistently(server.read) == "here"
    assert server.asked == 2


async def test_who_stays_away_is_given_up_with_what_was_last_said() -> None:
    with pytest.raises(TransientError, match="gone"):
        await persistently(Server(1000).read, patience=0.05)


async def test_who_refuses_is_asked_once() -> None:
    server = Server(1000, PermanentError("no"))

    with pytest.raises(PermanentError, match="no"):
        await persistently(server.read)
    assert server.asked == 1
