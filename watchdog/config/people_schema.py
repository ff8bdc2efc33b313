"""What may stand under `people:` of the daemon's file: who has which roles and accounts."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from watchdog.config.fields import Entry, Name, Text, Whole
from watchdog.domain.people import Person


class PersonEntry(Entry):
    """Somebody who may be asked, or may ask for something."""

    roles: list[Name] = Field(default=[], description="what they may be asked as")
    uids: list[Whole] = Field(default=[], description="the accounts of this machine they use")
    kubernetes: list[Text] = Field(default=[], description="the users of the cluster they are")


def _each_has_one_owner(people: dict[str, PersonEntry]) -> dict[str, PersonEntry]:
    owners: dict[str, str] = {}
    for name, entry in people.items():
        accounts = [f"uid {uid}" for uid in entry.uids]
        for account in (*accounts, *(f"user {user}" for user in entry.kubernetes)):
            owner = owners.setdefault(account, name)
            if owner != name:
                # Two who share one could each be the other's second pair of eyes.
                raise ValueError(f"{account} is that of {owner} and of {name}: it says not who")
    return people


PeopleEntries = Annotated[dict[Name, PersonEntry], AfterValidator(_each_has_one_owner)]


def people_of(entries: Mapping[str, PersonEntry]) -> dict[str, Person]:
    """As the rest of the program works with them."""
    return {
        name: Person(
            name, frozenset(entry.roles), frozenset(entry.uids), frozenset(entry.kubernetes)
        )
        for name, entry in entries.items()
    }
