"""What can be told to people: the closed list of words under `notify: on:`."""

from enum import StrEnum


class Topic(StrEnum):
    """A moment in the life of a target that somebody may want to hear of."""

    FIRING = "firing"
    BLIND = "blind"
    SEEING = "seeing"
    DECIDED = "decided"
    REFUSED = "refused"
    STARTED = "started"
    VERIFIED = "verified"
    FAILED = "failed"
    STABLE = "stable"
    RELAPSED = "relapsed"
    INTERRUPTED = "interrupted"
    LATCHED = "latched"
    CLOSED = "closed"
    PAGED = "paged"
    CONFIG = "config"
    BREAKER = "breaker"
    OUTCOME = "outcome"
    ESCALATED = "escalated"
    QUARANTINED = "quarantined"
    APPROVAL = "approval"
    AILING = "ailing"
    WINDOW = "window"
    EXPIRING = "expiring"


# Nobody needs to do anything about these, however grave what came before was.
GOOD_NEWS = frozenset({Topic.SEEING, Topic.VERIFIED, Topic.STABLE, Topic.CLOSED})

MEANINGS = {
    Topic.FIRING: "a trigger held for as long as it must",
    Topic.BLIND: "nothing could be decided from a source for too long",
    Topic.SEEING: "a source that was blind answers again",
    Topic.DECIDED: "a plan will run; in alert-only mode, would have run",
    Topic.REFUSED: "a trigger fires and nothing is done, with the reason",
    Topic.STARTED: "a run began",
    Topic.VERIFIED: "a run is over, and the checks prove that it helped",
    Topic.FAILED: "a run is over, and it is not proven that it helped",
    Topic.STABLE: "a watch after a rollback ended without a relapse",
    Topic.RELAPSED: "the trouble came back during a watch",
    Topic.INTERRUPTED: "a step may or may not have happened: a person must look",
    Topic.LATCHED: "no further automatic run until a named person clears it",
    Topic.CLOSED: "nothing fires any longer, and no run holds the target",
    Topic.PAGED: "a person must look now",
    Topic.CONFIG: "a file was loaded, or refused",
    Topic.BREAKER: "the automation stopped itself, or a person lets it go on",
    Topic.OUTCOME: "a decision table asks people to investigate or to monitor, or no longer does",
    Topic.ESCALATED: "nobody decided in the time that a decision table gives",
    Topic.APPROVAL: "people are asked whether a plan may run, or what became of that",
    Topic.QUARANTINED: "a version was rolled back from, released, or is back all the same",
    Topic.AILING: "something is wrong with the watchdog itself, or no longer is",
    Topic.WINDOW: "a freeze or planned work was set, begins or ends",
    Topic.EXPIRING: "a change lapses by itself soon, has lapsed, was renewed, or still holds",
}
