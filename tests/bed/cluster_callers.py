"""Accounts of a real cluster that ask a watchdog for acts, and the watchdog's own one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bed.control_plane import ControlPlane
from tests.control_plane.audit import Call

AUDIENCE = "rollback-watchdog"
REVIEWS = ("tokenreviews", "subjectaccessreviews")


def right(*verbs: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """A rule of a Role: these acts on the targets of these names, on all of them without any."""
    named = {"resourceNames": list(names)} if names else {}
    group = "rollback-watchdog.io"
    return {"apiGroups": [group], "resources": ["targets"], "verbs": list(verbs), **named}


def reviewing(*resources: str) -> list[dict[str, Any]]:
    """The cluster-wide rules that the watchdog's own account needs; all of them by default."""
    groups = {"tokenreviews": "authentication.k8s.io"}
    return [
        {
            "apiGroups": [groups.get(each, "authorization.k8s.io")],
            "resources": [each],
            "verbs": ["create"],
        }
        for each in resources or REVIEWS
    ]


@dataclass(slots=True)
class Callers:
    """Makes accounts in one namespace, in which both they and the watchdog live."""

    plane: ControlPlane
    namespace: str
    folder: Path

    def watchdog(self, *resources: str, server: str | None = None) -> Path:
        """The kubeconfig of a watchdog's account; it may ask all there is unless told otherwise."""
        rules = reviewing(*resources) if resources != ("",) else []
        token = self.plane.account(self.namespace, cluster_rules=rules)
        return self.plane.kubeconfig(self.folder, token, self.namespace, server=server)

    def caller(self, name: str, *rules: dict[str, Any], audiences: Sequence[str] = ()) -> str:
        """The token of a new account that has these rules, made for the watchdog."""
        self.plane.account(self.namespace, rules, name)
        return self.plane.token(self.namespace, name, audiences or [AUDIENCE])

    def user(self, name: str) -> str:
        """As the API server calls that account."""
        return f"system:serviceaccount:{self.namespace}:{name}"

    def reviews(self, since: int, *resources: str) -> list[Call]:
        """What was asked of the API server about others in this namespace's name."""
        self.plane.settle()
        mine = f"system:serviceaccount:{self.namespace}:"
        return [
            call
            for call in self.plane.audit.calls(since)
            if call.resource in (resources or REVIEWS) and call.user.startswith(mine)
        ]
