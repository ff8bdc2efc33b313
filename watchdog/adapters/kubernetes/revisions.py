"""The revisions of a workload: what it ran, newest last, each known by an id that stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.kinds import CONTROLLER_REVISION, DEPLOYMENT, REPLICA_SET
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    annotations,
    images,
    is_owned_by,
    metadata,
    selector,
    spec,
    template,
    uid,
)

_NUMBER = "deployment.kubernetes.io/revision"
# The numbers that it had before, oldest first, with commas.
_FORMER = "deployment.kubernetes.io/revision-history"
_HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One thing that a workload ran. `number` moves when it is returned to, `uid` does not.

    `made`: when it first came, Unix seconds. `template` is the whole pod template. `came` puts
    those of one workload in the order in which they first came, whatever was returned to since;
    two may share one place, as the cluster tells the time in seconds.
    """

    number: int
    uid: str
    name: str
    made: float
    template: Mapping[str, Any]
    annotations: Mapping[str, str]
    came: float = 0.0

    @property
    def images(self) -> dict[str, str]:
        """The image of each container."""
        return images(self.template)

    def __str__(self) -> str:
        return f"revision {self.number} ({self.name}: {', '.join(self.images.values())})"


async def revisions(api: KubeApi, which: Workload, found: Object) -> list[Revision]:
    """All that the cluster still keeps of `found`, in the order of their numbers."""
    namespace = str(metadata(found).get("namespace"))
    kind = REPLICA_SET if which.kind is DEPLOYMENT else CONTROLLER_REVISION
    kept = await api.listed(kind, namespace, selector(found))
    own = [one for one in kept.objects if is_owned_by(one, uid(found))]
    return sorted(map(_revision, own), key=lambda one: one.number)


def current(found: Object, known: Sequence[Revision]) -> Revision | None:
    """The one that the workload is to run now; None where the controller made none yet."""
    now = template(found)
    return next((one for one in reversed(known) if one.template == now), None)


def _revision(kept: Object) -> Revision:
    made = _seconds(str(metadata(kept).get("creationTimestamp")))
    if "data" in kept:
        number, own, came = int(kept.get("revision", 0)), dict(_of_data(kept)), made
    else:
        own = dict(template(kept))
        number = _whole(annotations(kept).get(_NUMBER, ""))
        # To be returned to gives it a new number; the first it had tells when it came.
        first = annotations(kept).get(_FORMER, "").partition(",")[0]
        came = float(_whole(first) or number)
    return Revision(
        number=number,
        uid=uid(kept),
        name=str(metadata(kept).get("name")),
        made=made,
        template=_as_written(own),
        annotations=annotations(kept),
        came=came,
    )


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _of_data(kept: Object) -> Mapping[str, Any]:
    """The pod template of a ControllerRevision, which is kept as a patch."""
    return dict(spec(kept["data"]).get("template") or {})


def _as_written(own: dict[str, Any]) -> Mapping[str, Any]:
    """Without what the controllers put in."""
    own.pop("$patch", None)
    meta = dict(own.get("metadata") or {})
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != _HASH}
    return own | {"metadata": meta | {"labels": labels}}


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
