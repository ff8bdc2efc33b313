"""Days on which a service is healthy and its sources are not: what is seen of it, look by look."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.builders import a_plan, a_signal, a_target, a_trigger, a_watch, at, below
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Term, any_of
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.signal import Across
from watchdog.domain.target import Target
from watchdog.engine.evaluator import Looked

DAY = 86_400.0
INTERVALS = {"prometheus": 15.0, "health": 10.0}
BAD = 9.0
_FAILING = 0.3
_SPIKING = 0.02


@dataclass(frozen=True, slots=True)
class Restart:
    """The process dies, and is back `downtime` seconds later."""

    at: float
    downtime: float


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock steps by `seconds`."""

    at: float
    seconds: float


Happening = Looked | Restart | ClockStep


def a_guarded_target() -> Target:
    """A trigger of each kind: a hold, two looks, failures in a row, M of N, a number of several."""
    ratio = a_signal("errors", has_volume=True, unit="ratio")
    quiet = a_signal("silent", has_volume=True, nodata_is_ok=True)
    slow = a_signal("latency")
    healthy = a_signal("instances", across=Across.COUNT, counting=Condition(Op.AT_LEAST, 1.0))
    up = a_signal("up", "health")
    errors, late = Term(ratio, Condition(Op.ABOVE, 0.1)), Term(slow, Condition(Op.ABOVE, 3.0))
    return a_target(
        a_trigger("errors", signal=ratio, breach_when=Condition(Op.ABOVE, 0.1), hold="5m"),
        a_trigger("errors-now", signal=quiet, breach_when=Condition(Op.ABOVE, 0.5), hold=0),
        a_trigger("slow", signal=slow, breach_when=Condition(Op.ABOVE, 3.0), fails=3, looks=5),
        a_trigger("none-left", signal=healthy, breach_when=below(1.0), hold="1m"),
        a_trigger("either", watches=any_of(errors, late), hold="2m"),
        a_trigger("down", signal=up, breach_when=Condition(Op.FAILING), fails=3, every=10),
        plans=[a_plan(watch=a_watch(short="15m", long="4h"))],
    )


def a_troubled_day(seed: int, length: float = DAY) -> Iterator[Happening]:
    """Everything that happens, in order; a third of the looks come to nothing."""
    chance = random.Random(seed)
    eyes = _Eyes(chance)
    outages = {source: list(_outages(chance, length)) for source in INTERVALS}
    changes: list[Restart | ClockStep] = [*_restarts(chance, length), *_steps(chance, length)]
    changes.sort(key=lambda one: one.at)
    asleep_until = -1.0
    for moment, source in _slots(length):
        while changes and changes[0].at <= moment:
            change = changes.pop(0)
            if isinstance(change, Restart):
                asleep_until = max(asleep_until, change.at + change.downtime)
            yield change
        if moment < asleep_until:
            continue
        kind = next((k for begin, end, k in outages[source] if begin <= moment < end), None)
        seen = eyes.see(source, moment, kind)
        yield Looked(source, round(moment / INTERVALS[source]), at(moment), seen)


def _slots(length: float) -> Iterator[tuple[float, str]]:
    slots = [
        (slot * every, source)
        for source, every in INTERVALS.items()
        for slot in range(int(length / every))
    ]
    return iter(sorted(slots))


def _outages(chance: random.Random, length: float) -> Iterator[tuple[float, float, str]]:
    """A dozen a day, of a second to half an hour."""
    for _ in range(chance.randint(6, 18)):
        begins = chance.uniform(0, length)
        lasts = math.exp(chance.uniform(0.0, math.log(1800)))
        yield begins, begins + lasts, chance.choice(["err", "timeout", "http", "empty", "partial"])


def _restarts(chance: random.Random, length: float) -> Iterator[Restart]:
    for _ in range(chance.randint(2, 12)):
        downtime = chance.choice([0.0, math.exp(chance.uniform(0.0, math.log(1800)))])
        yield Restart(chance.uniform(0, length), downtime)


def _steps(chance: random.Random, length: float) -> Iterator[ClockStep]:
    for _ in range(chance.randint(0, 3)):
        yield ClockStep(chance.uniform(0, length), chance.choice([-3600.0, -30.0, 45.0, 7200.0]))


_GAPS: Mapping[str, Observation] = {
    "err": Gap(Unknown.ERROR, "connection refused"),
    "timeout": Gap(Unknown.TIMEOUT, "no answer"),
    "http": Gap(Unknown.HTTP, "HTTP 503"),
    "parse": Gap(Unknown.PARSE, "HTML instead of JSON"),
}
# Each as bad as it can be: believed, it would be a breach.
_WRONG: Sequence[Observation] = (
    *_GAPS.values(),
    Sample((), volume=500.0),
    Sample(()),
    Sample((math.nan,), volume=500.0),
    Sample((math.inf,), volume=500.0),
    Sample((-math.inf,), volume=500.0),
    Sample((BAD,), age=61.0, volume=500.0),
    Sample((BAD,), volume=500.0, warnings=("one store is missing",)),
    Sample((), volume=500.0, warnings=("one store is missing",)),
    Sample((BAD, BAD), volume=500.0, warnings=("one store is missing",)),
)
_UNPROVEN = (Sample((1.0,), volume=2.0), Sample((BAD,)), Sample((BAD, BAD), volume=500.0))
# With these, other signals are right: ratios need traffic, and what is one must be one.
_WRONG_OF = {
    "errors": (
        *_WRONG,
        Sample((1.0,), volume=2.0),
        Sample((BAD,)),
        Sample((BAD, BAD), volume=500.0),
    ),
    "silent": (
        *_WRONG,
        Sample((1.0,), volume=2.0),
        Sample((BAD,)),
        Sample((BAD, BAD), volume=500.0),
    ),
    "latency": (*_WRONG, Sample((BAD, BAD))),
    "instances": (*_GAPS.values(), Sample(()), Sample((math.nan,)), Sample((0.0,), age=61.0)),
    "up": tuple(_GAPS.values()),
}
_RIGHT: Mapping[str, Observation] = {
    "errors": Sample((0.01,), volume=500.0),
    "silent": Sample((), volume=500.0),
    "latency": Sample((0.4,), age=14.0),
    "instances": Sample((1.0, 0.0, 1.0)),
    "up": Sample((1.0,)),
}
_OF = {"prometheus": ("errors", "silent", "latency", "instances"), "health": ("up",)}
_DURING: Mapping[str, Observation] = {
    **_GAPS,
    "empty": Sample(()),
    "partial": Sample((BAD,), volume=500.0, warnings=("two stores are missing",)),
}


# What a healthy service shows for one look now and then, and never twice in these seconds.
_SPIKES: Mapping[str, tuple[Observation, float]] = {
    "errors": (Sample((0.4,), volume=500.0), 1200.0),
    "silent": (Sample((0.9,), volume=500.0), 1200.0),
    "latency": (Sample((BAD,)), 1200.0),
    "instances": (Sample((0.0, 0.0)), 1200.0),
    "up": (Sample((0.0,)), 3600.0),
}


class _Eyes:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._next_spike = dict.fromkeys(_SPIKES, 0.0)

    def see(self, source: str, moment: float, outage: str | None) -> dict[str, Observation]:
        if outage is not None:
            # Of a probe that cannot probe nothing is known: it tests itself before it says no.
            told = _GAPS["err"] if source == "health" else _DURING[outage]
            return dict.fromkeys(_OF[source], told)
        return {signal: self._look(signal, moment) for signal in _OF[source]}

    def _look(self, signal: str, moment: float) -> Observation:
        if self._chance.random() < _FAILING:
            return self._chance.choice(_WRONG_OF[signal])
        spike, apart = _SPIKES[signal]
        if moment >= self._next_spike[signal] and self._chance.random() < _SPIKING:
            self._next_spike[signal] = moment + apart
            return spike
        return _RIGHT[signal]
