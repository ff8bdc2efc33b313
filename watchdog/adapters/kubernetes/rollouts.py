"""When a workload came to run what: its revisions as stretches of time, as far as they are known.

A cluster keeps each revision once. Returned to, it gets a new number, and when that was stands
nowhere as such: it is taken from who changed the template last, and from when the rollout ended.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.revisions import Revision
from watchdog.adapters.kubernetes.workloads import metadata

# Numbers that a Deployment's revision had before it was returned to.
_EARLIER_NUMBERS = "deployment.kubernetes.io/revision-history"
# By this, those who deploy say why.
CAUSE = "kubernetes.io/change-cause"
# Times in a cluster are whole seconds: what came after another came a second later at most.
_LATER = 1.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a workload was to run one revision. `since`: Unix seconds.

    `number` is that of the revision then, 0 where nobody kept it. `manager`: who began it, by the
    name under which the API server knows them; empty where it does not say.
    """

    revision: Revision
    number: int
    since: float
    previous: Revision | None = None
    manager: str = ""


def stretches(found: Object, known: Sequence[Revision], now: Revision | None) -> list[Stretch]:
    """Those whose beginning is known, oldest first: the first of each revision, and the last one.

    `now` is the revision that `found` is to run; None where its controller made none yet.
    """
    by_number = {number: one for one in known for number in (*_earlier(one), one.number)}
    begun = [_first(one, known, by_number) for one in known]
    if now is not None:
        last = _last(found, known, now, by_number)
        begun = [one for one in begun if (one.revision.uid, one.since) != (now.uid, last.since)]
        begun.append(last)
    return sorted(begun, key=lambda one: (one.since, one.number))


def _first(one: Revision, known: Sequence[Revision], by_number: Mapping[int, Revision]) -> Stretch:
    number = min(_earlier(one), default=0 if _was_returned_to(one, known) else one.number)
    return Stretch(one, number, one.made, _before(number, one, by_number))


def _last(
    found: Object, known: Sequence[Revision], now: Revision, by_number: Mapping[int, Revision]
) -> Stretch:
    changed, manager = max(_template_changed(found), default=(now.made, ""))
    previous = _before(now.number, now, by_number)
    if not _was_returned_to(now, known):
        return Stretch(now, now.number, now.made, previous, manager)
    # Not before another one that ran since was made.
    earliest = max((one.made for one in known if one.number < now.number), default=now.made)
    said = [at for at in (changed, *_progressed(found)) if at >= earliest + _LATER]
    since = min(said, default=earliest + _LATER)
    return Stretch(now, now.number, since, previous, manager if since == changed else "")


def _was_returned_to(one: Revision, known: Sequence[Revision]) -> bool:
    """A Deployment's says so; of others, one that has a higher number was made before it."""
    younger = (other for other in known if other.made > one.made)
    return bool(_earlier(one)) or any(other.number < one.number for other in younger)


def _earlier(one: Revision) -> list[int]:
    words = one.annotations.get(_EARLIER_NUMBERS, "").split(",")
    return [int(word) for word in words if word.strip().isdecimal()]


def _before(number: int, one: Revision, by_number: Mapping[int, Revision]) -> Revision | None:
    """What ran right before the stretch of that number began, where the cluster still keeps it."""
    before = max((other for other in by_number if other < number), default=None)
    found = None if before is None else by_number[before]
    return None if found is None or found.uid == one.uid else found


def _template_changed(found: Object) -> list[tuple[float, str]]:
    """When those who have a say in the pod template last changed something, and who they are."""
    entries = metadata(found).get("managedFields") or []
    owners = [
        (moment_of(one.get("time")), str(one.get("manager", "")))
        for one in entries
        if not one.get("subresource") and _owns_template(one.get("fieldsV1") or {})
    ]
    return sorted((at, who) for at, who in owners if at is not None)


def _owns_template(fields: Mapping[str, Any]) -> bool:
    return "f:template" in (fields.get("f:spec") or {})


def _progressed(found: Object) -> Iterator[float]:
    """When the controller last saw the rollout go on; once it has ended, that stays."""
    for one in (found.get("status") or {}).get("conditions") or []:
        if one.get("type") == "Progressing":
            at = moment_of(one.get("lastUpdateTime"))
            if at is not None:
                yield at


def moment_of(text: object) -> float | None:
    """Unix seconds of a time as the API server writes it; None where it is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
