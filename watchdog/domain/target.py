"""A guarded target as configured: what is watched, what may be done, and how far it may go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from watchdog.domain.arming import Bar
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.decision_table import Row
from watchdog.domain.doors import ApiDoor, Doors, TlsFiles
from watchdog.domain.heartbeat import Heartbeat
from watchdog.domain.people import People
from watchdog.domain.plan import Options, Plan
from watchdog.domain.sidecar import Sidecar
from watchdog.domain.signal import Signal
from watchdog.domain.switches import Switches
from watchdog.domain.trigger import Severity, Trigger
from watchdog.domain.windows import Window


class Mode(StrEnum):
    """How far the program goes by itself."""

    ALERT_ONLY = "alert-only"
    APPROVE = "approve"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source to build once, and how often its signals are looked at (`every`, seconds)."""

    name: str
    use: str
    options: Options
    every: float


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """A signal and the question put to its source; `text` is the question for a person."""

    signal: Signal
    ask: Options
    text: str


@dataclass(frozen=True, slots=True)
class ChangeSourceSpec:
    """A source of changes to build once, and how often it is read (`every`, seconds)."""

    name: str
    use: str
    options: Options
    every: float


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """What is told of a target's changes. Times in seconds.

    `token` is a reference to the secret that CI must show; without it CI cannot tell. `within`:
    how old a change may be to be undone; `bake`: how long a version must stay healthy to be good.
    """

    sources: tuple[ChangeSourceSpec, ...] = ()
    token: Mapping[str, str] | None = None
    within: float = 7200.0
    bake: float = 1800.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Incidents with an automatic run that a target may have; `cooldown` in seconds."""

    per_hour: int = 1
    per_day: int = 2
    cooldown: float = 3600.0


@dataclass(frozen=True, slots=True)
class Veto:
    """A yes/no signal that forbids every automatic run while it says yes.

    Where it cannot be told, that forbids as well, unless its owner said otherwise.
    """

    signal: str
    refuses_unknown: bool = True


@dataclass(frozen=True, slots=True)
class NotifyRule:
    """Which topics, from which severity on, go to which channels."""

    on: tuple[str, ...]
    to: tuple[str, ...]
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class Target:
    """Everything about one target. `hash` is of the file's text: another one is a changed file."""

    name: str
    file: str
    hash: str
    mode: Mode
    sources: Mapping[str, SourceSpec]
    signals: Mapping[str, SignalSpec]
    triggers: tuple[Trigger, ...]
    plans: Mapping[str, Plan]
    armed_by: str = ""
    limits: Limits = field(default_factory=Limits)
    notify: tuple[NotifyRule, ...] = ()
    report_to: str = "reports"
    vetoes: tuple[Veto, ...] = ()
    decisions: tuple[Row, ...] = ()
    arming: Bar = field(default_factory=Bar)
    changes: ChangeRules | None = None
    windows: tuple[Window, ...] = ()

    def trigger(self, name: str) -> Trigger | None:
        """The trigger of that name, or of that label value, if the file still has it."""
        written = name.partition("{")[0]
        return next((trigger for trigger in self.triggers if trigger.name == written), None)


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """A notification channel to build once."""

    name: str
    use: str
    options: Options


@dataclass(frozen=True, slots=True)
class Daemon:
    """The daemon's own settings. `socket` is where commands come in; `listen` host:port or ""."""

    journal: str
    socket: str
    listen: str
    kill_file: str
    per_hour: int = 3
    channels: Mapping[str, ChannelSpec] = field(default_factory=dict)
    log_format: str = "json"
    grace: float = 25.0
    inbound: Doors | None = None
    tls: TlsFiles | None = None
    breaker: BreakerLimits = field(default_factory=BreakerLimits)
    people: People = field(default_factory=dict)
    api: ApiDoor | None = None
    windows: tuple[Window, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    keep: float | None = None
    archive: str = ""
    sidecar: Sidecar | None = None
    switches: Switches | None = None
