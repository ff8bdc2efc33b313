"""Would a rollback help? Whether a change came before the breach, and where to return to."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from watchdog.domain.change import ChangeKind, ChangeSeen
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Plan, Return
from watchdog.domain.target import ChangeRules, Target
from watchdog.domain.trigger import Trigger
from watchdog.domain.versions import Versions
from watchdog.domain.words import duration, utc


class Why(StrEnum):
    """Why a rollback would not help, or must not be repeated."""

    NO_RECENT_CHANGE = "no_recent_change"
    BREACH_BEFORE_CHANGE = "breach_before_change"
    VERSION_MOVED_ON = "version_moved_on"
    SAME_VERSION = "same_version"
    VERSION_QUARANTINED = "version_quarantined"
    NO_GOOD_VERSION = "no_good_version"
    VERSION_HAD_ITS_RUN = "version_had_its_run"
    ONCE_PER_VERSION = "once_per_version"


MEANINGS = {
    Why.NO_RECENT_CHANGE: "nothing was changed within `changes: within` that the plan could undo",
    Why.BREACH_BEFORE_CHANGE: "the breach was there before the change, or may have been",
    Why.VERSION_MOVED_ON: "the version that breached is no longer the one that runs",
    Why.VERSION_HAD_ITS_RUN: "this version had its one automatic rollback, and gets no second",
    Why.SAME_VERSION: "the version to return to is the one that runs",
    Why.VERSION_QUARANTINED: "the version to return to was itself rolled back from; "
    "`release-version` lifts that",
    Why.NO_GOOD_VERSION: "no version to return to is known that stayed healthy for its `bake`",
    Why.ONCE_PER_VERSION: "the trigger acts once a version, and has; a new version frees it",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Not this plan, because of that."""

    why: Why
    detail: str


@dataclass(frozen=True, slots=True)
class Case:
    """A plan that would judge the version that runs, and all that speaks for and against it."""

    proposal: Proposal
    plan: Plan
    rules: ChangeRules
    versions: Versions
    now: Moment
    same_incident: bool = False

    @property
    def returns(self) -> bool:
        """Whether the plan returns to an earlier version."""
        return self.plan.returns_to != Return.NOWHERE

    @property
    def changes(self) -> list[ChangeSeen]:
        """The changes that the plan could undo: a rollback is never one of them."""
        kinds = frozenset({ChangeKind.APP}) if self.returns else frozenset(ChangeKind)
        recent = self.versions.since(self.now.wall - self.rules.within, kinds)
        return [one for one in recent if not self.versions.is_rollback(one)]

    @property
    def began(self) -> float | None:
        """The Unix second at which the breach may have begun, by the clock as it is now."""
        onset = self.proposal.onset
        return None if onset is None else self.now.wall - self.now.since(onset)

    @property
    def destination(self) -> str:
        """The version that the plan returns to; empty where none is known."""
        return destination(self.plan, self.versions)


def destination(plan: Plan, versions: Versions) -> str:
    """The version that `plan` returns to; empty where it returns to none, or none is known."""
    match plan.returns_to:
        case Return.NOWHERE:
            return ""
        case Return.PREVIOUS:
            return versions.previous
        case Return.LAST_GOOD:
            return versions.last_good
        case version:
            return version


def doubt(
    proposal: Proposal, target: Target, versions: Versions, now: Moment, *, same_incident: bool
) -> Doubt | None:
    """Why the proposed plan would not help; None when nothing is known that speaks against it.

    What a target declares no source of changes for is not asked: `unchecked` names it.
    """
    rules, plan = target.changes, target.plans.get(proposal.plan)
    if rules is None or plan is None:
        return None
    case = Case(proposal, plan, rules, versions, now, same_incident)
    asked = (*_OF_A_CHANGE, *_OF_A_RETURN) if case.returns else _OF_A_CHANGE
    doubts = (ask(case) for ask in (asked if plan.judges_version else ()))
    found = next((one for one in doubts if one is not None), None)
    return found or _once(target.trigger(proposal.trigger), case)


def unchecked(plan: Plan, trigger: Trigger | None, rules: ChangeRules | None) -> tuple[str, ...]:
    """What of S0 was not asked about `plan`, because the target declares no `changes`."""
    if rules is not None:
        return ()
    asked = [*_NAMES_OF_A_CHANGE] if plan.judges_version else []
    if plan.returns_to != Return.NOWHERE:
        asked += _NAMES_OF_A_RETURN
    if trigger is not None and trigger.once_per_version:
        asked.append(Why.ONCE_PER_VERSION)
    return tuple(why.value for why in asked)


# -- of every plan that a change speaks for


def no_recent_change(case: Case) -> Doubt | None:
    if case.changes:
        return None
    last = case.versions.current
    known = f"the last one was {_told(last)}" if last else "none was ever told of"
    text = f"none in the last {duration(case.rules.within)}; {known}"
    return Doubt(Why.NO_RECENT_CHANGE, text)


def breach_before_change(case: Case) -> Doubt | None:
    began, newest = case.began, case.changes[-1]
    if began is None:
        text = f"{_told(newest)}; nobody can tell when the breach began: it was never seen good"
        return Doubt(Why.BREACH_BEFORE_CHANGE, text)
    if any(change.at <= began for change in case.changes):
        return None
    text = f"{_told(newest)}; the breach began, or may have begun, at {utc(began)}"
    return Doubt(Why.BREACH_BEFORE_CHANGE, text)


def version_moved_on(case: Case) -> Doubt | None:
    began, running = case.began or 0.0, case.versions.running
    breached, since = case.versions.at(began), case.versions.running_since
    # Also where it came back after another one: somebody is at work.
    if since is not None and since > began:
        text = f"the breach began under {breached or 'an unknown version'}, and {running} runs now"
        return Doubt(Why.VERSION_MOVED_ON, f"{text}, since {utc(since)}")
    cause = [one.version for one in case.changes if one.at <= began][-1]
    if case.returns and cause != running:
        # A rollback was what came last: it is not rolled back.
        return Doubt(Why.VERSION_MOVED_ON, f"{cause} was what changed, and {running} runs now")
    return None


def version_had_its_run(case: Case) -> Doubt | None:
    run = case.versions.runs.get(case.versions.running)
    if run is None or case.same_incident:
        return None
    return Doubt(Why.VERSION_HAD_ITS_RUN, f"{case.versions.running} had run {run}")


# -- of a plan that returns to an earlier version


def same_version(case: Case) -> Doubt | None:
    if not case.destination or case.destination != case.versions.running:
        return None
    return Doubt(Why.SAME_VERSION, f"{case.destination} runs already")


def version_quarantined(case: Case) -> Doubt | None:
    held = case.versions.quarantined.get(case.destination)
    if held is None:
        return None
    return Doubt(Why.VERSION_QUARANTINED, f"{case.destination}: {held}")


def no_good_version(case: Case) -> Doubt | None:
    if case.destination in case.versions.good:
        return None
    if not case.destination:
        return Doubt(Why.NO_GOOD_VERSION, f"no {case.plan.returns_to} version is known")
    return Doubt(Why.NO_GOOD_VERSION, f"{case.destination} was never seen to stay healthy")


def _once(trigger: Trigger | None, case: Case) -> Doubt | None:
    """For a trigger with `once_per: version`, whatever its plan does."""
    if trigger is None or not trigger.once_per_version or case.same_incident:
        return None
    running = case.versions.running
    if not running:
        return Doubt(Why.ONCE_PER_VERSION, "nobody told which version runs")
    run = case.versions.fired.get((trigger.name, running))
    if run is None:
        return None
    return Doubt(Why.ONCE_PER_VERSION, f"{trigger.name} had run {run} on {running}")


def _told(change: ChangeSeen) -> str:
    return f"{change.version} came at {utc(change.at)}"


_Ask = Callable[[Case], Doubt | None]
_OF_A_CHANGE: tuple[_Ask, ...] = (
    no_recent_change,
    breach_before_change,
    version_moved_on,
    version_had_its_run,
)
_OF_A_RETURN: tuple[_Ask, ...] = (same_version, version_quarantined, no_good_version)
_NAMES_OF_A_CHANGE = (
    Why.NO_RECENT_CHANGE,
    Why.BREACH_BEFORE_CHANGE,
    Why.VERSION_MOVED_ON,
    Why.VERSION_HAD_ITS_RUN,
)
_NAMES_OF_A_RETURN = (Why.SAME_VERSION, Why.VERSION_QUARANTINED, Why.NO_GOOD_VERSION)
