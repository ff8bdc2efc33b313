"""When a breach began, as far as the looks tell: what a change is compared with."""

from dataclasses import dataclass, replace

from watchdog.domain.moment import Moment
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Inactive, Trigger, TriggerState


@dataclass(frozen=True, slots=True)
class Onset:
    """The last good look, and the first bad one since. Neither is moved by a restart.

    Not `since` of a pending trigger: that one starts anew when nobody could look for a while,
    and is put off by the downtime of a restart, so that a breach would seem to be younger.
    """

    good: Moment | None = None
    bad: Moment | None = None

    def earliest(self, trigger: Trigger) -> Moment | None:
        """The earliest moment at which the breach may have begun; None: nobody can tell.

        Where looks are missing before the first bad one, it may have begun behind any of them.
        """
        if self.bad is None or self.good is None:
            return None
        unseen = (trigger.max_gap + 1) * trigger.every
        return self.bad if self.bad.since(self.good) <= unseen else self.good


def seen(onset: Onset, verdict: Verdict, after: TriggerState, at: Moment) -> Onset:
    """`onset` after a look as of `at` that left the trigger in the state `after`."""
    match verdict:
        case Verdict.BREACH:
            return onset if onset.bad else replace(onset, bad=at)
        case Verdict.OK if isinstance(after, Inactive):
            return Onset(good=at)
        case _:
            return onset


def saved(onset: Onset) -> list[list[float] | None]:
    """`onset` as JSON values; elapsed seconds are of this boot's clock."""
    return [None if one is None else [one.elapsed, one.wall] for one in (onset.good, onset.bad)]


def loaded(kept: list[list[float] | None] | None, offset: float) -> Onset:
    """The onset of `saved`, on a clock that is `offset` seconds ahead of the one it was kept by."""
    good, bad = kept or (None, None)
    return Onset(_moment(good, offset), _moment(bad, offset))


def _moment(pair: list[float] | None, offset: float) -> Moment | None:
    return None if pair is None else Moment(pair[0] + offset, pair[1])
