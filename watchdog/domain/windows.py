"""Freeze and maintenance: times in which nothing is begun, as written and as people set them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from watchdog.domain.moment import Moment, age
from watchdog.domain.trigger import Severity
from watchdog.domain.words import duration, utc

EVERYWHERE = ""
Told = TypeVar("Told")


class WindowKind(StrEnum):
    """What a window keeps from being done.

    FREEZE: no automatic run begins. MAINTENANCE: none, and what is seen of the target
    meanwhile wakes nobody up.
    """

    FREEZE = "freeze"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Spared:
    """Whom a freeze lets through: this severity and graver ones, and these causes."""

    severity: Severity | None = None
    causes: tuple[str, ...] = ()

    def lets_through(self, severity: Severity, causes: Sequence[str]) -> bool:
        """Whether a trigger of that severity, or of one of these causes, passes."""
        grave = self.severity is not None and severity >= self.severity
        return grave or any(cause in self.causes for cause in causes if cause)

    def __str__(self) -> str:
        grave = [self.severity.name.lower()] if self.severity is not None else []
        return ", ".join([*grave, *self.causes])


@dataclass(frozen=True, slots=True)
class Window:
    """A window as written: again and again, or once.

    With `cron`, it begins whenever that says by the clocks of `zone`, and lasts `lasts` seconds;
    without, it is from `begins` to `ends` (Unix seconds).
    """

    kind: WindowKind
    reason: str
    cron: str = ""
    zone: str = "UTC"
    lasts: float = 0.0
    begins: float = 0.0
    ends: float = 0.0
    spared: Spared = field(default_factory=Spared)

    def __str__(self) -> str:
        if self.cron:
            return f"{self.cron} for {duration(self.lasts)}, {self.zone}"
        return f"{utc(self.begins)} to {utc(self.ends)}"


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window that is open now, until Unix second `until`. `by`: who set it, or nobody."""

    kind: WindowKind
    reason: str
    until: float
    by: str = ""
    spared: Spared = field(default_factory=Spared)

    def __str__(self) -> str:
        spared = f", except {self.spared}" if str(self.spared) else ""
        return f"{self.reason}{f', by {self.by}' if self.by else ''}{spared}"


@dataclass(frozen=True, slots=True)
class WindowSet:
    """A person opens one, of a target or (empty) of all, until Unix second `until`."""

    target: str
    kind: WindowKind
    by: str
    reason: str
    until: float
    spared: Spared = field(default_factory=Spared)


@dataclass(frozen=True, slots=True)
class WindowLifted:
    """A person ends all of that kind that people opened there."""

    target: str
    kind: WindowKind
    by: str


@dataclass(frozen=True, slots=True)
class WindowBegan:
    """One holds this target from `since` on, whoever opened it; `until`: as far as is known."""

    target: str
    kind: WindowKind
    reason: str
    since: float
    until: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class WindowEnded:
    """None of that kind holds the target any longer; what is wrong with it at that moment.

    `since`: Unix seconds. `severity`: the gravest of what fires.
    """

    target: str
    kind: WindowKind
    reason: str
    since: float
    firing: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    severity: Severity = Severity.INFO


WindowEvent = WindowSet | WindowLifted | WindowBegan | WindowEnded


@dataclass(frozen=True, slots=True)
class _Setting:
    event: WindowSet
    at: Moment

    def left(self, now: Moment) -> float:
        """Seconds to go. By whichever clock says more: a clock that steps thaws nothing."""
        return self.event.until - self.at.wall - age(self.at, now)


@dataclass(slots=True)
class WindowBook:
    """What people opened, and what was said to have begun. Changed by `apply` alone."""

    KINDS = (WindowSet, WindowLifted, WindowBegan, WindowEnded)

    _set: dict[str, tuple[_Setting, ...]] = field(default_factory=dict)
    _begun: dict[tuple[str, WindowKind], WindowBegan] = field(default_factory=dict)

    def open(self, target: str, now: Moment) -> list[OpenWindow]:
        """Those that hold `target`, its own and those of all targets."""
        return [
            _opened(one, now)
            for scope in dict.fromkeys((EVERYWHERE, target))
            for one in self._set.get(scope, ())
            if one.left(now) > 0
        ]

    def is_set(self, scope: str, kind: WindowKind, now: Moment) -> bool:
        """Whether people opened one there that is not over: of this very scope."""
        return any(one.left(now) > 0 for one in self._of(scope, kind))

    def begun(self, target: str, kind: WindowKind) -> WindowBegan | None:
        """The beginning that was journalled last, as long as no end was."""
        return self._begun.get((target, kind))

    def apply(self, event: object, at: Moment) -> None:
        """Take one journalled fact into account."""
        match event:
            case WindowSet(target=scope):
                # One that is over by now is forgotten, so that they never become many.
                kept = (one for one in self._set.get(scope, ()) if one.left(at) > 0)
                self._set[scope] = (*kept, _Setting(event, at))
            case WindowLifted(target=scope, kind=kind):
                mine = self._of(scope, kind)
                kept = (one for one in self._set.get(scope, ()) if one not in mine)
                self._set[scope] = tuple(kept)
            case WindowBegan(target=target, kind=kind):
                self._begun[target, kind] = event
            case WindowEnded(target=target, kind=kind):
                self._begun.pop((target, kind), None)
            case _:
                pass

    def _of(self, scope: str, kind: WindowKind) -> list[_Setting]:
        return [one for one in self._set.get(scope, ()) if one.event.kind is kind]


def _opened(one: _Setting, now: Moment) -> OpenWindow:
    event, until = one.event, now.wall + one.left(now)
    return OpenWindow(event.kind, event.reason, until, event.by, event.spared)


def of_kind(windows: Sequence[OpenWindow], kind: WindowKind) -> list[OpenWindow]:
    """Those of one kind, the one that lasts longest first."""
    return sorted((one for one in windows if one.kind is kind), key=lambda one: -one.until)


def turned(
    book: WindowBook, target: str, windows: Sequence[OpenWindow], now: Moment
) -> Iterator[WindowBegan | WindowKind]:
    """What begins now, and the kinds that are over: where the journal says otherwise."""
    for kind in WindowKind:
        held, begun = of_kind(windows, kind), book.begun(target, kind)
        if held and begun is None:
            first = held[0]
            yield WindowBegan(target, kind, first.reason, now.wall, first.until, first.by)
        elif begun is not None and not held:
            yield kind


def kept_down(event: Told, planned: str) -> Told:
    """`event` as one of planned work, where it is of a kind that tells people of trouble."""
    if not planned or getattr(event, "planned", None) != "":
        return event
    return replace(event, planned=planned)  # type: ignore[type-var]
