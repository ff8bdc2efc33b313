"""Whose token of a file a request shows: one person's, or nobody's."""

import hashlib
from dataclasses import dataclass, field
from secrets import token_bytes

from watchdog.domain.callers import Caller
from watchdog.domain.doors import ApiDoor, Scope, TokenDoor
from watchdog.domain.errors import ConfigError
from watchdog.domain.moment import Moment
from watchdog.ports import Secrets
from watchdog.web.proofs import LaterError, RefusedError, same

# What is shorter could be guessed.
LEAST_LENGTH = 16
# Seconds for which the files are not read again for whoever only guesses.
REST = 1.0
UNREAD = "not every token can be read here; commands still go through the socket"


@dataclass(frozen=True, slots=True)
class Holder:
    """A person who has shown a token, and what it is good for.

    A `caller` has no scopes: what they may is asked of the cluster, act by act. `token` is theirs.
    """

    person: str
    scopes: frozenset[Scope] = frozenset()
    caller: Caller | None = None
    token: str = field(default="", repr=False)


class Tokens:
    """The tokens of a door, read anew for each request, so that a renewed one counts at once."""

    def __init__(self, door: ApiDoor, secrets: Secrets) -> None:
        self._door = door
        self._secrets = secrets
        # Of what was read last, in a form that nobody can work towards.
        self._key = token_bytes(16)
        self._marks: frozenset[bytes] = frozenset()
        self._read: Moment | None = None
        self._missed = False

    @property
    def missed(self) -> bool:
        """Whether one of them could not be read when they were last."""
        return self._missed

    def check(self) -> None:
        """Whether each can be used. Raises ConfigError, without a word of what they are."""
        owners: dict[str, str] = {}
        for each in self._door.tokens:
            value = self._secrets.read(each.token)
            if len(value) < LEAST_LENGTH or len(value.split()) != 1:
                raise ConfigError(
                    f"api: a token of {each.person} is shorter than {LEAST_LENGTH} characters, or "
                    "has blanks in it: give it a long random one"
                )
            if value in owners:
                names = " and ".join(sorted({owners[value], each.person}))
                raise ConfigError(f"api: a token of {names} stands in two places; one is enough")
            owners[value] = each.person

    def holder(self, given: str, now: Moment, *, guessed: bool = False) -> Holder:
        """Whose token it is. Raises RefusedError, or LaterError where none can be read.

        `guessed`: so much was tried from there that the files are read once a second at most. A
        token that stands in them is found all the same.
        """
        rests = self._read is not None and now.since(self._read) < REST
        if guessed and rests and self._mark(given) not in self._marks:
            raise RefusedError
        values = self._values(now)
        if self._door.tokens and not values:
            raise LaterError(UNREAD)
        # Every one of them, so that the time it takes says nothing.
        found = [each for each, matches in [(e, same(given, v)) for e, v in values] if matches]
        # One that two people have proves nobody, and a short one may have been guessed.
        if len({each.person for each in found}) != 1 or len(given) < LEAST_LENGTH:
            raise RefusedError
        scopes = frozenset.intersection(*(each.scopes for each in found))
        return Holder(found[0].person, scopes)

    def _values(self, now: Moment) -> list[tuple[TokenDoor, str]]:
        """Each token as it stands now, less those that cannot be read."""
        values = []
        for each in self._door.tokens:
            try:
                values.append((each, self._secrets.read(each.token)))
            except ConfigError:
                continue
        self._marks = frozenset(self._mark(value) for _, value in values)
        self._read = now
        self._missed = len(values) < len(self._door.tokens)
        return values

    def _mark(self, value: str) -> bytes:
        text = value.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(text, key=self._key, digest_size=16).digest()
