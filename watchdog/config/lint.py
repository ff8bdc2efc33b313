"""What is allowed and yet rarely meant: each of these once cost somebody a night."""

from collections.abc import Iterator
from itertools import chain, permutations

from watchdog.config.changes import change_warnings
from watchdog.config.crossing_plans import followers
from watchdog.config.crossing_tables import plans_of_rows
from watchdog.config.lint_approvals import lint_approvals
from watchdog.config.lint_calendar import lint_calendar
from watchdog.config.lint_destructive import lint_destructive
from watchdog.config.lint_inbound import resting_on_others
from watchdog.config.lint_proofs import lint_proofs
from watchdog.config.lint_questions import lint_questions
from watchdog.config.lint_rollouts import lint_rollouts
from watchdog.config.lint_suspensions import lint_suspensions
from watchdog.config.lint_tables import lint_tables
from watchdog.config.mapping import Parts
from watchdog.config.problems import Path, Problem
from watchdog.config.relative_checks import lint_windows
from watchdog.config.walking import (
    Content,
    change_sources,
    checks,
    conditions,
    entries,
    names,
    steps,
    vetoes,
)
from watchdog.domain.condition import Op
from watchdog.domain.expression import Term
from watchdog.domain.plan import Repeat, Step
from watchdog.domain.signal import Across
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
        *lint_questions(parts, target),
        *lint_windows(target),
        *lint_destructive(content),
        *lint_proofs(target),
        *lint_rollouts(target),
        *lint_suspensions(target),
        *lint_tables(parts, target),
        *resting_on_others(target),
        *change_warnings(target),
        *lint_calendar(target),
        *lint_approvals(target),
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
    return any(map(_tells_of_life, trigger.terms))


def _tells_of_life(term: Term) -> bool:
    if term.breach_when.yes_or_no or term.signal.across is Across.COUNT:
        return True
    return term.breach_when.op not in _UPWARD and term.signal.unit not in _SHARES | _TIMES


def _short_holds(target: Target) -> Warnings:
    for trigger in target.triggers:
        if 0 < trigger.hold < _LEAST_POLLS * trigger.every:
            text = (
                f"is shorter than two looks, {trigger.every:g} s apart; give it more time, "
                "or the source a shorter `every`"
            )
            yield ("triggers", trigger.name, "for"), text


def _without_effect(target: Target) -> Warnings:
    # Only those of one signal are compared: a file may hold thousands.
    alike: dict[str, list[Trigger]] = {}
    for one in target.triggers:
        if one.plain is not None:
            alike.setdefault(one.plain.signal.name, []).append(one)
    for other, trigger in chain.from_iterable(permutations(own, 2) for own in alike.values()):
        if _implies(trigger, other):
            text = f"has no effect: whenever it fires, {other.name!r} has started the same plan"
            yield ("triggers", trigger.name), text


def _implies(trigger: Trigger, other: Trigger) -> bool:
    """Whether `other` fires no later, no less gravely, for the same plan."""
    mine, its = trigger.plain, other.plain
    if mine is None or its is None or not trigger.plan:
        return False
    same = (
        mine.signal == its.signal
        and mine.relative == its.relative
        and trigger.looks == other.looks
        and trigger.plan == other.plan
        and trigger.severity <= other.severity
        and trigger.hold >= other.hold
        and trigger.fails >= other.fails
        and trigger.confirm >= other.confirm
        and mine.breach_when.op == its.breach_when.op
    )
    if not same or trigger == other:
        return False
    stricter = mine.breach_when.limit - its.breach_when.limit
    return stricter >= 0 if mine.breach_when.op in _UPWARD else stricter <= 0


def _unused(content: Content) -> Warnings:
    triggers = [trigger for _, trigger in entries(content, "triggers")]
    compared = [part for _, part in (*conditions(content), *vetoes(content))]
    looks = [look for _, look in checks(content)]
    options = [step.get("with", {}) for _, step in steps(content)]
    sources = [source for _, source in entries(content, "sources")]
    told = [source for _, source in change_sources(content)]
    signals = [signal for _, signal in entries(content, "signals")]
    used = {
        "plans": (
            "trigger starts it",
            {trigger.get("plan") for trigger in triggers}
            | plans_of_rows(content)
            | followers(content),
        ),
        "signals": (
            "trigger or check reads it",
            {each.get("signal") for each in (*compared, *looks)},
        ),
        "sources": ("signal asks it", {signal.get("from") for signal in signals}),
        "auth": (
            "request uses it",
            {each.get("auth") for each in (*sources, *told, *looks, *options) if _is_named(each)},
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
