"""The account of a level as it is shipped: its Roles, for objects of a test's own names."""

from collections.abc import Sequence
from pathlib import Path

from tests.bed.control_plane import ControlPlane
from tests.deploy.rendering import Object, of_kind, only, overlay

ACCOUNT_KINDS = ("ServiceAccount", "Role", "RoleBinding")


def named(objects: Sequence[Object], names: Sequence[str]) -> None:
    """Name these objects wherever a rule is for objects by name, as a user's patches do."""
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            if "resourceNames" in rule:
                rule["resourceNames"] = list(names)


def shipped_account(
    plane: ControlPlane, kubectl: str, folder: Path, level: str, namespace: str, *names: str
) -> tuple[str, Path]:
    """The account of that level's overlay, as the audit log calls it, and its kubeconfig.

    It may change what `names` says, and nothing else.
    """
    rendered = folder / "rendered"
    rendered.mkdir()
    objects = overlay(kubectl, rendered, level, namespace)
    named(objects, names)
    plane.apply(*(one for one in objects if one["kind"] in ACCOUNT_KINDS))
    name = only(objects, "ServiceAccount")["metadata"]["name"]
    token = plane.token(namespace, name)
    kubeconfig = plane.kubeconfig(folder, token, namespace)
    return f"system:serviceaccount:{namespace}:{name}", kubeconfig
