"""What may stand in the daemon's file, and in the environment in its place."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from watchdog.config.breaker_schema import BreakerEntry
from watchdog.config.fields import Count, Entry, Name, OpenEntry, Text
from watchdog.config.inbound_schema import InboundEntry, TlsEntry
from watchdog.config.schema import NotifyEntry, ReportEntry
from watchdog.plugins import Duration, Timeout

PREFIX = "ROLLBACK_WATCHDOG_"
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})")
_HIGHEST_PORT = 65535


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
    targets: list[Text] = Field(default=[], description="target files, with * and **")
    limits: DaemonLimitsEntry = Field(
        default_factory=DaemonLimitsEntry, description="all targets together"
    )
    breaker: BreakerEntry = Field(
        default_factory=BreakerEntry, description="when the automation stops itself"
    )
    channels: dict[Name, ChannelEntry] = Field(default={}, description="where people are told")
    defaults: Defaults = Field(default_factory=Defaults, description="laid under every target")
    kill_file: Text | None = Field(
        None, description="while it exists nothing is done; default KILL beside the journal"
    )
    log: LogEntry = Field(default_factory=LogEntry, description="the program's own log")
    grace: Timeout = Field(
        "25s", validate_default=True, description="for a running step when the daemon is stopped"
    )

    @model_validator(mode="after")
    def _can_be_spoken_to(self) -> Self:
        if (self.inbound is not None or self.tls is not None) and not self.listen:
            raise ValueError("`inbound` and `tls` need an address: give `listen`")
        door = self.inbound.alertmanager if self.inbound else None
        if door and door.client_certificate and not (self.tls and self.tls.client_ca):
            raise ValueError("`client_certificate` needs `tls` with a `client_ca`")
        return self


def scaled(defaults: Defaults, speed: float) -> Defaults:
    """`defaults` with their durations divided by `speed`."""
    if speed == 1:
        return defaults
    written = defaults.model_dump(mode="json", by_alias=True)
    return Defaults.model_validate(written, context={"speed": speed})
