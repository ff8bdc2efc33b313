"""Warnings about triggers that rest on what others say."""

from collections.abc import Iterator

from watchdog.config.problems import Path
from watchdog.domain.expression import Expression, Tally, Term
from watchdog.domain.target import Target

INBOUND = "inbound"


def resting_on_others(target: Target) -> Iterator[tuple[Path, str]]:
    """Everything that is worth a word about triggers on what others say."""
    yield from _unconfirmed(target)
    yield from _unproven(target)


def _unconfirmed(target: Target) -> Iterator[tuple[Path, str]]:
    """Triggers whose plan an Alertmanager could start with nothing of our own to confirm it."""
    for trigger in target.triggers:
        if trigger.plan and _holds_by_alerts(target, trigger.watches):
            text = (
                "an Alertmanager alone can start this plan, and whoever reaches the Alertmanager "
                "can make it say so: put it under `all:` beside a signal of your own that confirms"
            )
            yield ("triggers", trigger.name), text


def _unproven(target: Target) -> Iterator[tuple[Path, str]]:
    """Plans that only others' words start, with nothing that could prove that they helped."""
    for trigger in target.triggers:
        heard = all(term.signal.hearsay for term in trigger.terms)
        if trigger.plan and heard and not target.plans[trigger.plan].verify:
            text = (
                f"nothing could show that plan {trigger.plan} helped, as what others say proves "
                "nothing: give the plan a check of its own under `verify`"
            )
            yield ("triggers", trigger.name), text


def _holds_by_alerts(target: Target, expression: Expression) -> bool:
    """Whether it is in breach when every alert is, and nothing else."""
    match expression:
        case Term(signal=signal):
            return signal.hearsay and bool(target.signals[signal.name].ask.get("alert"))
        case Tally(of=members, holds_when=condition):
            return condition.holds(sum(_holds_by_alerts(target, member) for member in members))
