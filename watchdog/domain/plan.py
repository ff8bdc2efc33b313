"""What a rollback does: steps, proofs, and the watch afterwards. Copied whole into each run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from watchdog.domain.approval import Approval
from watchdog.domain.condition import Condition
from watchdog.domain.expiry import Expiry
from watchdog.domain.ladder import OnFailure
from watchdog.domain.signal import Signal

Options = Mapping[str, Any]
Scalar = str | int | float | bool
# What it takes to prove that what fired no longer breaches: so many good looks in a row.
PROOF_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at the world: a kind of source, its options, and what to ask it.

    Options are plain JSON values; secrets stand in them by reference only.
    """

    use: str
    source: Options
    ask: Options


class OnError(StrEnum):
    """What a failed step does to the rest of its stage.

    COMPENSATE: what was done before it is undone, the newest first; UNDO_LAST: only the newest.
    """

    ABORT = "abort"
    CONTINUE = "continue"
    COMPENSATE = "compensate"
    UNDO_LAST = "undo_last"


@dataclass(frozen=True, slots=True)
class When:
    """Holds where the run's variable is one of `values`; `negated`: where it is none of them."""

    variable: str
    values: tuple[Scalar, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A read that must show something, repeated until it does. `pause` and `within` in seconds.

    It passes on `samples` OK looks in a row; it ends otherwise once `tries` decided looks are
    used up (0: no such limit) or `within` seconds have passed since its first look. `save`: the
    name under which later steps know what it read; `on_error` holds among the steps. `wait`:
    seconds before its first look; `fails`: breaches in a row at which it fails at once (0: none).
    `also`: what each look must show as well, at the same time. `against`: the name of what was
    saved before, which its source compares with.
    """

    name: str
    signal: Signal
    look: Look
    expect: Condition
    tries: int = 0
    pause: float = 5.0
    samples: int = 1
    within: float = 600.0
    save: str = ""
    on_error: OnError = OnError.ABORT
    wait: float = 0.0
    fails: int = 0
    also: "tuple[Check, ...]" = ()
    against: str = ""


class Return(StrEnum):
    """Where a plan returns to. Any other word is the name of a version."""

    NOWHERE = "none"
    PREVIOUS = "previous"
    LAST_GOOD = "last_good"


class Level(IntEnum):
    """How deep a plan reaches, from the least harm to the most."""

    FLAGS = 1
    ROUTING = 2
    APPLICATION = 3
    DATA = 4


def level_word(level: int) -> str:
    """`level` as people say it; a number that stands for none is shown as it is."""
    return Level(level).name.lower() if level in set(Level) else str(level)


class Repeat(StrEnum):
    """What is known of a step whose answer was lost.

    IDEMPOTENT: doing it again does no harm. OBSERVABLE: `done_when` (or the executor) can
    tell whether it happened. ONCE: nobody can tell, so only a person may go on.
    """

    IDEMPOTENT = "idempotent"
    OBSERVABLE = "observable"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the world. Times in seconds.

    `settle`: how long after an answer, or its loss, a "not applied" is not yet believed, because
    the change may still be under way. `retries`: only for errors that prove nothing happened.
    `when`: it is skipped unless all of them hold. `undo`: what takes it back again. `look_first`:
    where `done_when` shows that it is done already, nothing is sent. `expires`: it lapses.
    """

    name: str
    use: str
    options: Options
    timeout: float = 30.0
    done_when: Check | None = None
    on_error: OnError = OnError.ABORT
    repeat: Repeat = Repeat.ONCE
    retries: int = 2
    settle: float = 5.0
    when: tuple[When, ...] = ()
    undo: "Step | None" = None
    look_first: bool = False
    expires: Expiry | None = None


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """How long a verified rollback stays watched: two tiers, in seconds."""

    short: float = 900.0
    long: float = 14400.0
    every: float = 15.0
    relapse_after: int = 2
    coverage: float = 0.8


@dataclass(frozen=True, slots=True)
class Plan:
    """An ordered rollback. Times in seconds.

    `within` is the budget from decision to verified; `verify_within` bounds the check that
    the trigger no longer breaches, which every run makes unless `verify_trigger` is False. A
    run older than `resume_within` is not taken up again by the machine after a crash.
    `returns_to`: a `Return`, or the name of the version that it returns to. `on_failure`: what
    follows once a breach has shown that it did not help. `checklist`: the looks that answer
    the items of `approval` which no person does. `loses_data`: people must agree, whatever it says.
    `reverses`: the plan that it takes back, `reversed_by`: the one that takes it back.
    """

    name: str
    steps: tuple[Step | Check, ...]
    verify: tuple[Check, ...] = ()
    final: tuple[Step, ...] = ()
    watch: WatchPlan = field(default_factory=WatchPlan)
    title: str = ""
    level: int = 1
    kind: str = ""
    within: float = 300.0
    verify_within: float = 600.0
    resume_within: float = 900.0
    verify_trigger: bool = True
    returns_to: str = Return.NOWHERE.value
    requires_change: bool = False
    on_failure: OnFailure = field(default_factory=OnFailure)
    approval: Approval = field(default_factory=Approval)
    checklist: tuple[Check, ...] = ()
    loses_data: bool = False
    reverses: str = ""
    reversed_by: str = ""

    @property
    def judges_version(self) -> bool:
        """Whether it answers to a change: to none, it would not help."""
        return self.requires_change or self.returns_to != Return.NOWHERE

    @property
    def text(self) -> str:
        """The plan as canonical JSON: what its hash, and an approval, binds to."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str)

    @property
    def hash(self) -> str:
        """SHA-256 of `text`, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()
