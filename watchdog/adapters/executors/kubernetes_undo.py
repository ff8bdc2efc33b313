"""Returns a workload to what it ran before, as `kubectl rollout undo` does, and only once."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.changing import (
    Operations,
    cause_of,
    change,
    finish,
    was_changed,
)
from watchdog.adapters.kubernetes.choosing import PREVIOUS, chosen
from watchdog.adapters.kubernetes.freeing import OUTAGE, freed
from watchdog.adapters.kubernetes.kinds import POD, STATEFUL_SET
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.preflight import preflight
from watchdog.adapters.kubernetes.revisions import Revision, current, revisions
from watchdog.adapters.kubernetes.rights import to, to_change, to_see_history
from watchdog.adapters.kubernetes.rollout import is_observed
from watchdog.adapters.kubernetes.standing import stands
from watchdog.adapters.kubernetes.step_notes import UNFINISHED, bears
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    WorkloadName,
    is_paused,
    workload,
)
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError, WatchdogError
from watchdog.domain.events import Effect
from watchdog.domain.variables import mentions_variables
from watchdog.plugins import ExecutorPlugin, Right
from watchdog.ports import Deps, Finding


class Options(Access):
    """`to`: the revision's name or uid, the version of its images, or `previous`.

    `previous` is what ran last of all that came before the current one: told again, it goes
    further back, and never forward again. `revision` names it by number instead; numbers move
    with each return.
    """

    workload: WorkloadName
    to: str | None = Field(default=None, min_length=1)
    revision: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.to is None) == (self.revision is None):
            raise ValueError("say where to return to: by `to` or by `revision`")
        return self

    @property
    def goal(self) -> str:
        """Where to return to, as it is shown."""
        return self.to if self.to is not None else f"revision {self.revision}"


def rights(options: Options) -> Sequence[Right]:
    """What it asks of the cluster."""
    which = workload(options.workload)
    freeing = to(POD, "list", "delete") if _frees(which) else ()
    return (*to_change(which), *to_see_history(which), *freeing)


def _frees(which: Workload) -> bool:
    """Whether its controller waits for stuck pods instead of replacing them."""
    return which.kind is STATEFUL_SET


class UndoProbe:
    """Sees which revision it would be."""

    def __init__(self, options: Options, deps: Deps) -> None:
        del deps
        self._options = options
        self._which = workload(options.workload)

    async def preflight(self) -> Sequence[Finding]:
        return await preflight(
            self._options, self._which, self._found, rights=rights(self._options)
        )

    async def _found(self, api: KubeApi, found: Object) -> Sequence[Finding]:
        known = await revisions(api, self._which, found)
        now = current(found, known)
        if mentions_variables(self._options.to or ""):
            have = ", ".join(map(str, known)) or "none"
            text = f"{self._which}: where to is known to the run; the cluster keeps {have}"
            return [Finding(ok=len(known) > 1, text=text)]
        try:
            goal = self._goal(known, now)
        except PermanentError as error:
            return [Finding(ok=False, text=str(error))]
        text = f"{self._which}: {_in_words(now, goal)}"
        lost = sorted(_containers(found["spec"]["template"]) - _containers(goal.template))
        if lost:
            text += f", which has no container {', '.join(lost)}: it would be gone"
        return [Finding(ok=True, text=text, warns=bool(lost))]

    def _goal(self, known: Sequence[Revision], now: Revision | None) -> Revision:
        options = self._options
        try:
            return chosen(known, now, to=options.to, number=options.revision)
        except PermanentError as error:
            raise PermanentError(f"{self._which}: {error}") from error

    def render(self) -> str:
        where = f"{self._which}{self._options.place}"
        freeing = ", then DELETE its pods that are stuck" if _frees(self._which) else ""
        return f"PATCH {where}: /spec/template of {self._options.goal}{freeing}"

    async def inspect(self, key: str) -> tuple[Effect, str]:
        effect, text = await was_changed(self._options, self._which, key)
        if effect is not Effect.NOT_APPLIED or self._options.to == PREVIOUS:
            return effect, text
        try:
            async with reached(self._options) as api:
                return await self._seen(api, key, text)
        except WatchdogError as error:
            return Effect.UNKNOWN, str(error)

    async def _seen(self, api: KubeApi, key: str, text: str) -> tuple[Effect, str]:
        """Whether it runs that revision without our having had to do anything."""
        found = await api.get(self._which.kind, self._which.name)
        if bears(found, key + UNFINISHED):
            return Effect.NOT_APPLIED, f"{self._which}: its stuck pods are not freed yet"
        known = await revisions(api, self._which, found)
        now, goal = current(found, known), self._goal(known, None)
        if now is None or now.uid != goal.uid:
            return Effect.NOT_APPLIED, text
        return Effect.APPLIED, f"{self._which} runs {goal}"


class UndoExecutor(UndoProbe):
    """Puts the template of that revision in place, whole."""

    async def execute(self, key: str) -> str:
        return await self.execute_if(key, "")

    async def stands(self) -> str:
        return await stands(self._options, self._which)

    async def execute_if(self, key: str, stood: str) -> str:
        frees = _frees(self._which)
        unfinished = UNFINISHED if frees else ""
        options, which = self._options, self._which
        text = await change(options, which, key, self._changed, unfinished, stood=stood)
        if not frees:
            return text
        try:
            return f"{text}{await self._freed(key)}"
        except WatchdogError as error:
            # The template is back by now, whatever went wrong here.
            doubt = f"{text}; whether its stuck pods are freed is not known: {error}"
            raise InDoubtError(doubt) from error

    async def _freed(self, key: str) -> str:
        """What became of the pods that it waits for in vain; empty where there are none."""
        which = self._which
        async with reached(self._options) as api:
            found = await persistently(lambda: api.get(which.kind, which.name), OUTAGE)
            if not bears(found, key + UNFINISHED):
                return ""
            said = await freed(api, which)
            await finish(api, which, key)
        return said

    async def _changed(self, api: KubeApi, found: Object) -> tuple[Operations, str]:
        known = await revisions(api, self._which, found)
        now = current(found, known)
        if now is None and not is_observed(found):
            text = f"{self._which}: its controller has not seen what it is to run; not sent"
            raise TransientError(text)
        goal = self._goal(known, now)
        if now is not None and goal.uid == now.uid:
            return [], _in_words(now, goal)
        if is_paused(found):
            raise PermanentError(f"{self._which} is paused, nothing would roll out; resume it")
        replace = {"op": "replace", "path": "/spec/template", "value": dict(goal.template)}
        return [replace, *cause_of(found, goal.annotations)], _in_words(now, goal)


def _containers(template: Mapping[str, Any]) -> set[str]:
    return {one["name"] for one in template["spec"]["containers"]}


def _in_words(now: Revision | None, goal: Revision) -> str:
    if now is not None and now.uid == goal.uid:
        return f"runs {goal} already; nothing to send"
    return f"from {now or 'what no revision is kept of'} to {goal}"


plugin = ExecutorPlugin(
    summary="Return a workload to an earlier revision.",
    options=Options,
    probe=UndoProbe,
    build=UndoExecutor,
    rights=rights,
    inspects=True,
)
