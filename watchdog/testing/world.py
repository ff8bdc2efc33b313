"""A world to watch and to change: it does as it is told, and keeps a journal of its own."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from watchdog.domain.errors import InDoubtError, PermanentError, TransientError
from watchdog.domain.events import Effect
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.plan import Look, Step
from watchdog.ports import Clock, Executor, Finding, NothingSent, Probe, Question

_GAPS = {
    "err": Gap(Unknown.ERROR, "connection refused"),
    "timeout": Gap(Unknown.TIMEOUT, "no answer"),
    "http": Gap(Unknown.HTTP, "503"),
    "parse": Gap(Unknown.PARSE, "HTML instead of JSON"),
}
_SAMPLES = {
    "_": Sample(()),
    "nan": Sample((math.nan,)),
    "inf": Sample((math.inf,)),
    "two": Sample((1.0, 2.0)),
    "stale": Sample((1.0,), age=math.inf),
}
HANG = "hang"


def observation(token: str) -> Observation:
    """What one token says: a number, `warn:2.0`, `quiet` (low volume), or a name from above."""
    if token in _GAPS:
        return _GAPS[token]
    if token in _SAMPLES:
        return _SAMPLES[token]
    if token == "quiet":  # noqa: S105 -- a word of a tape
        return Gap(Unknown.LOW_VOLUME, "3 requests")
    warned, _, number = token.rpartition(":")
    return Sample((float(number),), warnings=(warned,) if warned else ())


def tokens(tape: str) -> list[str]:
    """The tokens of a tape, one a look; `0.2*3` is three of them."""
    found: list[str] = []
    for word in tape.split():
        token, _, times = word.partition("*")
        found += [token] * int(times or 1)
    return found


class ScriptedSource:
    """Answers each signal from its tape, by the slot asked for; the last token stays.

    The token `hang` never answers. `asked` are the moments it was asked for.
    """

    def __init__(self, tapes: Mapping[str, str], every: float) -> None:
        self.asked: list[Moment] = []
        self.closed = False
        self._tapes = {name: tokens(tape) for name, tape in tapes.items()}
        self._every = every

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """An observation for every question that has a tape."""
        self.asked.append(at)
        slot = round(at.elapsed / self._every)
        seen = {one.id: self._token(one.id, slot) for one in questions if one.id in self._tapes}
        if HANG in seen.values():
            await asyncio.Event().wait()
        return {name: observation(token) for name, token in seen.items()}

    def _token(self, name: str, slot: int) -> str:
        tape = self._tapes[name]
        return tape[min(slot, len(tape) - 1)]

    async def close(self) -> None:
        self.closed = True


class Reply(StrEnum):
    """What becomes of one request to change something."""

    WORKS = "works"
    REFUSED = "refused"  # never sent, may be tried again
    DENIED = "denied"  # answered with a definite no
    LOST = "lost"  # acts, and its answer is lost
    DROPPED = "dropped"  # does not act, and no answer comes
    LATE = "late"  # no answer comes, and it acts later
    HANGS = "hangs"  # never acts and never ends
    HANGS_DONE = "hangs_done"  # acts and never ends
    IDLE = "idle"  # does not act, since it is so already


_ACTS = (Reply.WORKS, Reply.LOST, Reply.LATE, Reply.HANGS_DONE)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left the program, or one effect as it landed in the world."""

    key: str
    name: str
    at: Moment


Teller = Callable[[Moment], Observation]


@dataclass(slots=True)
class World:
    """Signals to look at and switches to throw. Nothing in it is undone by a crash.

    `sends` are the requests that reached it, `effects` the changes they made. `script` holds
    what becomes of the next requests of each name, `takes` how long each lasts and `ponders`
    how long a preflight does (seconds), `late` how much later a late effect lands. `boundary`
    is called around each effect and may crash. While `blind`, nothing tells whether a step has
    happened. `idle` are the names of what others have done already. A `stubborn` world finishes a
    request that nobody waits for any more.
    """

    clock: Clock
    signals: dict[str, Teller] = field(default_factory=dict)
    script: dict[str, deque[Reply]] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    ponders: float = 0.0
    late: float = 1.0
    blind: bool = False
    stubborn: bool = False
    sends: list[Sent] = field(default_factory=list)
    effects: list[Sent] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    idle: set[str] = field(default_factory=set)
    on_effect: Callable[[str], None] = lambda _name: None
    boundary: Callable[[str], None] = lambda _where: None

    def says(self, signal: str, token: str | float) -> None:
        """From now on `signal` says this."""
        told = observation(str(token))
        self.signals[signal] = lambda _at: told

    def will(self, name: str, *replies: Reply) -> None:
        """What becomes of the next requests called `name`; after these they work."""
        self.script.setdefault(name, deque()).extend(replies)

    @property
    def names(self) -> list[str]:
        """The names of the effects so far, in order."""
        return [effect.name for effect in self.effects]

    def observe(self, signal: str, at: Moment) -> Observation:
        """What `signal` says at that moment."""
        teller = self.signals.get(signal)
        return teller(at) if teller else Gap(Unknown.NODATA, f"nothing says {signal}")

    def land(self, key: str, name: str) -> None:
        """The change happens."""
        self.effects.append(Sent(key, name, self.clock.now()))
        self.on_effect(name)

    async def request(self, key: str, name: str) -> str:
        """Ask for the change `name` under `key`; what happens is as the script says."""
        self.boundary("before effect")
        self.sends.append(Sent(key, name, self.clock.now()))
        replies = self.script.get(name)
        reply = replies.popleft() if replies else Reply.WORKS
        try:
            await asyncio.sleep(self.takes.get(name, 0.0))
        except asyncio.CancelledError:
            if self.stubborn and reply in _ACTS:
                asyncio.get_running_loop().call_later(self.late, self.land, key, name)
            raise
        return await self._reply(reply, key, name)

    async def _reply(self, reply: Reply, key: str, name: str) -> str:
        match reply:
            case Reply.WORKS:
                self._act(key, name)
                return "200 OK"
            case Reply.REFUSED:
                raise TransientError("connection refused")
            case Reply.DENIED:
                raise PermanentError("401 Unauthorized")
            case Reply.LOST:
                self._act(key, name)
                raise InDoubtError("the connection was lost")
            case Reply.DROPPED:
                raise InDoubtError("the connection was lost")
            case Reply.LATE:
                asyncio.get_running_loop().call_later(self.late, self.land, key, name)
                raise InDoubtError("the connection was lost")
            case Reply.IDLE:
                return NothingSent("is so already")
            case Reply.HANGS | Reply.HANGS_DONE:
                if reply is Reply.HANGS_DONE:
                    self._act(key, name)
                never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
                return await never
            case _:
                assert_never(reply)

    def _act(self, key: str, name: str) -> None:
        self.land(key, name)
        self.boundary("after effect")


class WorldSource:
    """Looks at the world through its signals: each question asks for `{"signal": name}`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """What every signal asked for says."""
        return {one.id: self._world.observe(one.ask["signal"], at) for one in questions}

    async def close(self) -> None:
        """There is nothing to close."""


class WorldEyes:
    """Satisfies `ports.Eyes`. `looks` are those taken so far, and as of when."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.looks: list[tuple[Look, Moment]] = []

    def probe(self, step: Step) -> Probe:
        """The read-only half of a step on the world."""
        return _WorldProbe(self._world, step.options["effect"])

    async def look(self, look: Look, at: Moment) -> Observation:
        """What the signal says."""
        self.looks.append((look, at))
        return self._world.observe(look.ask["signal"], at)


class WorldHands:
    """Satisfies `ports.Hands`. `built` are the names of the executors asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.built: list[str] = []

    def executor(self, step: Step) -> Executor:
        """What makes the step's effect."""
        name = step.options["effect"]
        self.built.append(name)
        return _WorldExecutor(self._world, name)


class _WorldProbe:
    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    async def preflight(self) -> Sequence[Finding]:
        if self._world.ponders:
            await asyncio.sleep(self._world.ponders)
        found = self._world.findings.get(self._name)
        return [found] if found else []

    def render(self) -> str:
        return f"make {self._name}"

    async def inspect(self, key: str) -> tuple[Effect, str]:
        if self._world.blind:
            return Effect.UNKNOWN, "nobody can tell"
        if self._name in self._world.idle:
            return Effect.APPLIED, NothingSent("is so already")
        landed = any(effect.key == key for effect in self._world.effects)
        return (Effect.APPLIED if landed else Effect.NOT_APPLIED), f"looked for {key}"


class _WorldExecutor:
    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    async def execute(self, key: str) -> str:
        return await self._world.request(key, self._name)
