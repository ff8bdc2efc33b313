"""What the steps of plans say of each other: what is saved, taken back, and renewed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watchdog.config.problems import Path
from watchdog.config.walking import Content, steps
from watchdog.domain.expiry import OnExpiry
from watchdog.domain.plan import OnError
from watchdog.domain.variables import SAVED, mentioned

Wrong = Iterator[tuple[Path, str]]
Plans = Mapping[str, Mapping[str, Any]]
_TAKING_BACK = (OnError.COMPENSATE, OnError.UNDO_LAST)


def step_references(content: Content, plans: Plans) -> Wrong:
    """Everything that a step says of others, and that cannot be."""
    for name, plan in plans.items():
        where: Path = ("plans", name)
        yield from _saved_once(where, plan, plans)
        yield from _takes_back(where, plan, plans)
    yield from _renewed(content)


def parts(plan: Mapping[str, Any]) -> list[str]:
    """The plans that it includes."""
    return texts(plan.get("includes"))


def all_parts(name: str, plans: Plans) -> list[str]:
    """Every plan whose steps come in plan `name`, itself the last; a circle is said elsewhere."""
    found = [name]
    for one in found:
        found += [part for part in parts(plans[one]) if part in plans and part not in found]
    return found[::-1]


# -- what is saved


def _saved_once(where: Path, plan: Mapping[str, Any], plans: Plans) -> Wrong:
    """Two values of one name would be mixed up when the steps are taken back."""
    own: set[str] = set()
    for index, saved in _saves(plan):
        if saved in own:
            text = f"{saved!r} was saved before; give each value a name of its own"
            yield (*where, "steps", index, "save"), text
        own.add(saved)
    saved_by: dict[str, str] = {}
    for part in all_parts(str(where[-1]), plans):
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


# -- what takes back


def _takes_back(where: Path, plan: Mapping[str, Any], plans: Plans) -> Wrong:
    """Whoever says that what was done is taken back says how, and before that."""
    included = [plans[part] for part in all_parts(str(where[-1]), plans)[:-1]]
    before = any("undo" in step for part in included for _, step in _listed(part, "steps"))
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


# -- what lapses


def _renewed(content: Content) -> Wrong:
    """The proof of a renewal is its `done_when`, which is then a run of its own."""
    for path, step in steps(content):
        expires, done_when = step.get("expires"), step.get("done_when")
        if expires and path[2] == "finally":
            text = "belongs to the steps: of what is done at the end nothing is followed"
            yield (*path, "expires"), text
        asked = expires.get("on_expiry") if isinstance(expires, Mapping) else None
        tells = asked in (OnExpiry.TELL, OnExpiry.REMIND)
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


# -- what is written


def texts(listed: object) -> list[str]:
    """Those of a list that are text; what else stands there is said where it stands."""
    ones: Sequence[object] = listed if isinstance(listed, list) else ()
    return [one for one in ones if isinstance(one, str)]
