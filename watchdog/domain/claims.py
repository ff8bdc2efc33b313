"""What somebody outside says: that something is wrong, or no longer is; and what is recorded."""

from dataclasses import dataclass, field
from enum import StrEnum


class Voice(StrEnum):
    """By which way it was said."""

    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"
    CLI = "cli"


class Word(StrEnum):
    """What was said."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one message says of one signal, before it is compared with what was said before.

    `fingerprint` with `how` names the signal, `starts_at` (Unix seconds; None: not said) the
    episode of it. An empty `target` means whoever asks for it. It counts for `valid_for` seconds;
    then it is over where it `lapses`, and unknown where it does not. First heard of more than
    `max_age` seconds after it began, it is not acted on. `signed_ahead`: the Unix second in its
    signature, where our clock has not come that far.
    """

    name: str
    how: Voice
    status: Word
    fingerprint: str
    valid_for: float
    starts_at: float | None = None
    target: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    by: str = ""
    reason: str = ""
    lapses: bool = False
    max_age: float | None = None
    signed_ahead: float | None = None

    @property
    def key(self) -> tuple[Voice, str]:
        """Which signal is meant."""
        return self.how, self.fingerprint


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """A claim as it is recorded. `starts_at` and `valid_until` are Unix seconds.

    `late`: it was first heard of too long after it began to be acted on. `signed_ahead`: as in the
    claim; the next process must not take the same signature once more.
    """

    target: str
    name: str
    how: Voice
    status: Word
    fingerprint: str
    starts_at: float
    valid_until: float
    labels: dict[str, str]
    by: str = ""
    reason: str = ""
    lapses: bool = False
    late: bool = False
    signed_ahead: float | None = None

    @property
    def key(self) -> tuple[Voice, str]:
        """Which signal is meant."""
        return self.how, self.fingerprint


@dataclass(frozen=True, slots=True)
class InboundIncomplete:
    """A message left `missing` signals out: only those that it lists are heard."""

    how: Voice
    by: str
    missing: int
