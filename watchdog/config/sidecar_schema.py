"""What may stand under `sidecar:` of the daemon's file: several watchdogs, of which one acts."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from watchdog.config.fields import Entry, Text
from watchdog.config.problems import Path
from watchdog.domain.sidecar import Sidecar
from watchdog.domain.target import Mode, Target

_OBJECT = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,200}[a-z0-9])?$")]


class SidecarEntry(Entry):
    """Every pod of a workload has a watchdog: they share a lease and a journal."""

    lease: _OBJECT | None = Field(None, description="the Lease that lets one of them act")
    journal: _OBJECT | None = Field(
        None, description="the ConfigMaps that hold the journal, NAME and NAME-0, NAME-1, …"
    )
    namespace: Text | None = Field(None, description="where they are; that of the pod")
    kubeconfig: Text | None = Field(None, description="how the cluster is reached; as the pod")
    context: Text | None = Field(None, description="of the kubeconfig; its current one")

    @model_validator(mode="after")
    def _has_one_writer(self) -> Self:
        if self.journal and not self.lease:
            raise ValueError("`journal` needs a `lease`: one of them may write it at a time")
        return self


def sidecar_of(entry: SidecarEntry | None) -> Sidecar | None:
    """As the rest of the program works with it; None for a watchdog that is alone."""
    if entry is None:
        return None
    access = entry.model_dump(include={"namespace", "kubeconfig", "context"}, exclude_none=True)
    return Sidecar(entry.lease or "", entry.journal or "", access)


def unfit_to_act(sidecar: Sidecar | None, targets: Iterable[Target]) -> Iterator[tuple[Path, str]]:
    """Why no target of such a daemon may act by itself."""
    if sidecar is None or (sidecar.lease and sidecar.journal):
        return
    missing = " and ".join(key for key in ("lease", "journal") if not getattr(sidecar, key))
    for target in targets:
        if target.mode is not Mode.ALERT_ONLY:
            text = (
                f"{target.name} is in mode {target.mode}, but there is no {missing}: each pod's "
                "watchdog would act, and forget with its pod what it did; give both, or make it "
                "alert-only"
            )
            yield ("sidecar",), text
