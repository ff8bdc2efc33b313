"""Gives a container another image, as `kubectl set image` does, and only once."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from watchdog.adapters.kubernetes.access import Access, Label
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.changing import Operations, change, was_changed
from watchdog.adapters.kubernetes.containers import Chosen, chosen_container
from watchdog.adapters.kubernetes.image_reference import ImageReference, reference
from watchdog.adapters.kubernetes.preflight import preflight
from watchdog.adapters.kubernetes.rights import to_change
from watchdog.adapters.kubernetes.standing import stands
from watchdog.adapters.kubernetes.workloads import WorkloadName, is_paused, workload
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect
from watchdog.domain.variables import mentions_variables
from watchdog.plugins import ExecutorPlugin
from watchdog.ports import Deps, Finding


class Options(Access):
    """`image` is the whole reference; `tag` another tag of the image that is there.

    `container` may be left out where there is only one.
    """

    workload: WorkloadName
    container: Label | None = None
    image: str | None = Field(default=None, min_length=1)
    tag: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.image is None) == (self.tag is None):
            raise ValueError("say what it is to run: by `image` or by `tag`")
        if self.image is not None and not mentions_variables(self.image):
            reference(self.image)
        if self.tag is not None and not mentions_variables(self.tag):
            ImageReference("any").at(self.tag)
        return self

    @property
    def is_known(self) -> bool:
        """False as long as a run has not filled in its variables."""
        return not mentions_variables(self.image or self.tag)

    @property
    def goal(self) -> str:
        """What it is to run, as it is shown."""
        return self.image if self.image is not None else f"tag {self.tag}"


class ImageProbe:
    """Sees which image it would be."""

    def __init__(self, options: Options, deps: Deps) -> None:
        del deps
        self._options = options
        self._which = workload(options.workload)

    async def preflight(self) -> Sequence[Finding]:
        return await preflight(self._options, self._which, self._found)

    async def _found(self, _api: KubeApi, found: Object) -> Sequence[Finding]:
        try:
            one = chosen_container(found, self._options.container)
            if not self._options.is_known:
                text = f"container {one.name}: {one.image}; its next one is known to the run"
                return [Finding(ok=True, text=text)]
            return [Finding(ok=True, text=_in_words(one, self._goal(one)))]
        except PermanentError as error:
            return [Finding(ok=False, text=f"{self._which}: {error}")]

    def _goal(self, one: Chosen) -> str:
        """The image that the container is to have."""
        options = self._options
        try:
            if options.tag is None:
                return str(reference(options.image or ""))
            return str(reference(one.image).at(options.tag))
        except ValueError as error:
            raise PermanentError(f"container {one.name}: {error}") from error

    def render(self) -> str:
        container = (
            f"container {self._options.container}" if self._options.container else "its container"
        )
        where = f"{self._which}{self._options.place}"
        return f"PATCH {where}: image of {container} = {self._options.goal}"

    async def inspect(self, key: str) -> tuple[Effect, str]:
        return await was_changed(self._options, self._which, key, self._is_so)

    def _is_so(self, found: Object) -> bool:
        one = chosen_container(found, self._options.container)
        return one.image == self._goal(one)


class ImageExecutor(ImageProbe):
    """Changes the image, and nothing else of the template."""

    async def execute(self, key: str) -> str:
        return await self.execute_if(key, "")

    async def stands(self) -> str:
        return await stands(self._options, self._which)

    async def execute_if(self, key: str, stood: str) -> str:
        return await change(self._options, self._which, key, self._changed, stood=stood)

    async def _changed(self, _api: KubeApi, found: Object) -> tuple[Operations, str]:
        try:
            one = chosen_container(found, self._options.container)
            goal = self._goal(one)
        except PermanentError as error:
            raise PermanentError(f"{self._which}: {error}; not sent") from error
        text = _in_words(one, goal)
        if one.image == goal:
            return [], text
        if is_paused(found):
            raise PermanentError(f"{self._which} is paused, nothing would roll out; resume it")
        return [{"op": "replace", "path": f"{one.path}/image", "value": goal}], text


def _in_words(one: Chosen, goal: str) -> str:
    if one.image == goal:
        return f"container {one.name} has {goal} already; nothing to send"
    return f"container {one.name}: from {one.image} to {goal}"


plugin = ExecutorPlugin(
    summary="Give a container of a workload another image.",
    options=Options,
    probe=ImageProbe,
    build=ImageExecutor,
    rights=lambda options: to_change(workload(options.workload)),
    inspects=True,
)
