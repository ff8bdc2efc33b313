"""Waits until a workload has rolled out, as `kubectl rollout status` does; changes nothing."""

from collections.abc import Sequence

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.preflight import preflight
from watchdog.adapters.kubernetes.rights import to_wait
from watchdog.adapters.kubernetes.rollout import progress, rolls_by_itself
from watchdog.adapters.kubernetes.waiting import rolled_out
from watchdog.adapters.kubernetes.workloads import WorkloadName, workload
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Effect
from watchdog.plugins import ExecutorPlugin, Right, Timeout
from watchdog.ports import Deps, Finding, Waiting


class Options(Access):
    """`patience`: how long pods may say that they cannot start before it is given up.

    How long it may take in all is the step's own `timeout`.
    """

    workload: WorkloadName
    patience: Timeout = 10.0


def rights(options: Options) -> Sequence[Right]:
    """What it asks of the cluster."""
    return to_wait(workload(options.workload))


class RolloutProbe:
    """Sees whether it has rolled out."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._clock = deps.clock
        self._which = workload(options.workload)

    async def preflight(self) -> Sequence[Finding]:
        return await preflight(
            self._options, self._which, self._found, rights=rights(self._options)
        )

    async def _found(self, _api: KubeApi, found: Object) -> Sequence[Finding]:
        if rolls_by_itself(found):
            return ()
        text = f"{self._which} is updated OnDelete: nothing rolls out until pods are deleted"
        return [Finding(ok=False, text=text)]

    def render(self) -> str:
        return f"WATCH {self._which}{self._options.place} until it has rolled out"

    async def inspect(self, key: str) -> tuple[Effect, str]:
        del key
        try:
            async with reached(self._options) as api:
                which = self._which
                found = await persistently(lambda: api.get(which.kind, which.name))
        except WatchdogError as error:
            return Effect.UNKNOWN, str(error)
        state = progress(found)
        text = f"{self._which}: {state.text}"
        return Effect.APPLIED if state.done else Effect.NOT_APPLIED, text


class RolloutExecutor(RolloutProbe, Waiting):
    """Waits. Nothing happens by it, so to wait again does no harm."""

    async def execute(self, key: str) -> str:
        del key
        async with reached(self._options) as api:
            return await rolled_out(api, self._which, self._clock, self._options.patience)


plugin = ExecutorPlugin(
    summary="Wait until a workload has rolled out, or says that it will not.",
    options=Options,
    probe=RolloutProbe,
    build=RolloutExecutor,
    rights=rights,
    inspects=True,
)
