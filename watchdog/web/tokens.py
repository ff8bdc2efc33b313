"""Whose token a request shows: one person's, or nobody's."""

from dataclasses import dataclass

from aiohttp import web

from watchdog.domain.doors import ApiDoor, Scope, TokenDoor
from watchdog.domain.errors import ConfigError
from watchdog.ports import Secrets
from watchdog.web.proofs import LaterError, RefusedError, is_bearer

# What is shorter could be guessed.
LEAST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Holder:
    """A person who has shown a token, and what it is good for."""

    person: str
    scopes: frozenset[Scope]


class Tokens:
    """The tokens of a door, read anew for each request, so that a renewed one counts at once."""

    def __init__(self, door: ApiDoor, secrets: Secrets) -> None:
        self._door = door
        self._secrets = secrets

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

    def holder(self, request: web.Request) -> Holder:
        """Whose token it is. Raises RefusedError, or LaterError where none can be read."""
        said = request.headers.getall("Authorization", [])
        if len(said) != 1:
            raise RefusedError
        unreadable = 0
        found: list[TokenDoor] = []
        # Every one of them, so that the time it takes says nothing.
        for each in self._door.tokens:
            try:
                if is_bearer(said[0], [each.token], self._secrets):
                    found.append(each)
            except LaterError:
                unreadable += 1
        if unreadable == len(self._door.tokens):
            raise LaterError("no token can be read here; commands still go through the socket")
        # One that two people have proves nobody, and a short one may have been guessed: blanks
        # before it make it no longer.
        if len({each.person for each in found}) != 1 or len(said[0].split()[-1]) < LEAST_LENGTH:
            raise RefusedError
        scopes = frozenset.intersection(*(each.scopes for each in found))
        return Holder(found[0].person, scopes)
