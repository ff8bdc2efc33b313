"""Changes from the revisions that a cluster keeps of a workload: each new pod template is one."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from watchdog.adapters.kubernetes.access import Access, Label
from watchdog.adapters.kubernetes.api import KubeApi
from watchdog.adapters.kubernetes.kept import KeptAccess
from watchdog.adapters.kubernetes.pods import version_of_image
from watchdog.adapters.kubernetes.revisions import Revision, current, revisions
from watchdog.adapters.kubernetes.rights import to, to_see_history
from watchdog.adapters.kubernetes.rollouts import CAUSE, Stretch, stretches
from watchdog.adapters.kubernetes.workloads import Workload, WorkloadName, workload
from watchdog.adapters.told_changes import newest
from watchdog.domain.change import LONGEST_WORD, ChangeKind, News, is_version
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.plugins import ChangesPlugin
from watchdog.ports import Deps

REVISION, TAG, LABEL = "revision", "tag", "label"


class Options(Access):
    """`version`: what a version is called: the revision's name, the tag of an image, or a label.

    `container`: whose image, the first one's unless said; `label`: which one of the template.
    """

    workload: WorkloadName
    version: Literal["revision", "tag", "label"] = "revision"
    container: Label | None = None
    label: Annotated[str, Field(min_length=1, max_length=317)] = "app.kubernetes.io/version"

    @model_validator(mode="after")
    def _means_what_it_says(self) -> Self:
        if self.container is not None and self.version != TAG:
            raise ValueError("`container` says whose image's tag it is: write `version: tag`")
        if "label" in self.model_fields_set and self.version != LABEL:
            raise ValueError("`label` says where the version stands: write `version: label`")
        return self


class KubernetesChanges:
    """Reads the workload and its revisions; scaling makes none, and is no change."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets
        self._which = workload(options.workload)
        self._kept = KeptAccess(options)
        # When each return began, as it was first seen: what tells of it may move later.
        self._returns: dict[tuple[str, int], News] = {}

    async def news(self) -> Sequence[News]:
        try:
            async with self._kept.api() as api:
                found = await _read(api, self._which)
        except WatchdogError as error:
            self._kept.failed(error)
            raise
        return newest(list(self._told(found)))

    async def close(self) -> None:
        await self._kept.close()

    def _told(self, begun: Sequence[Stretch]) -> Iterator[News]:
        firsts = {one.revision.uid: one.since for one in reversed(begun)}
        for one in begun:
            news = self._one(one)
            if news is None:
                # Of what ran once, the name may be lost; of what runs, it may not.
                self._is_named(begun[-1].revision)
            elif one.since > firsts[one.revision.uid]:
                self._returns.setdefault((one.revision.uid, one.number), news)
            else:
                yield news
        yield from self._returns.values()

    def _one(self, one: Stretch) -> News | None:
        version = self._version(one.revision)
        before = self._version(one.previous) if one.previous else ""
        # Of the same version, something else was changed: what, only the revision says.
        is_config = version == before
        said = one.revision.annotations.get(CAUSE, "")
        cause = f": {said}" if said else ""
        news = News(
            version=one.revision.name if is_config else version,
            at=one.since,
            previous="" if is_config else before,
            by=_word(one.manager),
            kind=ChangeKind.CONFIG if is_config else ChangeKind.APP,
            # By an old custom a cause is the whole command, with whatever was written there.
            reference=_word(self._secrets.redact(f"{self._which} {one.revision}{cause}")),
        )
        return news if version else None

    def _is_named(self, one: Revision) -> None:
        if not self._version(one):
            raise ConfigError(
                f"{self._which}, {one}: its {self._options.version} says no version; mend "
                "`version`, or what it reads"
            )

    def _version(self, one: Revision) -> str:
        """What it is called; empty where it has no such name."""
        options = self._options
        if options.version == REVISION:
            found = one.name
        elif options.version == LABEL:
            labels = (one.template.get("metadata") or {}).get("labels") or {}
            found = str(labels.get(options.label, ""))
        else:
            name = options.container or next(iter(one.images), "")
            found = version_of_image(one.images.get(name, ""))
        return found if is_version(found) else ""


async def _read(api: KubeApi, which: Workload) -> list[Stretch]:
    found = await api.get(which.kind, which.name)
    known = await revisions(api, which, found)
    return stretches(found, known, current(found, known))


def _word(text: str) -> str:
    """As a change may bear it."""
    return "".join(one if one.isprintable() else " " for one in text)[:LONGEST_WORD]


plugin = ChangesPlugin(
    summary="The revisions that a cluster keeps of a workload.",
    options=Options,
    build=KubernetesChanges,
    rights=lambda options: (
        *to(workload(options.workload).kind, "get", name=workload(options.workload).name),
        *to_see_history(workload(options.workload)),
    ),
)
