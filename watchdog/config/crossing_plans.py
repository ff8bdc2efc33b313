"""What plans say of each other: which follows, which is part of which, which takes which back."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from watchdog.config.crossing_steps import Plans, Wrong, all_parts, parts, step_references, texts
from watchdog.config.crossing_tables import rows
from watchdog.config.ladder_schema import level_of
from watchdog.config.problems import Path, did_you_mean
from watchdog.config.walking import Content, entries
from watchdog.domain.ladder import AfterFailure
from watchdog.domain.plan import Level, Return, level_word

Leads = Callable[[Mapping[str, Any]], list[str]]


def plan_references(content: Content) -> Wrong:
    """Everything that a plan says of another one, and that cannot be."""
    plans = {str(path[-1]): plan for path, plan in entries(content, "plans")}
    for name, plan in plans.items():
        where: Path = ("plans", name)
        yield from _followed(where, plan, plans)
        yield from _circle((*where, "on_failure", "plans"), name, plans, _next)
        yield from _composed(where, plan, plans)
        yield from _circle((*where, "includes"), name, plans, parts)
        yield from _proven(where, plan, plans)
        yield from _named((*where, "reverses"), plan.get("reverses"), name, plans)
    yield from _reverse(content, plans)
    yield from step_references(content, plans)


def followers(content: Content) -> set[object]:
    """The plans that follow others, or are part of others, or that a person starts."""
    plans = {str(path[-1]): plan for path, plan in entries(content, "plans")}
    used = {one for plan in plans.values() for one in (*_next(plan), *parts(plan))}
    return used | {name for name, plan in plans.items() if plan.get("reverses")}


# -- what follows


def _followed(where: Path, plan: Mapping[str, Any], plans: Plans) -> Wrong:
    """I20: the levels only ever rise, and the data level is begun by people."""
    name, least = str(where[-1]), _level(plan)
    on_failure = plan.get("on_failure")
    then = on_failure.get("then") if isinstance(on_failure, Mapping) else None
    for index, other in enumerate(_next(plan)):
        at = (*where, "on_failure", "plans", index)
        yield from _named(at, other, name, plans)
        level = _level(plans.get(other, {}))
        if level < least:
            yield (
                at,
                (
                    f"{other!r} is of the {level_word(level)} level, below {level_word(least)}; "
                    "what follows reaches as deep as what did not help, or deeper"
                ),
            )
        least = max(least, level)
        if level == Level.DATA and then == AfterFailure.AUTO_NEXT:
            yield (
                at,
                (
                    f"{other!r} is of the data level, which never starts by itself; name it in the "
                    "`offer_next` of the plan before it"
                ),
            )


def _next(plan: Mapping[str, Any]) -> list[str]:
    on_failure = plan.get("on_failure")
    return texts(on_failure.get("plans")) if isinstance(on_failure, Mapping) else []


# -- what is part of what


def _composed(where: Path, plan: Mapping[str, Any], plans: Plans) -> Wrong:
    name, level = str(where[-1]), _level(plan)
    for index, other in enumerate(parts(plan)):
        at = (*where, "includes", index)
        yield from _named(at, other, name, plans)
        part = plans.get(other, {})
        if _level(part) > level:
            deeper = level_word(_level(part))
            text = (
                f"{other!r} is of the {deeper} level, deeper than this plan; say `level: {deeper}`"
            )
            yield at, text
        returns = part.get("returns_to", Return.NOWHERE.value)
        if returns not in (Return.NOWHERE.value, plan.get("returns_to")):
            yield at, f"{other!r} returns to {returns}; say `returns_to: {returns}` here, too"
        if part.get("approval", "auto") != "auto" and "approval" not in plan:
            asked = f"people are asked about {other!r}, and nobody about this plan"
            yield at, f"{asked}; write its `approval`"


def _proven(where: Path, plan: Mapping[str, Any], plans: Plans) -> Wrong:
    """What its parts prove counts; that the trigger is over is proven only where it says so."""
    proofs = (plans[part].get("verify") for part in all_parts(str(where[-1]), plans))
    if parts(plan) and plan.get("verify_trigger") is False and not any(proofs):
        text = (
            "nothing proves that it helped: give `verify` at least one check, or leave "
            "`verify_trigger` on"
        )
        yield where, text


# -- what takes back


def _reverse(content: Content, plans: Plans) -> Wrong:
    """What takes a rollback back is started by a person, and by nobody else."""
    reverse = {name for name, plan in plans.items() if plan.get("reverses")}
    for at, other in _started(content, plans):
        if other in reverse:
            text = "takes a rollback back, and only a person starts it; remove it here"
            yield at, f"{other!r} {text}"
    for name in reverse:
        if _next(plans[name]):
            at = ("plans", name, "on_failure")
            yield at, "belongs to a rollback: what takes one back is followed by nothing"
        if _text(plans[name]["reverses"]) in reverse:
            yield ("plans", name, "reverses"), "takes a rollback back itself; name the rollback"


def _started(content: Content, plans: Plans) -> Iterator[tuple[Path, str]]:
    """Every place at which a plan is named that starts by itself, or as a part of one."""
    for path, trigger in entries(content, "triggers"):
        yield (*path, "plan"), _text(trigger.get("plan"))
    for number, row in rows(content):
        yield ("decisions", number, "plan"), _text(row.get("plan"))
    for name, plan in plans.items():
        for index, other in enumerate(_next(plan)):
            yield ("plans", name, "on_failure", "plans", index), other
        for index, other in enumerate(parts(plan)):
            yield ("plans", name, "includes", index), other


# -- names


def _named(at: Path, other: object, name: str, plans: Plans) -> Wrong:
    if not isinstance(other, str):
        return
    if other == name:
        yield at, "is the plan itself; name another one"
    elif other not in plans:
        yield at, f"there is no plan {other!r}; {did_you_mean(other, plans)}"


def _circle(at: Path, name: str, plans: Plans, then: Leads) -> Wrong:
    """Whether what `name` leads to leads back to it."""
    seen: list[str] = []
    ahead: list[str] = list(then(plans[name]))
    while ahead:
        one = ahead.pop(0)
        if one == name and seen:
            yield at, f"is a circle: {' leads to '.join((name, *seen[:1]))}, and that back here"
            return
        if one in plans and one not in seen and one != name:
            seen.append(one)
            ahead += then(plans[one])


def _level(plan: Mapping[str, Any]) -> int:
    try:
        return level_of(plan.get("level", Level.FLAGS.value))
    except ValueError:
        # Said where it stands.
        return Level.FLAGS


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
