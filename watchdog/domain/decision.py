"""Whether a proposal is acted on. Guards in order; the first refusal wins and is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from watchdog.domain import would_help
from watchdog.domain.events import Stage
from watchdog.domain.ledger import Account, age
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.versions import Versions

HOUR = 3600.0
DAY = 86400.0
MAX_SKEW = 60.0


class Reason(StrEnum):
    """Why a firing trigger is not acted on."""

    NO_PLAN = "no_plan"
    KILL_SWITCH = "kill_switch"
    BREAKER_OPEN = "breaker_open"
    JOURNAL_UNWRITABLE = "journal_unwritable"
    PAUSED = "paused"
    LATCHED = "latched"
    UNCONFIRMED = "unconfirmed"
    ALREADY_HANDLED = "already_handled"
    RUN_IN_PROGRESS = "run_in_progress"
    VETOED = "vetoed"
    CLOCK_UNSURE = "clock_unsure"
    NO_RECENT_CHANGE = "no_recent_change"
    BREACH_BEFORE_CHANGE = "breach_before_change"
    VERSION_MOVED_ON = "version_moved_on"
    VERSION_HAD_ITS_RUN = "version_had_its_run"
    SAME_VERSION = "same_version"
    VERSION_QUARANTINED = "version_quarantined"
    NO_GOOD_VERSION = "no_good_version"
    ONCE_PER_VERSION = "once_per_version"
    COOLING_DOWN = "cooling_down"
    TARGET_LIMIT = "target_limit"
    GLOBAL_LIMIT = "global_limit"
    PREFLIGHT_FAILED = "preflight_failed"
    ALERT_ONLY = "alert_only"


REASONS = {
    Reason.NO_PLAN: "the trigger has no plan: it tells people, and they decide",
    Reason.KILL_SWITCH: "the kill switch is on; remove the kill file, or `kill --off` lifts it",
    Reason.BREAKER_OPEN: "the automation stopped itself; a named person lifts it: `close-breaker`",
    Reason.JOURNAL_UNWRITABLE: "nothing can be recorded, so nothing may be done; mend the disk",
    Reason.PAUSED: "a person paused it; `resume` lifts it",
    Reason.LATCHED: "an earlier run did not prove that it helped; a named person must `clear` it",
    Reason.UNCONFIRMED: "the trigger fired before a restart; waiting for a fresh breach",
    Reason.ALREADY_HANDLED: "this firing already had its run",
    Reason.RUN_IN_PROGRESS: "a run of the same or higher severity is under way; joined to it",
    Reason.VETOED: "a veto signal says no, or cannot be told; see the detail",
    Reason.CLOCK_UNSURE: "this clock and the source's differ by more than 60 s; mend the clock",
    **{Reason(why): meaning for why, meaning in would_help.MEANINGS.items()},
    Reason.COOLING_DOWN: "too soon after the last run; `clear` ends the cool-down",
    Reason.TARGET_LIMIT: "the target's limit of automatic runs is used up",
    Reason.GLOBAL_LIMIT: "the limit of automatic runs of all targets together is used up",
    Reason.PREFLIGHT_FAILED: "a step could not run; see the finding",
    Reason.ALERT_ONLY: "the target is in alert-only mode; `mode: auto` and `armed_by` arm it",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not now: the named reason, a sentence, and the Unix second it ends at by itself."""

    reason: Reason
    detail: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a guard may know. `skew`: seconds between our wall clock and the source's."""

    mode: Mode
    limits: Limits
    account: Account
    killed: str = ""
    breaker: str = ""
    paused_all: str = ""
    global_starts: int = 0
    global_per_hour: int = 3
    journal_healthy: bool = True
    skew: float | None = None
    vetoed: str = ""
    target: Target | None = None
    versions: Versions = field(default_factory=Versions)


Guard = Callable[[Proposal, Facts, Moment], Refusal | None]


def decide(proposal: Proposal, facts: Facts, now: Moment) -> Refusal | None:
    """The first guard's refusal of `proposal`; None means: act."""
    refusals = (guard(proposal, facts, now) for guard in GUARDS)
    return next((refusal for refusal in refusals if refusal is not None), None)


def standing_refusals(facts: Facts, now: Moment) -> list[Refusal]:
    """Every reason why nothing would be done now, whatever fired: what `status` says first."""
    refusals = (guard(None, facts, now) for guard in STANDING)
    return [refusal for refusal in refusals if refusal is not None]


def supersedes(proposal: Proposal, account: Account) -> bool:
    """Whether `proposal` is graver than the automatic run that holds the target."""
    current = account.current
    return current is not None and not current.by and proposal.severity > current.severity


def no_plan(proposal: Proposal, _: Facts, __: Moment) -> Refusal | None:
    return None if proposal.plan else Refusal(Reason.NO_PLAN)


def kill_switch(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.KILL_SWITCH, facts.killed) if facts.killed else None


def breaker_open(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.BREAKER_OPEN, facts.breaker) if facts.breaker else None


def journal_unwritable(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return None if facts.journal_healthy else Refusal(Reason.JOURNAL_UNWRITABLE)


def paused(_: Proposal | None, facts: Facts, now: Moment) -> Refusal | None:
    if facts.paused_all:
        return Refusal(Reason.PAUSED, facts.paused_all)
    pause = facts.account.paused
    if pause is None or (pause.until is not None and now.wall >= pause.until):
        return None
    return Refusal(Reason.PAUSED, f"by {pause.by}: {pause.reason}", pause.until)


def latched(proposal: Proposal | None, facts: Facts, _: Moment) -> Refusal | None:
    latch = facts.account.latched
    if facts.account.half_way is not None and _same_incident(proposal, facts):
        # It is this graver run that the lower one gave way to.
        return None
    return Refusal(Reason.LATCHED, latch) if latch else None


def unconfirmed(proposal: Proposal, _: Facts, __: Moment) -> Refusal | None:
    return None if proposal.confirmed else Refusal(Reason.UNCONFIRMED)


def already_handled(proposal: Proposal, facts: Facts, _: Moment) -> Refusal | None:
    if proposal.episode in facts.account.episodes:
        return Refusal(Reason.ALREADY_HANDLED)
    return None


def run_in_progress(proposal: Proposal, facts: Facts, _: Moment) -> Refusal | None:
    current = facts.account.current
    if current is None or supersedes(proposal, facts.account):
        return None
    # The long watch keeps nothing else from starting; what it proved must not start again.
    if current.stage is Stage.WATCH_LONG and proposal.plan != current.plan:
        return None
    return Refusal(Reason.RUN_IN_PROGRESS, f"run {current.run} of plan {current.plan}")


def vetoed(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.VETOED, facts.vetoed) if facts.vetoed else None


def clock_unsure(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    if facts.skew is None or abs(facts.skew) <= MAX_SKEW:
        return None
    return Refusal(Reason.CLOCK_UNSURE, f"they differ by {facts.skew:+.0f} s")


def would_not_help(proposal: Proposal, facts: Facts, now: Moment) -> Refusal | None:
    if facts.target is None:
        return None
    same = _same_incident(proposal, facts)
    found = would_help.doubt(proposal, facts.target, facts.versions, now, same_incident=same)
    return None if found is None else Refusal(Reason(found.why), found.detail)


def cooling_down(proposal: Proposal | None, facts: Facts, now: Moment) -> Refusal | None:
    ends = [past.ended for past in facts.account.past if past.ended is not None]
    if not ends or _passes(proposal, facts):
        return None
    left = facts.limits.cooldown - age(ends[-1], now)
    if left <= 0:
        return None
    return Refusal(Reason.COOLING_DOWN, f"{left:.0f} s left", now.wall + left)


def target_limit(proposal: Proposal | None, facts: Facts, now: Moment) -> Refusal | None:
    past = facts.account.past
    hour = sum(age(one.started, now) < HOUR for one in past)
    day = sum(age(one.started, now) < DAY for one in past)
    if day >= facts.limits.per_day and not _same_incident(proposal, facts):
        return Refusal(Reason.TARGET_LIMIT, f"{day} in the last 24 h of {facts.limits.per_day}")
    if hour >= facts.limits.per_hour and not _passes(proposal, facts):
        return Refusal(Reason.TARGET_LIMIT, f"{hour} in the last hour of {facts.limits.per_hour}")
    return None


def global_limit(proposal: Proposal | None, facts: Facts, _: Moment) -> Refusal | None:
    if facts.global_starts < facts.global_per_hour or _same_incident(proposal, facts):
        return None
    count = f"{facts.global_starts} in the last hour of {facts.global_per_hour}"
    return Refusal(Reason.GLOBAL_LIMIT, count)


def alert_only(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.ALERT_ONLY) if facts.mode is Mode.ALERT_ONLY else None


def _same_incident(proposal: Proposal | None, facts: Facts) -> bool:
    """Superseding belongs to the run that gives way, which has been counted already."""
    if proposal is None:
        return False
    last = facts.account.past[-1] if facts.account.past else None
    gave_way = last is not None and last.superseded and last.incident == facts.account.incident
    graver = last is not None and proposal.severity > last.severity
    return supersedes(proposal, facts.account) or (gave_way and graver)


def _passes(proposal: Proposal | None, facts: Facts) -> bool:
    """A graver trigger than the last incident's passes the cool-down and the hour's limit."""
    if proposal is None or not facts.account.past:
        return False
    return supersedes(proposal, facts.account) or (
        proposal.severity > facts.account.past[-1].severity
    )


STANDING: tuple[Callable[[None, Facts, Moment], Refusal | None], ...] = (
    kill_switch,
    breaker_open,
    journal_unwritable,
    paused,
    latched,
    vetoed,
    clock_unsure,
    cooling_down,
    target_limit,
    global_limit,
    alert_only,
)
# Alert-only comes last, so that a shadow decision says what an armed target would have done.
GUARDS: tuple[Guard, ...] = (
    no_plan,
    kill_switch,
    breaker_open,
    journal_unwritable,
    paused,
    already_handled,
    latched,
    unconfirmed,
    run_in_progress,
    vetoed,
    clock_unsure,
    would_not_help,
    cooling_down,
    target_limit,
    global_limit,
    alert_only,
)
