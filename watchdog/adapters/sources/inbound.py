"""What was said from outside: alerts of an Alertmanager, signed signals, people's own words."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watchdog.domain.inbound import Asked
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.plugins import SourcePlugin
from watchdog.ports import Deps, Question

_Name = Annotated[str, Field(min_length=1, max_length=128)]
_Value = Annotated[str, Field(max_length=200)]


class Options(BaseModel):
    """`heartbeat`: an alert that always fires; while it is not heard, nothing is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heartbeat: _Name | None = None


class Ask(BaseModel):
    """A signal by its name, or an alert by its name and labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Name | None = None
    alert: _Name | None = None
    labels: Mapping[_Name, _Value] = {}

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        if (self.name is None) == (self.alert is None):
            raise ValueError("ask for the `name` of a signal or for an `alert`, one of the two")
        if self.labels and self.alert is None:
            raise ValueError("`labels` belong to an `alert`")
        return self

    @property
    def asked(self) -> Asked:
        """The question as the board takes it."""
        if self.alert is not None:
            return Asked(self.alert, alert=True, labels=self.labels)
        return Asked(self.name or "")


class InboundSource:
    """Reads the board. No: 0, while a signal is active; yes: 1, while none is."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        del at
        hearing, beat = self._deps.hearing, self._options.heartbeat
        # As of now: what came in since the slot began counts.
        now = self._deps.clock.now()
        if hearing is None:
            return _all(questions, "only a running daemon hears what is said from outside")
        if beat is not None and not hearing.beats(beat, now):
            return _all(questions, f"{beat}, which should always fire, is not heard of")
        return {each.id: hearing.heard(each.ask.asked, now) for each in questions}

    async def close(self) -> None:
        """Nothing to close."""


def _all(questions: Sequence[Question], why: str) -> Mapping[str, Observation]:
    return {each.id: Gap(Unknown.NODATA, why) for each in questions}


plugin = SourcePlugin(
    summary="Alerts and signals that others send to this program.",
    options=Options,
    ask=Ask,
    build=InboundSource,
    is_hearsay=True,
)
