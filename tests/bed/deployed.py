"""What is shipped, at work in a namespace of the control plane: its pod, its account, its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bed.control_plane import RESTRICTED, ControlPlane
from tests.control_plane.audit import Call
from tests.deploy.claims import give_volume
from tests.deploy.rendering import Object, charted, of_kind, only, overlay

DEPLOYED = "app.kubernetes.io/name=rollback-watchdog"
# Every account may ask what it may itself.
_OPEN_TO_ALL = ("create", "selfsubjectaccessreviews")
Rights = frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A watchdog that is deployed. `rights`: verb, resource and name ("" for any) of its account.

    `files` are those that its pod has mounted as its own.
    """

    plane: ControlPlane
    namespace: str
    pod: Object
    files: Mapping[str, str]
    rights: Rights

    @property
    def name(self) -> str:
        """What the API server calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.pod['spec']['serviceAccountName']}"

    def kubeconfig(self, folder: Path) -> Path:
        """Its pod's own rights, as a file."""
        token = self.plane.token(self.namespace, self.pod["spec"]["serviceAccountName"])
        return self.plane.kubeconfig(folder, token, self.namespace)

    def asked(self, since: int) -> list[Call]:
        """All that its account asked of the API server, reads too."""
        self.plane.settle()
        return [call for call in self.plane.audit.calls(since) if call.user == self.name]

    def may(self, call: Call) -> bool:
        """Whether its Roles grant that, or nobody needs a right for it."""
        rights = {(call.verb, call.resource, name) for name in ("", call.name)}
        return (call.verb, call.resource) == _OPEN_TO_ALL or not rights.isdisjoint(self.rights)


async def by_manifests(
    kubectl: str, plane: ControlPlane, folder: Path, level: str, files: Mapping[str, str]
) -> Deployed:
    """By the overlay of that level, in a new namespace that enforces `restricted`."""
    namespace = plane.namespace(RESTRICTED)
    own = folder / "own"
    own.mkdir()
    for name, text in files.items():
        (own / f"mine-{name}").write_text(text)
    generated = {
        "configMapGenerator": [
            {"name": "rollback-watchdog", "files": [f"{name}=mine-{name}" for name in files]}
        ]
    }
    objects = overlay(kubectl, own, level, namespace, more=generated)
    return await _at_work(plane, namespace, objects)


async def by_chart(
    helm: Path, plane: ControlPlane, folder: Path, level: str, files: Mapping[str, str]
) -> Deployed:
    """By the chart at that level, in a new namespace that enforces `restricted`."""
    namespace = plane.namespace(RESTRICTED)
    values = {"level": level, "config": {"files": dict(files)}}
    return await _at_work(plane, namespace, charted(helm, folder, namespace, values))


async def _at_work(plane: ControlPlane, namespace: str, objects: list[Object]) -> Deployed:
    _apply(plane, objects, namespace)
    deployment = only(objects, "Deployment")
    await plane.until_rolled_out(f"deployment/{deployment['metadata']['name']}", namespace)
    (pod,) = plane.listed("pod", namespace, DEPLOYED)
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    mounted = plane.get(f"configmap/{volumes['config']['configMap']['name']}", namespace)
    account = pod["spec"]["serviceAccountName"]
    return Deployed(plane, namespace, pod, mounted["data"], _rights(objects, account))


def _rights(objects: Sequence[Object], account: str) -> Rights:
    bound = {
        one["roleRef"]["name"]
        for one in of_kind(objects, "RoleBinding")
        for subject in one["subjects"]
        if subject["name"] == account
    }
    return frozenset(
        (verb, resource, name)
        for role in of_kind(objects, "Role")
        if role["metadata"]["name"] in bound
        for rule in role["rules"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    )


def _apply(plane: ControlPlane, objects: list[Object], namespace: str) -> None:
    """Make them all, and give each claim a volume."""
    last = of_kind(objects, "Deployment")
    plane.apply(*(one for one in objects if one not in last), namespace=namespace)
    for claim in plane.listed("persistentvolumeclaim", namespace):
        give_volume(plane, namespace, claim["metadata"]["name"])
    plane.apply(*last, namespace=namespace)
