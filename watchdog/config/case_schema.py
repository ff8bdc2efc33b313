"""What may stand in a file of cases."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from watchdog.config.fields import Entry, Name, Text
from watchdog.domain.case import ACT, NOTHING
from watchdog.domain.change import ChangeKind
from watchdog.domain.observation import Observation, Unknown
from watchdog.domain.signal import Verdict
from watchdog.domain.tape import tape
from watchdog.domain.target import Mode
from watchdog.domain.units import parse_duration
from watchdog.plugins import Timeout


def _values(value: object) -> tuple[Observation, ...]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("should be values like '0.01x3 _x2 err 0.2'")  # noqa: TRY004 (pydantic)
    found = tape(str(value))
    if not found:
        raise ValueError("holds no value; write at least one")
    return found


def _moment(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise ValueError("a moment is the time since the start; write it like 0s, 90s or 1h30m")


def _step(value: object) -> float:
    text = str(value)
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * _moment(text.removeprefix("-").removeprefix("+"))


At = Annotated[float, BeforeValidator(_moment)]
Values = Annotated[tuple[Observation, ...], BeforeValidator(_values)]


class InputEntry(Entry):
    """What one signal says, value by value."""

    signal: Text = Field(
        description='the signal; `NAME/volume` is its volume, `NAME{label="value"}` one series'
    )
    values: Values = Field(description="promtool's notation, and err, timeout, stale, warn:2.0")


class RestartEntry(Entry):
    """A restart that takes a while."""

    at: At = Field(description="when the process dies")
    downtime: At = Field(0.0, description="how long nobody watches")


class ClockStepEntry(Entry):
    """A step of the wall clock."""

    at: At = Field(description="when the clock steps")
    by: Annotated[float, BeforeValidator(_step)] = Field(description="how far, like 1h or -90s")


class ChangedEntry(Entry):
    """A change of the target that somebody told of."""

    at: Annotated[float, BeforeValidator(_step)] = Field(
        description="when; before the start like -10m"
    )
    version: Text = Field(description="the version, or the name of the change")
    previous: Text | None = Field(None, description="what it took the place of")
    kind: ChangeKind = Field(ChangeKind.APP, description="what was changed")
    good: bool = Field(
        default=False, description="whether it proved itself at once, so that it may return"
    )


class AboutEntry(Entry):
    """What is asked about one trigger at one moment."""

    at: At = Field(description="when, from the start")
    trigger: Text = Field(description='the trigger; of a label\'s value `NAME{label="value"}`')


class ExpectedEntry(AboutEntry):
    """What a trigger must be."""

    state: Literal["inactive", "pending", "firing"] | None = Field(
        None, description="the state it is in"
    )
    verdict: Verdict | None = Field(None, description="what its last look said")
    reason: Unknown | None = Field(None, description="why its last look is unknown")
    blind: bool | None = Field(None, description="whether people were told that it sees nothing")

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if (self.state, self.verdict, self.reason, self.blind) == (None,) * 4:
            raise ValueError("expects nothing; add state, verdict, reason or blind")
        return self


class DecisionEntry(AboutEntry):
    """What must have been decided about a trigger."""

    decision: Text = Field(
        description=f"`{ACT}`, `{NOTHING}` where it does not fire, or the reason not to act"
    )
    plan: Name | None = Field(None, description="the plan that it is about")


class CaseEntry(Entry):
    """One story, and how it must come out."""

    name: Text = Field(description="what it shows, in a sentence")
    mode: Mode | None = Field(None, description="as if the target were in this mode")
    interval: Timeout | None = Field(
        None, description="time between two values; default: as often as the source is asked"
    )
    input: Annotated[list[InputEntry], Field(min_length=1)] = Field(
        description="what the signals say"
    )
    restart_at: list[At | RestartEntry] = Field([], description="when the process is restarted")
    clock_step: list[ClockStepEntry] = Field([], description="when the wall clock steps")
    changes: list[ChangedEntry] = Field([], description="what was changed on the target")
    expect: list[ExpectedEntry] = Field([], description="what the triggers must be")
    decisions: list[DecisionEntry] = Field([], description="what must be decided")

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.expect and not self.decisions:
            raise ValueError("a case without `expect` and `decisions` proves nothing")
        return self


class CaseFile(Entry):
    """Cases of one target."""

    target: Name | None = Field(None, description="which target, where there are several")
    mode: Mode | None = Field(None, description="as if the target were in this mode; of all cases")
    evaluation_interval: Timeout | None = Field(
        None, description="every source is asked that often; default: as its file says"
    )
    tests: Annotated[list[CaseEntry], Field(min_length=1)] = Field(description="the cases")
