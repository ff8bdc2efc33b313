"""What plans say of each other: which follows, which is part of which, which takes which back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watchdog.config.crossing_tables import rows
from watchdog.config.ladder_schema import level_of
from watchdog.config.problems import Path, did_you_mean
from watchdog.config.walking import Content, entries, steps
from watchdog.domain.expiry import OnExpiry
from watchdog.domain.ladder import AfterFailure
from watchdog.domain.plan import Level, OnError, Return, level_word
from watchdog.domain.variables import SAVED, mentioned

Wrong = Iterator[tuple[Path, str]]
_Plans = Mapping[str, Mapping[str, Any]]
_TAKING_BACK = (OnError.COMPENSATE, OnError.UNDO_LAST)


def plan_references(content: Content) -> Wrong:
    """Everything that a plan says of another one, and that cannot be."""
    plans = {str(path[-1]): plan for path, plan in entries(content, "plans")}
    for name, plan in plans.items():
        where: Path = ("plans", name)
        yield from _followed(where, plan, plans)
        yield from _circle((*where, "on_failure", "plans"), name, plans, _next)
        yield from _composed(where, plan, plans)
        yield from _circle((*where, "includes"), name, plans, _parts)
        yield from _saved_once(where, plan, plans)
        yield from _proven(where, plan, plans)
        yield from _takes_back(where, plan, plans)
        yield from _named((*where, "reverses"), plan.get("reverses"), name, plans)
    yield from _reverse(content, plans)
    yield from _renewed(content)


def followers(content: Content) -> set[object]:
    """The plans that follow others, or are part of others, or that a person starts."""
    plans = {str(path[-1]): plan for path, plan in entries(content, "plans")}
    used = {one for plan in plans.values() for one in (*_next(plan), *_parts(plan))}
    return used | {name for name, plan in plans.items() if plan.get("reverses")}


# -- what follows


def _followed(where: Path, plan: Mapping[str, Any], plans: _Plans) -> Wrong:
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
    return _texts(on_failure.get("plans")) if isinstance(on_failure, Mapping) else []


# -- what is part of what


def _composed(where: Path, plan: Mapping[str, Any], plans: _Plans) -> Wrong:
    name, level = str(where[-1]), _level(plan)
    for index, other in enumerate(_parts(plan)):
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


def _parts(plan: Mapping[str, Any]) -> list[str]:
    return _texts(plan.get("includes"))


def _all_parts(name: str, plans: _Plans) -> list[str]:
    """Every plan whose steps come in plan `name`, itself the last; a circle is said elsewhere."""
    found = [name]
    for one in found:
        found += [part for part in _parts(plans[one]) if part in plans and part not in found]
    return found[::-1]


def _saved_once(where: Path, plan: Mapping[str, Any], plans: _Plans) -> Wrong:
    """Two values of one name would be mixed up when the steps are taken back."""
    own: set[str] = set()
    for index, saved in _saves(plan):
        if saved in own:
            text = f"{saved!r} was saved before; give each value a name of its own"
            yield (*where, "steps", index, "save"), text
        own.add(saved)
    saved_by: dict[str, str] = {}
    for part in _all_parts(str(where[-1]), plans):
        for _, saved in _saves(plans[part]):
            other = saved_by.setdefault(saved, part)
            if other != part:
                text = (
                    f"`{other}` and `{part}` both save {saved!r}: what takes back the one would "
                    "send the value of the other; give each a name of its own"
                )
                yield (*where, "includes"), text


def _saves(plan: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for index, step in _listed(plan, "steps"):
        if isinstance(step.get("save"), str):
            yield index, step["save"]


def _proven(where: Path, plan: Mapping[str, Any], plans: _Plans) -> Wrong:
    """What its parts prove counts; that the trigger is over is proven only where it says so."""
    proofs = (plans[part].get("verify") for part in _all_parts(str(where[-1]), plans))
    if _parts(plan) and plan.get("verify_trigger") is False and not any(proofs):
        text = (
            "nothing proves that it helped: give `verify` at least one check, or leave "
            "`verify_trigger` on"
        )
        yield where, text


def _takes_back(where: Path, plan: Mapping[str, Any], plans: _Plans) -> Wrong:
    """Whoever says that what was done is taken back says how, and before that."""
    parts = _all_parts(str(where[-1]), plans)[:-1]
    before = any("undo" in step for part in parts for _, step in _listed(plans[part], "steps"))
    for index, step in _listed(plan, "steps"):
        rule = step.get("on_error")
        if rule in _TAKING_BACK and not before:
            text = f"{rule} takes back the steps before it, and none of them has an `undo`"
            yield (*where, "steps", index, "on_error"), text
        before = before or "undo" in step
    for index, step in _listed(plan, "finally"):
        keys = {"undo": "undo" in step, "on_error": step.get("on_error") in _TAKING_BACK}
        for key in (one for one, found in keys.items() if found):
            text = "belongs to the steps: what is done at the end is never taken back"
            yield (*where, "finally", index, key), text


def _listed(plan: Mapping[str, Any], stage: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    members = plan.get(stage)
    for index, member in enumerate(members if isinstance(members, list) else ()):
        if isinstance(member, Mapping):
            yield index, member


# -- what takes back


def _reverse(content: Content, plans: _Plans) -> Wrong:
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


def _started(content: Content, plans: _Plans) -> Iterator[tuple[Path, str]]:
    """Every place at which a plan is named that starts by itself, or as a part of one."""
    for path, trigger in entries(content, "triggers"):
        yield (*path, "plan"), _text(trigger.get("plan"))
    for number, row in rows(content):
        yield ("decisions", number, "plan"), _text(row.get("plan"))
    for name, plan in plans.items():
        for index, other in enumerate(_next(plan)):
            yield ("plans", name, "on_failure", "plans", index), other
        for index, other in enumerate(_parts(plan)):
            yield ("plans", name, "includes", index), other


# -- what lapses


def _renewed(content: Content) -> Wrong:
    """The proof of a renewal is its `done_when`, which is then a run of its own."""
    for path, step in steps(content):
        expires, done_when = step.get("expires"), step.get("done_when")
        if expires and path[2] == "finally":
            text = "belongs to the steps: of what is done at the end nothing is followed"
            yield (*path, "expires"), text
        tells = isinstance(expires, Mapping) and expires.get("on_expiry") == OnExpiry.TELL
        if expires and not tells and "{{" in str(done_when):
            text = "a renewal proves this in a run of its own: write the values out, not {{ … }}"
            yield (*path, "done_when"), text
        if expires and not tells:
            yield from _read_before(path, step)


def _read_before(path: Path, step: Mapping[str, Any]) -> Wrong:
    """What a renewal would not know: only the run before it has read that."""
    conditions = step.get("if")
    listed = conditions if isinstance(conditions, list) else [conditions]
    asked = any(isinstance(one, Mapping) and "saved" in one for one in listed)
    sent = any(name.startswith(SAVED) for name in mentioned(step.get("with")))
    for key, found in (("if", asked), ("with", sent)):
        if found:
            text = "a renewal reads nothing again: do not ask for what was saved, or `on_expiry: "
            yield (*path, key), f"{text}tell`"


# -- names


def _named(at: Path, other: object, name: str, plans: _Plans) -> Wrong:
    if not isinstance(other, str):
        return
    if other == name:
        yield at, "is the plan itself; name another one"
    elif other not in plans:
        yield at, f"there is no plan {other!r}; {did_you_mean(other, plans)}"


def _circle(at: Path, name: str, plans: _Plans, then: Any) -> Wrong:  # noqa: ANN401 -- a function
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


def _texts(listed: object) -> list[str]:
    ones: Sequence[object] = listed if isinstance(listed, list) else ()
    return [one for one in ones if isinstance(one, str)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
