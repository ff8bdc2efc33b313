"""What an owner may write of arming: the bar that a trigger meets in alert-only mode first."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from watchdog.config.fields import Entry, Whole, amount
from watchdog.domain.arming import Bar
from watchdog.domain.units import convert


def _share(value: object) -> float:
    try:
        return convert(*amount(value), "ratio")
    except ValueError:
        raise ValueError("is no share; write it like 90%") from None


class ArmingEntry(Entry):
    """What each trigger must have shown before this target should act by itself."""

    decisions: Whole = Field(
        3, description="decisions of which it is known whether they were right"
    )
    right: Annotated[
        float,
        BeforeValidator(_share),
        Field(ge=0, le=1),
        WithJsonSchema({"type": ["number", "string"]}),
    ] = Field(0.9, description="the share of them that must have been right, such as 90%")
    days: Annotated[float, Field(ge=0)] = Field(
        14.0, description="days in alert-only mode since the trigger is what it is"
    )

    @property
    def bar(self) -> Bar:
        """The same for the rest of the program."""
        return Bar(self.decisions, self.right, self.days)
