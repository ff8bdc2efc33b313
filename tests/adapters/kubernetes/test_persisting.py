import pytest

from watchdog.adapters.kubernetes.api import ForbiddenError
from watchdog.adapters.kubernetes.persisting import DOUBT, Doubt, persistently
from watchdog.adapters.kubernetes.refusals import UnauthorizedError
from watchdog.domain.errors import PermanentError, StepError, TransientError


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


@pytest.mark.parametrize("error", [ForbiddenError("no"), UnauthorizedError("who?")])
async def test_who_has_only_just_come_back_may_refuse_for_a_moment(error: StepError) -> None:
    server = Server(1, error)

    assert await persistently(server.read, doubt=DOUBT) == "here"
    assert server.asked == 2


async def test_a_refusal_is_believed_in_the_end() -> None:
    server = Server(1000, ForbiddenError("no"))

    with pytest.raises(ForbiddenError, match="no"):
        await persistently(server.read, doubt=0.5)
    assert server.asked == 2


def test_doubts_are_of_refusals_of_the_account_alone_and_of_those_in_a_row() -> None:
    doubts, refusal = Doubt(1.0), ForbiddenError("no")

    assert not doubts.covers(PermanentError("no such kind"))
    doubts.over()
    assert [doubts.covers(refusal) for _ in range(3)] == [True, True, False]
    doubts.over()
    assert doubts.covers(refusal)
