"""What is allowed and yet rarely meant: each of these once cost somebody a night."""

from collections.abc import Iterator
from itertools import permutations

from watchdog.config.mapping import Parts
from watchdog.config.problems import Path, Problem
from watchdog.config.walking import Content, checks, entries, names, steps
from watchdog.domain.condition import Op
from watchdog.domain.plan import Repeat, Step
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger

_SHARES = frozenset({"ratio", "%"})
_TIMES = frozenset({"s", "ms"})
_UPWARD = frozenset({Op.ABOVE, Op.AT_LEAST})
_LEAST_POLLS = 2
# Seconds. What may take longer than this to answer may show later than the default `settle`.
_QUICK = 10.0


def linted(parts: Parts, target: Target, content: Content) -> list[Problem]:
    """Warnings about a target that can be run as it is."""
    warnings = [
        *_liveness(target),
        *_short_holds(target),
        *_without_effect(target),
        *_unused(content),
        *_once(parts, target),
        *_slow(parts, target),
        *_volumes(parts, target),
        *_questions(parts),
    ]
    return [parts.document.problem(path, text) for path, text in warnings]


Warnings = Iterator[tuple[Path, str]]


def _liveness(target: Target) -> Warnings:
    if not target.triggers:
        yield ("target",), "nothing is watched: there are no triggers"
    elif not any(_sees_death(trigger) for trigger in target.triggers):
        text = (
            "a service that dies sends no numbers, and no number is no breach: "
            "add a trigger with `fails` on a health signal"
        )
        yield ("triggers",), text


def _sees_death(trigger: Trigger) -> bool:
    """Whether it is about something being there: a yes/no, or a count that falls too low."""
    if trigger.breach_when.yes_or_no:
        return True
    return trigger.breach_when.op not in _UPWARD and trigger.signal.unit not in _SHARES | _TIMES


def _short_holds(target: Target) -> Warnings:
    for trigger in target.triggers:
        if 0 < trigger.hold < _LEAST_POLLS * trigger.every:
            text = (
                f"is shorter than two looks, {trigger.every:g} s apart; give it more time, "
                "or the source a shorter `every`"
            )
            yield ("triggers", trigger.name, "for"), text


def _without_effect(target: Target) -> Warnings:
    for other, trigger in permutations(target.triggers, 2):
        if _implies(trigger, other):
            text = f"has no effect: whenever it fires, {other.name!r} has started the same plan"
            yield ("triggers", trigger.name), text


def _implies(trigger: Trigger, other: Trigger) -> bool:
    """Whether `other` fires no later, no less gravely, for the same plan."""
    same = (
        trigger.signal == other.signal
        and trigger.plan == other.plan
        and trigger.severity <= other.severity
        and trigger.hold >= other.hold
        and trigger.fails >= other.fails
        and trigger.confirm >= other.confirm
        and trigger.breach_when.op == other.breach_when.op
    )
    if not same or trigger == other:
        return False
    stricter = trigger.breach_when.limit - other.breach_when.limit
    return stricter >= 0 if trigger.breach_when.op in _UPWARD else stricter <= 0


def _unused(content: Content) -> Warnings:
    triggers = [trigger for _, trigger in entries(content, "triggers")]
    looks = [look for _, look in checks(content)]
    options = [step.get("with", {}) for _, step in steps(content)]
    sources = [source for _, source in entries(content, "sources")]
    signals = [signal for _, signal in entries(content, "signals")]
    used = {
        "plans": ("trigger starts it", {trigger.get("plan") for trigger in triggers}),
        "signals": (
            "trigger or check reads it",
            {each.get("signal") for each in (*triggers, *looks)},
        ),
        "sources": ("signal asks it", {signal.get("from") for signal in signals}),
        "auth": (
            "request uses it",
            {each.get("auth") for each in (*sources, *looks, *options) if _is_named(each)},
        ),
    }
    for section, (use, ones) in used.items():
        for name in names(content, section):
            if name not in ones:
                yield (section, name), f"no {use}; remove it, or name it where it belongs"


def _is_named(part: Content) -> bool:
    return isinstance(part.get("auth"), str)


def _once(parts: Parts, target: Target) -> Warnings:
    for plan in target.plans.values():
        for index, step in enumerate(plan.steps):
            path = ("plans", plan.name, "steps", index)
            # Whoever wrote `once` has thought about it.
            written = (*path, "repeat") in parts.document.places
            if isinstance(step, Step) and step.repeat is Repeat.ONCE and not written:
                text = (
                    "when its answer is lost, nobody can tell whether it happened, and the run "
                    "stops; give it `done_when`, or say `repeat: idempotent` or `repeat: once`"
                )
                yield path, text


def _slow(parts: Parts, target: Target) -> Warnings:
    for plan in target.plans.values():
        for key, members in (("steps", plan.steps), ("finally", plan.final)):
            for index, step in enumerate(members):
                path = ("plans", plan.name, key, index)
                written = (*path, "settle") in parts.document.places
                if isinstance(step, Step) and not written and _may_show_late(step):
                    text = (
                        f"may take {step.timeout:g} s, and what done_when does not see "
                        f"{step.settle:g} s later is done again; give it a `settle` longer than "
                        "the slowest effect"
                    )
                    yield path, text


def _may_show_late(step: Step) -> bool:
    observed = step.done_when is not None and step.repeat is Repeat.OBSERVABLE
    return observed and step.timeout > _QUICK


def _volumes(parts: Parts, target: Target) -> Warnings:
    for path, (plugin, _) in parts.options.asks.items():
        signal = target.signals[str(path[-1])].signal
        asks_volume = "volume" in plugin.ask.model_fields
        declared = parts.file.signals[signal.name].unit
        if asks_volume and declared in _SHARES and not signal.has_volume:
            text = (
                "one failed request of one is 100 %: give it a `volume`, so that little "
                "traffic is unknown"
            )
            yield path, text


def _questions(parts: Parts) -> Warnings:
    for path, (plugin, ask) in parts.options.asks.items():
        if plugin.problems is not None:
            for text in plugin.problems(ask):
                yield path, text
