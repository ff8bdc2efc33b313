"""What may stand in a target's file. The descriptions are what the JSON Schema shows."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from watchdog.config.arming_schema import ArmingEntry
from watchdog.config.change_schema import ChangesEntry
from watchdog.config.decision_schema import DecisionEntry
from watchdog.config.fields import (
    Count,
    Entry,
    Name,
    OpenEntry,
    SecretEntry,
    SeverityName,
    Share,
    Text,
)
from watchdog.config.plan_schema import PlanEntry
from watchdog.config.trigger_schema import CountedEntry, TriggerEntry
from watchdog.config.window_schema import FreezeEntry, MaintenanceEntry
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
    series: Literal["any", "all", "worst", "count", "sum"] | None = Field(
        None, description="what several series mean together; without it, they must be one"
    )
    counting: CountedEntry | None = Field(
        None, description="which series `series: count` counts; all when missing"
    )
    confidence: Share | None = Field(
        None, description="how sure a share must be to be beyond its limit, such as 95%"
    )

    @model_validator(mode="after")
    def _counts_what_it_says(self) -> Self:
        if self.counting is not None and self.series != "count":
            raise ValueError("`counting` says what `series: count` counts: write both, or neither")
        if self.confidence is not None and self.series is not None:
            raise ValueError(
                "`confidence` is for one share of one volume: leave `series` out; with "
                "`for_each`, every share has its own"
            )
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


class VetoEntry(Entry):
    """Who may forbid every automatic run."""

    signal: Name = Field(description="a yes/no signal: yes forbids")
    on_unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="what it means when it cannot be told"
    )


class ReportEntry(Entry):
    """Where incident reports go."""

    to: Text = Field("reports", description="a folder; relative to the journal's")


class TargetFile(Entry):
    """One guarded target: what is watched, when that is wrong, and what is done about it."""

    target: Name = Field(description="the target's name")
    mode: Mode = Field(
        Mode.ALERT_ONLY, description="alert-only changes nothing, approve asks people, auto acts"
    )
    armed_by: Text | None = Field(None, description="who answers for `mode: auto`")
    arming: ArmingEntry = Field(
        default_factory=ArmingEntry, description="what a trigger shows before it is armed"
    )
    auth: dict[Name, AuthEntry] = Field(default={}, description="auth profiles, by name")
    sources: dict[Name, SourceEntry] = Field(default={}, description="where numbers come from")
    changes: ChangesEntry | None = Field(None, description="who tells what changed, and when")
    signals: dict[Name, SignalEntry] = Field(default={}, description="the numbers themselves")
    triggers: dict[Name, TriggerEntry] = Field(default={}, description="when they are wrong")
    decisions: list[DecisionEntry] = Field(
        default=[], description="which triggers together ask for what; the first row that holds"
    )
    plans: dict[Name, PlanEntry] = Field(default={}, description="what is done about it")
    limits: LimitsEntry = Field(default_factory=LimitsEntry, description="how often")
    freeze: list[FreezeEntry] = Field(default=[], description="when no automatic run begins")
    maintenance: list[MaintenanceEntry] = Field(
        default=[], description="planned work: nothing is acted on, and nobody is woken"
    )
    veto: list[VetoEntry] = Field(default=[], description="what forbids every automatic run")
    notify: list[NotifyEntry] | None = Field(None, description="who is told; default: the log")
    report: ReportEntry = Field(default_factory=ReportEntry, description="incident reports")
