"""Looks at a cluster: what each question reads, and what the pods say to it."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from watchdog.adapters.kubernetes import answers
from watchdog.adapters.kubernetes.api import MissingError, Object
from watchdog.adapters.kubernetes.asks import (
    QUESTIONS,
    Ask,
    FieldAsk,
    ImageAsk,
    LogAsk,
    PodsAsk,
    VersionAsk,
    readable,
)
from watchdog.adapters.kubernetes.pods import container_of, has_begun, living, name_of
from watchdog.adapters.kubernetes.reads import Reads
from watchdog.adapters.kubernetes.rollout import progress
from watchdog.adapters.kubernetes.workloads import workload
from watchdog.domain.errors import WatchdogError
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.words import duration
from watchdog.ports import Secrets

# How many logs are read at the same time.
_LOGS_AT_ONCE = 8


async def look(reads: Reads, ask: Ask, secrets: Secrets) -> Observation:
    """The answer to one question. Raises what `KubeApi` raises."""
    name = next(name for name in QUESTIONS if getattr(ask, name) is not None)
    asked = getattr(ask, name)
    if name == "restarts":
        return answers.restarted(await reads.pods(workload(asked)), ask.against)
    if name == "field":
        return await _field(reads, asked, secrets)
    return await _LOOKS[name](reads, asked)


async def _rolled_out(reads: Reads, name: str) -> Observation:
    which = workload(name)
    found = await reads.workload(which)
    # Why it is not, only its pods know.
    pods = () if progress(found).done else await reads.pods(which)
    return answers.rolled_out(found, pods)


async def _ready(reads: Reads, name: str) -> Observation:
    return answers.ready(await reads.workload(workload(name)))


async def _ready_share(reads: Reads, name: str) -> Observation:
    return answers.ready_share(await reads.workload(workload(name)))


async def _pods(reads: Reads, ask: PodsAsk) -> Observation:
    which = workload(ask.of)
    return answers.all_well(await reads.workload(which), await reads.pods(which), ask)


async def _image(reads: Reads, ask: ImageAsk) -> Observation:
    return answers.image(await reads.pods(workload(ask.of)), ask)


async def _version(reads: Reads, ask: VersionAsk) -> Observation:
    return answers.version(await reads.pods(workload(ask.of)), ask)


async def _field(reads: Reads, ask: FieldAsk, secrets: Secrets) -> Observation:
    return answers.field(await reads.one(*readable(ask.of)), ask, secrets)


async def _endpoints(reads: Reads, service: str) -> Observation:
    return answers.endpoints(await reads.endpoint_slices(service))


# -- logs


async def _log_lines(reads: Reads, ask: LogAsk) -> Observation:
    pods = living(await reads.pods(workload(ask.of)))
    if not pods:
        return Gap(Unknown.NODATA, f"{ask.of} has no pod, so nothing was written")
    turns = asyncio.Semaphore(_LOGS_AT_ONCE)
    try:
        async with asyncio.TaskGroup() as tasks:
            logs = [tasks.create_task(_log(reads, ask, pod, turns)) for pod in pods]
    except* WatchdogError as several:
        raise _one_of(several) from None
    return _counted(ask, [log.result() for log in logs])


async def _log(
    reads: Reads, ask: LogAsk, pod: Object, turns: asyncio.Semaphore
) -> tuple[str, Sequence[str]]:
    """The name of a pod, and what it wrote: nothing where it has not begun, or is gone."""
    name, container = name_of(pod), container_of(pod, ask.container)
    if container is None:
        raise MissingError(f"pod {name} has no container {ask.container!r}")
    called = str(container.get("name"))
    if not has_begun(pod, called):
        return name, ()
    async with turns:
        try:
            since = max(1, math.ceil(ask.since))
            return name, await reads.api.log(name, called, None, tail=ask.tail, since=since)
        except MissingError:
            return name, ()


def _counted(ask: LogAsk, logs: Sequence[tuple[str, Sequence[str]]]) -> Observation:
    counts = {pod: sum(_matches(ask, line) for line in lines) for pod, lines in logs}
    full = [pod for pod, lines in logs if len(lines) >= ask.tail]
    warning = (
        f"{', '.join(full[:3])}: more than {ask.tail} lines in {duration(ask.since)}, and only "
        "the last of them were read; raise `tail`"
    )
    worst = max(counts, key=lambda pod: counts[pod])
    total = sum(counts.values())
    where = f", {counts[worst]} of them by {worst}" if total else ""
    note = f"{total} lines in {duration(ask.since)}, {len(logs)} pods{where}"
    return Sample((float(total),), warnings=(warning,) if full else (), note=note, read=total)


def _matches(ask: LogAsk, line: str) -> bool:
    return any(text in line for text in ask.matching)


def _one_of(several: BaseExceptionGroup[WatchdogError]) -> WatchdogError:
    """The first of errors that came together; each would be reason enough."""
    first = several.exceptions[0]
    return _one_of(first) if isinstance(first, BaseExceptionGroup) else first


_LOOKS: Mapping[str, Callable[[Reads, Any], Awaitable[Observation]]] = {
    "rolled_out": _rolled_out,
    "ready": _ready,
    "ready_share": _ready_share,
    "pods": _pods,
    "image": _image,
    "version": _version,
    "endpoints": _endpoints,
    "log_lines": _log_lines,
}
