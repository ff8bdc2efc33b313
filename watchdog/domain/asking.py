"""Who asks for something, and by which way; that they did, and what they were told."""

from dataclasses import dataclass
from enum import StrEnum

NOBODYS_UID = -1


class Via(StrEnum):
    """The way by which a command came."""

    SOCKET = "socket"
    API = "api"


@dataclass(frozen=True, slots=True)
class Asker:
    """`uid`: the account as the kernel says, -1 where there is none.

    `person`: whom the account or a token proves, "" for nobody who is known. `key` and `asks`
    are digests: of the key under which this is done once, and of all that is asked under it.
    `reason`: why, where the command itself has no room for it. `user` and `groups`: of a cluster,
    as its API server says whose the token is.
    """

    uid: int = NOBODYS_UID
    person: str = ""
    via: Via = Via.SOCKET
    key: str = ""
    asks: str = ""
    reason: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """Somebody asked for something.

    Through the socket, `uid` is as the kernel says and `by` as they say; through the API, `by` is
    whom their token proves. `key` is the digest of the key under which it is to be done once,
    `asks` that of everything they asked. `user` and `groups` are those of a cluster, where its API
    server said whose the token is.
    """

    command: str
    uid: int
    by: str
    detail: str
    via: Via = Via.SOCKET
    key: str = ""
    asks: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """What `by` was told of the command under `key`: a status of HTTP, and JSON."""

    command: str
    by: str
    key: str
    status: int
    answer: str


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """A known person asked for what they may not have, or said it wrong: nothing was done.

    `user` and `groups` as for `CommandReceived`.
    """

    command: str
    by: str
    status: int
    reason: str
    via: Via = Via.API
    user: str = ""
    groups: tuple[str, ...] = ()
