"""What happens in a run: its stages, its results, and one frozen dataclass for each fact."""

from dataclasses import dataclass, field
from enum import StrEnum

from watchdog.domain.ladder import OnFailure
from watchdog.domain.plan import Plan, Scalar
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Severity


class Stage(StrEnum):
    """The parts of a run, in order."""

    STEPS = "steps"
    UNDO = "undo"
    VERIFY = "verify"
    FINAL = "final"
    WATCH_SHORT = "watch_short"
    WATCH_LONG = "watch_long"
    ENDED = "ended"


class StepResult(StrEnum):
    """How a step ended. IN_DOUBT: it may have happened, and nobody can tell."""

    OK = "ok"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"


class Effect(StrEnum):
    """The answer to "did this happen?"."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


class Proof(StrEnum):
    """Did it help? INCONCLUSIVE is its own answer and never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Recovery(StrEnum):
    """What a person does with a run that stopped on the way.

    RESUME goes on where it stopped; COMPENSATE takes back what was done, the newest first;
    ABANDON ends it for good: what is left is done by hand.
    """

    RESUME = "resume"
    COMPENSATE = "compensate"
    ABANDON = "abandon"


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARTIALLY_APPLIED = "partially_applied"
    INCONCLUSIVE = "inconclusive"
    INTERRUPTED = "interrupted"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluated look, kept as evidence. `at` is Unix seconds."""

    at: float
    verdict: Verdict
    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`plan` is the plan itself, so that no reload can change a run in flight.

    `by` names the person of a manual run, otherwise it is empty. `from_version`: the target's
    version that ran, `to_version`: the one the plan returns to; empty where they are not known.
    `cause`: the word of the trigger for what is wrong, such as security. `follows`: the run of a
    lower level that did not help; `rest`: the levels that may follow this one. `approval`: the
    request on which it runs, or in words why none was needed; empty where the plan asks nobody.
    `renews`: the run whose change has lapsed, and is made once more.
    """

    target: str
    incident: str
    run: str
    plan: Plan
    plan_hash: str
    trigger: str
    severity: Severity
    episode: str
    by: str = ""
    reason: str = ""
    version: str = ""
    from_version: str = ""
    to_version: str = ""
    cause: str = ""
    follows: str = ""
    rest: OnFailure = field(default_factory=OnFailure)
    approval: str = ""
    renews: str = ""


@dataclass(frozen=True, slots=True)
class StageEntered:
    run: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class StepIntended:
    """Written before anything is sent; `key` is the same for every attempt at this step.

    `sent`: what is sent, in one line without secrets. `values`: the run's variables in it, the
    same for every attempt, so that a key never stands for two different requests. `stood`: how
    that which it changes stood before the first attempt; empty where the step does not go by it.
    """

    run: str
    stage: Stage
    index: int
    name: str
    key: str
    attempt: int
    sent: str = ""
    values: dict[str, Scalar] = field(default_factory=dict)
    stood: str = ""

    @property
    def number(self) -> int:
        """Which item of its stage it is, by index; of an undo, which step it takes back."""
        return int(self.key.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class StepAnswered:
    """What the other side said to what was sent; `ok` None: sent, and no answer came.

    `idle`: nothing was sent, since it was so already.
    """

    run: str
    stage: Stage
    index: int
    ok: bool | None
    detail: str
    idle: bool = False


@dataclass(frozen=True, slots=True)
class StepObserved:
    """What a look at the world said about the step. `idle`: it is so by somebody else's doing."""

    run: str
    stage: Stage
    index: int
    effect: Effect
    detail: str
    idle: bool = False


@dataclass(frozen=True, slots=True)
class StepEnded:
    """`found`: a look showed that it was done already, and nothing was sent."""

    run: str
    stage: Stage
    index: int
    name: str
    result: StepResult
    detail: str = ""
    found: bool = False


@dataclass(frozen=True, slots=True)
class CheckSampled:
    """One look of check `index` of `stage`; `name` says which check.

    `saved`: what it read, where the check keeps that for later steps.
    """

    run: str
    stage: Stage
    index: int
    name: str
    verdict: Verdict
    value: float | None
    note: str = ""
    unit: str = ""
    expect: str = ""
    saved: Scalar | None = None


@dataclass(frozen=True, slots=True)
class CheckEnded:
    run: str
    stage: Stage
    index: int
    name: str
    proof: Proof
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunVerified:
    run: str
    proof: Proof
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """`budget` and `elapsed` in seconds."""

    run: str
    budget: float
    elapsed: float


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The run starts no further step. `why` is superseded or stopped."""

    run: str
    why: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class RunParked:
    """The daemon stops; the next start goes on from here."""

    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunResumed:
    run: str
    attempt: int


@dataclass(frozen=True, slots=True)
class RunRecovered:
    """A named person decides about a run that stopped on the way.

    `happened` is their word about a step in doubt: it did, or (False) it did not; None: no step
    is in doubt. `approval`: the request to which others agreed, where they had to.
    """

    run: str
    target: str
    how: Recovery
    by: str
    reason: str
    happened: bool | None = None
    approval: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Steps, verification and the final stage are over. `elapsed` in seconds since decided."""

    run: str
    target: str
    outcome: Outcome
    detail: str
    elapsed: float


@dataclass(frozen=True, slots=True)
class WatchStarted:
    """`until`: Unix seconds."""

    run: str
    stage: Stage
    until: float


@dataclass(frozen=True, slots=True)
class WatchEnded:
    """`proof` is PASSED when it stayed good, FAILED on a relapse."""

    run: str
    target: str
    stage: Stage
    proof: Proof
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceCollected:
    """The signal over breach and recovery, as the source's own history has it."""

    run: str
    signal: str
    query: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ReportWritten:
    run: str
    path: str


Progress = (
    RunStarted
    | StageEntered
    | StepIntended
    | StepAnswered
    | StepObserved
    | StepEnded
    | CheckSampled
    | CheckEnded
    | RunVerified
    | BudgetExceeded
    | StopRequested
    | RunParked
    | RunResumed
    | RunRecovered
    | RunEnded
    | WatchStarted
    | WatchEnded
    | EvidenceCollected
    | ReportWritten
)
