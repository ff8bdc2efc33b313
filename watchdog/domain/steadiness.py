"""When further looks that show the same leave a trigger as it is: what a replay may step over."""

from dataclasses import replace

from watchdog.domain.moment import Moment
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.trigger import Firing, Inactive, TriggerStatus


def steady(status: TriggerStatus, judgement: Judgement) -> bool:
    """Whether any number of looks with this same judgement only moves the counters of `status`.

    True promises that each of them, in the slots that follow without a hole, gives no change, and
    that what comes of all of them is what `rested` says. False promises nothing.
    """
    if not _sees_the_same(status, judgement):
        return False
    match status.state:
        case Inactive():
            return judgement.verdict is not Verdict.BREACH
        case Firing(confirmed=True, clear_since=None, gap=0, breaching=True):
            return judgement.verdict is Verdict.BREACH
        case Firing(clear_since=None, gap=0, breaching=False):
            return judgement.verdict is Verdict.OK and not judgement.clears
        case _:
            # What is pending counts every look.
            return False


def _sees_the_same(status: TriggerStatus, judgement: Judgement) -> bool:
    """Whether the darkness, or the light, that `judgement` finds is told already."""
    is_dark = judgement.verdict is Verdict.UNKNOWN and (
        judgement.reason is None or judgement.reason.is_dark
    )
    if is_dark:
        return status.blind and status.dark_since is not None
    return not status.blind and status.dark_since is None


def rested(
    status: TriggerStatus, judgement: Judgement, looks: int, now: Moment, slot: int
) -> TriggerStatus:
    """A steady `status` after `looks` further looks, the last of them at `now` in `slot`."""
    decided = judgement.verdict is not Verdict.UNKNOWN
    fresh = status.fresh + looks if decided else status.fresh
    return replace(status, slot=slot, fresh=fresh, judged_at=now)
