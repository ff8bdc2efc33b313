"""The API server by plain HTTP: nothing between a test and what the server says."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

Object = dict[str, Any]
# Seconds for one answer.
_PATIENCE = 30.0


class Answer(NamedTuple):
    """`body` is an object, or the text of what is none."""

    status: int
    body: Any

    @property
    def checked(self) -> Object:
        """The object. Raises AssertionError with what was said where there is none."""
        assert 200 <= self.status < 300, f"{self.status} {self.body}"
        return dict(self.body)


class Resource(NamedTuple):
    """Where the objects of one kind are."""

    folder: str
    plural: str
    namespaced: bool


@dataclass(slots=True)
class BareApi:
    """What one user, known by a token, may ask."""

    server: str
    token: str = field(repr=False)
    tls: ssl.SSLContext = field(repr=False)
    _resources: dict[str, dict[str, Resource]] = field(default_factory=dict)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self.request("POST", path, body)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 (anything that is JSON)
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """What comes of it. Raises OSError when there is no answer."""
        address = urlsplit(self.server)
        connection = HTTPSConnection(
            str(address.hostname), address.port, timeout=_PATIENCE, context=self.tls
        )
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        text = None if body is None else json.dumps(body)
        try:
            asked = f"{path}?{urlencode(query)}" if query else path
            connection.request(method, asked, text, headers)
            response = connection.getresponse()
            said = response.read()
        finally:
            connection.close()
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(response.status, json.loads(said) if is_json else said.decode())

    def path(self, found: Mapping[str, Any], namespace: str = "") -> str:
        """Where an object belongs; `namespace` is for what names none."""
        resource = self._known(found["apiVersion"])[found["kind"].lower()]
        metadata = found["metadata"]
        return _path(resource, metadata.get("namespace", namespace), metadata["name"])

    def path_of(self, name: str, namespace: str = "") -> str:
        """Where `deployment/shop` is; without a slash, all of a kind."""
        kind, _, which = name.partition("/")
        for version in _VERSIONS:
            resource = self._known(version).get(kind.lower())
            if resource:
                return _path(resource, namespace, which)
        raise LookupError(f"{kind}: not in {_VERSIONS}")

    def _known(self, version: str) -> dict[str, Resource]:
        """The kinds of an API version, such as `apps/v1`, as the server lists them."""
        if version not in self._resources:
            folder = f"/apis/{version}" if "/" in version else f"/api/{version}"
            self._resources[version] = {
                each["kind"].lower(): Resource(folder, each["name"], each["namespaced"])
                for each in self.get(folder).checked["resources"]
                if "/" not in each["name"]
            }
        return self._resources[version]


# Where a kind is looked for that is named without its version.
_VERSIONS = (
    "v1", "apps/v1", "batch/v1", "policy/v1", "discovery.k8s.io/v1", "coordination.k8s.io/v1",
    "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1", "scheduling.k8s.io/v1",
    "apiextensions.k8s.io/v1", "events.k8s.io/v1",
)  # fmt: skip


def _path(resource: Resource, namespace: str, name: str) -> str:
    within = f"/namespaces/{namespace}" if resource.namespaced and namespace else ""
    return f"{resource.folder}{within}/{resource.plural}" + (f"/{name}" if name else "")
