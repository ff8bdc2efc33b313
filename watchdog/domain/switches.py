"""Kill switch and pauses as annotations of one object of the cluster: which, and what they say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "rollback-watchdog.io/"
KILL, PAUSE = "kill", "pause"
ALL_TARGETS = ""


@dataclass(frozen=True, slots=True)
class Switches:
    """The object, such as `deployment/rollback-watchdog`, and how its cluster is reached.

    `access`: options of the adapter; empty: as the pod itself.
    """

    object: str
    access: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """One annotation. `by`: under which name it was written, where the cluster knows."""

    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Notes:
    """All that stand on the object in `place`; `pauses` by target, ALL_TARGETS for all of them.

    An object that is made anew under the same name is another place: nobody removed there what the
    old one said. That an annotation is there is what counts, whatever it says. `unknown` are those
    that look like ours and are not.
    """

    place: str
    kill: Note | None = None
    pauses: Mapping[str, Note] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def how(self) -> str:
        """How they throw the kill switch; empty: they do not."""
        if self.kill is None:
            return ""
        by = f" (by {self.kill.by})" if self.kill.by else ""
        return f"{_throws(self.place)} {self.kill.reason or 'it gives no reason'}{by}"

    def threw(self, killed: str) -> bool:
        """Whether it is by an annotation in this place that the kill switch was thrown."""
        return killed.startswith(_throws(self.place))


def is_noted(killed: str) -> bool:
    """Whether it is by an annotation, of whatever place, that the kill switch was thrown."""
    return killed.startswith(name_of("", KILL))


def name_of(place: str, key: str) -> str:
    """An annotation, in words."""
    return f"the annotation {PREFIX}{key} of {place}"


def key_of(target: str) -> str:
    """Which annotation pauses `target`."""
    return PAUSE if target == ALL_TARGETS else f"{PAUSE}.{target}"


def _throws(place: str) -> str:
    return f"{name_of(place, KILL)}:"
