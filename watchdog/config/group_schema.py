"""What may stand under `groups:` of the daemon's file: targets that hang together."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from watchdog.config.fields import Name
from watchdog.config.problems import Path, did_you_mean

Members = Annotated[list[Name], Field(min_length=2)]


def _each_once(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    counts = Counter(member for members in groups.values() for member in members)
    twice = [member for member, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            f"{', '.join(twice)} stands in them more than once: a target is in one group, once"
        )
    return groups


Groups = Annotated[dict[Name, Members], AfterValidator(_each_once)]


def groups_of(groups: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """As the rest of the program works with them."""
    return {name: tuple(members) for name, members in groups.items()}


def unknown_members(
    groups: Mapping[str, tuple[str, ...]], targets: Collection[str]
) -> Iterator[tuple[Path, str]]:
    """Members that are the target of no file."""
    for name, members in groups.items():
        for index, member in enumerate(members):
            if member not in targets:
                text = f"there is no target {member!r}; {did_you_mean(member, targets)}"
                yield ("groups", name, index), text
