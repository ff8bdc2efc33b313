"""Who would put an object back to what a repository says: it has left its name on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.kinds import APPLICATION, HELM_RELEASE, KUSTOMIZATION, Kind
from watchdog.adapters.kubernetes.workloads import annotations, metadata

_ARGO = "argocd.argoproj.io/tracking-id"
_INSTANCE = "app.kubernetes.io/instance"
_FLUX = (KUSTOMIZATION, HELM_RELEASE)


@dataclass(frozen=True, slots=True)
class Owner:
    """What keeps an object; `namespace` is empty where only whoever runs it would know."""

    kind: Kind
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.name.lower()}/{place}{self.name}"

    @property
    def in_words(self) -> str:
        """Whose it is, such as `Argo CD's application shop`."""
        place = f"{self.namespace}/" if self.namespace else ""
        if self.kind is APPLICATION:
            return f"Argo CD's application {place}{self.name}"
        return f"Flux's {self.kind.name} {place}{self.name}"


def owners(found: Object) -> Iterator[Owner]:
    """Each that has left its name on `found` for certain."""
    tracked = annotations(found).get(_ARGO, "")
    if tracked and _is_about(tracked, found):
        # An application outside of Argo CD's own namespace is named with its own.
        namespace, _, app = tracked.partition(":")[0].rpartition("_")
        yield Owner(APPLICATION, app, namespace)
    labels = metadata(found).get("labels") or {}
    for kind in _FLUX:
        name = labels.get(f"{kind.group}/name")
        if name:
            yield Owner(kind, str(name), labels.get(f"{kind.group}/namespace") or "")


def perhaps(found: Object) -> Owner | None:
    """The application that may keep `found` by its label, which Helm's charts set as well."""
    name = (metadata(found).get("labels") or {}).get(_INSTANCE)
    return Owner(APPLICATION, name) if name else None


def reconcilers(found: Object) -> Iterator[str]:
    """Each that owns `found`, such as `Argo CD's application shop`.

    A label of Helm's says as much of many things, and so nothing for certain.
    """
    return (one.in_words for one in owners(found))


def _is_about(tracked: str, found: Object) -> bool:
    """Whether it names this object: a copy of another one bears that one's, and nobody minds."""
    _, _, what = tracked.partition(":")
    own = metadata(found)
    if not what or not found.get("kind"):
        return True
    group = str(found.get("apiVersion", "")).rpartition("/")[0]
    return what == f"{group}/{found['kind']}:{own.get('namespace', '')}/{own.get('name')}"
