"""What keeps Argo CD or Flux from putting an object back, and what lets it do so again."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watchdog.adapters.kubernetes.api import FIELD_MANAGER, Object
from watchdog.adapters.kubernetes.kinds import APPLICATION
from watchdog.adapters.kubernetes.reconcilers import Owner, owners
from watchdog.adapters.kubernetes.workloads import annotations, metadata, spec
from watchdog.domain.step_key import run_of, takes_back

# Ours, on what was suspended: which step did it, and what stood there.
SUSPENDED_NOTE = "rollback-watchdog.io/suspended"
_NOTE_PATH = f"/metadata/annotations/{SUSPENDED_NOTE.replace('/', '~1')}"
_RUNNING = ("Running", "Terminating")
_GENERATOR = "ApplicationSet"
# What they call themselves where the API server notes who set which field.
_FLUX_MANAGERS = ("kustomize-controller", "helm-controller")
Operations = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Suspension:
    """What we suspended: by the step of which key, and what stood there before."""

    by: str
    was: object


def works(owner: Owner, found: Object) -> bool:
    """Whether it puts back by itself what differs from its repository."""
    if owner.kind is not APPLICATION:
        return spec(found).get("suspend") is not True
    automated = _automated(found)
    return automated is not None and automated.get("enabled") is not False


def suspension(owner: Owner, found: Object) -> Suspension | None:
    """What was noted when we suspended it; None where it was not us, or nobody can read it.

    A note outlives what it says where somebody resumes it by hand, and suspends it again.
    """
    if works(owner, found) or not _is_set_by_us(owner, found):
        return None
    try:
        noted = json.loads(annotations(found)[SUSPENDED_NOTE])
        return Suspension(str(noted["by"]), noted["was"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def to_suspend(owner: Owner, found: Object, key: str) -> Operations:
    """What suspends it, guarded by what stands there now, and notes that for later."""
    if owner.kind is APPLICATION:
        was: object = _automated(found)
        path = "/spec/syncPolicy/automated"
        operations: Operations = [
            {"op": "test", "path": path, "value": was},
            {"op": "remove", "path": path},
        ]
    else:
        was = spec(found).get("suspend")
        operations = [
            # Of a path that is not there, too, this test holds.
            {"op": "test", "path": "/spec/suspend", "value": was},
            {"op": "add", "path": "/spec/suspend", "value": True},
        ]
    note = json.dumps({"by": key, "was": was}, separators=(",", ":"))
    return [*operations, {"op": "add", "path": _NOTE_PATH, "value": note}]


def to_resume(owner: Owner, found: Object, before: Suspension) -> Operations:
    """What makes it as it was, guarded by its being suspended."""
    forgotten = {"op": "remove", "path": _NOTE_PATH}
    if owner.kind is APPLICATION:
        return [*_synced_again(found, before), forgotten]
    put: Mapping[str, Any] = {"op": "remove", "path": "/spec/suspend"}
    if before.was is not None:
        put = {"op": "replace", "path": "/spec/suspend", "value": before.was}
    return [{"op": "test", "path": "/spec/suspend", "value": True}, put, forgotten]


def _synced_again(found: Object, before: Suspension) -> Operations:
    policy = spec(found).get("syncPolicy")
    path, value = "/spec/syncPolicy/automated", before.was
    if policy is None:
        path, value = "/spec/syncPolicy", {"automated": before.was}
    return [
        {"op": "test", "path": "/spec/syncPolicy", "value": policy},
        {"op": "add", "path": path, "value": value},
    ]


def by_hand(owner: Owner) -> str:
    """The command by which a person has it go on."""
    if owner.kind is APPLICATION:
        place = f"{owner.namespace}/" if owner.namespace else ""
        return f"argocd app set {place}{owner.name} --sync-policy automated"
    place = f" -n {owner.namespace}" if owner.namespace else ""
    return f"flux resume {owner.kind.name.lower()} {owner.name}{place}"


def is_ours(before: Suspension, key: str) -> bool:
    """Whether the step of this key may resume it: an undo, only what its own run did."""
    return not takes_back(key) or run_of(before.by) == run_of(key)


def is_at_it(owner: Owner, found: Object) -> bool:
    """Whether it is putting something back at this moment, as it goes on to do when suspended."""
    status = found.get("status") or {}
    if owner.kind is APPLICATION:
        phase = (status.get("operationState") or {}).get("phase")
        return bool(found.get("operation")) or phase in _RUNNING
    return any(
        one.get("type") == "Reconciling" and one.get("status") == "True"
        for one in status.get("conditions") or []
    )


def keeps(owner: Owner, owned: Object, found: Object) -> bool:
    """Whether the application says itself that `found` is one of its objects."""
    if owner.kind is not APPLICATION:
        return False
    own = metadata(found)
    group = str(found.get("apiVersion", "")).rpartition("/")[0]
    wanted = (group, found.get("kind"), own.get("namespace"), own.get("name"))
    return any(
        (one.get("group") or "", one.get("kind"), one.get("namespace"), one.get("name")) == wanted
        for one in (owned.get("status") or {}).get("resources") or []
    )


def above(owner: Owner, found: Object) -> list[str]:
    """Who may undo a suspension of `found`, and why, one sentence each."""
    said = [
        f"applicationset/{one.get('name')}, which makes {owner}, puts its automatic sync back "
        "unless its ignoreApplicationDifferences spares that"
        for one in metadata(found).get("ownerReferences") or []
        if one.get("kind") == _GENERATOR
    ]
    for one in owners(found):
        if one.kind is APPLICATION:
            said.append(
                f"{owner} is itself kept by {one.in_words}, which puts it back if it heals itself"
            )
        elif _is_set_by_flux(owner, found):
            said.append(
                f"{owner} is itself kept by {one.in_words}, whose repository says what is changed "
                "here, and puts it back"
            )
    return said


def _is_set_by_flux(owner: Owner, found: Object) -> bool:
    """Whether Flux counts the field that suspends it among its own."""
    return any(manager in _FLUX_MANAGERS for manager in _setters(owner, found))


def _is_set_by_us(owner: Owner, found: Object) -> bool:
    """Whether it was us who set what suspends it.

    That a field was removed nobody notes; only who wrote last of those that have a say in it.
    """
    if owner.kind is APPLICATION:
        return _automated(found) is None and not _is_written_since(found)
    return FIELD_MANAGER in _setters(owner, found)


def _is_written_since(found: Object) -> bool:
    """Whether somebody who has a say in how it syncs wrote to it after we did.

    They may have enabled and disabled it for a reason of their own: nobody can tell.
    """
    entries = metadata(found).get("managedFields") or []
    # As the API server writes times, their order is that of their text.
    ours = max((_time(one) for one in entries if one.get("manager") == FIELD_MANAGER), default="")
    return any(
        "f:syncPolicy" in ((one.get("fieldsV1") or {}).get("f:spec") or {})
        and one.get("manager") != FIELD_MANAGER
        and _time(one) > ours
        for one in entries
    )


def _time(entry: Mapping[str, Any]) -> str:
    return str(entry.get("time") or "")


def _setters(owner: Owner, found: Object) -> Iterator[str]:
    """Who set the field that says whether it works by itself, as the API server notes it."""
    for one in metadata(found).get("managedFields") or []:
        fields = (one.get("fieldsV1") or {}).get("f:spec") or {}
        if owner.kind is APPLICATION:
            fields = fields.get("f:syncPolicy") or {}
        if ("f:automated" if owner.kind is APPLICATION else "f:suspend") in fields:
            yield str(one.get("manager"))


def _automated(found: Object) -> Mapping[str, Any] | None:
    policy = spec(found).get("syncPolicy") or {}
    automated = policy.get("automated")
    return automated if isinstance(automated, Mapping) else None
