"""The proof that matters most: what fired must have stopped breaching."""

from collections.abc import Sequence
from dataclasses import replace

from watchdog.domain.condition import Condition, Op
from watchdog.domain.plan import PROOF_SAMPLES, Check, Look, Plan
from watchdog.domain.series import trigger_check
from watchdog.domain.signal import Signal
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.engine.own_eyes import own_look

# Of a trigger's `every`: an evaluation is looked at about once, however late the next one comes.
FRESH = 1.1


def with_checks_of(plan: Plan, triggers: Sequence[Trigger], target: Target) -> Plan:
    """`plan` with the proof that none of these triggers of `target` breaches any longer."""
    if not plan.verify_trigger:
        return plan
    checks = (check for trigger in triggers for check in _checks(plan, trigger, target))
    return replace(plan, verify=(*plan.verify, *checks))


def _checks(plan: Plan, trigger: Trigger, target: Target) -> Sequence[Check]:
    own = [term for term in trigger.terms if not term.signal.hearsay]
    if len(own) == len(trigger.terms) or any(term.relative for term in own):
        return [_check(plan, trigger, target)]
    # That nobody says any longer that it burns is no proof: what we see ourselves is.
    return [_check(plan, replace(trigger, watches=term), target) for term in own]


def _check(plan: Plan, trigger: Trigger, target: Target) -> Check:
    signal, look, expect = _proof(trigger, target)
    return Check(
        name=trigger_check(trigger.name),
        signal=signal,
        look=look,
        expect=expect,
        pause=trigger.every,
        samples=PROOF_SAMPLES,
        within=plan.verify_within,
    )


def _proof(trigger: Trigger, target: Target) -> tuple[Signal, Look, Condition]:
    """What shows that `trigger` no longer breaches: a fresh look, where one tells."""
    term = trigger.plain
    if term is None or term.relative is not None or trigger.for_each:
        # What its own evaluations say: nothing else knows all that they rest on.
        # One evaluation must not count for two, as it would if they stopped meanwhile.
        signal = Signal(trigger.name, "", max_staleness=FRESH * trigger.every)
        return signal, own_look(trigger.name), Condition(Op.PASSING)
    source = target.sources[term.signal.source]
    ask = target.signals[term.signal.name].ask
    return term.signal, Look(source.use, source.options, ask), term.breach_when.negated()
