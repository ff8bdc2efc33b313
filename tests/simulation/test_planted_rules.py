"""Rules with one thing wrong in them: each is told from the right one by a check of its own.

Every check is a function of the rule it looks at. The right rule passes it, the planted one must
not: a check that lets both pass has no teeth.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    BREACH,
    OK,
    UNKNOWN,
    a_plan,
    a_proposal,
    a_run,
    a_signal,
    a_target,
    a_trigger,
    after,
    at,
)
from watchdog.domain import decision
from watchdog.domain.account import Account, Current, Past
from watchdog.domain.approval import Approval
from watchdog.domain.condition import Condition, Op
from watchdog.domain.decision import GUARDS, Facts, Guard, Refusal
from watchdog.domain.events import (
    CheckSampled,
    Event,
    IncidentOpened,
    Paused,
    Proof,
    RunVerified,
    Stage,
    StageEntered,
    StepEnded,
    StepResult,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.next_action import Action, Note, next_action
from watchdog.domain.observation import Sample
from watchdog.domain.plan import Level, WatchPlan
from watchdog.domain.requests import ApprovalGranted, ApprovalRequested
from watchdog.domain.run import Run, apply
from watchdog.domain.signal import Judgement, Verdict, judge
from watchdog.domain.target import ChangeRules, Limits, Mode
from watchdog.domain.trigger import (
    Change,
    Firing,
    Inactive,
    Pending,
    Severity,
    Trigger,
    TriggerStatus,
    evaluate,
    restore,
)
from watchdog.domain.windows import OpenWindow, WindowKind

Evaluate = Callable[
    [Trigger, TriggerStatus, Judgement, Moment, int], tuple[TriggerStatus, tuple[Change, ...]]
]
Rule = Any
LETTERS = {"b": BREACH, "o": OK, "?": UNKNOWN}
HOLD = a_trigger(hold="2m")


def watch(
    rule: Evaluate,
    letters: str,
    trigger: Trigger = HOLD,
    status: TriggerStatus | None = None,
) -> tuple[TriggerStatus, list[Change]]:
    """What becomes of a trigger shown one letter a slot; `-` is a slot nobody looked at."""
    status = status or TriggerStatus()
    seen: list[Change] = []
    for slot, letter in enumerate(letters):
        if letter != "-":
            status, changes = rule(trigger, status, LETTERS[letter], at(slot * 15), slot)
            seen += changes
    return status, seen


# -- checks of conditions and triggers


def a_value_at_the_limit_is_no_breach(condition: Callable[[Op, float], Condition]) -> None:
    for op in (Op.ABOVE, Op.BELOW):
        assert judge(a_signal(), condition(op, 1.0), Sample((1.0,))).verdict is Verdict.OK


def an_outage_neither_fires_nor_resolves_nor_confirms(rule: Evaluate) -> None:
    for before in ("o", "obb"):
        assert Change.FIRING not in watch(rule, before + "?" * 40)[1]
    status, _ = watch(rule, "obb" + "?" * 40, a_trigger(hold=0))
    assert isinstance(status.state, Firing)
    status, _ = watch(rule, "?" * 40, a_trigger(hold=0), restored())
    assert isinstance(status.state, Firing)
    assert not status.state.confirmed


def restored() -> TriggerStatus:
    return TriggerStatus(Firing(at(0), confirmed=False))


def a_long_gap_is_no_watched_time(rule: Evaluate) -> None:
    for gap in ("???????", "-------"):
        assert Change.FIRING not in watch(rule, f"ob{gap}b")[1]


def a_gap_is_not_covered(rule: Evaluate) -> None:
    for gap in ("?", "-"):
        assert Change.FIRING not in watch(rule, "o" + f"b{gap}" * 12 + "b")[1]


def the_first_look_does_not_fire(rule: Evaluate) -> None:
    for trigger in (a_trigger(hold=0, confirm=1), a_trigger(fails=1)):
        assert Change.FIRING not in watch(rule, "b", trigger)[1]


def an_ok_starts_the_hold_over(rule: Evaluate) -> None:
    assert Change.FIRING not in watch(rule, "obbbbbbbbobbbbbbbb")[1]


def a_restart_confirms_nothing(rule: Callable[..., TriggerStatus]) -> None:
    status = rule(HOLD, TriggerStatus(Firing(at(0))), 5.0, at(5))
    assert isinstance(status.state, Firing)
    assert not status.state.confirmed


def downtime_is_no_watched_time(rule: Callable[..., TriggerStatus]) -> None:
    pending, _ = watch(evaluate, "obbbbb")
    status = rule(HOLD, pending, 60.0, at(75 + 60))
    assert isinstance(status.state, Pending)
    assert at(75 + 60).since(status.state.since) == 60


def a_long_downtime_starts_over(rule: Callable[..., TriggerStatus]) -> None:
    pending, _ = watch(evaluate, "obb")
    assert rule(HOLD, pending, 121.0, at(151)).state == Inactive()


# -- planted triggers


class AtTheLimit(Condition):
    """`>=` for `>`."""

    __slots__ = ()

    def holds(self, value: float) -> bool:
        """As a condition does, and at its limit."""
        return value == self.limit or super().holds(value)


def unknown_is(verdict: Judgement) -> Evaluate:
    def planted(
        trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment, slot: int
    ) -> tuple[TriggerStatus, tuple[Change, ...]]:
        unknown = judgement.verdict is Verdict.UNKNOWN
        return evaluate(trigger, status, verdict if unknown else judgement, now, slot)

    return planted


def of_trigger(**changes: Any) -> Evaluate:  # noqa: ANN401
    def planted(
        trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment, slot: int
    ) -> tuple[TriggerStatus, tuple[Change, ...]]:
        return evaluate(replace(trigger, **changes), status, judgement, now, slot)

    return planted


def resolves_on_unknown(
    trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment, slot: int
) -> tuple[TriggerStatus, tuple[Change, ...]]:
    if isinstance(status.state, Firing) and judgement.verdict is Verdict.UNKNOWN:
        return replace(status, state=Inactive(), slot=slot), (Change.RESOLVED,)
    return evaluate(trigger, status, judgement, now, slot)


def sees_no_missed_slots(
    trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment, slot: int
) -> tuple[TriggerStatus, tuple[Change, ...]]:
    after_that, changes = evaluate(trigger, replace(status, slot=slot - 1), judgement, now, slot)
    return after_that, changes


def trusts_the_first_look(
    trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment, slot: int
) -> tuple[TriggerStatus, tuple[Change, ...]]:
    return evaluate(trigger, replace(status, fresh=9), judgement, now, slot)


def ignores_ok(
    trigger: Trigger, status: TriggerStatus, judgement: Judgement, now: Moment, slot: int
) -> tuple[TriggerStatus, tuple[Change, ...]]:
    if judgement.verdict is Verdict.OK:
        return replace(status, slot=slot, fresh=status.fresh + 1), ()
    return evaluate(trigger, status, judgement, now, slot)


def restores_as_confirmed(
    trigger: Trigger, saved: TriggerStatus, downtime: float, now: Moment
) -> TriggerStatus:
    return replace(restore(trigger, saved, downtime, now), state=saved.state)


def counts_downtime(
    trigger: Trigger, saved: TriggerStatus, downtime: float, now: Moment
) -> TriggerStatus:
    return restore(trigger, saved, min(downtime, 0.0), now)


# -- checks of proofs


def verifying(rule: Callable[[Run, Event, Moment], Run], *events: Event) -> Run:
    run = a_run()
    done = StepEnded("r1", Stage.STEPS, 0, "flag off", StepResult.OK)
    for event in (done, StageEntered("r1", Stage.VERIFY), *events):
        run = rule(run, event, at(0))
    return run


def unknown_passes_no_check(rule: Callable[[Run, Event, Moment], Run]) -> None:
    unknown = CheckSampled("r1", Stage.VERIFY, 0, "healthy", Verdict.UNKNOWN, None)
    run = verifying(rule, *[unknown] * 9)
    assert not isinstance(next_action(run, at(0)), Note)


def no_check_is_no_proof(rule: Callable[[Run, Moment], Action | None]) -> None:
    done = StepEnded("r1", Stage.STEPS, 0, "flag off", StepResult.OK)
    action = rule(after(a_run(a_plan(verify=())), done, StageEntered("r1", Stage.VERIFY)), at(0))
    assert isinstance(action, Note)
    assert isinstance(action.event, RunVerified)
    assert action.event.proof is not Proof.PASSED


def unknown_counts_as_good(run: Run, event: Event, moment: Moment) -> Run:
    if isinstance(event, CheckSampled) and event.verdict is Verdict.UNKNOWN:
        return apply(run, replace(event, verdict=Verdict.OK), moment)
    return apply(run, event, moment)


def passes_on_nothing(run: Run, now: Moment) -> Action | None:
    action = next_action(run, now)
    if isinstance(action, Note) and isinstance(action.event, RunVerified):
        return Note(replace(action.event, proof=Proof.PASSED))
    return action


RULES: dict[str, tuple[Callable[[Rule], None], Rule, Rule]] = {
    ">= for >": (a_value_at_the_limit_is_no_breach, Condition, AtTheLimit),
    "a long gap is bridged": (
        a_long_gap_is_no_watched_time,
        evaluate,
        of_trigger(max_gap=99, coverage=0),
    ),
    "unknown is a breach": (
        an_outage_neither_fires_nor_resolves_nor_confirms,
        evaluate,
        unknown_is(BREACH),
    ),
    "unknown is an ok": (
        an_outage_neither_fires_nor_resolves_nor_confirms,
        evaluate,
        unknown_is(OK),
    ),
    "unknown resolves": (
        an_outage_neither_fires_nor_resolves_nor_confirms,
        evaluate,
        resolves_on_unknown,
    ),
    "missed slots are not seen": (a_gap_is_not_covered, evaluate, sees_no_missed_slots),
    "no coverage": (a_gap_is_not_covered, evaluate, of_trigger(coverage=0.0)),
    "the first look fires": (the_first_look_does_not_fire, evaluate, trusts_the_first_look),
    "ok is overlooked": (an_ok_starts_the_hold_over, evaluate, ignores_ok),
    "a restart confirms": (a_restart_confirms_nothing, restore, restores_as_confirmed),
    "downtime counts": (downtime_is_no_watched_time, restore, counts_downtime),
    "any downtime is bridged": (a_long_downtime_starts_over, restore, counts_downtime),
    "unknown passes a check": (unknown_passes_no_check, apply, unknown_counts_as_good),
    "nothing is proof": (no_check_is_no_proof, next_action, passes_on_nothing),
}


@pytest.mark.parametrize("name", RULES)
def test_a_planted_rule_is_told_from_the_right_one(name: str) -> None:
    check, right, planted = RULES[name]

    check(right)
    with pytest.raises(AssertionError):
        check(planted)


# -- guards: each must be missed when it is taken out

HELD = Current("r1", "i1", "undo", Severity.WARNING, "", WatchPlan())
# A plan that returns to the version before, and nobody told of any version.
UNTOLD = replace(a_target(plans=[replace(a_plan(), returns_to="previous")]), changes=ChangeRules())
ASKING = a_target(plans=[replace(a_plan(), approval=Approval(any_of=("cto",)))])
OF_DATA = a_target(plans=[replace(a_plan(), level=Level.DATA)])


def agreed() -> Account:
    """People agreed to the plan of the data level."""
    (plan,) = OF_DATA.plans.values()
    asked = ApprovalRequested(
        "ask-1", "shop", "i1", plan.name, plan.hash, "errors", "e", Severity.WARNING,
        Approval(people=2), at("11h").wall,
    )  # fmt: skip
    granted = ApprovalGranted("ask-1", "shop", "i1", plan.name, plan.hash, ("ann", "bob"))
    ledger = Ledger()
    for event in (IncidentOpened("shop", "i1", "errors", Severity.WARNING), asked, granted):
        ledger.apply(event, at("9h59m"))
    return ledger.account("shop")


def an_open(kind: WindowKind) -> OpenWindow:
    return OpenWindow(kind, "planned", at("11h").wall)


REFUSED: dict[Guard, tuple[Account, dict[str, Any], dict[str, Any]]] = {
    decision.no_plan: (Account(), {}, {"plan": ""}),
    decision.vetoed: (Account(), {"vetoed": "silenced: by ann"}, {}),
    decision.kill_switch: (Account(), {"killed": "signal"}, {}),
    decision.breaker_open: (Account(), {"breaker": "2 plans failed within 24h"}, {}),
    decision.journal_unwritable: (Account(), {"journal_healthy": False}, {}),
    decision.paused: (Account(paused=Paused("shop", "ann", "", None)), {}, {}),
    decision.latched: (Account(latched="run r1 ended failed"), {}, {}),
    decision.unconfirmed: (Account(), {}, {"confirmed": False}),
    decision.already_handled: (Account(episodes=frozenset({a_proposal().episode})), {}, {}),
    decision.run_in_progress: (Account(current=HELD), {}, {}),
    decision.clock_unsure: (Account(), {"skew": 61.0}, {}),
    decision.would_not_help: (Account(), {"target": UNTOLD}, {}),
    decision.cooling_down: (
        Account(past=(Past("i0", Severity.WARNING, at(0), at("9h59m")),)),
        {},
        {},
    ),
    decision.target_limit: (Account(past=(Past("i0", Severity.WARNING, at("9h59m")),)), {}, {}),
    decision.global_limit: (Account(), {"global_starts": 3}, {}),
    decision.maintenance: (Account(), {"windows": (an_open(WindowKind.MAINTENANCE),)}, {}),
    decision.frozen: (Account(), {"windows": (an_open(WindowKind.FREEZE),)}, {}),
    decision.group_busy: (Account(), {"group_busy": "run r2 of db"}, {}),
    decision.group_order: (Account(), {"group_first": "db"}, {}),
    decision.data_plan_running: (agreed(), {"target": OF_DATA, "data_run": "run r2 of db"}, {}),
    decision.next_level_offered: (Account(), {}, {"offered": True}),
    decision.alert_only: (Account(), {"mode": Mode.ALERT_ONLY}, {}),
    decision.not_approved: (Account(), {"target": ASKING}, {}),
}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_every_guard_is_missed_when_it_is_taken_out(guard: Guard) -> None:
    account, of_facts, of_proposal = REFUSED[guard]
    calm = Facts(Mode.AUTO, Limits(), account)
    facts: Facts = replace(calm, **of_facts)
    proposal: Proposal = a_proposal(**of_proposal)

    def first(guards: tuple[Guard, ...]) -> Refusal | None:
        return next((no for one in guards if (no := one(proposal, facts, at("10h")))), None)

    assert first(GUARDS) is not None
    assert first(tuple(one for one in GUARDS if one is not guard)) is None
