"""Every journalled fact, one frozen dataclass each; a run, an incident, a limit is their fold."""

from dataclasses import dataclass

from watchdog.domain.ailments import AilmentFound, AilmentOver
from watchdog.domain.arming import ArmedEarly, ModeChanged, TriggersDefined
from watchdog.domain.asking import CommandAnswered, CommandReceived, CommandRefused
from watchdog.domain.breaker import BreakerClosed, BreakerOpened
from watchdog.domain.change import ChangeSeen, VersionGood, VersionQuarantined, VersionReleased
from watchdog.domain.claims import InboundIncomplete, SignalReceived
from watchdog.domain.expiring import ChangeExpired, ExpiryWarned
from watchdog.domain.keeping import OlderJournalAccepted, RecordsRemoved, SnapshotKept
from watchdog.domain.moment import Moment
from watchdog.domain.outcomes import (
    Acknowledged,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
)
from watchdog.domain.progress import (
    BudgetExceeded,
    CheckEnded,
    CheckSampled,
    Effect,
    EvidenceCollected,
    Outcome,
    Point,
    Progress,
    Proof,
    ReportWritten,
    RunEnded,
    RunParked,
    RunRecovered,
    RunResumed,
    RunStarted,
    RunVerified,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
    StopRequested,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.requests import ApprovalEvent
from watchdog.domain.shadow import DecisionJudged, Ending, ShadowOutcome
from watchdog.domain.trigger import Change, Severity
from watchdog.domain.windows import WindowBegan, WindowEnded, WindowLifted, WindowSet

__all__ = [
    "Acknowledged",
    "AilmentFound",
    "AilmentOver",
    "ArmedEarly",
    "BreakerClosed",
    "BreakerOpened",
    "BudgetExceeded",
    "ChangeExpired",
    "ChangeSeen",
    "CheckEnded",
    "CheckSampled",
    "ClockStepped",
    "CommandAnswered",
    "CommandReceived",
    "CommandRefused",
    "ConfigLoaded",
    "ConfigRefused",
    "DaemonStarted",
    "DaemonStopped",
    "Decided",
    "DecisionJudged",
    "Effect",
    "Ending",
    "Event",
    "EvidenceCollected",
    "ExpiryWarned",
    "InboundIncomplete",
    "IncidentClosed",
    "IncidentOpened",
    "KillSwitchChanged",
    "LatchCleared",
    "ModeChanged",
    "NotificationDelivered",
    "NotificationGivenUp",
    "OlderJournalAccepted",
    "Outcome",
    "OutcomeClosed",
    "OutcomeEscalated",
    "OutcomeOpened",
    "Paused",
    "Point",
    "Progress",
    "Proof",
    "Record",
    "RecordsRemoved",
    "ReportWritten",
    "Resumed",
    "RunEnded",
    "RunParked",
    "RunRecovered",
    "RunResumed",
    "RunStarted",
    "RunVerified",
    "ShadowOutcome",
    "SignalReceived",
    "SnapshotKept",
    "SourceSeesAgain",
    "SourceWentBlind",
    "Stage",
    "StageEntered",
    "StepAnswered",
    "StepEnded",
    "StepIntended",
    "StepObserved",
    "StepResult",
    "StopRequested",
    "TriggerChanged",
    "TriggerJoined",
    "TriggersDefined",
    "VersionGood",
    "VersionQuarantined",
    "VersionReleased",
    "WatchEnded",
    "WatchStarted",
    "WindowBegan",
    "WindowEnded",
    "WindowLifted",
    "WindowSet",
]


@dataclass(frozen=True, slots=True)
class DaemonStarted:
    version: str
    pid: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DaemonStopped:
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigLoaded:
    """`armed_by` names who armed it, where the mode is auto."""

    target: str
    file: str
    hash: str
    mode: str
    armed_by: str = ""


@dataclass(frozen=True, slots=True)
class ConfigRefused:
    file: str
    error: str


@dataclass(frozen=True, slots=True)
class TriggerChanged:
    """`evidence` holds the looks of the window that led here, oldest first.

    `planned`: the planned work (maintenance) during which it happened; empty for none.
    """

    target: str
    trigger: str
    change: Change
    severity: Severity
    since: float
    note: str = ""
    query: str = ""
    condition: str = ""
    unit: str = ""
    limit: float = 0.0
    evidence: tuple[Point, ...] = ()
    planned: str = ""


@dataclass(frozen=True, slots=True)
class SourceWentBlind:
    """Nothing decided from `source` for too long; a person must look. `since`: Unix seconds."""

    target: str
    source: str
    since: float
    reason: str
    triggers: tuple[str, ...]
    planned: str = ""


@dataclass(frozen=True, slots=True)
class SourceSeesAgain:
    target: str
    source: str
    since: float


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about a proposal. `refusal` is empty when it is to act.

    `until`: Unix seconds from which the refusal no longer holds by itself, or None.
    `would_do`: the plan as it would be sent, one line a step. `unchecked`: the refusals that
    were not asked about, because the target declares no source of changes. `follows`: the run of
    a lower level that did not help, whose next level this is about.
    """

    target: str
    incident: str
    plan: str
    trigger: str
    severity: Severity
    episode: str
    refusal: str = ""
    detail: str = ""
    until: float | None = None
    would_do: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    follows: str = ""


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    target: str
    incident: str
    trigger: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class TriggerJoined:
    target: str
    incident: str
    trigger: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    """No trigger fires any longer, and no run holds the target."""

    target: str
    incident: str


@dataclass(frozen=True, slots=True)
class LatchCleared:
    target: str
    by: str
    assessment: str


@dataclass(frozen=True, slots=True)
class Paused:
    """A person says "do not act". `until`: Unix seconds, or None. Empty target: all of them.

    `place`: the object whose annotation says so, and holds it for as long as it is there.
    """

    target: str
    by: str
    reason: str
    until: float | None
    place: str = ""

    @property
    def words(self) -> str:
        """Who says so, and why."""
        return f"by {self.whom}: {self.reason}"

    @property
    def whom(self) -> str:
        """Who says so."""
        return f"{self.by}, annotation of {self.place}" if self.place else self.by


@dataclass(frozen=True, slots=True)
class Resumed:
    """It lifts what people said; with a `place`, what the annotation there said, and only that."""

    target: str
    by: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class KillSwitchChanged:
    on: bool
    how: str


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The wall clock moved by `seconds` against the clock that never steps."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NotificationDelivered:
    channel: str
    about: int
    attempts: int


@dataclass(frozen=True, slots=True)
class NotificationGivenUp:
    channel: str
    about: int
    attempts: int
    error: str


Event = (
    DaemonStarted
    | DaemonStopped
    | ConfigLoaded
    | ConfigRefused
    | TriggerChanged
    | SourceWentBlind
    | SourceSeesAgain
    | Decided
    | IncidentOpened
    | TriggerJoined
    | IncidentClosed
    | Progress
    | LatchCleared
    | Paused
    | Resumed
    | KillSwitchChanged
    | ClockStepped
    | CommandReceived
    | CommandAnswered
    | CommandRefused
    | NotificationDelivered
    | NotificationGivenUp
    | ShadowOutcome
    | DecisionJudged
    | ModeChanged
    | TriggersDefined
    | ArmedEarly
    | ChangeSeen
    | VersionGood
    | VersionQuarantined
    | VersionReleased
    | BreakerOpened
    | BreakerClosed
    | OutcomeOpened
    | OutcomeClosed
    | OutcomeEscalated
    | Acknowledged
    | SignalReceived
    | InboundIncomplete
    | ExpiryWarned
    | ChangeExpired
    | ApprovalEvent
    | WindowSet
    | WindowLifted
    | WindowBegan
    | WindowEnded
    | AilmentFound
    | AilmentOver
    | SnapshotKept
    | RecordsRemoved
    | OlderJournalAccepted
)


@dataclass(frozen=True, slots=True)
class Record:
    """An event as the journal holds it: its number, when, and the epoch of who wrote it."""

    seq: int
    at: Moment
    event: Event
    epoch: int = 0
