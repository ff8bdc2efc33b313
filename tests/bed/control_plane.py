"""A real Kubernetes control plane on loopback, as tests see it; `tests/control_plane` runs it.

Everything here speaks to the API server by itself, with none of the code under test: it is the
test's own hand (the user `bed`) and its judge (the audit log).
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.bed.gateway import Gateway, gateway
from tests.control_plane.audit import AuditLog, Call
from tests.control_plane.bare_api import Answer, BareApi
from tests.control_plane.credentials import expired, kubeconfig
from tests.control_plane.processes import Parts, started
from tests.lab.proxy import Proxy
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi

Object = dict[str, Any]
# Seconds. Far more than anything takes here.
PATIENCE = 60.0
RESTRICTED, BASELINE, PRIVILEGED = "restricted", "baseline", "privileged"


@dataclass(slots=True)
class ControlPlane:
    """A running one. `api_server` is its address, `admin` the token of whoever may do everything.

    Namespaces keep tests apart: take a fresh one each. Names of what has no namespace must be
    made unique by whoever makes it. Pods run nowhere: they become ready at once, or fail in the
    way that their annotations say (tests/bed/manifests.py).
    """

    parts: Parts
    api: BareApi
    audit: AuditLog
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def api_server(self) -> str:
        return self.parts.server

    @property
    def admin(self) -> str:
        return self.parts.tokens["admin"]

    @property
    def authority(self) -> Path:
        """The file of the certificate that proves who the API server is."""
        return self.parts.authority

    # Credentials -------------------------------------------------------------------------------

    def kubeconfig(
        self,
        folder: Path,
        token: str | None = None,
        namespace: str = "default",
        *,
        server: str | None = None,
    ) -> Path:
        """The path of a new kubeconfig in `folder`; of the admin, unless a token is given.

        `server`: another address, such as that of a proxy.
        """
        path = folder / f"kubeconfig-{next(self._numbers)}"
        text = kubeconfig(server or self.api_server, self.authority, token or self.admin, namespace)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def namespace(self, level: str = PRIVILEGED, **labels: str) -> str:
        """The name of a fresh one, ready for pods. `level`: the pod security that is enforced."""
        name = f"t{next(self._numbers)}-{secrets.token_hex(4)}"
        enforced = {"pod-security.kubernetes.io/enforce": level}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": {**enforced, **labels}},
            }
        )
        wait_for(
            lambda: (
                self.api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default").status == 200
            ),
            f"the default account of {name} is there",
        )
        return name

    def account(
        self,
        namespace: str,
        rules: Sequence[Mapping[str, Any]] = (),
        name: str = "",
        *,
        cluster_rules: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """The token of a new ServiceAccount that has these rights there, and no others.

        `rules` are those of a Role, `cluster_rules` those of a ClusterRole for all namespaces:
        `{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}`.
        """
        name = name or f"account-{next(self._numbers)}"
        self.apply(*_account(namespace, name, rules, cluster_rules))
        return self.token(namespace, name)

    def token(
        self, namespace: str, account: str, audiences: Sequence[str] = (), seconds: int = 3600
    ) -> str:
        """A token of an account that is there already, for the API server or for `audiences`."""
        spec: Object = {"expirationSeconds": seconds}
        if audiences:
            spec["audiences"] = list(audiences)
        answer = self.api.post(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        )
        return str(answer.checked["status"]["token"])

    def expired(self, token: str) -> str:
        """The same token as if it had ended an hour ago, rightly signed."""
        return expired(token, self.parts.account_key)

    def api_as(self, token: str) -> BareApi:
        """The API server as the owner of a token sees it, with no code under test between."""
        return BareApi(self.api_server, token, self.parts.tls)

    # What is there -----------------------------------------------------------------------------

    def apply(
        self, *what: Mapping[str, Any] | str, namespace: str = "", dry_run: bool = False
    ) -> list[Object]:
        """Have the API server hold these objects, as they are afterwards.

        A text is YAML of one or more. `namespace`: for what names none itself. A field that the
        API server does not know is an error. Raises AssertionError with what it says.
        """
        found = []
        for each in _objects(what):
            asked = {"fieldManager": "bed", "force": "true", "fieldValidation": "Strict"}
            asked |= {"dryRun": "All"} if dry_run else {}
            answer = self.api.request(
                "PATCH",
                self.api.path(each, namespace),
                each,
                query=asked,
                content_type="application/apply-patch+yaml",
            )
            found.append(answer.checked)
        return found

    def get(self, name: str, namespace: str = "") -> Object:
        """One object, by a name such as `deployment/shop`."""
        return self.look(name, namespace).checked

    def look(self, name: str, namespace: str = "") -> Answer:
        """As `get`, but an answer of any status."""
        return self.api.get(self.api.path_of(name, namespace))

    def listed(self, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        """All of a kind, such as `pod`; `labels` is a selector."""
        query = {"labelSelector": labels} if labels else {}
        answer = self.api.get(self.api.path_of(kind, namespace), query)
        return [dict(each) for each in answer.checked["items"]]

    def patch(self, name: str, namespace: str, change: Mapping[str, Any]) -> Object:
        """Merge `change` into one object, as somebody else does meanwhile."""
        path = self.api.path_of(name, namespace)
        merge = "application/merge-patch+json"
        return self.api.request("PATCH", path, change, content_type=merge).checked

    def delete(self, name: str, namespace: str = "") -> None:
        """Have it go away; that it is gone already is no error."""
        answer = self.api.request("DELETE", self.api.path_of(name, namespace))
        assert answer.status in (200, 202, 404), answer

    async def until_rolled_out(
        self, name: str, namespace: str, seconds: float = PATIENCE
    ) -> Object:
        """Wait until all pods of a workload are of its newest template, and ready."""
        return await self.until(name, namespace, rolled_out, "it is rolled out", seconds)

    async def until(
        self,
        name: str,
        namespace: str,
        condition: Callable[[Object], bool],
        what: str,
        seconds: float = PATIENCE,
    ) -> Object:
        """Wait until an object is as wanted, and give it."""
        deadline = time.monotonic() + seconds
        while not condition(found := self.get(name, namespace)):
            assert time.monotonic() < deadline, f"never: {what}; {found.get('status')}"
            await asyncio.sleep(0.02)
        return found

    def write_pod_log(self, *lines: str, previous: Sequence[str] = ()) -> None:
        """What every pod has written, from now on; `previous`: before its last restart."""
        self.parts.write_pod_log(lines, previous)

    # The product's way in, and the judge ------------------------------------------------------

    @asynccontextmanager
    async def reached(
        self, folder: Path, namespace: str, token: str | None = None, *, server: str | None = None
    ) -> AsyncIterator[KubeApi]:
        """The code under test, connected."""
        file = self.kubeconfig(folder, token, namespace, server=server)
        async with reached(Access(kubeconfig=str(file))) as api:
            yield api

    @asynccontextmanager
    async def proxy(self) -> AsyncIterator[Proxy]:
        """A way to the API server that may do to connections what networks do.

        Its `base` is plain HTTP: `kubeconfig(..., server=proxy.base)`. A toxic holds for new
        connections only.
        """
        proxy = Proxy(self.api_server, tls=self.parts.tls)
        await proxy.listen()
        try:
            yield proxy
        finally:
            await proxy.close()

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        """As `proxy`, one that understands HTTP: it refuses what its `rule` says."""
        async with gateway(self.api_server, self.parts.tls) as found:
            yield found

    def mark(self) -> int:
        """This moment, for `calls`."""
        return self.audit.mark()

    def calls(self, namespace: str, since: int = 0, *, of: str = "") -> list[Call]:
        """Every change that was asked for in a namespace since `mark()`, refused ones included.

        In the order in which they were answered; by anybody but the parts of the control plane
        and the test itself (`bed`). `of`: by this user alone, such as `admin` or
        `system:serviceaccount:NAMESPACE:NAME`. Dry runs are not among them: `audit.calls` has
        everything, reads too.
        """
        self.settle()
        calls = self.audit.calls(since)
        return [
            call
            for call in calls
            if call.mutating and call.namespace == namespace and call.user == (of or call.user)
        ]

    def settle(self) -> None:
        """Wait until the audit log holds all that was answered before: a call of our own tells."""
        name = f"settled-{secrets.token_hex(6)}"
        mark = self.mark()
        self.api.request("DELETE", f"/api/v1/namespaces/default/configmaps/{name}")
        wait_for(lambda: self.audit.holds(name, mark), "the audit log holds what was asked last")


@contextmanager
def started_control_plane(programs: Mapping[str, Path], folder: Path) -> Iterator[ControlPlane]:
    """A control plane from nothing, gone at the end. `programs`: from `programs_or_reason`."""
    with started(programs, folder) as parts:
        bed = BareApi(parts.server, parts.tokens["bed"], parts.tls)
        plane = ControlPlane(parts, bed, AuditLog(parts.audit_log))
        plane.apply(_NODE)
        wait_for(lambda: _is_ready(plane.get("node/n0")), "the node is ready")
        parts.check()
        yield plane


def rolled_out(workload: Object) -> bool:
    """Whether all its pods are of its newest template, and ready."""
    spec, status = workload["spec"], workload.get("status", {})
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    if workload["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
        return bool(wanted == updated == ready)
    wanted = spec.get("replicas", 1)
    numbers = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
    return numbers == [wanted] * 3


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Return as soon as `condition()` is true; fail, naming `what`, when it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:g} s still not true: {what}"
        time.sleep(0.02)


_NODE: Object = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n0", "labels": {"kubernetes.io/hostname": "n0"}},
    "status": {
        name: {"cpu": "1000", "memory": "4000Gi", "pods": "1000"}
        for name in ("capacity", "allocatable")
    },
}


def _is_ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _objects(what: Sequence[Mapping[str, Any] | str]) -> Iterator[Object]:
    for each in what:
        if isinstance(each, str):
            yield from (dict(one) for one in yaml.safe_load_all(each) if one)
        else:
            yield dict(each)


def _account(
    namespace: str,
    name: str,
    rules: Sequence[Mapping[str, Any]],
    cluster_rules: Sequence[Mapping[str, Any]],
) -> Iterator[Object]:
    core, rbac = {"apiVersion": "v1"}, {"apiVersion": "rbac.authorization.k8s.io/v1"}
    inside = {"name": name, "namespace": namespace}
    everywhere = {"name": f"{namespace}-{name}"}
    subject = {"kind": "ServiceAccount", **inside}
    yield {**core, "kind": "ServiceAccount", "metadata": inside}
    for kind, metadata, held in (
        ("Role", inside, rules),
        ("ClusterRole", everywhere, cluster_rules),
    ):
        if held:
            reference = {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": kind,
                "name": metadata["name"],
            }
            yield {**rbac, "kind": kind, "metadata": metadata, "rules": [dict(r) for r in held]}
            yield {
                **rbac,
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "roleRef": reference,
                "subjects": [subject],
            }
