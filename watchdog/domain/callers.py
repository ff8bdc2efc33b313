"""Users of a cluster who ask for acts: who its API server says they are, and how they are named."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from watchdog.domain.people import People, person_of_user

# What acts are on, in the terms of RBAC: each act is a verb on it, and a target's name is its name.
GROUP, RESOURCE = "rollback-watchdog.io", "targets"
# What reading is there.
READING = "get"
PREFIX = "kubernetes:"
# A ServiceAccount's is no longer than this, with the prefix.
LONGEST_NAME = 350


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token proves, with all that decides what they may.

    `proof`: a digest of the token, by which answers about it are remembered.
    """

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    proof: str = ""

    @property
    def can_be_named(self) -> bool:
        """Whether a journal can hold who they are, as they are and nobody else is."""
        name = f"{PREFIX}{self.user}"
        plain = self.user.isprintable() and self.user == self.user.strip()
        return bool(self.user) and plain and len(name) <= LONGEST_NAME


def name_of(people: People, caller: Caller) -> str:
    """The person whose user it is; a name that no person can have, where it is nobody's."""
    person = person_of_user(people, caller.user)
    return person.name if person else f"{PREFIX}{caller.user}"


def in_words(verb: str, target: str) -> str:
    """What they would need the right to; `target` is empty for all of them."""
    resource = f"{RESOURCE}.{GROUP}"
    return f"{verb} {resource}{f'/{target}' if target else ', all of them'}"
