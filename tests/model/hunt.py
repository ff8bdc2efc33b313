"""Lets Hypothesis play the engine against the model: many sequences, and planted bugs."""

import contextlib
import io
import re
from ast import literal_eval
from collections import Counter
from dataclasses import dataclass, field

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import EngineAgainstModel
from tests.model.pair import DivergedError
from tests.storms.daemon import Parts
from tests.storms.planted import PLANTED
from watchdog.domain.events import Outcome, Proof
from watchdog.domain.trigger import Change

# Sequences and steps within which each planted bug must be found, with one of so many seeds.
ENOUGH = 120
ENOUGH_STEPS = 40
TRIES = 4
# From so many sequences on, everything that there is must have come about.
ALL_IN = 500
_MOVE = re.compile(r"state\.do\(move=(\(.*\))\)")
# What all sequences together must have come by, or they prove nothing.
_RULES = (
    "a signal turns bad", "a signal turns good", "a signal turns dark", "a target breaks",
    "a target is well again", "a target is well for a moment", "time goes by", "all answers",
    "something is bad for one look", "something comes in between",
    "an answer: ok", "an answer: refused", "an answer: denied", "an answer: lost",
    "an answer: lost and done", "an effect comes late", "pause", "resume", "clear", "kill",
    "release", "the breaker is closed", "by hand", "by hand, refused", "the clock steps",
    "looks at steps fail, or work again", "the disk is full",
    "the disk is full, and a run is lost", "an orderly stop", "a crash in a round",
    "a crash at an answer",
    *(f"a crash, {downtime} s" for downtime in (1, 2, 40, 250, 4000, 90_000)),
)  # fmt: skip
_REFUSALS = ("breaker_open", "cooling_down", "kill_switch", "latched", "paused", "target_limit")
NEEDED = (
    *(f"rule: {rule}" for rule in _RULES),
    *(f"trigger errors {change.value}" for change in set(Change) - {Change.BLIND, Change.SEEING}),
    *(f"decided errors:{refusal}" for refusal in _REFUSALS),
    *(f"ended {outcome.value}" for outcome in Outcome),
    *(f"check {proof.value}" for proof in Proof),
    *(f"watched watch_short {proof.value}" for proof in Proof),
    "watched watch_long passed", "watched watch_long failed",
    "decided errors:go", "decided outage:go", "decided outage:global_limit",
    "decided half way:latched", "joined errors",
    "run undo by hand", "run undo errors", "run cut outage", "intended 1", "intended 2",
    "answered yes", "answered no", "answered lost", "observed applied", "observed not_applied",
    "observed unknown", "step ok", "step failed", "step in_doubt", "step skipped",
    "stop superseded", "stop stopped", "stop interrupted", "resumed", "parked",
)  # fmt: skip


@dataclass(slots=True)
class Played:
    """What came of some sequences. `diverged`: how the first that differed did, and its steps."""

    counts: Counter[str] = field(default_factory=Counter)
    diverged: str = ""

    @property
    def missing(self) -> list[str]:
        """What none of the sequences came by."""
        return [name for name in NEEDED if not self.counts[name]]

    @property
    def faults(self) -> int:
        """How many things went wrong on purpose."""
        words = ("crash", "stop", "disk", "clock", "kill", "lost", "late", "refused", "denied")
        return sum(
            count
            for name, count in self.counts.items()
            if name.startswith("rule: ") and any(word in name for word in words)
        )


def run(
    count: int, seed: int, steps: int = 50, *, parts: Parts | None = None, sqlite: bool = False
) -> Played:
    """Play `count` sequences of `steps`, by `seed`."""

    class Machine(EngineAgainstModel):
        pass

    Machine.parts, Machine.counts, Machine.on_disk = parts, Counter(), sqlite
    played = Played(Machine.counts)
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            run_state_machine_as_test(
                hypothesis.seed(seed)(Machine),
                settings=settings(
                    max_examples=count,
                    stateful_step_count=steps,
                    deadline=None,
                    database=None,
                    derandomize=False,
                    print_blob=False,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        notes = getattr(error, "__notes__", [])
        played.diverged = "\n".join([f"{type(error).__name__}: {error}", *notes, told.getvalue()])
    return played


def replayed(story: str, *, parts: Parts | None = None, sqlite: bool = False) -> str:
    """Make the moves that `story` tells of, as a sequence that failed prints them.

    Returns how the engine and the model differ; empty where they do not. A seed leads Hypothesis
    to the same moves only as long as the code around it is the same; a story always does.
    """

    class Machine(EngineAgainstModel):
        pass

    Machine.parts, Machine.counts, Machine.on_disk = parts, Counter(), sqlite
    machine = Machine()
    try:
        for move in _MOVE.findall(story):
            machine.make(literal_eval(move))
    except DivergedError as error:
        return str(error)
    finally:
        machine.teardown()
    return ""


@dataclass(frozen=True, slots=True)
class Caught:
    """A planted bug, and how it was found (empty: it was not), with the moves that showed it."""

    bug: str
    how: str
    seed: int
    story: str = ""

    @property
    def command(self) -> str:
        """What shows it again."""
        return f"python -m tests.model --bug '{self.bug}' --seed {self.seed}"


def hunted(bug: str, seed: int = 1) -> Caught:
    """Play the model against an engine with a planted `bug`, with some seeds from `seed` on."""
    parts, _ = PLANTED[bug]
    for number in range(seed, seed + TRIES):
        played = run(ENOUGH, number, ENOUGH_STEPS, parts=parts)
        if played.diverged:
            return Caught(bug, played.diverged.partition("\n")[0], number, played.diverged)
    return Caught(bug, "", seed)
