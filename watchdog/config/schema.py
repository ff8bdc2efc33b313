"""What may stand in a target's file. The descriptions are what the JSON Schema shows."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from watchdog.config.fields import (
    LEAST_LOOKS,
    Comparison,
    Count,
    Entry,
    Name,
    OpenEntry,
    SecretEntry,
    SeverityName,
    Text,
    Whole,
)
from watchdog.config.plan_schema import PlanEntry
from watchdog.domain.target import Mode
from watchdog.domain.topics import Topic
from watchdog.plugins import Duration


class BasicAuthEntry(Entry):
    """A user and a password."""

    user: Text | SecretEntry = Field(description="the user, or where it stands")
    password: SecretEntry = Field(description="where the password stands")


class HeaderAuthEntry(Entry):
    """A header of its own, such as X-Api-Key."""

    name: Text = Field(description="the header")
    value: SecretEntry = Field(description="where its value stands")


class AuthEntry(Entry):
    """Who a request says it is from: exactly one of the three."""

    bearer: SecretEntry | None = Field(None, description="`Authorization: Bearer …`")
    basic: BasicAuthEntry | None = Field(None, description="`Authorization: Basic …`")
    header: HeaderAuthEntry | None = Field(None, description="a header of its own")

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if sum(way is not None for way in (self.bearer, self.basic, self.header)) != 1:
            raise ValueError("an auth profile is one of bearer, basic or header")
        return self


class SourceEntry(OpenEntry):
    """Where numbers come from. Further keys are options of the kind."""

    use: Text = Field(description="the kind: prometheus, http, scrape or command")
    every: Duration | None = Field(None, description="how often it is asked; default 15s")


class SignalEntry(OpenEntry):
    """One number, or one yes/no. Further keys are what its source is asked."""

    from_: Name = Field(alias="from", description="the source that is asked")
    unit: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="the unit of the source's number: ratio, %, s, ms, B, or any word"
    )
    min_volume: Annotated[float, Field(ge=0)] | None = Field(
        None, description="below this `volume` the signal is unknown; default 100"
    )
    max_staleness: Duration | None = Field(
        None, description="older samples are unknown; default 60s"
    )
    on_nodata: Literal["unknown", "ok"] = Field(
        "unknown", description="what no series means; `ok` needs a `volume`"
    )
    on_inf: Literal["unknown", "compare"] = Field(
        "unknown", description="what infinity means; `compare` takes it as a number"
    )
    on_warnings: Literal["unknown", "accept"] = Field(
        "unknown", description="what an answer with warnings means"
    )


class TriggerEntry(Comparison):
    """When something is wrong for long enough, and which plan answers."""

    signal: Name = Field(description="the signal it watches")
    fails: Annotated[Count, Field(ge=LEAST_LOOKS)] | None = Field(
        None, description="that many failed looks with no good one between"
    )
    for_: Duration = Field(
        "0s", alias="for", validate_default=True, description="how long the comparison must hold"
    )
    severity: SeverityName = Field("warning", description="the gravest trigger decides")
    plan: Name = Field(description="the plan that answers")
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

    @model_validator(mode="after")
    def _has_one_condition(self) -> Self:
        conditions = len(self.comparisons) + (self.fails is not None)
        if conditions != 1:
            raise ValueError(
                "a trigger has one condition: above, at_least, below, at_most or fails"
            )
        if self.fails is not None and self.for_ > 0:
            raise ValueError("`fails` counts looks and `for` measures time: write one of them")
        if self.for_ == 0 and self.confirm < LEAST_LOOKS:
            raise ValueError("one look proves too little: give `for`, or `confirm: 2` or more")
        return self


class LimitsEntry(Entry):
    """How often the machine may act on one target by itself."""

    per_hour: Count | None = Field(None, description="incidents with a run an hour; default 1")
    per_day: Count | None = Field(None, description="incidents with a run a day; default 2")
    cooldown: Duration | None = Field(None, description="rest after a run; default 60m")


class NotifyEntry(Entry):
    """Who is told what."""

    on: list[Topic] = Field(default=list(Topic), description="which topics; all when missing")
    severity: SeverityName = Field("info", description="from this severity on")
    to: Annotated[list[Name], Field(min_length=1)] = Field(description="the channels")


class ReportEntry(Entry):
    """Where incident reports go."""

    to: Text = Field("reports", description="a folder; relative to the journal's")


class TargetFile(Entry):
    """One guarded target: what is watched, when that is wrong, and what is done about it."""

    target: Name = Field(description="the target's name")
    mode: Mode = Field(Mode.ALERT_ONLY, description="alert-only changes nothing; auto acts")
    armed_by: Text | None = Field(None, description="who answers for `mode: auto`")
    auth: dict[Name, AuthEntry] = Field(default={}, description="auth profiles, by name")
    sources: dict[Name, SourceEntry] = Field(default={}, description="where numbers come from")
    signals: dict[Name, SignalEntry] = Field(default={}, description="the numbers themselves")
    triggers: dict[Name, TriggerEntry] = Field(default={}, description="when they are wrong")
    plans: dict[Name, PlanEntry] = Field(default={}, description="what is done about it")
    limits: LimitsEntry = Field(default_factory=LimitsEntry, description="how often")
    notify: list[NotifyEntry] | None = Field(None, description="who is told; default: the log")
    report: ReportEntry = Field(default_factory=ReportEntry, description="incident reports")
