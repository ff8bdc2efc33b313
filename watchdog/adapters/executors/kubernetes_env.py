"""Sets or takes away environment variables of a container, as `kubectl set env` does."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from watchdog.adapters.kubernetes.access import Access, Label
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.changing import Operations, change, was_changed
from watchdog.adapters.kubernetes.containers import Chosen, chosen_container
from watchdog.adapters.kubernetes.environment import difference, operations
from watchdog.adapters.kubernetes.preflight import preflight
from watchdog.adapters.kubernetes.rights import to_change
from watchdog.adapters.kubernetes.standing import stands
from watchdog.adapters.kubernetes.workloads import WorkloadName, is_paused, workload
from watchdog.adapters.programs import VariableName
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect
from watchdog.domain.variables import mentions_variables
from watchdog.plugins import ExecutorPlugin
from watchdog.ports import Deps, Finding


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 -- pydantic turns only this one into a text for people
            "a secret has no place here: everybody who may read the workload would see it; keep "
            "it in a Secret of the cluster, and refer to it in the workload's manifest"
        )
    # As a container sees it, and as YAML writes it.
    return str(value).lower() if isinstance(value, bool) else value


PlainText = Annotated[str, BeforeValidator(_plain)]


class Options(Access):
    """`set`: name to value; `unset`: names that go.

    `container` may be left out where there is only one.
    """

    workload: WorkloadName
    container: Label | None = None
    wanted: Mapping[VariableName, PlainText] = Field(default={}, alias="set")
    unset: tuple[VariableName, ...] = ()

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.wanted and not self.unset:
            raise ValueError("say what changes: by `set`, by `unset`, or both")
        both = sorted(self.wanted.keys() & set(self.unset))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be both set and unset")
        return self

    @property
    def is_known(self) -> bool:
        """False as long as a run has not filled in its variables."""
        return not mentions_variables(self.wanted)


class EnvProbe:
    """Sees which variables would change."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets
        self._which = workload(options.workload)

    async def preflight(self) -> Sequence[Finding]:
        return await preflight(self._options, self._which, self._found)

    async def _found(self, _api: KubeApi, found: Object) -> Sequence[Finding]:
        try:
            one, sent = self._operations(found)
        except PermanentError as error:
            return [Finding(ok=False, text=f"{self._which}: {error}")]
        if not self._options.is_known:
            text = f"container {one.name}: its variables are known to the run"
            return [Finding(ok=True, text=text)]
        return [Finding(ok=True, text=self._in_words(one, sent))]

    def _operations(self, found: Object) -> tuple[Chosen, Operations]:
        options = self._options
        for name, value in options.wanted.items():
            if self._secrets.redact(value) != value:
                raise PermanentError(
                    f"the value of {name} holds a secret, which everybody who may read the "
                    "workload would see; keep it in a Secret of the cluster"
                )
        one = chosen_container(found, options.container)
        return one, operations(one, options.wanted, options.unset)

    def _in_words(self, one: Chosen, sent: Operations) -> str:
        options = self._options
        if not sent:
            return f"container {one.name} has these variables already; nothing to send"
        text = f"container {one.name}: {difference(one, options.wanted, options.unset)}"
        return " ".join(self._secrets.redact(text).split())

    def render(self) -> str:
        options = self._options
        container = f"container {options.container}" if options.container else "its container"
        parts = [f"{name}={value}" for name, value in options.wanted.items()]
        parts += [f"{name}-" for name in options.unset]
        text = f"PATCH {self._which}{options.place}: env of {container}: {' '.join(parts)}"
        return " ".join(self._secrets.redact(text).split())

    async def inspect(self, key: str) -> tuple[Effect, str]:
        return await was_changed(self._options, self._which, key, self._is_so)

    def _is_so(self, found: Object) -> bool:
        return not self._operations(found)[1]


class EnvExecutor(EnvProbe):
    """Changes the named variables, and leaves all others as and where they are."""

    async def execute(self, key: str) -> str:
        return await self.execute_if(key, "")

    async def stands(self) -> str:
        return await stands(self._options, self._which)

    async def execute_if(self, key: str, stood: str) -> str:
        return await change(self._options, self._which, key, self._changed, stood=stood)

    async def _changed(self, _api: KubeApi, found: Object) -> tuple[Operations, str]:
        try:
            one, sent = self._operations(found)
        except PermanentError as error:
            raise PermanentError(f"{self._which}: {error}; not sent") from error
        if sent and is_paused(found):
            raise PermanentError(f"{self._which} is paused, nothing would roll out; resume it")
        return sent, self._in_words(one, sent)


plugin = ExecutorPlugin(
    summary="Set or take away environment variables of a workload.",
    options=Options,
    probe=EnvProbe,
    build=EnvExecutor,
    rights=lambda options: to_change(workload(options.workload)),
    inspects=True,
)
