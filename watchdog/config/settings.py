"""What may stand in the daemon's file, and in the environment in its place."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from watchdog.config.api_schema import ApiEntry
from watchdog.config.breaker_schema import BreakerEntry
from watchdog.config.fields import Count, Entry, Name, OpenEntry, Text
from watchdog.config.group_schema import Groups
from watchdog.config.heartbeat_schema import HeartbeatEntry
from watchdog.config.inbound_schema import InboundEntry, TlsEntry
from watchdog.config.people_schema import PeopleEntries
from watchdog.config.schema import NotifyEntry, ReportEntry
from watchdog.config.sidecar_schema import SidecarEntry
from watchdog.config.switches_schema import SwitchesEntry
from watchdog.config.window_schema import FreezeEntry, MaintenanceEntry
from watchdog.plugins import Duration, Timeout

PREFIX = "ROLLBACK_WATCHDOG_"
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})")
_HIGHEST_PORT = 65535
# Seconds.
_LEAST_KEPT = 30 * 86400.0


def _listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if value and not (found and int(found[2]) <= _HIGHEST_PORT):
        raise ValueError(f"{value!r} is no address; write HOST:PORT, such as 127.0.0.1:9095")
    return value


class JournalEntry(Entry):
    """Where everything that happens is written down."""

    use: Literal["sqlite"] = Field("sqlite", description="the kind of journal")
    path: Text | None = Field(
        None,
        description="its file; default journal.db in $STATE_DIRECTORY or var/rollback-watchdog",
    )
    keep: Timeout | None = Field(
        None, description="how long what no limit, report or score needs is kept; for good"
    )
    archive: Text | None = Field(None, description="a folder for what is kept no longer; none")

    @model_validator(mode="after")
    def _keeps_what_limits_count(self) -> Self:
        if self.keep is not None and self.keep < _LEAST_KEPT:
            raise ValueError("`keep` must be 30d or more: last month is for people to look at")
        if self.archive and self.keep is None:
            raise ValueError("`archive` takes what `keep` lets go: give `keep`")
        return self


class DaemonLimitsEntry(Entry):
    """How often the machine may act on all targets together."""

    per_hour: Count = Field(3, description="incidents with a run an hour")


class ChannelEntry(OpenEntry):
    """Where people are told. Further keys are options of the kind."""

    use: Text = Field(description="the kind: log or webhook")


class LogEntry(Entry):
    """How the program's own log looks."""

    format: Literal["json", "console"] = Field("json", description="console is for people")


class DefaultLimitsEntry(Entry):
    """How often the machine may act on one target by itself."""

    per_hour: Count = Field(1, description="incidents with a run an hour")
    per_day: Count = Field(2, description="incidents with a run a day")
    cooldown: Duration = Field("60m", validate_default=True, description="rest after a run")


class Defaults(Entry):
    """What is laid under every target: a target's own word wins."""

    every: Duration = Field("15s", validate_default=True, description="how often sources are asked")
    min_volume: Annotated[float, Field(ge=0)] = Field(
        100.0, description="requests below which a signal with `volume` is unknown"
    )
    max_staleness: Duration = Field(
        "60s", validate_default=True, description="older samples are unknown"
    )
    keep_firing_for: Duration = Field(
        "2m", validate_default=True, description="how long a trigger must be good to be over"
    )
    blind_after: Duration = Field(
        "5m", validate_default=True, description="unknown for that long tells people"
    )
    limits: DefaultLimitsEntry = Field(
        default_factory=DefaultLimitsEntry, description="how often one target acts"
    )
    notify: list[NotifyEntry] | None = Field(None, description="who is told what")
    report: ReportEntry = Field(default_factory=ReportEntry, description="incident reports")


class DaemonFile(BaseSettings):
    """The daemon: one process, any number of targets."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    journal: JournalEntry = Field(default_factory=JournalEntry, description="what happened")
    socket: Text | None = Field(None, description="for commands; default beside the journal")
    listen: Annotated[str, AfterValidator(_listen)] = Field(
        "", description="HOST:PORT of the pages and metrics; empty: none"
    )
    tls: TlsEntry | None = Field(None, description="serves the pages over HTTPS")
    inbound: InboundEntry | None = Field(None, description="who may send signals; off")
    api: ApiEntry | None = Field(None, description="who may ask for acts over HTTP; off")
    targets: list[Text] = Field(default=[], description="target files, with * and **")
    limits: DaemonLimitsEntry = Field(
        default_factory=DaemonLimitsEntry, description="all targets together"
    )
    breaker: BreakerEntry = Field(
        default_factory=BreakerEntry, description="when the automation stops itself"
    )
    freeze: list[FreezeEntry] = Field(
        default=[], description="when no automatic run begins on any target"
    )
    maintenance: list[MaintenanceEntry] = Field(
        default=[], description="planned work on all targets"
    )
    groups: Groups = Field(
        default={}, description="targets that hang together, in the order they are mended in"
    )
    people: PeopleEntries = Field(default={}, description="who has which roles and accounts")
    channels: dict[Name, ChannelEntry] = Field(default={}, description="where people are told")
    defaults: Defaults = Field(default_factory=Defaults, description="laid under every target")
    kill_file: Text | None = Field(
        None, description="while it exists nothing is done; default KILL beside the journal"
    )
    log: LogEntry = Field(default_factory=LogEntry, description="the program's own log")
    heartbeat: HeartbeatEntry | None = Field(None, description="told that it watches; nobody")
    sidecar: SidecarEntry | None = Field(
        None, description="one of several watchdogs, of which one acts; alone"
    )
    switches: SwitchesEntry | None = Field(
        None, description="kill switch and pauses by annotation of a cluster's object; none"
    )
    grace: Timeout = Field(
        "25s", validate_default=True, description="for a running step when the daemon is stopped"
    )

    @model_validator(mode="after")
    def _can_be_spoken_to(self) -> Self:
        spoken_to = self.inbound is not None or self.tls is not None or self.api is not None
        if spoken_to and not self.listen:
            raise ValueError("`inbound`, `tls` and `api` need an address: give `listen`")
        door = self.inbound.alertmanager if self.inbound else None
        if door and door.client_certificate and not (self.tls and self.tls.client_ca):
            raise ValueError("`client_certificate` needs `tls` with a `client_ca`")
        return self

    @model_validator(mode="after")
    def _knows_whose_tokens(self) -> Self:
        strangers = self.api.strangers(self.people) if self.api else []
        if strangers:
            raise ValueError(f"`api` has tokens of {', '.join(strangers)}: who is not in `people`")
        return self


def scaled(defaults: Defaults, speed: float) -> Defaults:
    """`defaults` with their durations divided by `speed`."""
    if speed == 1:
        return defaults
    written = defaults.model_dump(mode="json", by_alias=True)
    return Defaults.model_validate(written, context={"speed": speed})
