"""The people that the daemon knows by name: the roles they hold, and the accounts they use."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a name.

    `uids` are the accounts of this machine that are theirs alone, `users` those of a cluster.
    """

    name: str
    roles: frozenset[str] = frozenset()
    uids: frozenset[int] = frozenset()
    users: frozenset[str] = frozenset()


People = Mapping[str, Person]


def roles_of(people: People, name: str) -> frozenset[str]:
    """The roles of the person of that name; none for somebody who is not known."""
    person = people.get(name)
    return person.roles if person else frozenset()


def person_of_uid(people: People, uid: int) -> Person | None:
    """Whose account `uid` is; None where nobody claims it."""
    return next((person for person in people.values() if uid in person.uids), None)


def person_of_user(people: People, user: str) -> Person | None:
    """Whose user of a cluster that is; None where nobody claims it."""
    return next((person for person in people.values() if user in person.users), None)


def holders_of(people: People, role: str) -> tuple[str, ...]:
    """The names of all who hold `role`, in the order of the file."""
    return tuple(name for name, person in people.items() if role in person.roles)
