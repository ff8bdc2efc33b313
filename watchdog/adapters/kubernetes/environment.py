"""The variables of a container: which of them a change touches, and how it is sent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watchdog.adapters.kubernetes.changing import Operations
from watchdog.adapters.kubernetes.containers import Chosen
from watchdog.domain.errors import PermanentError

Entries = Sequence[Mapping[str, Any]]


def entries(one: Chosen) -> Entries:
    """Its variables, in their order."""
    return list(one.container.get("env") or [])


def operations(one: Chosen, wanted: Mapping[str, str], unwanted: Sequence[str]) -> Operations:
    """What makes it so, entry by entry, so that no other is sent. Empty: it is so already.

    Raises PermanentError where one of them comes from elsewhere: it is changed there.
    """
    own = entries(one)
    _refuse_references(one, own, {*wanted, *unwanted})
    path = f"{one.path}/env"
    there = {str(entry.get("name")): at for at, entry in enumerate(own)}
    missing = [{"name": name, "value": value} for name, value in wanted.items()]
    missing = [entry for entry in missing if entry["name"] not in there]
    changed = [
        {"op": "add", "path": f"{path}/{there[name]}/value", "value": value}
        for name, value in wanted.items()
        if name in there and own[there[name]].get("value", "") != value
    ]
    # From the end on: what is removed moves all that follow it.
    gone = [at for at, entry in enumerate(own) if entry.get("name") in unwanted]
    removed = [{"op": "remove", "path": f"{path}/{at}"} for at in reversed(gone)]
    return [*changed, *removed, *_added(path, missing, into=own)]


def _added(path: str, missing: Entries, *, into: Entries) -> Operations:
    if missing and not into:
        return [{"op": "add", "path": path, "value": list(missing)}]
    return [{"op": "add", "path": f"{path}/-", "value": entry} for entry in missing]


def difference(one: Chosen, wanted: Mapping[str, str], unwanted: Sequence[str]) -> str:
    """For a person: each variable that changes. Not what it was: that may be a secret."""
    now = {str(entry.get("name")): str(entry.get("value", "")) for entry in entries(one)}
    return ", ".join(_differences(now, wanted, unwanted))


def _differences(
    now: Mapping[str, str], wanted: Mapping[str, str], unwanted: Sequence[str]
) -> Iterator[str]:
    for name, value in wanted.items():
        if name not in now:
            yield f"{name} = {value or 'empty'} is new"
        elif now[name] != value:
            yield f"{name} = {value or 'empty'} is changed"
    yield from (f"{name} goes" for name in unwanted if name in now)


def _refuse_references(one: Chosen, own: Entries, named: set[str]) -> None:
    for entry in own:
        name, elsewhere = entry.get("name"), entry.get("valueFrom")
        if name in named and elsewhere:
            raise PermanentError(
                f"container {one.name}: {name} comes from {_reference(elsewhere)}; change it "
                "there, or give the container a plain value in its manifest"
            )


def _reference(elsewhere: Mapping[str, Any]) -> str:
    """Where a value comes from, such as `configMapKeyRef shop-flags/mode`."""
    kind, where = next(iter(elsewhere.items()))
    at = where if isinstance(where, Mapping) else {}
    parts = (at.get("name"), at.get("key"), at.get("fieldPath"), at.get("resource"))
    return f"{kind} {'/'.join(str(part) for part in parts if part)}".strip()
