"""Who may speak from outside, and how they prove who they are; off unless configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Reference = Mapping[str, str]
# Seconds behind its due time after which a signal that should have been said again is unknown.
SLACK = 60.0


@dataclass(frozen=True, slots=True)
class AlertmanagerDoor:
    """Alertmanager's webhook. `bearer`: one or two tokens by reference; times in seconds.

    Where `certificate` is true, a client's certificate is needed, too.
    """

    bearer: tuple[Reference, ...] = ()
    certificate: bool = False
    repeat_interval: float = 300.0
    group_interval: float = 30.0
    max_age: float = 900.0

    @property
    def valid_for(self) -> float:
        """Seconds for which a notification counts without being repeated."""
        return self.repeat_interval + self.group_interval + SLACK


@dataclass(frozen=True, slots=True)
class SignalDoor:
    """One signed signal. `secrets`: one or two by reference; `target`: whom it is about.

    Without a `valid_for` of its own, a message counts for this many seconds.
    """

    secrets: tuple[Reference, ...]
    target: str = ""
    valid_for: float = 3600.0


@dataclass(frozen=True, slots=True)
class Doors:
    """All that may come in."""

    alertmanager: AlertmanagerDoor | None = None
    signals: Mapping[str, SignalDoor] = field(default_factory=dict)
    signature_header: str = "X-Watchdog-Signature"
    timestamp_header: str = "X-Watchdog-Timestamp"

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every secret that is needed."""
        bearer = self.alertmanager.bearer if self.alertmanager else ()
        return (*bearer, *(one for door in self.signals.values() for one in door.secrets))


class Scope(StrEnum):
    """What a token is good for."""

    READ = "read"
    ACT = "act"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class TokenDoor:
    """A token by reference, the person whom it proves, and what it is good for."""

    person: str
    token: Reference
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ClusterDoor:
    """Users of a cluster may ask, as far as its RBAC lets them.

    Their tokens must be made for `audience`. `kept`: seconds for which an answer about one is
    remembered. `access`: how the cluster is reached, as options of the adapter; its namespace is
    the one in which they need their rights.
    """

    audience: str
    kept: float = 10.0
    access: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiDoor:
    """Who may ask for acts over HTTP. `most_bytes`: of one request's body.

    Where `guards_reading` is true, status and runs need a token, too. `most_failures`: attempts
    of one address, and refusals of one person, a minute before they have to wait. `cluster`:
    whose word counts for tokens that are none of `tokens`; None for nobody's.
    """

    tokens: tuple[TokenDoor, ...] = ()
    most_bytes: int = 64 * 1024
    guards_reading: bool = False
    most_failures: int = 20
    cluster: ClusterDoor | None = None


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificate of the pages stands, and that of whoever vouches for clients."""

    certificate: str
    key: str
    client_ca: str = ""
