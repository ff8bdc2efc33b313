"""Which container of a pod template a step means, and what it runs with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.workloads import containers, template
from watchdog.domain.errors import PermanentError


class Chosen(NamedTuple):
    """One container, and where a JSON patch finds it."""

    name: str
    path: str
    container: Mapping[str, Any]

    @property
    def image(self) -> str:
        """The image as it is written there."""
        return str(self.container.get("image", ""))


def chosen_container(found: Object, name: str | None) -> Chosen:
    """The one of that name; without a name the only one. Raises PermanentError otherwise.

    What runs before the others (`initContainers`) is never meant.
    """
    own = template(found)
    listed = containers(own)
    names = [str(one.get("name")) for one in listed]
    if name is None and len(listed) == 1:
        name = names[0]
    if name is None:
        raise PermanentError(f"it has the containers {', '.join(names)}: say which by `container`")
    if name not in names:
        init = {str(one.get("name")) for one in (own.get("spec") or {}).get("initContainers") or ()}
        why = "runs before the others, and is left alone" if name in init else "is none of its own"
        raise PermanentError(f"container {name} {why}; it has {', '.join(names)}")
    at = names.index(name)
    return Chosen(name, f"/spec/template/spec/containers/{at}", listed[at])
