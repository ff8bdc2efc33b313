"""When others may be told that the watchdog watches: after whole rounds, never by the clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watchdog.domain.moment import Moment

# A target and one of its sources.
Place = tuple[str, str]
# A beat that was not taken is tried again with the first whole round after so many seconds.
RETRY_AFTER = 10.0
# So many in a row that were not taken are worth a word to people.
FAILURES_TOLD = 3
# Rounds come a little early and a little late: a beat need not wait a whole round for that.
_EARLY = 0.9


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Where a beat goes, how often, and how long one may take (seconds).

    `url` is the address, or the reference to the secret that holds it; never shown either way.
    """

    url: str | Mapping[str, str] = field(repr=False)
    every: float = 60.0
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Beats:
    """What became of the beats so far. `since`: the next one needs a whole round after it.

    `failures` counts those in a row that were not taken, `failure` says why the last was not.
    """

    since: Moment
    sent: Moment | None = None
    tried: Moment | None = None
    failures: int = 0
    failure: str = ""
    all_sent: int = 0
    all_failed: int = 0

    def taken(self, at: Moment) -> "Beats":
        """After a beat that left at `at` was taken."""
        return replace(
            self, since=at, sent=at, tried=at, failures=0, failure="", all_sent=self.all_sent + 1
        )

    def refused(self, at: Moment, why: str) -> "Beats":
        """After a beat that left at `at` was not taken."""
        return replace(
            self,
            since=at,
            tried=at,
            failures=self.failures + 1,
            failure=why,
            all_failed=self.all_failed + 1,
        )

    def is_due(self, every: float, now: Moment) -> bool:
        """Whether it is time for one; not whether one may be sent."""
        pause = min(every, RETRY_AFTER) if self.failures else every
        return self.tried is None or now.since(self.tried) >= pause * _EARLY


def first_lacking(
    places: Iterable[Place], taken: Mapping[Place, Moment], since: Moment
) -> Place | None:
    """A source of which nothing was evaluated after `since`; None when the round is whole."""
    for place in places:
        at = taken.get(place)
        if at is None or at.elapsed <= since.elapsed:
            return place
    return None


def why_withheld(
    *,
    ready: bool,
    stopping: bool,
    journal_healthy: bool,
    lifeless: Sequence[str],
    watched: bool,
    lacking: Place | None,
) -> str:
    """Why no beat may be sent at this moment; empty when one may.

    `lifeless` says what has stopped; `lacking` is a source whose round is missing since the last.
    """
    if not ready:
        return "it has not started yet"
    if stopping:
        return "it is stopping"
    if not journal_healthy:
        return "the journal cannot be written"
    if lifeless:
        return lifeless[0]
    if not watched:
        return "it watches no source"
    if lacking is not None:
        return f"{lacking[0]}/{lacking[1]}: no round since the last beat"
    return ""
