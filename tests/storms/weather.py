"""The storm of one seed: targets, and all that chance does to them, their daemon and its machine.

All times in seconds of the world, which no clock of the daemon's can bend.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

from tests.builders import a_check, a_plan, a_signal, a_step, a_target, a_trigger, a_watch
from tests.storms.daemon import CHANNELS
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.plan import Check, OnError, Plan, Repeat, Return, Step
from watchdog.domain.target import ChangeRules, Limits, NotifyRule, Target
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity, Trigger
from watchdog.testing.world import Reply

EVERY = 5.0
SETTLE = 2.0
LATE = 0.9 * SETTLE
PHASE = 150.0
TARGETS = ("shop", "mail", "cart")
VERSIONED = "cart"
Span = tuple[float, float]

REPLIES = {
    Reply.WORKS: 60,
    Reply.LOST: 12,
    Reply.DROPPED: 8,
    Reply.LATE: 10,
    Reply.REFUSED: 6,
    Reply.DENIED: 2,
    Reply.HANGS: 3,
    Reply.HANGS_DONE: 4,
}


class Deed(StrEnum):
    """What a person does, or the machine."""

    PAUSE = "pause"
    RESUME = "resume"
    CLEAR = "clear"
    BY_HAND = "by hand"
    KILL = "kill"
    RELEASE = "release"
    CLOSE_BREAKER = "close the breaker"
    FREEZE = "freeze"
    STOP = "stop"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Act:
    """Something done at a moment; `seconds` is for how long, where that means anything."""

    at: float
    deed: Deed
    target: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """From `at` on, `signal` says `token`."""

    at: float
    signal: str
    token: str


@dataclass(slots=True)
class Weather:
    """All that chance decides. `lives` are boundaries until each crash, the last life endless.

    `outages` are those of the process that somebody planned: it is down in between phases.
    """

    seed: int
    targets: tuple[Target, ...]
    breaker: BreakerLimits
    ends: float
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    lives: list[int] = field(default_factory=list)
    downtimes: list[tuple[float, bool]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    blind: list[Span] = field(default_factory=list)
    faults: list[Span] = field(default_factory=list)
    deaf: list[Span] = field(default_factory=list)
    silent: list[Span] = field(default_factory=list)
    kill_file: list[Span] = field(default_factory=list)
    deployments: list[tuple[float, str]] = field(default_factory=list)
    heals: frozenset[str] = frozenset()


def weather(seed: int) -> Weather:
    """The storm of that seed, always the same."""
    chance = random.Random(seed)
    back = random.Random(f"{seed} taken back")
    targets = tuple(_undoable(back, _target(chance, name)) for name in TARGETS)
    phases = _phases(chance)
    ends = phases[-1] + PHASE
    found = Weather(seed, targets, _breaker(chance), ends)
    _executors(chance, back, found)
    _process(chance, found, phases)
    _troubles(chance, found, phases)
    _machine(chance, found, phases)
    _people(chance, found, phases)
    return found


def signals_of(target: str) -> list[str]:
    """What can be seen of it."""
    return [f"{target} {signal}" for signal in ("errors", "outage", "healthy", "ready")]


def steps_of(plan: Plan) -> list[Step]:
    """Every step that changes something, the final ones last."""
    return [one for one in (*plan.steps, *plan.final) if isinstance(one, Step)]


# -- what is guarded


def _target(chance: random.Random, name: str) -> Target:
    undo = _plan(chance, name, "undo", 3)
    triggers = [_trigger(name, "errors", "undo", Severity.WARNING)]
    plans = [undo]
    if chance.random() < 0.6:
        plans.append(_plan(chance, name, "cut", 2))
        triggers.append(_trigger(name, "outage", "cut", Severity.CRITICAL))
    limits = Limits(
        per_hour=chance.choice([1, 1, 2]), per_day=2, cooldown=chance.choice([60.0, 900.0])
    )
    target = a_target(*triggers, name=name, plans=plans, limits=limits)
    everything = tuple(topic.value for topic in Topic)
    target = replace(target, notify=(NotifyRule(everything, CHANNELS, Severity.INFO),))
    if name != VERSIONED:
        return target
    plans_by_name = {"undo": replace(undo, returns_to=Return.PREVIOUS.value)}
    changes = ChangeRules(within=7200.0, bake=60.0)
    return replace(target, changes=changes, plans={**target.plans, **plans_by_name})


def _trigger(target: str, name: str, plan: str, severity: Severity) -> Trigger:
    signal = a_signal(f"{target} {name}")
    return a_trigger(
        name, signal=signal, plan=plan, every=EVERY, severity=severity, keep_firing_for=10
    )


def _plan(chance: random.Random, target: str, name: str, most: int) -> Plan:
    steps: list[Step | Check] = [
        _step(chance, f"{target} {name} {number}") for number in range(chance.randint(1, most))
    ]
    if chance.random() < 0.15:
        steps.insert(chance.randint(0, len(steps)), a_check(f"{target} ready", pause=1, within=20))
    final = [_step(chance, f"{target} tell {name}")] if chance.random() < 0.25 else []
    return a_plan(
        *steps,
        name=name,
        verify=[a_check(f"{target} healthy", pause=2, samples=chance.choice([1, 2]), within=20)],
        final=final,
        watch=a_watch(short=20, long=chance.choice([0, 0, 40]), every=5),
        verify_within=40,
        resume_within=chance.choice([60.0, 900.0]),
        verify_trigger=chance.random() < 0.8,
    )


def _step(chance: random.Random, name: str) -> Step:
    kinds = [Repeat.OBSERVABLE, Repeat.OBSERVABLE, Repeat.IDEMPOTENT, Repeat.ONCE]
    return a_step(
        name,
        repeat=chance.choice(kinds),
        on_error=OnError.CONTINUE if chance.random() < 0.1 else OnError.ABORT,
        timeout=6,
        retries=chance.choice([0, 1, 2]),
        settle=SETTLE,
    )


def _undoable(chance: random.Random, target: Target) -> Target:
    """Some of its steps can be taken back, and are where one of them fails."""
    plans = {name: _plan_undoable(chance, plan) for name, plan in target.plans.items()}
    return replace(target, plans=plans)


def _plan_undoable(chance: random.Random, plan: Plan) -> Plan:
    if chance.random() < 0.5:
        return plan
    fails = chance.choice([OnError.COMPENSATE, OnError.COMPENSATE, OnError.UNDO_LAST])
    steps = [
        replace(step, on_error=fails, undo=_step(chance, f"{step.name} back"))
        if isinstance(step, Step) and step.on_error is OnError.ABORT
        else step
        for step in plan.steps
    ]
    return replace(plan, steps=tuple(steps))


def _breaker(chance: random.Random) -> BreakerLimits:
    if chance.random() < 0.3:
        return BreakerLimits()
    return BreakerLimits(unknown=1.0, targets=9, failed=9)


# -- what happens to it


def _phases(chance: random.Random) -> list[float]:
    """When each busy time begins; between them nobody is there, and hours may pass."""
    begins = [0.0]
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        begins.append(begins[-1] + PHASE + chance.choice([40.0, 900.0, 2000.0, 3700.0, 8000.0]))
    return begins


def _replies(chance: random.Random) -> list[Reply]:
    return chance.choices(list(REPLIES), list(REPLIES.values()), k=6)


def _executors(chance: random.Random, back: random.Random, found: Weather) -> None:
    for target in found.targets:
        for plan in target.plans.values():
            for step in steps_of(plan):
                if step.undo is not None:
                    found.replies[step.undo.name] = _replies(back)
                found.replies[step.name] = _replies(chance)
                found.takes[step.name] = chance.choice([0.0, 0.0, 0.3, LATE, 4.0])


def _process(chance: random.Random, found: Weather, phases: Sequence[float]) -> None:
    found.lives = [chance.randint(1, 120) for _ in range(chance.choice([0, 1, 1, 2, 3, 5]))]
    rests = [0.0, 0.2, 3.0, 30.0, 70.0]
    found.downtimes = [(chance.choice(rests), chance.random() < 0.2) for _ in range(6)]
    for begins, after in pairwise(phases):
        ends = begins + PHASE
        deed = chance.choice([Deed.STOP, Deed.CRASH])
        found.acts.append(Act(ends, deed, seconds=after - ends))
    if chance.random() < 0.3:
        at = _moment(chance, phases)
        found.acts.append(Act(at, chance.choice([Deed.STOP, Deed.CRASH]), seconds=1.0))


def _troubles(chance: random.Random, found: Weather, phases: Sequence[float]) -> None:
    found.heals = frozenset(name for name in TARGETS if chance.random() < 0.85)
    for begins in phases:
        for name in chance.sample(TARGETS, chance.choice([1, 1, 2, 3])):
            _trouble(chance, found, name, begins + chance.uniform(12, 40))
        if chance.random() < 0.4:
            _darkness(chance, found, chance.choice(TARGETS), _within(chance, begins))


def _trouble(chance: random.Random, found: Weather, name: str, at: float) -> None:
    if name == VERSIONED:
        version = f"v{len(found.deployments) + 2}"
        found.deployments.append((at - 4.0, version))
    found.turns.append(Turn(at, f"{name} errors", "1"))
    if chance.random() < 0.3:
        found.turns.append(Turn(at + chance.uniform(0, 40), f"{name} outage", "1"))
    if chance.random() < 0.2:
        found.turns.append(Turn(at + chance.uniform(5, 60), f"{name} healthy", "1"))
    # It may be over by itself at any moment: that is no reason to leave a run half done.
    if chance.random() < 0.4:
        over = at + chance.uniform(11, 60)
        found.turns += [Turn(over, f"{name} {signal}", "0") for signal in ("errors", "outage")]
    over = at + 110.0
    found.turns += [Turn(over, signal, "0") for signal in signals_of(name)]


def _darkness(chance: random.Random, found: Weather, name: str, at: float) -> None:
    """A source that does not answer, for all its signals or for the proof alone."""
    ends = at + chance.choice([6.0, 20.0, 60.0])
    some = chance.choice([["healthy"], ["errors"], ["errors", "outage", "healthy"]])
    for signal in some:
        token = chance.choice(["err", "timeout", "_", "nan"])
        found.turns.append(Turn(at, f"{name} {signal}", token))
        found.turns.append(Turn(ends, f"{name} {signal}", "0"))


def _machine(chance: random.Random, found: Weather, phases: Sequence[float]) -> None:
    for _ in range(chance.choice([0, 1, 2])):
        found.rates.append((_moment(chance, phases), chance.uniform(0.9, 1.1)))
    for _ in range(chance.choice([0, 0, 0, 1])):
        found.steps.append((_moment(chance, phases), chance.choice([-600.0, -30.0, 45.0, 600.0])))
    for _ in range(chance.choice([0, 0, 1, 2])):
        seconds = chance.choice([2.0, 7.0, 25.0, 120.0])
        found.acts.append(Act(_moment(chance, phases), Deed.FREEZE, seconds=seconds))
    for spans, odds in ((found.blind, 0.15), (found.faults, 0.2), (found.deaf, 0.25)):
        if chance.random() < odds:
            spans.append(_span(chance, _moment(chance, phases)))
    if chance.random() < 0.1:
        found.silent.append(_span(chance, _moment(chance, phases)))


def _people(chance: random.Random, found: Weather, phases: Sequence[float]) -> None:
    if chance.random() < 0.12:
        found.kill_file.append(_span(chance, _moment(chance, phases)))
    if chance.random() < 0.12:
        at = _moment(chance, phases)
        found.acts += [Act(at, Deed.KILL), Act(at + chance.choice([3.0, 50.0]), Deed.RELEASE)]
    if chance.random() < 0.15:
        at, name = _moment(chance, phases), chance.choice(["", *TARGETS])
        found.acts += [Act(at, Deed.PAUSE, name), Act(at + 45.0, Deed.RESUME, name)]
    for _ in range(chance.choice([0, 0, 1, 2])):
        found.acts.append(Act(_moment(chance, phases), Deed.CLEAR, chance.choice(TARGETS)))
    for name in TARGETS if chance.random() < 0.4 else ():
        found.acts += [Act(begins + 1.0, Deed.CLEAR, name) for begins in phases[1:]]
    if chance.random() < 0.2:
        found.acts.append(Act(_moment(chance, phases), Deed.BY_HAND, chance.choice(TARGETS)))
    if chance.random() < 0.5:
        found.acts += [Act(begins + 2.0, Deed.CLOSE_BREAKER) for begins in phases]
    found.acts.sort(key=lambda act: act.at)


def _moment(chance: random.Random, phases: Sequence[float]) -> float:
    return _within(chance, chance.choice(phases))


def _within(chance: random.Random, begins: float) -> float:
    return begins + chance.uniform(10, 90)


def _span(chance: random.Random, begins: float) -> Span:
    return begins, begins + chance.choice([0.7, 5.0, 40.0])
