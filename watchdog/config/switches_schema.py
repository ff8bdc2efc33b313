"""What may stand under `switches:` of the daemon's file: annotations that stop it."""

from typing import Annotated

from pydantic import Field

from watchdog.config.fields import Entry, Text
from watchdog.domain.switches import Switches

# As kubectl names one. Whoever may write its annotations may stop the watchdog.
_OBJECT = Annotated[
    str,
    Field(
        pattern=r"^(configmap|deployment|statefulset|daemonset)/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
    ),
]

_Label = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class SwitchesEntry(Entry):
    """An object of the cluster whose annotations throw the kill switch, and pause."""

    object: _OBJECT = Field(
        description="such as deployment/rollback-watchdog, or a statefulset, daemonset, configmap"
    )
    namespace: _Label | None = Field(None, description="where it is; that of the pod")
    kubeconfig: Text | None = Field(None, description="how the cluster is reached; as the pod")
    context: Text | None = Field(None, description="of the kubeconfig; its current one")


def switches_of(entry: SwitchesEntry | None) -> Switches | None:
    """As the rest of the program works with it; None where no annotation counts."""
    if entry is None:
        return None
    access = entry.model_dump(include={"namespace", "kubeconfig", "context"}, exclude_none=True)
    return Switches(entry.object, access)
