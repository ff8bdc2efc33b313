"""What may stand under `freeze:` and `maintenance:`: when nothing is to be begun."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from watchdog.config.fields import Entry, Name, Text
from watchdog.domain.cron import parsed
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import Spared, Window, WindowKind
from watchdog.plugins import Duration

_FORM = "write it like 2026-12-24T18:00, or with an offset like 2026-12-24T18:00+01:00"
_SEVERITIES = {one.name.lower(): one for one in Severity}
# Whoever freezes for longer than this has another reason, and `mode: alert-only`.
_LONGEST = 366 * 86_400.0


def _cron(value: str) -> str:
    parsed(value)
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write one such as Europe/Berlin, or UTC"
        raise ValueError(f"there is no zone {value!r} here; {hint}")
    return value


def _date(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:40]!r} is no date and time; {_FORM}") from None
    return value


Cron = Annotated[Text, AfterValidator(_cron)]
Zone = Annotated[Text, AfterValidator(_zone)]
Date = Annotated[Text, AfterValidator(_date), WithJsonSchema({"type": "string"})]


class WindowEntry(Entry):
    """Again and again (`cron` and `for`), or once (`from` and `to`)."""

    reason: Text = Field(description="why; told with every refusal")
    cron: Cron | None = Field(
        None, description="when it begins: minute, hour, day, month, day of the week"
    )
    for_: Annotated[Duration, Field(gt=0, le=_LONGEST)] | None = Field(
        None, alias="for", description="how long it lasts, as time goes by"
    )
    from_: Date | None = Field(None, alias="from", description="when it begins, once")
    to: Date | None = Field(None, description="when it is over")
    zone: Zone = Field("UTC", description="whose clocks are meant, such as Europe/Berlin")

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        again = (self.cron is not None, self.for_ is not None)
        once = (self.from_ is not None, self.to is not None)
        if again + once not in ((True, True, False, False), (False, False, True, True)):
            raise ValueError("a window is `cron` with `for`, or `from` with `to`")
        if self.begins >= self.ends:
            raise ValueError("is empty: `to` must be later than `from`")
        return self

    @property
    def begins(self) -> float:
        """The Unix second at which it begins; of one that comes again, before all others."""
        return self._at(self.from_) if self.from_ else -math.inf

    @property
    def ends(self) -> float:
        """The Unix second at which it is over; of one that comes again, after all others."""
        # Of a time that a clock shows twice, the second: nothing thaws before it was meant to.
        return max(self._at(self.to, fold) for fold in (0, 1)) if self.to else math.inf

    def _at(self, written: str, fold: int = 0) -> float:
        at = datetime.fromisoformat(written)
        here = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(self.zone), fold=fold)
        return here.timestamp()


class FreezeEntry(WindowEntry):
    """A time in which no automatic run begins."""

    except_: Annotated[list[Name], Field(min_length=1)] = Field(
        default=[],
        alias="except",
        description="severities (from the least one on) and causes that pass",
    )


class MaintenanceEntry(WindowEntry):
    """Planned work: nothing is acted on, and nobody is woken up."""


def windows_of(
    freezes: Iterable[FreezeEntry], maintenance: Iterable[MaintenanceEntry]
) -> tuple[Window, ...]:
    """As the rest of the program works with them."""
    return (
        *(
            replace(_window(WindowKind.FREEZE, one), spared=spared_of(one.except_))
            for one in freezes
        ),
        *(_window(WindowKind.MAINTENANCE, one) for one in maintenance),
    )


def spared_of(words: Iterable[str]) -> Spared:
    """Severities and causes, as they are written."""
    words = list(words)
    grave = [_SEVERITIES[word] for word in words if word in _SEVERITIES]
    causes = tuple(word for word in words if word not in _SEVERITIES)
    return Spared(min(grave, default=None), causes)


def _window(kind: WindowKind, entry: WindowEntry) -> Window:
    if entry.cron is not None and entry.for_ is not None:
        return Window(kind, entry.reason, entry.cron, entry.zone, entry.for_)
    return Window(kind, entry.reason, begins=entry.begins, ends=entry.ends)
