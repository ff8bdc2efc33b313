"""What may be written of signals from outside: `inbound` and `tls` of the daemon's file."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from watchdog.config.fields import Entry, Name, SecretEntry, Text
from watchdog.domain.doors import AlertmanagerDoor, Doors, SignalDoor, TlsFiles
from watchdog.plugins import Duration

_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError(f"{value[:80]!r} is no header; write it like X-Signature")
    return value


# Two, so that one can be exchanged for another without a moment at which neither counts.
_OneOrTwo = Annotated[list[SecretEntry], Field(min_length=1, max_length=2)]
_Header = Annotated[str, AfterValidator(_header)]


class InboundAlertmanagerEntry(Entry):
    """Alertmanager's webhook, at /inbound/alertmanager."""

    bearer: _OneOrTwo | None = Field(None, description="where the token stands; two to exchange it")
    client_certificate: bool = Field(
        default=False, description="whether a certificate by `tls.client_ca` is needed"
    )
    repeat_interval: Duration = Field(
        "5m", validate_default=True, description="the route's own; unknown when it is not kept"
    )
    group_interval: Duration = Field("30s", validate_default=True, description="the route's own")
    max_age: Duration = Field(
        "15m", validate_default=True, description="an alert first heard of later is not acted on"
    )

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if not self.bearer and not self.client_certificate:
            raise ValueError("anybody could send alerts: give `bearer`, `client_certificate`, both")
        return self


class InboundSignalEntry(Entry):
    """A signed signal, at /inbound/signal/NAME."""

    secrets: _OneOrTwo = Field(description="what signs it; two to exchange it")
    target: Name | None = Field(None, description="whom it is about; all that ask when missing")
    valid_for: Duration = Field(
        "1h", validate_default=True, description="unknown when it is not said again for that long"
    )


class InboundEntry(Entry):
    """Who may send signals from outside; off when missing."""

    alertmanager: InboundAlertmanagerEntry | None = Field(None, description="Alertmanager's alerts")
    signals: dict[Name, InboundSignalEntry] = Field(default={}, description="signed signals")
    signature_header: _Header = Field("X-Watchdog-Signature", description="holds the HMAC-SHA256")
    timestamp_header: _Header = Field("X-Watchdog-Timestamp", description="holds the Unix time")


class TlsEntry(Entry):
    """The pages over HTTPS."""

    certificate: Text = Field(description="the PEM file of the certificate, with its chain")
    key: Text = Field(description="the PEM file of its key")
    client_ca: Text | None = Field(None, description="the PEM file of who vouches for clients")


def doors_of(entry: InboundEntry | None) -> Doors | None:
    """Who may speak; None for nobody."""
    if entry is None:
        return None
    return Doors(
        alertmanager=_alertmanager(entry.alertmanager),
        signals={name: _signal(each) for name, each in entry.signals.items()},
        signature_header=entry.signature_header,
        timestamp_header=entry.timestamp_header,
    )


def _alertmanager(entry: InboundAlertmanagerEntry | None) -> AlertmanagerDoor | None:
    if entry is None:
        return None
    return AlertmanagerDoor(
        bearer=_references(entry.bearer or []),
        certificate=entry.client_certificate,
        repeat_interval=entry.repeat_interval,
        group_interval=entry.group_interval,
        max_age=entry.max_age,
    )


def _signal(entry: InboundSignalEntry) -> SignalDoor:
    return SignalDoor(_references(entry.secrets), entry.target or "", entry.valid_for)


def _references(entries: list[SecretEntry]) -> tuple[dict[str, str], ...]:
    return tuple(each.model_dump(exclude_none=True) for each in entries)


def tls_of(entry: TlsEntry | None) -> TlsFiles | None:
    """The files of the pages' certificate; None for plain HTTP."""
    if entry is None:
        return None
    return TlsFiles(entry.certificate, entry.key, entry.client_ca or "")
