"""What may stand in a trigger: what it watches, for how long, and which plan answers."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from watchdog.config.burn import BurnEntry
from watchdog.config.fields import (
    LEAST_LOOKS,
    Comparison,
    Count,
    Entry,
    Looks,
    Name,
    SeverityName,
    Threshold,
    Whole,
)
from watchdog.config.relative_schema import RelativeComparison
from watchdog.plugins import Duration


class CountedEntry(Comparison):
    """Which series are counted: those whose number meets this."""

    @model_validator(mode="after")
    def _is_one_comparison(self) -> Self:
        if len(self.comparisons) != 1:
            raise ValueError("is one comparison: above, at_least, below or at_most")
        return self


class TermEntry(RelativeComparison):
    """One of several conditions: a signal compared with a limit, or a group of its own."""

    signal: Name | None = Field(None, description="the signal that is compared")
    is_: Literal["failing", "passing"] | None = Field(
        None, alias="is", description="what a yes/no signal must say"
    )
    all_: "list[TermEntry] | None" = Field(
        None, alias="all", description="a group that holds when all of these do"
    )
    any_: "list[TermEntry] | None" = Field(
        None, alias="any", description="a group that holds when one of these does"
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.signal is None) is (self.all_ is None and self.any_ is None):
            raise ValueError("a condition names a `signal`, or is a group: `all` or `any`")
        compared = len(self.comparisons) + (self.is_ is not None)
        if self.signal is not None and (compared != 1 or self.all_ or self.any_):
            raise ValueError(
                "a condition on a signal is one of above, at_least, below, at_most or `is: failing`"
            )
        if self.signal is None and (compared or (self.all_ and self.any_)):
            raise ValueError("a group is one of `all` or `any`, and nothing beside it")
        return self


Terms = Annotated[list[TermEntry], Field(min_length=2, max_length=50)]


class TallyEntry(Entry):
    """How many of several conditions hold."""

    of: Terms = Field(description="the conditions")
    at_least: Whole | None = Field(None, description="so many of them or more")
    at_most: Whole | None = Field(None, description="so many of them or fewer")
    exactly: Whole | None = Field(None, description="so many of them, no more and no fewer")

    @model_validator(mode="after")
    def _is_one_number(self) -> Self:
        written = [n for n in (self.at_least, self.at_most, self.exactly) if n is not None]
        if len(written) != 1:
            raise ValueError("is one of at_least, at_most or exactly")
        if written[0] > len(self.of):
            raise ValueError(f"there are {len(self.of)} conditions, and no more can hold")
        return self


class TriggerEntry(RelativeComparison):
    """When something is wrong for long enough, and which plan answers."""

    signal: Name | None = Field(None, description="the signal it watches")
    fails: Annotated[Count, Field(ge=LEAST_LOOKS)] | None = Field(
        None, description="that many failed looks with no good one between"
    )
    all_: Terms | None = Field(None, alias="all", description="all of these conditions hold")
    any_: Terms | None = Field(None, alias="any", description="one of these conditions holds")
    count: TallyEntry | None = Field(None, description="so many of several conditions hold")
    burn: BurnEntry | None = Field(
        None, description="an error budget is spent too fast, over long and short windows"
    )
    breaches: Looks | None = Field(
        None, description="bad looks among the last ones, such as `3 of 5`, instead of `for`"
    )
    for_: Duration = Field(
        "0s", alias="for", validate_default=True, description="how long the comparison must hold"
    )
    severity: SeverityName = Field("warning", description="the gravest trigger decides")
    plan: Name | None = Field(None, description="the plan that answers; without one, people do")
    clear: CountedEntry | None = Field(
        None, description="what it takes to be over, where that is more than not to be in breach"
    )
    keep_firing_for: Duration | None = Field(
        None, description="how long it must be good again to be over; default 2m"
    )
    confirm: Count = Field(2, description="looks that must show it, whatever `for` says")
    coverage: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="the share of looks within `for` that must be decided"
    )
    max_gap: Whole = Field(2, description="more unknown looks in a row start it anew")
    blind_after: Duration | None = Field(
        None, description="unknown for that long tells people; default 5m"
    )
    once_per: Literal["version"] | None = Field(
        None, description="how often it may start its plan: once for each deployed version"
    )

    cause: Name | None = Field(
        None,
        description="a word for what is wrong, such as outage or security: it decides who "
        "must approve",
    )

    @property
    def groups(self) -> list[str]:
        """Which kinds of group are written here."""
        written = (
            ("all", self.all_),
            ("any", self.any_),
            ("count", self.count),
            ("burn", self.burn),
        )
        return [name for name, group in written if group is not None]

    @property
    def counted(self) -> tuple[int, int]:
        """How many bad looks it takes, and among how many (0: in a row)."""
        return self.breaches or (self.fails or 0, 0)

    @model_validator(mode="after")
    def _has_one_condition(self) -> Self:
        conditions = len(self.comparisons) + (self.fails is not None) + len(self.groups)
        if conditions != 1:
            raise ValueError(
                "a trigger has one condition: above, at_least, below, at_most, fails, all, any, "
                "count or burn"
            )
        if (self.signal is None) is not bool(self.groups):
            raise ValueError("name a `signal`, or write all, any, count or burn; one of the two")
        return self

    @model_validator(mode="after")
    def _is_held_in_one_way(self) -> Self:
        if self.fails is not None and self.for_ > 0:
            raise ValueError("`fails` counts looks and `for` measures time: write one of them")
        if self.breaches is not None and (self.for_ > 0 or self.fails is not None):
            raise ValueError("`breaches` counts looks; leave `for` and `fails` out")
        if self.for_ == 0 and self.confirm < LEAST_LOOKS:
            raise ValueError("one look proves too little: give `for`, or `confirm: 2` or more")
        if self.clear is not None and not self.comparisons:
            raise ValueError("`clear` is for a trigger that compares one signal with a limit")
        return self


__all__ = ["CountedEntry", "TallyEntry", "TermEntry", "Threshold", "TriggerEntry"]
