"""When written windows are open, by the clocks of their zone: cron on APScheduler."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from watchdog.domain.cron import parsed
from watchdog.domain.windows import OpenWindow, Window

MINUTE = 60.0
# A clock is never set by more than this at once.
_MARGIN = timedelta(hours=3)
_DAY = 86_400.0
_KEPT = 4096


class CronCalendar:
    """A `Calendar`.

    A beginning that a clock set forward leaves out comes that much later, and one that a clock
    set back shows twice is the first of both. How long a window lasts is elapsed time.
    """

    def open(self, windows: Sequence[Window], wall: float) -> Sequence[OpenWindow]:
        """Those of `windows` that are open at Unix second `wall`."""
        found = ((window, _ends(window, wall)) for window in windows)
        return [
            OpenWindow(window.kind, window.reason, ends, spared=window.spared)
            for window, ends in found
            if ends > wall
        ]


def _ends(window: Window, wall: float) -> float:
    """When the window ends that began last; before `wall` where none is open."""
    if not window.cron:
        return window.ends if window.begins <= wall else 0.0
    # Cron counts in minutes, so within one nothing begins: the second look costs nothing.
    began = _began(window.cron, window.zone, window.lasts, wall // MINUTE * MINUTE)
    return 0.0 if began is None else began + window.lasts


@lru_cache(_KEPT)
def _began(cron: str, name: str, lasts: float, minute: float) -> float | None:
    """The last beginning at or before `minute`, of those that may still last; Unix seconds."""
    trigger, zone = _trigger(cron), ZoneInfo(name)
    here = _local(minute, zone)
    steady = _local(minute - _DAY, zone) + timedelta(days=2) == _local(minute + _DAY, zone)
    margin = timedelta(0) if steady else _MARGIN
    span, reach = timedelta(minutes=1), timedelta(seconds=lasts) + _MARGIN
    while True:
        began = [
            at
            for one in _beginnings(trigger, here - span - margin, here + margin)
            if (at := one.replace(tzinfo=zone).timestamp()) <= minute
        ]
        if began:
            return max(began)
        if span >= reach:
            return None
        span = min(span * 4, reach)


@lru_cache(_KEPT)
def _trigger(text: str) -> CronTrigger:
    cron = parsed(text)
    # In UTC no hour is missing and none comes twice: what a zone makes of it is worked out here.
    return CronTrigger(
        month=_listed(cron.months),
        day=_listed(cron.days),
        day_of_week=_listed(cron.weekdays),
        hour=_listed(cron.hours),
        minute=_listed(cron.minutes),
        second=0,
        timezone=UTC,
    )


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers)) or "*"


def _beginnings(trigger: CronTrigger, first: datetime, last: datetime) -> Iterator[datetime]:
    """What local clocks show at each beginning between the two, both included."""
    at = first.replace(tzinfo=UTC)
    while (found := trigger.get_next_fire_time(None, at)) is not None:
        if found.replace(tzinfo=None) > last:
            return
        yield found.replace(tzinfo=None)
        at = found + timedelta(seconds=1)


def _local(wall: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(wall, zone).replace(tzinfo=None)
