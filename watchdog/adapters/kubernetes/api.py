"""The seam to the client library: objects as they came, and errors that say the next move."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.types import PatchType

from watchdog.adapters.kubernetes.client import Client
from watchdog.adapters.kubernetes.kinds import ACCESS_REVIEW, Kind
from watchdog.adapters.kubernetes.refusals import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MissingError,
    translated,
)

__all__ = [
    "FIELD_MANAGER",
    "ConflictError",
    "ForbiddenError",
    "InvalidError",
    "KubeApi",
    "Listing",
    "MissingError",
    "Object",
    "Patch",
]

Object = dict[str, Any]
# Under this name the API server records who changed which field.
FIELD_MANAGER = "rollback-watchdog"


class Patch(StrEnum):
    """How a patch is written."""

    JSON = "json"
    MERGE = "merge"
    STRATEGIC = "strategic"


_PATCH_TYPES = {
    Patch.JSON: PatchType.JSON,
    Patch.MERGE: PatchType.MERGE,
    Patch.STRATEGIC: PatchType.STRATEGIC,
}


class Listing(NamedTuple):
    """Objects of one kind. `version`: from where to watch what happens to them next."""

    objects: Sequence[Object]
    version: str


class KubeApi:
    """One cluster, as one account may see it. Objects are plain dicts, unknown fields included.

    Reading raises TransientError when the API server did not answer, writing InDoubtError when
    it may have acted. `namespace` is what the credentials say where a call names none.
    """

    def __init__(self, client: Client, server: str) -> None:
        self._client = client
        self.server = server

    @property
    def namespace(self) -> str:
        """The namespace of the credentials."""
        return str(self._client.namespace)

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object. Raises MissingError where there is none."""
        with translated(f"get {kind.resource} {name}", writes=False):
            found = await self._client.get(_resource(kind), name, **_where(kind, namespace))
            return _whole(found)

    async def listed(
        self,
        kind: Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        name: str = "",
    ) -> Listing:
        """All that bear `labels`, as of one moment; or the one of that name, if it is there.

        With a `name` the right to list that one object is enough.
        """
        with translated(f"list {kind.resource}{f' {name}' if name else ''}", writes=False):
            found = self._client.list(
                _resource(kind), **_chosen(labels, name), **_where(kind, namespace)
            )
            objects = [dict(one) async for one in found]
            return Listing(objects, str(found.resourceVersion))

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        since: str | None = None,
        *,
        name: str = "",
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """What happens to them from `since` on: ADDED, MODIFIED or DELETED, and the object.

        Never ends by itself, and waits for ever where nothing happens: limit it. Raises
        TransientError when it breaks off, or when the API server no longer knows `since`. Then
        list again: what happened in between is in no later watch.
        """
        # The library drops what the API server says here, which would name the place.
        place = f" in {namespace or self.namespace}" if kind.namespaced else ""
        what = f"watch {kind.resource}{f' {name}' if name else ''}{place}"
        with translated(what, writes=False):
            events = self._client.watch(
                _resource(kind),
                **_chosen(labels, name),
                resource_version=since,
                **_where(kind, namespace),
            )
            async with aclosing(events):  # type: ignore[type-var]
                async for event, found in events:
                    yield event, _whole(found)

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Sequence[Mapping[str, Any]] | Mapping[str, Any],
        namespace: str | None = None,
        *,
        how: Patch = Patch.JSON,
    ) -> Object:
        """The object as it is afterwards. InvalidError may mean that a `test` of it failed."""
        body: Any = list(patch) if isinstance(patch, Sequence) else dict(patch)
        with translated(f"patch {kind.resource} {name}", writes=True):
            found = await self._client.patch(
                _resource(kind),
                name,
                body,
                patch_type=_PATCH_TYPES[how],
                **_where(kind, namespace),
            )
            return _whole(found)

    async def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        """The object as it was made. Raises ConflictError where its name is taken."""
        return await self._create(kind, body, namespace, writes=True)

    async def _create(
        self, kind: Kind, body: Object, namespace: str | None, *, writes: bool
    ) -> Object:
        name = body.get("metadata", {}).get("name", "")
        with translated(f"create {kind.resource} {name}".rstrip(), writes=writes):
            resource = _resource(kind)
            return _whole(await self._client.create(resource(body), **_where(kind, namespace)))

    async def replace(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        """The object as it is afterwards. Raises ConflictError where its version is an old one."""
        name = body.get("metadata", {}).get("name", "")
        with translated(f"update {kind.resource} {name}", writes=True):
            resource = _resource(kind)
            return _whole(await self._client.replace(resource(body), **_where(kind, namespace)))

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str = "",
        version: str = "",
    ) -> None:
        """Have it go away. Raises MissingError where it is gone already.

        With a `uid` that one alone: ConflictError where another one has its name by now. With a
        `version`, its resourceVersion, also where anything was changed on it since.
        """
        with translated(f"delete {kind.resource} {name}", writes=True):
            resource, where = _resource(kind), _where(kind, namespace)
            asked = {"uid": uid, "resourceVersion": version}
            if exactly := {key: value for key, value in asked.items() if value}:
                await self._client.delete_exactly(resource, name, exactly, **where)
            else:
                await self._client.delete(resource, name, **where)

    async def log(
        self,
        pod: str,
        container: str | None,
        namespace: str | None,
        *,
        tail: int,
        since: int | None = None,
    ) -> list[str]:
        """The last `tail` lines that a container wrote, of the last `since` seconds."""
        async with aclosing(
            self.log_lines(pod, container, namespace, tail=tail, since=since)
        ) as lines:
            return [line async for line in lines]

    async def log_lines(
        self,
        pod: str,
        container: str | None,
        namespace: str | None,
        *,
        tail: int,
        since: int | None = None,
    ) -> AsyncGenerator[str, None]:
        """The same, one line after another, so that they need not all be held."""
        with translated(f"get pods/log {pod}", writes=False):
            lines = self._client.log_lines(pod, container, namespace, tail=tail, since=since)
            async with aclosing(lines):
                async for line in lines:
                    yield line

    async def may(
        self, verb: str, kind: Kind, name: str = "", namespace: str | None = None, part: str = ""
    ) -> bool:
        """Whether we have the right to `verb` it; `part` is a subresource, such as `log`."""
        asked = {
            "verb": verb,
            "group": kind.group,
            "resource": kind.plural,
            "subresource": part,
            "name": name,
            "namespace": (namespace or self.namespace) if kind.namespaced else "",
        }
        found = await self.review(ACCESS_REVIEW, {"resourceAttributes": asked})
        return bool(found.get("allowed"))

    async def review(self, kind: Kind, question: Object) -> Object:
        """What the API server says to a question that is put as an object; nothing is kept."""
        body: Object = {"metadata": {}, "spec": question}
        answer = await self._create(kind, body, None, writes=False)
        return dict(answer.get("status") or {})

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


@cache
def _resource(kind: Kind) -> Any:  # noqa: ANN401 -- a class that the library makes
    # Its typed models lose every field that is newer than they are: a template that is copied
    # would come back poorer. Those it makes for kinds it does not know keep all.
    make = create_namespaced_resource if kind.namespaced else create_global_resource
    group = kind.group
    return make(group, kind.version, kind.name, kind.plural)


def _whole(found: Object) -> Object:
    if "metadata" not in found:
        raise ValueError("not an object of the API")
    return dict(found)


def _chosen(labels: Mapping[str, str] | None, name: str) -> dict[str, Any]:
    return {
        "labels": dict(labels or {}) or None,
        "fields": {"metadata.name": name} if name else None,
    }


def _where(kind: Kind, namespace: str | None) -> dict[str, Any]:
    return {"namespace": namespace} if kind.namespaced else {}
