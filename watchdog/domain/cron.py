"""Cron's five fields, read as cron reads them: which minutes of which days they name."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Cron counts from Sunday on, and calls it 7 as well.
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEK = len(_DAYS)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = 5
# A leap year of 2026 and after, and the days around it: every date that there is.
_SURVEY = (date(2028, 1, 1), 366 + 7)


@dataclass(frozen=True, slots=True)
class Cron:
    """When something begins. `weekdays` as Python counts them: Monday is 0.

    Empty `days` or `weekdays`: every one of them.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @property
    def least_gap(self) -> float | None:
        """Seconds between the two beginnings that are nearest to each other; None: never two."""
        times = [3600.0 * hour + 60.0 * minute for hour in self.hours for minute in self.minutes]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        days = list(self._dates())
        gaps += [
            (later - earlier).total_seconds() + times[0] - times[-1]
            for earlier, later in pairwise(days)
        ]
        return min(gaps, default=None)

    def _dates(self) -> Iterator[date]:
        first, count = _SURVEY
        for number in range(count):
            day = first + timedelta(number)
            if (
                day.month in self.months
                and (not self.days or day.day in self.days)
                and (not self.weekdays or day.weekday() in self.weekdays)
            ):
                yield day


def parsed(text: str) -> Cron:
    """What `text` says. Raises ValueError, with what would be right."""
    words = text.lower().split()
    if len(words) != _FIELDS:
        raise ValueError(
            f"has {len(words)} fields, and cron has 5: minute, hour, day of the month, month, "
            'day of the week; write it like "0 22 * * FRI"'
        )
    minute, hour, day, month, weekday = words
    if "*" not in (day, weekday):
        raise ValueError(
            "names days of the month and of the week: some take that for both, and some for "
            "either; write two windows"
        )
    cron = Cron(
        minutes=_numbers(minute, "minute", 0, 59),
        hours=_numbers(hour, "hour", 0, 23),
        days=() if day == "*" else _numbers(day, "day of the month", 1, 31),
        months=_numbers(month, "month", 1, 12, _MONTHS),
        weekdays=() if weekday == "*" else _weekdays(weekday),
    )
    if cron.days and not any(_LONGEST[one - 1] >= cron.days[0] for one in cron.months):
        raise ValueError("never begins: no such month has such a day")
    return cron


def _weekdays(word: str) -> tuple[int, ...]:
    found = {day % _WEEK for day in _numbers(word, "day of the week", 0, _WEEK, _DAYS)}
    return tuple(sorted((day - 1) % _WEEK for day in found))


def _numbers(
    word: str, name: str, first: int, last: int, names: tuple[str, ...] = ()
) -> tuple[int, ...]:
    """Every number that `word` stands for, in order."""
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step = part.partition("/")
        if slash and not (_is_number(step) and int(step) > 0):
            raise _wrong(name, part, first, last, names)
        begin, dash, end = span.partition("-")
        if span == "*":
            low, high = first, last if name != "day of the week" else last - 1
        else:
            low = _number(begin, name, first, last, names)
            high = _number(end, name, first, last, names) if dash else low
            high = last if slash and not dash else high
        if high < low and names is _DAYS:
            # From Saturday to Monday is a stretch of the week like any other.
            high += _WEEK
        if high < low:
            raise _wrong(name, part, first, last, names)
        found |= set(range(low, high + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _number(word: str, name: str, first: int, last: int, names: tuple[str, ...]) -> int:
    if word in names:
        return names.index(word) + first
    if not _is_number(word) or not first <= int(word) <= last:
        raise _wrong(name, word, first, last, names)
    return int(word)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= len("59")


def _wrong(name: str, word: str, first: int, last: int, names: tuple[str, ...]) -> ValueError:
    called = f" or {names[0]} to {names[-1]}" if names else ""
    return ValueError(
        f"{word[:20]!r} is no {name}: write {first} to {last}{called}, *, a list, a-b or */n"
    )
