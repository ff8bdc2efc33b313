"""The doctor's look at what the account may do in each cluster that a target's file names."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from watchdog import catalog
from watchdog.app.examined import Examined, Health
from watchdog.domain.errors import WatchdogError
from watchdog.domain.plan import Look
from watchdog.domain.plan_parts import acts, looks
from watchdog.domain.sidecar import Sidecar
from watchdog.domain.target import Mode, Target
from watchdog.engine.own_eyes import OWN
from watchdog.plugins import Right

if TYPE_CHECKING:
    from watchdog.adapters.kubernetes.access import Access

LIMIT = 30.0


async def rights_of_target(target: Target) -> list[Examined]:
    """For each cluster and namespace: all that is needed and missing, and how to grant it."""
    needed: dict[Any, dict[Right, list[str]]] = {}
    for about, options, rights in _needs(target):
        for right in rights:
            whose = needed.setdefault(_access(options), {}).setdefault(right, [])
            if about not in whose:
                whose.append(about)
    calm = target.mode is Mode.ALERT_ONLY
    return [
        one
        for access, rights in needed.items()
        for one in await _at(target.name, access, rights, alert_only=calm)
    ]


async def rights_of_sidecar(sidecar: Sidecar | None) -> list[Examined]:
    """The same for the lease and the journal that the watchdogs of several pods share."""
    if sidecar is None or not sidecar.lease:
        return []
    from watchdog.adapters.kubernetes.access import Access  # noqa: PLC0415 -- an extra
    from watchdog.adapters.kubernetes.shared_journal import (  # noqa: PLC0415 -- an extra
        rights_to_share,
    )
    from watchdog.adapters.leases.kubernetes import rights_to_lead  # noqa: PLC0415 -- an extra

    needed = {one: [f"lease {sidecar.lease}"] for one in rights_to_lead(sidecar.lease)}
    if sidecar.journal:
        needed |= {one: [f"journal {sidecar.journal}"] for one in rights_to_share()}
    # In alert-only, too, none of them begins without the lease.
    return await _at("sidecar", Access.model_validate(dict(sidecar.access)), needed)


def _needs(target: Target) -> Iterator[tuple[str, Any, Iterable[Right]]]:
    """Who needs something of a cluster, its options, and what."""
    for name, spec in target.signals.items():
        source = target.sources[spec.signal.source]
        yield from _of_look(f"signal {name}", Look(source.use, source.options, spec.ask))
    for changes in target.changes.sources if target.changes else ():
        plugin = catalog.changes(changes.use)
        if plugin.rights is not None:
            options = plugin.options.model_validate(changes.options)
            yield f"changes from {changes.name}", options, plugin.rights(options)
    for plan in target.plans.values():
        for step in acts(plan):
            kind = catalog.executor(step.use)
            if kind.rights is not None:
                options = kind.options.model_validate(step.options)
                yield f"{plan.name}: {step.name}", options, kind.rights(options)
        for check in looks(plan):
            yield from _of_look(f"{plan.name}: {check.name}", check.look)


def _of_look(about: str, look: Look) -> Iterator[tuple[str, Any, Iterable[Right]]]:
    if look.use == OWN:
        return
    plugin = catalog.source(look.use)
    if plugin.rights is not None:
        options = plugin.options.model_validate(look.source)
        yield about, options, plugin.rights(options, plugin.ask.model_validate(look.ask))


def _access(options: Any) -> "Access":  # noqa: ANN401 -- each kind has options of its own
    """How the cluster is reached, and nothing else of the options, so that alike is the same."""
    from watchdog.adapters.kubernetes.access import Access  # noqa: PLC0415 -- an extra

    return Access.model_validate({name: getattr(options, name) for name in Access.model_fields})


async def _at(
    whose: str, access: "Access", needed: Mapping[Right, list[str]], *, alert_only: bool = False
) -> list[Examined]:
    from watchdog.adapters.kubernetes.rights import (  # noqa: PLC0415 -- an extra
        rules,
        standing,
        writes,
    )

    about = f"{whose}: rights"
    try:
        async with asyncio.timeout(LIMIT):
            found = await standing(access, needed)
    except TimeoutError:
        return [Examined(Health.WRONG, about, f"no answer within {LIMIT:g} s")]
    except WatchdogError as error:
        return [Examined(Health.WRONG, about, str(error))]
    about = f"{about} in {found.where}"
    if not found.missing:
        return [Examined(Health.OK, about, f"all {len(needed)} that the file needs")]
    # Where nothing is ever done, nobody misses the right to do it.
    calm = [one for one in found.missing if alert_only and writes(one)]
    wrong = [one for one in found.missing if one not in calm]
    return [
        Examined(health, about, _text(these, needed, hint, rules(these)))
        for health, these, hint in (
            (Health.WRONG, wrong, "add to the account's Role"),
            (Health.NOTE, calm, "not needed in alert-only; to let it act, add to its Role"),
        )
        if these
    ]


def _text(these: list[Right], needed: Mapping[Right, list[str]], hint: str, added: str) -> str:
    said = "; ".join(f"{_in_words(one)} ({', '.join(needed[one])})" for one in these)
    return f"may not {said}: {hint}\n{added}"


def _in_words(right: Right) -> str:
    resource = f"{right.resource}/{right.part}" if right.part else right.resource
    kind = f"{resource}.{right.group}" if right.group else resource
    place = f"in namespace {right.namespace}" if right.namespace else ""
    return " ".join(filter(None, (right.verb, kind, right.name, place)))
