"""What a check may say: where it looks, what it must see there, and how often."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from watchdog.config.fields import Comparison, Count, Name, Text
from watchdog.plugins import Duration, Timeout


class LookEntry(Comparison):
    """One look that must show something: a signal, an address, or a program."""

    name: Text | None = Field(None, description="what people read; made up when missing")
    signal: Name | None = Field(None, description="a signal of this file")
    is_: Literal["ok"] | None = Field(None, alias="is", description="a yes/no signal says yes")
    against: Name | None = Field(
        None, description="what a save among the steps read, for a signal that compares with it"
    )
    get: Text | None = Field(None, description="an address to read")
    auth: Name | None = Field(None, description="the auth profile for `get`")
    timeout: Timeout | None = Field(None, description="how long `get` or `run` may take")
    status: int | list[int] | None = Field(None, description="the status `get` must answer")
    json_: dict[str, Any] | None = Field(
        None, alias="json", description="path: value, each of which must be in the answer"
    )
    body: Text | None = Field(None, description="text that the answer must contain")
    value: Text | None = Field(None, description="the path of a number in the JSON answer")
    unit: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="the unit of `value`"
    )
    run: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="a program and its arguments; exit code 0 is yes"
    )

    @model_validator(mode="after")
    def _is_one_look(self) -> Self:
        if sum(way is not None for way in (self.signal, self.get, self.run)) != 1:
            raise ValueError("a check looks at one thing: signal, get or run")
        if self.get is None:
            self._forbid("get", "auth", "status", "json_", "body", "value", "unit")
        if self.signal is None:
            self._forbid("signal", "is_", "against")
        if self.signal is not None:
            self._forbid("get or run", "timeout")
        if self.value is not None:
            self._forbid("a check without `value`", "status", "json_", "body")
        self._has_its_condition()
        return self

    def _forbid(self, owner: str, *fields: str) -> None:
        for field in fields:
            if getattr(self, field) is not None:
                raise ValueError(f"`{field.rstrip('_')}` belongs to {owner} and means nothing here")

    def _has_its_condition(self) -> None:
        compared = len(self.comparisons)
        if self.signal is not None and compared + (self.is_ is not None) != 1:
            raise ValueError("a check of a signal has one of is, above, at_least, below or at_most")
        if self.get is not None and (self.value is not None) != (compared == 1):
            raise ValueError(
                "`value` goes with one of above, at_least, below or at_most, and they with it"
            )
        if self.get is None and self.signal is None and compared:
            raise ValueError("`run` is judged by its exit code: remove the comparison")


class CheckEntry(LookEntry):
    """A look that must show something, repeated until it does."""

    samples: Count = Field(1, description="good looks in a row that it takes")
    tries: Count | None = Field(None, description="looks after which it has failed")
    pause: Duration = Field(
        "5s",
        validate_default=True,
        description="between two looks; of a signal, by default, as often as its source is asked",
    )
    within: Duration | None = Field(
        None, description="time after which it has failed; default 10m, or longer for `tries`"
    )
    also: list[LookEntry] = Field(
        default=[], description="what each look must show as well, at the same time"
    )
    wait: Duration = Field(
        "0s", validate_default=True, description="before the first look, such as of a gate"
    )
    fails_after: Count | None = Field(
        None, description="bad looks in a row at which it has failed at once"
    )

    @model_validator(mode="after")
    def _can_come_true(self) -> Self:
        if self.tries is not None and self.samples > self.tries:
            raise ValueError(f"{self.samples} samples cannot be seen in {self.tries} tries")
        if self.tries and self.within and (self.tries - 1) * self.pause > self.within:
            raise ValueError("`within` ends before the last of the `tries`")
        return self
