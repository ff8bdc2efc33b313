"""How long a process took to go on with the run that the one before it left."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from watchdog.domain.events import Record
from watchdog.domain.progress import RunResumed


def recoveries(records: Sequence[Record], begun: Sequence[float]) -> Iterator[float]:
    """Seconds from each start that took a run up to what that run did first, or to its end."""
    for start, following in pairwise((*begun, float("inf"))):
        life = [r for r in records if start <= r.at.elapsed < following and _of_a_run(r)]
        if len(life) > 1 and isinstance(life[0].event, RunResumed):
            yield life[1].at.elapsed - start


def _of_a_run(record: Record) -> bool:
    return hasattr(record.event, "run")
