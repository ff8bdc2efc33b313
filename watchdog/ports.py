"""What the engine needs from the world. Adapters satisfy these by shape."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from watchdog.domain.callers import Caller
from watchdog.domain.change import News
from watchdog.domain.events import Effect, Event, Point, Record
from watchdog.domain.inbound import Asked
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation
from watchdog.domain.plan import Look, Step
from watchdog.domain.windows import OpenWindow, Window


class Clock(Protocol):
    """The only way to learn the time."""

    def now(self) -> Moment: ...


class Ticker(Protocol):
    """Calls back once a slot. Slots are fixed: multiples of `every` on the elapsed clock."""

    def every(
        self, name: str, seconds: float, call: Callable[[int, Moment], Awaitable[None]]
    ) -> None:
        """Call `call(slot, moment of the slot)` every `seconds`, never twice at once."""
        ...


class Calendar(Protocol):
    """Knows what clocks show, anywhere."""

    def open(self, windows: Sequence[Window], wall: float) -> Sequence[OpenWindow]:
        """Those of `windows` that are open at Unix second `wall`. Quick: asked each round."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """One signal's question to its source: `id` comes back with the answer."""

    id: str
    ask: Any


class Source(Protocol):
    """Looks at the world. Never raises past itself: what went wrong is a Gap."""

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """An observation for every question, as of `at`. May be cancelled at any await."""
        ...

    async def close(self) -> None: ...


class ChangeSource(Protocol):
    """Tells what changed on a target, and when."""

    async def news(self) -> Sequence[News]:
        """The changes that it knows of, oldest first; the newest few where there are many.

        Reads only, and may be cancelled at any await. Raises WatchdogError when it cannot tell.
        """
        ...

    async def close(self) -> None: ...


class History(Protocol):
    """A source that also remembers (a Prometheus); used for evidence, never to decide."""

    async def points(
        self,
        ask: Any,  # noqa: ANN401 -- each kind of source has questions of its own
        start: float,
        end: float,
        step: float,
    ) -> Sequence[Point]:
        """What the signal was between two Unix times. Raises WatchdogError when it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing preflight saw; `ok` False stops a run before its first change.

    `of_rights`: it is about the right to change something, which alert-only mode does not need.
    `warns`: it stops nothing, and a person should know of it beforehand.
    """

    ok: bool
    text: str
    of_rights: bool = False
    warns: bool = False


class Probe(Protocol):
    """The read-only half of an executor: all that alert-only mode ever builds."""

    async def preflight(self) -> Sequence[Finding]:
        """Whether the step could run now. Local and quick; changes nothing."""
        ...

    def render(self) -> str:
        """One line: exactly what would be sent, without secrets."""
        ...

    async def inspect(self, key: str) -> tuple[Effect, str]:
        """Whether the step named `key` has happened, where the executor itself can tell."""
        ...


class NothingSent(str):
    """An executor's answer where it found that all is so already, by somebody else's doing.

    The step ends well, and is not taken back: it is not this run's change.
    """

    __slots__ = ()


class Executor(Protocol):
    """Changes one thing in the world.

    May be cancelled at any await. `key` names one step of one run and stays the same across
    restarts. Raises TransientError or PermanentError when nothing happened, InDoubtError
    when it may have. Returns what the other side answered, in one line, without secrets.
    """

    async def execute(self, key: str) -> str: ...


@runtime_checkable
class Bound(Protocol):
    """What an executor is besides that must never overwrite what came after its first attempt.

    Whoever sends a step again, perhaps after a restart, hands back how it stood before the first.
    """

    async def stands(self) -> str:
        """How that stands which the step changes: short, without secrets, never empty.

        Reads only. Raises as `Executor.execute` does where it cannot tell.
        """
        ...

    async def execute_if(self, key: str, stood: str) -> str:
        """As `execute`; raises PermanentError where it no longer stands as `stood` says."""
        ...


class Waiting:
    """What an executor is besides that changes nothing: at its `timeout` it is over, not in doubt.

    What its probe sees then says how it ends.
    """


class Eyes(Protocol):
    """Reads the world: all that an alert-only target is given."""

    def probe(self, step: Step) -> Probe:
        """The read-only half of the step's executor."""
        ...

    async def look(self, look: Look, at: Moment) -> Observation:
        """One fresh look. Never raises past itself: what went wrong is a Gap."""
        ...


class Hands(Protocol):
    """Changes the world. An alert-only target has none."""

    def executor(self, step: Step) -> Executor: ...


class Notifier(Protocol):
    """Tells one channel. Raises TransientError to be tried again, PermanentError not to be."""

    async def send(self, message: "Message") -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is told. `topic` is one of the lifecycle words of the configuration."""

    topic: str
    severity: str
    target: str
    title: str
    text: str
    fields: Mapping[str, str]
    at: Moment


class ReportWriter(Protocol):
    """Keeps the report of one run where people find it."""

    async def write(self, folder: str, run: str, records: Sequence[Record]) -> str:
        """Render the report of `run` from `records`, replace the one before; returns its path.

        A relative `folder` is one of the daemon's own. Raises WatchdogError when it cannot.
        """
        ...


class Journal(Protocol):
    """Append-only facts. When `append` returns, they survive a power cut."""

    async def append(self, *events: Event) -> Sequence[Record]:
        """Record `events` together, in order. Raises JournalError when that is impossible."""
        ...

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]:
        """Records in order, with `at.elapsed` translated to this boot's clock."""
        ...

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded."""
        ...

    async def probe(self) -> None:
        """Try to write. Raises JournalError when that fails; otherwise it is healthy again."""
        ...

    def listen(self, call: Callable[[Sequence[Record]], None]) -> None:
        """After each commit, call `call` with its records, on the loop's thread, in order."""
        ...

    async def keep(self, name: str, body: str) -> None:
        """Overwrite one named note outside the audit chain (checkpoints, delivery cursors)."""
        ...

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        """The note and when it was kept, or None."""
        ...


class Secrets(Protocol):
    """Reads secrets by reference, and removes every value it ever handed out from text."""

    def read(self, reference: Mapping[str, str]) -> str:
        """The value of `{env: NAME}` or `{file: PATH}`. Raises ConfigError when there is none."""
        ...

    def redact(self, text: str) -> str: ...


class HttpClient(Protocol):
    """The one way to speak HTTP: time limits, no redirects, capped answers."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout: float,  # noqa: ASYNC109 -- it covers the whole exchange, and the error says so
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        max_bytes: int = 1 << 20,
    ) -> "Answer":
        """Send and read the whole answer.

        Raises TransientError when nothing was sent, InDoubtError when the answer was lost.
        `timeout` in seconds covers the whole exchange. Redirects are answers, not followed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole. `truncated` when it was longer than allowed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    truncated: bool = False


class Hearing(Protocol):
    """What was said from outside, as far as one target may hear it."""

    def heard(self, asked: Asked, now: Moment) -> Observation:
        """0 while a signal that was asked for is active, 1 while none is; a Gap when unsure."""
        ...

    def beats(self, alert: str, now: Moment) -> bool:
        """Whether `alert`, which should always fire, was heard of lately."""
        ...


class Callers(Protocol):
    """Says whose token that is, and what they may. Where that is not known, it raises."""

    def knows(self, token: str) -> bool:
        """Whether that token was somebody's before: then it is worth a question at any time."""
        ...

    async def who(self, token: str) -> Caller | None:
        """Whose it is; None for nobody's who may be heard. Raises StepError: not known."""
        ...

    async def may(self, caller: Caller, verb: str, target: str) -> bool:
        """Whether they may do that to a target; empty: to all. Raises StepError: not known."""
        ...


class Turns(Protocol):
    """How much one server is asked at once, by all targets together."""

    def at(self, address: str, most: int) -> AbstractAsyncContextManager[None]:
        """One of `most` turns at `address`, waited for on the way in; shared, and used again."""
        ...


@dataclass(frozen=True, slots=True)
class Deps:
    """What a plugin may use of the running program. `hearing`: None where no daemon runs.

    `turns`: None where nobody else asks the same servers.
    """

    clock: Clock
    http: HttpClient
    secrets: Secrets
    hearing: Hearing | None = None
    turns: Turns | None = None
