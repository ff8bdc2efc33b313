"""What every step on a workload asks before its run begins: is it there, and may we."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.kinds import Kind
from watchdog.adapters.kubernetes.reconcilers import reconcilers
from watchdog.adapters.kubernetes.rights import to_change, writes
from watchdog.adapters.kubernetes.workloads import Workload, is_paused
from watchdog.domain.errors import WatchdogError
from watchdog.plugins import Right
from watchdog.ports import Finding

More = Callable[[KubeApi, Object], Awaitable[Sequence[Finding]]]


async def _nothing_more(_api: KubeApi, _found: Object) -> Sequence[Finding]:
    return ()


async def preflight(
    access: Access,
    which: Workload,
    more: More = _nothing_more,
    *,
    rights: Iterable[Right] | None = None,
    rolls: bool = True,
) -> Sequence[Finding]:
    """Whether the workload can be changed now, by us; `more` looks at what the step needs.

    `rights`: what it takes, without those to read that are used here anyway; to patch it unless
    told otherwise. `rolls`: it needs a rollout, which a paused Deployment does not make.
    """
    asked = to_change(which) if rights is None else rights
    try:
        async with reached(access) as api:
            return [one async for one in _findings(api, which, more, asked, rolls=rolls)]
    except WatchdogError as error:
        return [Finding(ok=False, text=str(error))]


async def _findings(
    api: KubeApi, which: Workload, more: More, rights: Iterable[Right], *, rolls: bool
) -> AsyncIterator[Finding]:
    found = await api.get(which.kind, which.name)
    yield Finding(ok=True, text=f"{which} is there, in {api.namespace} of {api.server}")
    for owner in reconcilers(found):
        text = (
            f"{which} is kept by {owner}, which will put back what its repository says unless a "
            f"step `use: kubernetes_suspend` suspends it before this one"
        )
        yield Finding(ok=True, text=text, warns=True)
    if rolls and is_paused(found):
        text = f"{which} is paused, nothing would roll out; `kubectl rollout resume {which}` first"
        yield Finding(ok=False, text=text)
    for one in await permitted(api, rights):
        yield one
    for one in await more(api, found):
        yield one


async def permitted(api: KubeApi, rights: Iterable[Right]) -> list[Finding]:
    """Whether the account has each of these rights."""
    found = []
    for right in rights:
        kind = Kind(right.group, "", "", right.resource)
        place = right.namespace or api.namespace
        allowed = await api.may(right.verb, kind, right.name, place, right.part)
        resource = f"{kind.resource}/{right.part}" if right.part else kind.resource
        what = " ".join(filter(None, (right.verb, resource, right.name, "in", place)))
        text = f"may {what}" if allowed else f"may not {what}; add that verb to the account's Role"
        found.append(Finding(ok=allowed, text=text, of_rights=writes(right)))
    return found
