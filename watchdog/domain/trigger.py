"""When a trigger fires. Pure: the same inputs always give the same outputs."""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import assert_never

from watchdog.domain.condition import Condition
from watchdog.domain.expression import Expression, Term, terms_of
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Judgement, Verdict

# The first look after a start or reload proves too little, whatever it shows.
FRESH_LOOKS = 2
# Slot times are sums of floats: rounding must not cost a whole slot.
ROUNDING = 1e-6
# Of `every`: looks closer together than this are one look, such as around a restart.
APART = 0.9


class Severity(IntEnum):
    """How grave a trigger is; the gravest decides."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Trigger:
    """What is watched, and how long it must be seen to be in breach. Times in seconds.

    Either `hold` (Prometheus' `for`) or `fails`: that many BREACHes with no OK between, or, with
    `looks`, among the last so many. `coverage` is the share of slots in the sliding window of
    length `hold` that must be decided; more than `max_gap` UNKNOWN slots in a row lose a
    pending trigger. `paced_by`: the source whose rounds evaluate it, one `every` apart; its only
    one when empty. `clear_when`: what it takes to be over, where that is more than not to be
    in breach. Without a `plan` people are told, and that is all. `cause`: a word for what is
    wrong, such as security, which decides who is asked.
    """

    name: str
    watches: Expression
    plan: str
    every: float
    severity: Severity = Severity.WARNING
    hold: float = 0.0
    fails: int = 0
    confirm: int = 2
    keep_firing_for: float = 120.0
    coverage: float = 0.8
    max_gap: int = 2
    blind_after: float = 300.0
    looks: int = 0
    clear_when: Condition | None = None
    once_per_version: bool = False
    paced_by: str = ""
    cause: str = ""

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every comparison that it rests on, in the order written."""
        return terms_of(self.watches)

    @property
    def source(self) -> str:
        """The source whose rounds evaluate it."""
        return self.paced_by or self.terms[0].signal.source

    @property
    def plain(self) -> Term | None:
        """The one comparison that it is; None where it is several."""
        return self.watches if isinstance(self.watches, Term) else None

    @property
    def for_each(self) -> str:
        """The label each value of which has a state of its own; empty where it has one state."""
        return self.plain.signal.for_each if self.plain else ""

    @property
    def window_slots(self) -> int:
        """How many slots lie in the window [now - hold, now]."""
        return int(self.hold / self.every + ROUNDING) + 1

    @property
    def outage_tolerance(self) -> float:
        """Seconds of downtime that a pending trigger survives."""
        return min(max(self.hold, self.fails * self.every), 600.0)


@dataclass(frozen=True, slots=True)
class Inactive:
    """Nothing wrong as far as we can tell."""


@dataclass(frozen=True, slots=True)
class Pending:
    """In breach since `since`, not yet long enough.

    `decided` is a bit a slot, newest lowest: 1 where the slot was decided; `breached` likewise,
    1 where it was in breach, for a trigger that counts among its last looks. `counted_at` is
    the elapsed second of the last look that counts as a breach.
    """

    since: Moment
    breaches: int = 1
    gap: int = 0
    decided: int = 1
    counted_at: float | None = None
    breached: int = 1


@dataclass(frozen=True, slots=True)
class Firing:
    """Held long enough. `confirmed` is False from a restart until a fresh BREACH.

    `began`: when the breach was first seen. `breaching`: whether the last decided look was one.
    """

    since: Moment
    confirmed: bool = True
    clear_since: float | None = None
    gap: int = 0
    began: Moment | None = None
    breaching: bool = True


TriggerState = Inactive | Pending | Firing
INACTIVE = Inactive()
# The members of an enum are slow to find, and this one is asked for at every look.
_OK = Verdict.OK


class Change(StrEnum):
    """What happened to a trigger."""

    PENDING = "pending"
    PENDING_CLEARED = "pending_cleared"
    PENDING_LOST = "pending_lost"
    FIRING = "firing"
    RESOLVED = "resolved"
    BLIND = "blind"
    SEEING = "seeing"


@dataclass(frozen=True, slots=True)
class TriggerStatus:
    """All that is remembered of one trigger between two evaluations.

    `slot` is the last slot evaluated (-1: none yet), `fresh` counts decided evaluations since
    the start or reload, `dark_since` is the elapsed second from which nothing was decided,
    `judged_at` the moment as of which this process last looked.
    """

    state: TriggerState = INACTIVE
    slot: int = -1
    fresh: int = 0
    dark_since: float | None = None
    blind: bool = False
    judged_at: Moment | None = None


def evaluate(  # noqa: PLR0917 -- each is one of a kind
    trigger: Trigger,
    status: TriggerStatus,
    judgement: Judgement,
    now: Moment,
    slot: int,
    looked: Moment | None = None,
) -> tuple[TriggerStatus, tuple[Change, ...]]:
    """Move `status` by the judgement of `slot`; slots skipped in between count as UNKNOWN.

    `now` is the start of the slot, `looked` when it was really looked at.
    """
    if goes_well(status, judgement):
        return TriggerStatus(INACTIVE, slot, status.fresh + 1, judged_at=now), ()
    missed = slot - status.slot - 1 if status.slot >= 0 else 0
    decided = judgement.verdict is not Verdict.UNKNOWN
    fresh = status.fresh + 1 if decided else status.fresh
    state, changes = _skip(trigger, status.state, missed)
    counted = now.elapsed if looked is None else looked.elapsed
    state, change = _next(trigger, state, judgement, now, counted, fresh)
    if change is not None:
        changes = (*changes, change)
    dark_since, blind, sight = _sight(trigger, status, judgement, now)
    if sight is not None:
        changes = (*changes, sight)
    return TriggerStatus(state, slot, fresh, dark_since, blind, now), changes


def goes_well(status: TriggerStatus, judgement: Judgement) -> bool:
    """Whether nothing was wrong and nothing is: what nearly every look finds.

    `evaluate` then changes nothing, and of `status` it counts only the looks that were decided.
    """
    return judgement.verdict is _OK and status.state is INACTIVE and not status.blind


def _skip(
    trigger: Trigger, state: TriggerState, missed: int
) -> tuple[TriggerState, tuple[Change, ...]]:
    """`state` after `missed` slots in which nobody looked."""
    if missed <= 0 or isinstance(state, Inactive):
        return state, ()
    if isinstance(state, Firing):
        return _not_clearing(trigger, state, missed), ()
    return _unknown_in_pending(trigger, state, missed)


def _unknown_in_pending(
    trigger: Trigger, state: Pending, slots: int
) -> tuple[TriggerState, tuple[Change, ...]]:
    gap = state.gap + slots
    if trigger.fails and not trigger.looks:
        return replace(state, gap=gap), ()
    breached = _among_looks(trigger, state.breached, slots)
    if gap > trigger.max_gap or (trigger.looks and not breached):
        return INACTIVE, (Change.PENDING_LOST,)
    decided = _shift(trigger, state.decided, slots)
    return replace(state, gap=gap, decided=decided, breached=breached), ()


def _shift(trigger: Trigger, decided: int, slots: int) -> int:
    """The bits of the window, `slots` later; bits that leave the window drop out."""
    return (decided << slots) & ((1 << trigger.window_slots) - 1)


def _among_looks(trigger: Trigger, breached: int, slots: int) -> int:
    """The bits of the last `looks` slots, `slots` later."""
    return (breached << slots) & ((1 << trigger.looks) - 1)


def _next(  # noqa: PLR0917 -- as `evaluate`
    trigger: Trigger,
    state: TriggerState,
    judgement: Judgement,
    now: Moment,
    looked: float,
    fresh: int,
) -> tuple[TriggerState, Change | None]:
    verdict = judgement.verdict
    match state:
        case Inactive():
            if verdict is Verdict.BREACH:
                pending = Pending(now, counted_at=looked)
                return _breach(trigger, pending, now, fresh, first=True)
            return state, None
        case Pending():
            if verdict is Verdict.OK:
                return _good_in_pending(trigger, state)
            if verdict is Verdict.UNKNOWN:
                after, changes = _unknown_in_pending(trigger, state, 1)
                return after, changes[0] if changes else None
            pending = _again(trigger, state, looked)
            return _breach(trigger, pending, now, fresh, first=False)
        case Firing():
            return _firing(trigger, state, judgement, now)
        case _:
            assert_never(state)


def _good_in_pending(trigger: Trigger, state: Pending) -> tuple[TriggerState, Change | None]:
    """One OK starts over what must hold; among the last looks it is only one of them."""
    breached = _among_looks(trigger, state.breached, 1)
    if not breached:
        return INACTIVE, Change.PENDING_CLEARED
    return replace(state, gap=0, breached=breached), None


def _again(trigger: Trigger, state: Pending, looked: float) -> Pending:
    """`state` after one more BREACH, counted unless it is the last one seen twice."""
    decided = _shift(trigger, state.decided, 1) | 1
    breached = _among_looks(trigger, state.breached, 1)
    if state.counted_at is not None and looked - state.counted_at < APART * trigger.every:
        return replace(state, gap=0, decided=decided, breached=breached)
    return Pending(state.since, state.breaches + 1, 0, decided, looked, breached | 1)


def _breach(
    trigger: Trigger, pending: Pending, now: Moment, fresh: int, *, first: bool
) -> tuple[TriggerState, Change | None]:
    if fresh >= FRESH_LOOKS and _held(trigger, pending, now):
        return Firing(now, began=pending.since), Change.FIRING
    return pending, Change.PENDING if first else None


def _held(trigger: Trigger, pending: Pending, now: Moment) -> bool:
    if trigger.looks:
        return pending.breached.bit_count() >= trigger.fails
    if trigger.fails:
        return pending.breaches >= trigger.fails
    if pending.breaches < trigger.confirm:
        return False
    if now.since(pending.since) < trigger.hold - ROUNDING:
        return False
    return pending.decided.bit_count() >= trigger.coverage * trigger.window_slots - ROUNDING


def _firing(
    trigger: Trigger, state: Firing, judgement: Judgement, now: Moment
) -> tuple[TriggerState, Change | None]:
    if judgement.verdict is Verdict.BREACH:
        return Firing(state.since, began=state.began), None
    if judgement.verdict is Verdict.UNKNOWN:
        return _not_clearing(trigger, state, 1), None
    if not judgement.clears:
        return replace(state, clear_since=None, gap=0, breaching=False), None
    clear_since = now.elapsed if state.clear_since is None else state.clear_since
    if now.elapsed - clear_since >= trigger.keep_firing_for:
        return INACTIVE, Change.RESOLVED
    return replace(state, clear_since=clear_since, gap=0, breaching=False), None


def _not_clearing(trigger: Trigger, state: Firing, slots: int) -> Firing:
    """UNKNOWN never clears a firing trigger, and a long gap restarts its clearing."""
    gap = state.gap + slots
    clear_since = None if gap > trigger.max_gap else state.clear_since
    return replace(state, gap=gap, clear_since=clear_since)


def _sight(
    trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment
) -> tuple[float | None, bool, Change | None]:
    reason = judgement.reason
    if judgement.verdict is not Verdict.UNKNOWN or (reason is not None and not reason.is_dark):
        return None, False, Change.SEEING if status.blind else None
    dark_since = now.elapsed if status.dark_since is None else status.dark_since
    if status.blind or now.elapsed - dark_since < trigger.blind_after:
        return dark_since, status.blind, None
    return dark_since, True, Change.BLIND


def reset_pending(status: TriggerStatus) -> TriggerStatus:
    """`status` after a step of the wall clock: what was pending starts over."""
    if isinstance(status.state, Pending):
        return replace(status, state=INACTIVE)
    return status


def vanish(trigger: Trigger, status: TriggerStatus) -> tuple[TriggerStatus, tuple[Change, ...]]:
    """`status` after a look that found no such value of its label among others that are there.

    What is pending is lost after a gap also where looks are counted: none may ever follow.
    """
    state = status.state
    if not isinstance(state, Pending) or state.gap <= trigger.max_gap:
        return status, ()
    return replace(status, state=INACTIVE), (Change.PENDING_LOST,)


def restore(trigger: Trigger, saved: TriggerStatus, downtime: float, now: Moment) -> TriggerStatus:
    """`saved` as of a restart `downtime` seconds later; downtime never counts toward `hold`."""
    state = saved.state
    if isinstance(state, Pending):
        # What nobody looked at was not bad: among the last looks it takes its place.
        slots = int(downtime / trigger.every + ROUNDING)
        breached = _among_looks(trigger, state.breached, slots) if trigger.looks else state.breached
        if downtime > trigger.outage_tolerance or not breached:
            state = INACTIVE
        else:
            state = replace(state, since=state.since.after(downtime), breached=breached)
    elif isinstance(state, Firing):
        state = Firing(state.since, confirmed=False, began=state.began)
    # Towards being blind, the downtime does not count; what is blind has been so all the time.
    dark = None if saved.dark_since is None else now.elapsed
    dark = saved.dark_since if saved.blind else dark
    return TriggerStatus(state, fresh=0, dark_since=dark, blind=saved.blind)
