"""What happened after a decision that only alert-only mode held back, and what people say of it."""

from dataclasses import dataclass
from enum import StrEnum

# Seconds after which a decision is judged by what became of the trouble.
JUDGED_AFTER = 3600.0


class Ending(StrEnum):
    """What became of the trouble within the hour. UNKNOWN: nobody saw, so nobody says."""

    RECOVERED = "recovered"
    PERSON_ROLLED_BACK = "person_rolled_back"
    STILL_BAD = "still_bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ShadowOutcome:
    """How one shadow decision ended, `after_seconds` later; journalled once for each of them.

    `incident`, `trigger`, `plan` and `episode` are those of the decision. `note` says why
    nobody can tell.
    """

    target: str
    incident: str
    trigger: str
    plan: str
    episode: str
    what: Ending
    after_seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class DecisionJudged:
    """A person says whether to act would have been right. The last word of a person counts."""

    target: str
    incident: str
    trigger: str
    episode: str
    right: bool
    by: str
    reason: str
