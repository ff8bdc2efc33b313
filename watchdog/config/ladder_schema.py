"""How deep a plan reaches, and what follows where it did not help."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from watchdog.config.fields import Entry, Name
from watchdog.domain.ladder import AfterFailure
from watchdog.domain.plan import Level

_WORDS = [level.name.lower() for level in Level]
_DEEPEST = max(Level)


def level_of(value: object) -> int:
    """The level that a file's word or number stands for. Raises ValueError."""
    if isinstance(value, str) and value in _WORDS:
        return int(Level[value.upper()])
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _DEEPEST:
        return int(value)
    raise ValueError(f"is no level; write {', '.join(_WORDS)}, or 1 to {_DEEPEST:d}")


LevelWord = Annotated[
    int,
    BeforeValidator(level_of),
    WithJsonSchema({"anyOf": [{"enum": _WORDS}, {"type": "integer", "minimum": 1, "maximum": 4}]}),
]


class OnFailureEntry(Entry):
    """What follows once a breach has shown that the rollback did not help."""

    then: AfterFailure = Field(
        AfterFailure.STOP_AND_PAGE,
        description="stop_and_page: latch and page, nothing follows; offer_next: ask a person "
        "about the next plan; auto_next: start it where the trigger still breaches",
    )
    plans: list[Name] = Field(
        default=[], description="the plans that may follow, in order; none of a lower level"
    )

    @model_validator(mode="after")
    def _says_what_follows(self) -> Self:
        stops = self.then is AfterFailure.STOP_AND_PAGE
        if stops and self.plans:
            raise ValueError("`plans` follow with `then: offer_next` or `then: auto_next`")
        if not stops and not self.plans:
            raise ValueError(f"`then: {self.then}` needs `plans`: name the one that follows")
        return self
