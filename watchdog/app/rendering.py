"""A plan as it would be carried out, in order: what would be sent, and what would be looked at."""

from dataclasses import dataclass
from typing import Any

from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.app.notebook import decider_without_journal
from watchdog.app.opening import open_deps
from watchdog.domain.condition import Condition
from watchdog.domain.expiry import Expiry, OnExpiry
from watchdog.domain.plan import Check, Plan, Step
from watchdog.domain.signal import Signal
from watchdog.domain.step_conditions import in_words as in_words_of
from watchdog.domain.target import Target
from watchdog.domain.words import duration, value
from watchdog.ports import Eyes


@dataclass(frozen=True, slots=True)
class Item:
    """A step or a check. `sends` is what a step would send, without secrets; times in seconds."""

    stage: str
    number: int
    kind: str
    name: str
    sends: str = ""
    done_when: str = ""
    timeout: float = 0.0
    retries: int = 0
    repeat: str = ""
    on_error: str = ""
    expects: str = ""
    only_if: str = ""
    undo: str = ""
    look_first: bool = False
    lapses: str = ""


async def rendered_plan(target: Target, plan: Plan) -> list[Item]:
    """Every step and check that a run of `plan` by hand would have. Sends nothing."""
    async with open_deps(EnvAndFileSecrets()) as deps:
        eyes = PluginEyes(deps)
        complete = decider_without_journal(target, deps.clock, eyes).with_trigger_checks(plan)
        return rendered(complete, eyes)


def rendered(plan: Plan, eyes: Eyes) -> list[Item]:
    """Every step and check of `plan`, in the order in which they come."""
    stages: list[tuple[str, tuple[Step | Check, ...]]] = [
        ("steps", plan.steps),
        ("verify", plan.verify),
        ("finally", plan.final),
    ]
    return [
        _check(stage, number, item) if isinstance(item, Check) else _step(stage, number, item, eyes)
        for stage, items in stages
        for number, item in enumerate(items, 1)
    ]


def _step(stage: str, number: int, step: Step, eyes: Eyes) -> Item:
    return Item(
        stage=stage,
        number=number,
        kind=step.use,
        name=step.name,
        sends=eyes.probe(step).render(),
        done_when=step.done_when.name if step.done_when else "",
        timeout=step.timeout,
        retries=step.retries,
        repeat=step.repeat.value,
        on_error=step.on_error.value,
        only_if=_only_if(step),
        undo=_undo(step.undo, eyes) if step.undo else "",
        look_first=step.look_first,
        lapses=_lapses(step.expires) if step.expires else "",
    )


def _undo(step: Step, eyes: Eyes) -> str:
    sent = f"{step.use}: {eyes.probe(step).render()}"
    return f"{sent}; only if: {_only_if(step)}" if step.when else sent


def _only_if(step: Step) -> str:
    return " and ".join(map(in_words_of, step.when))


def _lapses(expiry: Expiry) -> str:
    """When the change lapses, and what then, for a person."""
    if expiry.on_expiry is OnExpiry.REMIND:
        early = duration(expiry.warn_before)
        return f"not by itself; people are told after {duration(expiry.after)}, and {early} before"
    renews = expiry.on_expiry is OnExpiry.RENEW and expiry.renewals > 0
    times = "1 time" if expiry.renewals == 1 else f"{expiry.renewals} times"
    end = f"renewed {times} while still needed" if renews else "not renewed"
    return f"after {duration(expiry.after)}; warned of {duration(expiry.warn_before)} before; {end}"


def _check(stage: str, number: int, check: Check) -> Item:
    rule = check.on_error.value if stage == "steps" else ""
    return Item(stage, number, "check", check.name, expects=expected(check), on_error=rule)


def expected(check: Check) -> str:
    """What a check must see, for how often and how long, for a person."""
    looks = f"{check.samples} looks in a row, " if check.samples > 1 else ""
    limit = f"{check.tries} tries" if check.tries else f"{check.within:g} s"
    if check.save:
        return f"kept as {{{{ saved.{check.save} }}}}; every {check.pause:g} s, within {limit}"
    wanted = in_words(check.expect, check.signal)
    for one in check.also:
        wanted += f", and at the same time {one.name}: {in_words(one.expect, one.signal)}"
    wait = f"first look after {duration(check.wait)}, " if check.wait else ""
    fails = f"; fails at {check.fails} bad looks in a row" if check.fails else ""
    return f"{wanted}; {wait}{looks}every {check.pause:g} s, within {limit}{fails}"


def in_words(condition: Condition, signal: Signal) -> str:
    """`condition` with its limit in the unit of `signal`."""
    if condition.yes_or_no:
        return condition.op.value
    return f"{condition.op.value.replace('_', ' ')} {value(condition.limit, signal.unit)}"


def as_json(item: Item) -> dict[str, Any]:
    """`item` without what does not apply to it."""
    pairs = ((name, getattr(item, name)) for name in Item.__slots__)
    return {name: one for name, one in pairs if one != "" and not (one == 0 and name != "number")}
