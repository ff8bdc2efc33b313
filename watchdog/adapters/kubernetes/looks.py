"""Looks at a cluster: what each question reads, and what the pods say to it."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

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


class _Log(NamedTuple):
    """Whose log it is, how many lines of it were read, and how many of those are asked for."""

    pod: str
    lines: int = 0
    matching: int = 0


async def _log(reads: Reads, ask: LogAsk, pod: Object, turns: asyncio.Semaphore) -> _Log:
    """What a pod wrote: nothing where it has not begun, or is gone."""
    name, container = name_of(pod), container_of(pod, ask.container)
    if container is None:
        raise MissingError(f"pod {name} has no container {ask.container!r}")
    called = str(container.get("name"))
    if not has_begun(pod, called):
        return _Log(name)
    since = max(1, math.ceil(ask.since))
    async with turns:
        written = reads.api.log_lines(name, called, None, tail=ask.tail, since=since)
        try:
            return await _read_of(name, written, ask)
        except MissingError:
            return _Log(name)


async def _read_of(name: str, written: AsyncGenerator[str, None], ask: LogAsk) -> _Log:
    """Counts line by line: a hundred pods together may write more than there is memory."""
    lines = matching = 0
    async with aclosing(written):
        async for line in written:
            lines += 1
            matching += _matches(ask, line)
    return _Log(name, lines, matching)


def _counted(ask: LogAsk, logs: Sequence[_Log]) -> Observation:
    full = [log.pod for log in logs if log.lines >= ask.tail]
    warning = (
        f"{', '.join(full[:3])}: more than {ask.tail} lines in {duration(ask.since)}, and only "
        "the last of them were read; raise `tail`"
    )
    worst = max(logs, key=lambda log: log.matching)
    total = sum(log.matching for log in logs)
    where = f", {worst.matching} of them by {worst.pod}" if total else ""
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
