"""What objects of a cluster say to a question: pure, so that nothing here can fail to answer."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from watchdog.adapters.json_path import find
from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.asks import FieldAsk, ImageAsk, PodsAsk, VersionAsk
from watchdog.adapters.kubernetes.endpoints import backends
from watchdog.adapters.kubernetes.kinds import DAEMON_SET
from watchdog.adapters.kubernetes.pod_restarts import MOST, kept, since
from watchdog.adapters.kubernetes.pods import (
    container_of,
    living,
    restarts_of,
    serving,
    trouble,
    version_of_image,
)
from watchdog.adapters.kubernetes.rollout import progress, restarts
from watchdog.adapters.kubernetes.workloads import metadata, wanted
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Secrets

_SHOWN = 3
# What is saved stands in the journal, in every check that reads it.
_LONGEST = 4000


def yes_or_no(*, holds: bool, note: str) -> Sample:
    """A yes/no signal: 1 is yes."""
    return Sample((float(holds),), note=note)


def number(value: float, note: str = "") -> Sample:
    """A number, which a plan may save as well."""
    whole = int(value) if value == int(value) else value
    return Sample((float(value),), note=note, read=whole)


def rolled_out(found: Object, pods: Sequence[Object]) -> Observation:
    """Yes once all pods are of the wanted template and ready; why not, in the note."""
    state = progress(found, pods)
    why = state.stuck or _first(trouble(pod) for pod in living(pods))
    return yes_or_no(
        holds=state.done, note=state.text if state.done or not why else f"{state.text}; {why}"
    )


def ready(found: Object) -> Observation:
    """How many of its pods are ready."""
    count = _ready(found)
    return number(count, f"{count} of {wanted(found)} pods ready")


def ready_share(found: Object) -> Observation:
    """How many of the pods that it should have are ready, as a ratio."""
    goal, count = wanted(found), _ready(found)
    if not goal:
        return Gap(Unknown.NODATA, "it is to have no pods, so no share of them is ready")
    return number(count / goal, f"{count} of {goal} pods ready")


def all_well(found: Object, pods: Sequence[Object], ask: PodsAsk) -> Observation:
    """Yes while as many pods as there must be run, all of them ready."""
    alive = living(pods)
    goal = wanted(found) if ask.count is None else ask.count
    again = sum(map(restarts, alive))
    wrong = [why for pod in alive if (why := trouble(pod))]
    if len(alive) != goal:
        wrong.append(f"{len(alive)} pods, not {goal}")
    if ask.restarts is not None and again > ask.restarts:
        wrong.append(f"{again} restarts, not {ask.restarts} at most")
    note = f"{len(alive)} pods run and are ready, {again} restarts"
    return yes_or_no(holds=not wrong, note=_some(wrong) if wrong else note)


def restarted(pods: Sequence[Object], against: object) -> Observation:
    """How often living pods were started anew; of those in `against`, how often since then."""
    now = restarts_of(living(pods))
    if against is None:
        total = sum(now.values())
        left = f"; only the {MOST} pods with the fewest are kept for later"
        note = f"{total} restarts{left if len(now) > MOST else ''}"
        return Sample((float(total),), note=note, read=kept(now))
    grown = since(against, now)
    if grown is None:
        return Gap(Unknown.NODATA, "nothing to compare with was saved before")
    # Nothing is read: it would stand in the journal as often as it is looked at.
    return Sample((float(grown),), note=f"{grown} restarts since that was saved")


def image(pods: Sequence[Object], ask: ImageAsk) -> Observation:
    """Yes while every pod that serves has the same image, and that which it must be."""
    return _same(_images(pods, ask), ask.is_, "image")


def version(pods: Sequence[Object], ask: VersionAsk) -> Observation:
    """Yes while every pod that serves has the same version, and that which it must be."""
    if ask.label is None:
        found = [version_of_image(one) if one else one for one in _images(pods, ask)]
    else:
        found = [(metadata(pod).get("labels") or {}).get(ask.label) for pod in serving(pods)]
    return _same(found, ask.is_, "version")


def field(found: Object, ask: FieldAsk, secrets: Secrets) -> Observation:
    """The value at a path; an object or a list as compact JSON."""
    values = find(found, ask.path)
    value: Any = values[0] if values else None
    if value is None:
        return Gap(Unknown.NODATA, f"nothing at {ask.place}")
    if isinstance(value, dict | list):
        value = json.dumps(value, separators=(",", ":"), sort_keys=True)
    if len(str(value)) > _LONGEST:
        return Gap(Unknown.PARSE, f"more than {_LONGEST} characters at {ask.place}")
    if secrets.redact(str(value)) != str(value):
        return Gap(Unknown.ERROR, f"a secret stands at {ask.place}, and what is read is kept")
    if isinstance(value, int | float):
        return Sample((float(value),), read=value)
    return Sample((1.0,), note=str(value)[:200], read=value)


def endpoints(slices: Sequence[Object]) -> Observation:
    """How many different backends of a service take traffic."""
    taking, listed = backends(slices)
    return number(len(taking), f"{len(taking)} of {len(listed)} backends ready")


def _ready(found: Object) -> int:
    name = "numberReady" if found.get("kind") == DAEMON_SET.name else "readyReplicas"
    return int((found.get("status") or {}).get(name, 0))


def _images(pods: Sequence[Object], ask: ImageAsk) -> list[str | None]:
    chosen = [container_of(pod, ask.container) for pod in serving(pods)]
    return [str(one.get("image")) if one else None for one in chosen]


def _same(found: Sequence[str | None], wanted_one: str | None, what: str) -> Observation:
    """Yes and what it is where all are the same; `wanted_one` where that is said."""
    if not found:
        return Gap(Unknown.NODATA, f"no pod serves, so none has any {what}")
    known = [one for one in found if one]
    if len(known) < len(found):
        return Gap(Unknown.NODATA, f"{len(found) - len(known)} of {len(found)} pods have no {what}")
    counted = Counter(known).most_common()
    seen = ", ".join(f"{one} ({count})" for one, count in counted[:_SHOWN])
    only = counted[0][0] if len(counted) == 1 else None
    if only is None:
        mixed = f"{len(counted)} of them: {seen}"
        # To which one it is, several are no answer; to whether it is that one, they are a no.
        if wanted_one is None:
            return Gap(Unknown.AMBIGUOUS, mixed)
        return yes_or_no(holds=False, note=mixed)
    if wanted_one is not None and only != wanted_one:
        return Sample((0.0,), note=f"all have {seen}, not {wanted_one}", read=only)
    return Sample((1.0,), note=f"all have {seen}", read=only)


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return "; ".join(texts[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
