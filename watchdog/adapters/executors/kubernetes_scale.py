"""Changes how many pods a workload has, as `kubectl scale` does."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from watchdog.adapters.kubernetes.access import Access
from watchdog.adapters.kubernetes.api import ForbiddenError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.changing import Operations, change, was_changed
from watchdog.adapters.kubernetes.kinds import AUTOSCALER, DAEMON_SET
from watchdog.adapters.kubernetes.preflight import preflight
from watchdog.adapters.kubernetes.rights import to, to_change
from watchdog.adapters.kubernetes.standing import Part, stands
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    WorkloadName,
    metadata,
    spec,
    template,
    workload,
)
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect
from watchdog.domain.variables import mentions_variables
from watchdog.plugins import ExecutorPlugin, Right
from watchdog.ports import Deps, Finding


def _can_be_scaled(text: str) -> str:
    if workload(text).kind is DAEMON_SET:
        raise ValueError("a DaemonSet has one pod on each node, and cannot be scaled")
    return text


def _number(value: object) -> object:
    """What was read for a run is text, or a number of its own kind."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def _is_number_or_variable(value: int | str) -> int | str:
    if isinstance(value, str) and not mentions_variables(value):
        raise ValueError(f"{value!r} is no number of pods; write one, or {{{{ saved.NAME }}}}")
    return value


Replicas = Annotated[
    Annotated[int, Field(strict=True, ge=0, le=100_000)] | str,
    BeforeValidator(_number),
    AfterValidator(_is_number_or_variable),
]


class Options(Access):
    """`replicas`: how many, or a value that an earlier step of the plan saves."""

    workload: Annotated[WorkloadName, AfterValidator(_can_be_scaled)]
    replicas: Replicas


class ScaleProbe:
    """Sees how many there are, and who else decides on that."""

    def __init__(self, options: Options, deps: Deps) -> None:
        del deps
        self._options = options
        self._which = workload(options.workload)

    async def preflight(self) -> Sequence[Finding]:
        needed = _rights(self._options)
        return await preflight(self._options, self._which, self._found, rights=needed, rolls=False)

    async def _found(self, api: KubeApi, found: Object) -> Sequence[Finding]:
        now, goal = _replicas(found), self._options.replicas
        text = f"{self._which}: {_in_words(now, goal)}"
        if isinstance(goal, str):
            text = f"{self._which}: from {now} pods to as many as the run has read by then"
        return [Finding(ok=True, text=text), *await _autoscalers(api, self._which)]

    def render(self) -> str:
        where = f"{self._which}{self._options.place}"
        return f"PATCH {where}: /spec/replicas = {self._options.replicas}"

    async def inspect(self, key: str) -> tuple[Effect, str]:
        return await was_changed(self._options, self._which, key, self._is_so)

    def _is_so(self, found: Object) -> bool:
        return _replicas(found) == self._options.replicas


class ScaleExecutor(ScaleProbe):
    """Changes the number, and does not wait for the pods."""

    async def execute(self, key: str) -> str:
        return await self.execute_if(key, "")

    async def stands(self) -> str:
        return await stands(self._options, self._which, _PODS)

    async def execute_if(self, key: str, stood: str) -> str:
        """A number that somebody else has set meanwhile stays, and so does what they deployed."""
        which, options = self._which, self._options
        return await change(options, which, key, self._changed, stood=stood, part=_PODS)

    async def _changed(self, _api: KubeApi, found: Object) -> tuple[Operations, str]:
        now, goal = _replicas(found), self._options.replicas
        if isinstance(goal, str):
            raise PermanentError(f"{self._which}: {goal} was never read; not sent")
        if now == goal:
            return [], _in_words(now, goal)
        replace = {"op": "replace", "path": "/spec/replicas", "value": goal}
        return [replace], _in_words(now, goal)


def _replicas(found: Object) -> int:
    return int(spec(found).get("replicas", 1))


_PODS = Part(
    lambda found: [_replicas(found), template(found)],
    "changed how many pods it has, or what they run,",
)


def _in_words(now: int, goal: int | str) -> str:
    if now == goal:
        return f"has {goal} pods already; nothing to send"
    return f"from {now} to {goal} pods"


async def _autoscalers(api: KubeApi, which: Workload) -> list[Finding]:
    """Who decides on the number of pods when we do not; nobody is refused for that."""
    try:
        listed = (await api.listed(AUTOSCALER)).objects
    except (ForbiddenError, MissingError):
        # That the right is missing has been said, and not every cluster has them.
        return []
    return [
        Finding(
            ok=True,
            text=f"{_limits(one)} scales {which}, too: it changes what is set here",
            warns=True,
        )
        for one in listed
        if _scales(one, which)
    ]


def _scales(autoscaler: Object, which: Workload) -> bool:
    goal = spec(autoscaler).get("scaleTargetRef") or {}
    return (goal.get("kind"), goal.get("name")) == (which.kind.name, which.name)


def _limits(autoscaler: Object) -> str:
    own = spec(autoscaler)
    least, most = own.get("minReplicas", 1), own.get("maxReplicas")
    name = metadata(autoscaler).get("name")
    return f"horizontalpodautoscaler/{name} ({least} to {most} pods; at 0 it stands still)"


def _rights(options: Options) -> Sequence[Right]:
    return (*to_change(workload(options.workload)), *to(AUTOSCALER, "list"))


plugin = ExecutorPlugin(
    summary="Change how many pods a workload has.",
    options=Options,
    probe=ScaleProbe,
    build=ScaleExecutor,
    rights=_rights,
    inspects=True,
)
