"""What may be wrong with the watchdog itself, as it finds it: found, and over."""

from dataclasses import dataclass
from enum import StrEnum

# Seconds after which a message that no channel took in is worth a word.
UNDELIVERED_AFTER = 120.0


class Organ(StrEnum):
    """Which part of the watchdog is unwell."""

    ROUNDS = "rounds"
    RUN = "run"
    OUTBOX = "outbox"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Ailment:
    """Something that is wrong now. `about` names the source, the run or the channel."""

    organ: Organ
    target: str
    about: str
    detail: str

    @property
    def name(self) -> tuple[Organ, str, str]:
        """The same as long as it lasts, whatever its detail says."""
        return self.organ, self.target, self.about

    def __str__(self) -> str:
        return f"{place(self.organ, self.target, self.about)}: {self.detail}"


@dataclass(frozen=True, slots=True)
class AilmentFound:
    organ: Organ
    target: str
    about: str
    detail: str


@dataclass(frozen=True, slots=True)
class AilmentOver:
    """`since`: when it was found, in Unix seconds."""

    organ: Organ
    target: str
    about: str
    since: float


def place(organ: Organ, target: str, about: str) -> str:
    """Where it is, as a person would say it."""
    match organ:
        case Organ.ROUNDS:
            return f"the rounds of {target}/{about}"
        case Organ.RUN:
            return f"run {about}"
        case Organ.OUTBOX:
            return f"channel {about}"
        case Organ.HEARTBEAT:
            return "the heartbeat"
