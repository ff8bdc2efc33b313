"""Points a Service at other pods, or back at those it had: pauses traffic, and resumes it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from watchdog.adapters.kubernetes.access import Access, Label, reached
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.changing import was_changed
from watchdog.adapters.kubernetes.endpoints import ready_endpoints, ready_pods
from watchdog.adapters.kubernetes.kinds import ENDPOINT_SLICE, POD, SERVICE
from watchdog.adapters.kubernetes.pointing import SELECTOR, Selector, own_selector, point
from watchdog.adapters.kubernetes.preflight import preflight
from watchdog.adapters.kubernetes.rights import to
from watchdog.adapters.kubernetes.standing import stands
from watchdog.adapters.kubernetes.workloads import Workload
from watchdog.domain.errors import PermanentError, WatchdogError
from watchdog.domain.events import Effect
from watchdog.domain.variables import mentions_variables
from watchdog.plugins import ExecutorPlugin, Right
from watchdog.ports import Clock, Deps, Finding

# Seconds that the cluster may take until it sends traffic where the selector says.
_SETTLES = 5.0
_PAUSE = 0.1
Labels = Annotated[Mapping[str, str], Field(min_length=1)]


def _read(value: object) -> object:
    """JSON, as it was saved; a variable stays as it is until a run has filled it in."""
    if not isinstance(value, str) or mentions_variables(value):
        return value
    try:
        read = json.loads(value)
    except ValueError:
        read = None
    if not isinstance(read, Mapping):
        raise ValueError(f'{value!r} is no selector; write {{"label": "value"}}')  # noqa: TRY004
    return read


class Options(Access):
    """`set`: labels that are asked for from now on; the others stay.

    `selector`: all of them, as a mapping or as JSON that an earlier step of the plan saved.
    """

    service: Label
    wanted: Labels | None = Field(default=None, alias="set")
    selector: Annotated[Labels | str | None, BeforeValidator(_read)] = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.wanted is None) == (self.selector is None):
            raise ValueError("say which pods: by `set` or by `selector`")
        return self

    @property
    def is_known(self) -> bool:
        """False as long as a run has not filled in its variables."""
        if isinstance(self.selector, str):
            return False
        return not mentions_variables(self.wanted or self.selector)


class SelectorProbe:
    """Sees where traffic goes, and where it would."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._clock = deps.clock
        self._which = Workload(SERVICE, options.service)

    async def preflight(self) -> Sequence[Finding]:
        needed = _rights(self._options)
        return await preflight(self._options, self._which, self._found, rights=needed)

    async def _found(self, api: KubeApi, found: Object) -> Sequence[Finding]:
        try:
            now = own_selector(found)
            count = await ready_endpoints(api, self._options.service)
            if not self._options.is_known:
                text = f"{_words(now)}, {count} endpoints; what it gets is known to the run"
                return [Finding(ok=True, text=f"{self._which}: {text}")]
            goal = self._goal(found)
            if goal == now:
                text = f"has {_words(now)} already, {count} endpoints; nothing to send"
                return [Finding(ok=True, text=f"{self._which} {text}")]
            pods = await ready_pods(api, goal)
        except WatchdogError as error:
            return [Finding(ok=False, text=str(error))]
        text = f"from {_words(now)}, {count} endpoints, to {_words(goal)}, {pods} pods"
        warning = "" if pods else ": connections will be refused, not answered"
        return [Finding(ok=True, text=f"{self._which}: {text}{warning}")]

    def _goal(self, found: Object) -> Selector:
        options = self._options
        if options.wanted is not None:
            return {**own_selector(found), **options.wanted}
        if isinstance(options.selector, str):
            text = f"{self._which}: {options.selector} was never read; not sent"
            raise PermanentError(text)
        return dict(options.selector or {})

    def render(self) -> str:
        options = self._options
        if options.wanted is not None:
            goal = f"/spec/selector with {_words(options.wanted)}"
        elif isinstance(options.selector, Mapping):
            goal = f"/spec/selector = {_words(options.selector)}"
        else:
            goal = f"/spec/selector = {options.selector}"
        return f"PATCH {self._which}{options.place}: {goal}"

    async def inspect(self, key: str) -> tuple[Effect, str]:
        return await was_changed(self._options, self._which, key, self._is_so)

    def _is_so(self, found: Object) -> bool:
        return own_selector(found) == self._goal(found)


class SelectorExecutor(SelectorProbe):
    """Changes the selector, and says how many endpoints there were before and are now."""

    async def execute(self, key: str) -> str:
        return await self.execute_if(key, "")

    async def stands(self) -> str:
        return await stands(self._options, self._which, SELECTOR)

    async def execute_if(self, key: str, stood: str) -> str:
        """Wait for the endpoints, too, for a few seconds at most."""
        service = self._options.service
        async with reached(self._options) as api:
            before = await _count(api, service)
            old, new, sent = await point(api, service, key, self._goal, stood)
            now = await _settled(api, service, new, self._clock)
        if not sent:
            return f"{self._which}: has {_words(new)} already, {now} endpoints"
        text = f"from {_words(old)}, {before} endpoints, to {_words(new)}, {now} endpoints"
        return f"{self._which}: {text}"


def _words(selector: Selector) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(selector.items()))


async def _count(api: KubeApi, service: str) -> str:
    try:
        return str(await ready_endpoints(api, service))
    except WatchdogError:
        return "unknown"


async def _settled(api: KubeApi, service: str, selector: Selector, clock: Clock) -> str:
    """How many endpoints there are once they are the pods that are selected.

    The change itself has happened: whatever goes wrong here is only said.
    """
    until = clock.now().elapsed + _SETTLES
    try:
        while True:
            count, pods = await ready_endpoints(api, service), await ready_pods(api, selector)
            if count == pods:
                return str(count)
            if clock.now().elapsed >= until:
                return f"still {count}"
            await asyncio.sleep(_PAUSE)
    except WatchdogError:
        return "unknown"


def _rights(options: Options) -> Sequence[Right]:
    return (
        *to(SERVICE, "get", "patch", name=options.service),
        *to(ENDPOINT_SLICE, "list"),
        *to(POD, "list"),
    )


plugin = ExecutorPlugin(
    summary="Point a Service at other pods: pause traffic, and resume it.",
    options=Options,
    probe=SelectorProbe,
    build=SelectorExecutor,
    rights=_rights,
    inspects=True,
)
