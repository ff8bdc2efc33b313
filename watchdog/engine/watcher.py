"""One source of one target: asks it every slot, and hands what it saw to the lane."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.engine.defects import unexpected
from watchdog.engine.evaluator import Looked
from watchdog.ports import Clock, Question, Source

# Worth a second try within the slot: the question may never have arrived.
_RETRIED = {Unknown.ERROR, Unknown.TIMEOUT, Unknown.HTTP}
_SHARE_OF_SLOT = 0.9


class Watcher:
    """Asks `source` its questions once a slot of `every` seconds, with one retry inside it."""

    def __init__(  # noqa: PLR0917 -- each is one of a kind
        self,
        name: str,
        every: float,
        source: Source,
        questions: Sequence[Question],
        clock: Clock,
        post: Callable[[Looked], None],
    ) -> None:
        self.name = name
        self.every = every
        self.since = clock.now()
        self.last_round: Moment | None = None
        self.retired = False
        self._source = source
        self._questions = questions
        self._clock = clock
        self._post = post

    async def tick(self, slot: int, at: Moment) -> None:
        """Look once, as of `at`, and post a complete round whatever happened."""
        looked = self._clock.now()
        ends = looked.elapsed + self.every * _SHARE_OF_SLOT
        seen = dict(await self._ask(self._questions, at, ends))
        again = [q for q in self._questions if _worth_a_retry(seen.get(q.id))]
        if again and self._clock.now().elapsed < ends:
            seen.update(await self._ask(again, at, ends))
        if not self.retired:
            self._post(Looked(self.name, slot, at, seen, looked))
        self.last_round = self._clock.now()

    async def _ask(
        self, questions: Sequence[Question], at: Moment, ends: float
    ) -> Mapping[str, Observation]:
        left = ends - self._clock.now().elapsed
        try:
            async with asyncio.timeout(left):
                return await self._source.observe(questions, at)
        except TimeoutError:
            gap = Gap(Unknown.TIMEOUT, f"no answer within {left:.3g} s")
        except Exception as error:  # noqa: BLE001 -- the boundary of a plugin, which may have bugs
            gap = Gap(Unknown.ERROR, unexpected(error))
        return {question.id: gap for question in questions}


def _worth_a_retry(observation: Observation | None) -> bool:
    return isinstance(observation, Gap) and observation.reason in _RETRIED
