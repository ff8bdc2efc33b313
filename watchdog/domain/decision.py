"""Whether a proposal is acted on. Guards in order; the first refusal wins and is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from watchdog.domain import unapproved, would_help
from watchdog.domain.account import Account
from watchdog.domain.events import Stage
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment, age
from watchdog.domain.plan import Level
from watchdog.domain.run import WATCHES
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.versions import Versions
from watchdog.domain.windows import OpenWindow, WindowKind, of_kind

HOUR = 3600.0
DAY = 86400.0
MAX_SKEW = 60.0
# Seconds. For a slow source of another member nobody waits longer than this.
SETTLING = 30.0


class Reason(StrEnum):
    """Why a firing trigger is not acted on."""

    MAINTENANCE = "maintenance"
    NO_PLAN = "no_plan"
    KILL_SWITCH = "kill_switch"
    SWITCHES_UNSEEN = "switches_unseen"
    BREAKER_OPEN = "breaker_open"
    JOURNAL_UNWRITABLE = "journal_unwritable"
    PAUSED = "paused"
    LATCHED = "latched"
    UNCONFIRMED = "unconfirmed"
    ALREADY_HANDLED = "already_handled"
    RUN_IN_PROGRESS = "run_in_progress"
    FROZEN = "frozen"
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
    GROUP_BUSY = "group_busy"
    GROUP_ORDER = "group_order"
    DATA_PLAN_RUNNING = "data_plan_running"
    NEXT_LEVEL_OFFERED = "next_level_offered"
    PREFLIGHT_FAILED = "preflight_failed"
    ALERT_ONLY = "alert_only"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"


REASONS = {
    Reason.MAINTENANCE: "planned work on the target: it ends by itself, or by `maintenance --end`",
    Reason.NO_PLAN: "the trigger has no plan: it tells people, and they decide",
    Reason.KILL_SWITCH: "the kill switch is on; remove what holds it, or `kill --off` lifts it",
    Reason.SWITCHES_UNSEEN: "not yet seen whether an annotation stops it; see the detail",
    Reason.BREAKER_OPEN: "the automation stopped itself; a named person lifts it: `close-breaker`",
    Reason.JOURNAL_UNWRITABLE: "nothing can be recorded, so nothing may be done; mend the disk",
    Reason.PAUSED: "a person paused it; `resume` lifts it, or removing the annotation",
    Reason.LATCHED: "an earlier run did not prove that it helped; a named person must `clear` it",
    Reason.UNCONFIRMED: "the trigger fired before a restart; waiting for a fresh breach",
    Reason.ALREADY_HANDLED: "this firing already had its run",
    Reason.RUN_IN_PROGRESS: "a run of the same or higher severity is under way; joined to it",
    Reason.FROZEN: "a freeze holds; it ends by itself, and one that people set by `unfreeze`",
    Reason.VETOED: "a veto signal says no, or cannot be told; see the detail",
    Reason.CLOCK_UNSURE: "this clock and the source's differ by more than 60 s; mend the clock",
    **{Reason(why): meaning for why, meaning in would_help.MEANINGS.items()},
    Reason.COOLING_DOWN: "too soon after the last run; `clear` ends the cool-down",
    Reason.TARGET_LIMIT: "the target's limit of automatic runs is used up",
    Reason.GLOBAL_LIMIT: "the limit of automatic runs of all targets together is used up",
    Reason.GROUP_BUSY: "a plan of the same dependency group is under way; decided anew each round",
    Reason.GROUP_ORDER: "a target that comes first in its dependency group is to act before it",
    Reason.DATA_PLAN_RUNNING: "a plan of the data level is under way; only one at a time anywhere",
    Reason.NEXT_LEVEL_OFFERED: "the next level is offered, and a person starts it: see the command",
    Reason.PREFLIGHT_FAILED: "a step could not run; see the finding",
    Reason.ALERT_ONLY: "the target is in alert-only mode; `mode: auto` and `armed_by` arm it",
    **{Reason(why): meaning for why, meaning in unapproved.MEANINGS.items()},
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not now: the named reason, a sentence, and the Unix second it ends at by itself."""

    reason: Reason
    detail: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a guard may know. `skew`: seconds between our wall clock and the source's.

    `windows` are those that are open. `group_busy`: the run of another member of its dependency
    group, `group_first`: the member that is to act before it, `data_run`: the run of the data
    level on another target; each is empty for none. `group_looked`: since when every member that
    goes before it was looked at. `unseen`: why it is not known whether an annotation stops it.
    """

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
    windows: tuple[OpenWindow, ...] = ()
    group_busy: str = ""
    group_first: str = ""
    group_looked: Moment | None = None
    data_run: str = ""
    unseen: str = ""


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


def is_next_level(proposal: Proposal | None, account: Account) -> bool:
    """Whether it goes on from the run of a lower level that did not help."""
    ladder = account.ladder
    return proposal is not None and ladder is not None and proposal.follows == ladder.run


def maintenance(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    for window in of_kind(facts.windows, WindowKind.MAINTENANCE):
        return Refusal(Reason.MAINTENANCE, str(window), window.until)
    return None


def no_plan(proposal: Proposal, _: Facts, __: Moment) -> Refusal | None:
    return None if proposal.plan else Refusal(Reason.NO_PLAN)


def kill_switch(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    if facts.killed:
        return Refusal(Reason.KILL_SWITCH, facts.killed)
    return Refusal(Reason.SWITCHES_UNSEEN, facts.unseen) if facts.unseen else None


def breaker_open(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.BREAKER_OPEN, facts.breaker) if facts.breaker else None


def journal_unwritable(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return None if facts.journal_healthy else Refusal(Reason.JOURNAL_UNWRITABLE)


def paused(_: Proposal | None, facts: Facts, now: Moment) -> Refusal | None:
    if facts.paused_all:
        return Refusal(Reason.PAUSED, facts.paused_all)
    pause = facts.account.pause(now)
    if pause is None:
        return None
    return Refusal(Reason.PAUSED, pause.words, pause.until)


def latched(proposal: Proposal | None, facts: Facts, _: Moment) -> Refusal | None:
    latch = facts.account.latched
    renews = proposal is not None and bool(proposal.renews)
    if facts.account.half_way is not None and not renews and _same_incident(proposal, facts):
        # It is this graver run that the lower one gave way to.
        return None
    if is_next_level(proposal, facts.account):
        return None
    return Refusal(Reason.LATCHED, latch) if latch else None


def unconfirmed(proposal: Proposal, _: Facts, __: Moment) -> Refusal | None:
    return None if proposal.confirmed else Refusal(Reason.UNCONFIRMED)


def already_handled(proposal: Proposal, facts: Facts, _: Moment) -> Refusal | None:
    goes_on = is_next_level(proposal, facts.account) or proposal.renews
    if proposal.episode in facts.account.episodes and not goes_on:
        return Refusal(Reason.ALREADY_HANDLED)
    return None


def run_in_progress(proposal: Proposal, facts: Facts, _: Moment) -> Refusal | None:
    current = facts.account.current
    if current is None or supersedes(proposal, facts.account):
        return None
    # A watch changes nothing: it gives way to what keeps its own change in force.
    if proposal.renews and current.stage in WATCHES:
        return None
    # The long watch keeps nothing else from starting; what it proved must not start again.
    if current.stage is Stage.WATCH_LONG and proposal.plan != current.plan:
        return None
    return Refusal(Reason.RUN_IN_PROGRESS, f"run {current.run} of plan {current.plan}")


def frozen(proposal: Proposal | None, facts: Facts, _: Moment) -> Refusal | None:
    for window in of_kind(facts.windows, WindowKind.FREEZE):
        # One that does not let it through is enough, whatever the others say.
        if proposal is None or not window.spared.lets_through(
            proposal.severity, _causes(proposal, facts)
        ):
            return Refusal(Reason.FROZEN, str(window), window.until)
    return None


def vetoed(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.VETOED, facts.vetoed) if facts.vetoed else None


def clock_unsure(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    if facts.skew is None or abs(facts.skew) <= MAX_SKEW:
        return None
    return Refusal(Reason.CLOCK_UNSURE, f"they differ by {facts.skew:+.0f} s")


def would_not_help(proposal: Proposal, facts: Facts, now: Moment) -> Refusal | None:
    if facts.target is None or proposal.renews:
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


def next_level_offered(proposal: Proposal, facts: Facts, now: Moment) -> Refusal | None:
    if not proposal.offered or (facts.target and not_approved(proposal, facts, now) is None):
        return None
    command = f"rollback-watchdog rollback FILE {proposal.plan} --reason WHY"
    return Refusal(Reason.NEXT_LEVEL_OFFERED, f"run {proposal.follows} did not help: `{command}`")


def group_busy(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.GROUP_BUSY, facts.group_busy) if facts.group_busy else None


def group_order(proposal: Proposal | None, facts: Facts, now: Moment) -> Refusal | None:
    if facts.group_first:
        return Refusal(Reason.GROUP_ORDER, facts.group_first)
    looked = facts.group_looked
    if proposal is None or looked is None or looked.elapsed >= proposal.since.elapsed:
        return None
    # What breaks them all shows at each at its next look, and the first must be the first.
    left = SETTLING - now.since(proposal.since)
    if left <= 0:
        return None
    return Refusal(Reason.GROUP_ORDER, "those before it are looked at once more", now.wall + left)


def data_plan_running(proposal: Proposal, facts: Facts, _: Moment) -> Refusal | None:
    plan = facts.target.plans.get(proposal.plan) if facts.target else None
    if not facts.data_run or plan is None or plan.level < Level.DATA:
        return None
    return Refusal(Reason.DATA_PLAN_RUNNING, facts.data_run)


def alert_only(_: Proposal | None, facts: Facts, __: Moment) -> Refusal | None:
    return Refusal(Reason.ALERT_ONLY) if facts.mode is Mode.ALERT_ONLY else None


def not_approved(proposal: Proposal, facts: Facts, now: Moment) -> Refusal | None:
    if facts.target is None:
        return None
    found = unapproved.unapproved(proposal, facts.target, facts.account, facts.versions, now)
    return None if found is None else Refusal(Reason(found.why), found.detail)


def _causes(proposal: Proposal, facts: Facts) -> list[str]:
    """The causes of the triggers that ask for it."""
    names = proposal.because or (proposal.trigger,)
    triggers = [facts.target.trigger(name) for name in names] if facts.target else []
    return [one.cause for one in triggers if one is not None]


def _same_incident(proposal: Proposal | None, facts: Facts) -> bool:
    """What supersedes a run, or goes on from it, belongs to that run, which is counted already."""
    if proposal is None:
        return False
    if is_next_level(proposal, facts.account) or proposal.renews:
        return True
    last = facts.account.past[-1] if facts.account.past else None
    gave_way = last is not None and last.superseded and last.incident == facts.account.incident
    graver = last is not None and proposal.severity > last.severity
    return supersedes(proposal, facts.account) or (gave_way and graver)


def _passes(proposal: Proposal | None, facts: Facts) -> bool:
    """A graver trigger than the last incident's passes the cool-down and the hour's limit."""
    if proposal is None or not facts.account.past:
        return False
    if is_next_level(proposal, facts.account) or proposal.renews:
        return True
    return supersedes(proposal, facts.account) or (
        proposal.severity > facts.account.past[-1].severity
    )


STANDING: tuple[Callable[[None, Facts, Moment], Refusal | None], ...] = (
    maintenance,
    kill_switch,
    breaker_open,
    journal_unwritable,
    paused,
    latched,
    frozen,
    vetoed,
    clock_unsure,
    cooling_down,
    target_limit,
    global_limit,
    group_busy,
    group_order,
    alert_only,
)
# Alert-only comes last, so that a shadow decision says what an armed target would have done; but
# people are asked only about what nothing else speaks against.
# Maintenance comes first: whatever else there is to say is said when it is over.
GUARDS: tuple[Guard, ...] = (
    maintenance,
    no_plan,
    kill_switch,
    breaker_open,
    journal_unwritable,
    paused,
    already_handled,
    latched,
    unconfirmed,
    run_in_progress,
    frozen,
    vetoed,
    clock_unsure,
    would_not_help,
    cooling_down,
    target_limit,
    global_limit,
    group_busy,
    group_order,
    data_plan_running,
    next_level_offered,
    alert_only,
    not_approved,
)
