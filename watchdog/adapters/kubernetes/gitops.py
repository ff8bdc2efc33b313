"""What keeps an object of a step: which Application, Kustomization or HelmRelease, and patching it.

Once for each step, and never over somebody else's change.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from watchdog.adapters.kubernetes.access import Access, Label
from watchdog.adapters.kubernetes.api import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeApi,
    MissingError,
    Object,
)
from watchdog.adapters.kubernetes.changing import TRIES
from watchdog.adapters.kubernetes.kinds import APPLICATION, HELM_RELEASE, KUSTOMIZATION, SERVICE
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.reconcilers import Owner, owners, perhaps
from watchdog.adapters.kubernetes.rights import to
from watchdog.adapters.kubernetes.step_notes import bears, noted
from watchdog.adapters.kubernetes.suspending import Operations, keeps
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    WorkloadName,
    metadata,
    uid,
    workload,
)
from watchdog.domain.errors import PermanentError, StepError, TransientError
from watchdog.plugins import Right

# Seconds; doubled each time.
_PAUSE = 0.02
_KINDS = {"application": APPLICATION, "kustomization": KUSTOMIZATION, "helmrelease": HELM_RELEASE}
_NAME = "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
OwnerName = Annotated[str, StringConstraints(pattern=rf"^({'|'.join(_KINDS)})/({_NAME}/)?{_NAME}$")]


class Options(Access):
    """`workload` or `service`: the object that must stay as it is made.

    `owner`: who keeps it, as `KIND/NAME`, or `KIND/NAMESPACE/NAME`; found by the name that it
    left on the object when missing. `argo_namespace`: where Argo CD's own applications are.
    """

    workload: WorkloadName | None = None
    service: Label | None = None
    owner: OwnerName | None = None
    argo_namespace: Label = Field(default="argocd")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.workload is None) == (self.service is None):
            raise ValueError("say what is kept: a `workload` or a `service`")
        return self

    @property
    def which(self) -> Workload:
        """What is kept."""
        return workload(self.workload) if self.workload else Workload(SERVICE, str(self.service))

    @property
    def named(self) -> Owner | None:
        """Who keeps it, where the file says so; in the namespace of the object unless it says."""
        if self.owner is None:
            return None
        kind, *place, name = self.owner.split("/")
        return Owner(_KINDS[kind], name, place[0] if place else "")


def rights(options: Options) -> tuple[Right, ...]:
    """What it takes; of an owner that is only found later, preflight asks."""
    which, named = options.which, options.named
    mine = to(which.kind, "get", name=which.name)
    return (*mine, *(to_patch(named) if named else ()))


def to_patch(owner: Owner) -> tuple[Right, ...]:
    """What it takes to suspend or resume it."""
    return to(owner.kind, "get", "patch", name=owner.name, namespace=owner.namespace)


@dataclass(frozen=True, slots=True)
class Kept:
    """Who keeps the object, as it is now."""

    owner: Owner
    found: Object


@dataclass(frozen=True, slots=True)
class NotKept:
    """That nobody keeps it, and how that is known; `sure` False where it could not be seen."""

    why: str
    sure: bool = True


async def keeper(api: KubeApi, options: Options) -> Kept | NotKept:
    """Who keeps the object of `options`. Raises PermanentError where nobody can tell whom to ask.

    An object that bears the name of somebody who is not there is such a case: most often that is
    in another cluster, and goes on.
    """
    which = options.which
    found = await api.get(which.kind, which.name)
    sure = [_placed(one, options, found) for one in owners(found)]
    named = options.named and _placed(options.named, options, found, named=True)
    if named is None and len(sure) > 1:
        both = " and by ".join(map(str, sure))
        raise PermanentError(f"{which} is kept by {both}: name one as `owner`, a step for each")
    if named is not None and sure and named not in sure:
        text = f"{which} is kept by {' and '.join(map(str, sure))}, not by {named}"
        raise PermanentError(f"{text}: mend `owner`")
    owner = named or (sure[0] if sure else None)
    if owner is None:
        return await _by_its_label(api, options, found)
    kept = Kept(owner, await _read(api, owner, which))
    if not sure and not keeps(owner, kept.found, found):
        return NotKept(f"{which} bears nobody's name, and {owner} does not list it")
    return kept


async def _read(api: KubeApi, owner: Owner, which: Workload) -> Object:
    try:
        return await api.get(owner.kind, owner.name, owner.namespace)
    except MissingError as error:
        why = (
            "there is no such object"
            if f'"{owner.name}" not found' in str(error)
            else f"the cluster knows no {owner.kind.resource}"
        )
        text = f"{which} is kept by {owner}, but {why}: if another cluster's keeps it, suspend it"
        raise PermanentError(f"{text} there by a command, else take its name off") from error


async def _by_its_label(api: KubeApi, options: Options, found: Object) -> Kept | NotKept:
    """Whether it is the application's of the name that Helm's charts set as well."""
    which, guess = options.which, perhaps(found)
    if guess is None:
        return NotKept(f"{which} bears nobody's name")
    owner = _placed(guess, options, found)
    try:
        owned = await api.get(owner.kind, owner.name, owner.namespace)
    except MissingError:
        return NotKept(f"{which} bears nobody's name, and there is no {owner}")
    except ForbiddenError:
        why = f"{which} may be kept by {owner}, which the account may not look at"
        return NotKept(f"{why}: name the `owner` and grant it, or rest assured", sure=False)
    if keeps(owner, owned, found):
        return Kept(owner, owned)
    return NotKept(f"{which} bears nobody's name, and {owner} does not list it")


def _placed(owner: Owner, options: Options, found: Object, *, named: bool = False) -> Owner:
    """The same, in the namespace in which it is unless it says another one."""
    is_argo = owner.kind is APPLICATION and not named
    own = str(metadata(found).get("namespace", ""))
    place = owner.namespace or (options.argo_namespace if is_argo else own)
    return Owner(owner.kind, owner.name, place)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a step makes of who keeps an object; nothing is sent without `operations`.

    `idle`: it is so by somebody else's doing. `refused`: it is not so, and the step leaves it.
    """

    operations: Operations
    text: str
    idle: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it; `sent` False where nothing was sent now. `idle`: nor by this step ever."""

    kept: Kept | NotKept
    text: str
    sent: bool = False
    idle: bool = False


async def change_keeper(
    api: KubeApi, options: Options, key: str, wanted: Callable[[Kept], Wanted]
) -> Done:
    """Send what `wanted` makes of who keeps the object, and leave the step's key there.

    The values themselves are the guard: Argo CD writes its state into the object all the time.
    """
    seen: Object | None = None
    refused: StepError | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(_PAUSE * 2**attempt)
        kept = await persistently(lambda: keeper(api, options))
        if isinstance(kept, NotKept):
            return Done(kept, f"{kept.why}; nothing to send", idle=True)
        owner, found = kept.owner, kept.found
        if bears(found, key):
            return Done(kept, f"{owner}: was done before")
        if seen and isinstance(refused, InvalidError) and _version(seen) == _version(found):
            raise PermanentError(f"{owner}: {refused}") from refused
        goal = wanted(kept)
        if goal.refused:
            raise PermanentError(f"{owner} {goal.text}")
        if not goal.operations:
            return Done(kept, f"{owner} {goal.text}", idle=goal.idle)
        same = {"op": "test", "path": "/metadata/uid", "value": uid(found)}
        # The key first: where there are no annotations yet, it makes them.
        patch = [same, *noted(found, key), *goal.operations]
        try:
            after = await api.patch(owner.kind, owner.name, patch, owner.namespace)
        except (InvalidError, ConflictError) as error:
            # A `test` that failed cannot be told from what is refused for good.
            seen, refused = found, error
            continue
        return Done(Kept(owner, after), f"{owner} {goal.text}", sent=True)
    raise TransientError(f"{options.which}: who keeps it was changed each of {TRIES} times")


def _version(found: Object) -> str:
    return str(metadata(found).get("resourceVersion"))
