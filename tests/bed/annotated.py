"""An object of a real cluster, whose annotations an operator writes and removes with kubectl."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bed.control_plane import ControlPlane

OBJECT = "configmap/watchdog"
PREFIX = "rollback-watchdog.io"
# What the account of a daemon needs to see them, and no more.
RULES = (
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["watchdog"],
        "verbs": ["list", "watch"],
    },
)


@dataclass(frozen=True, slots=True)
class Annotated:
    """`kubeconfig` is that of the daemon, whose account has `RULES` there, or `rules`."""

    plane: ControlPlane
    namespace: str
    folder: Path
    kubectl: str
    kubeconfig: Path
    operator: Path

    @property
    def switches(self) -> dict[str, str]:
        """What the daemon's file says of it."""
        return {"object": OBJECT, "kubeconfig": str(self.kubeconfig)}

    @property
    def place(self) -> str:
        """As the daemon calls it."""
        uid = self.plane.get(OBJECT, self.namespace)["metadata"]["uid"]
        return f"{OBJECT} in {self.namespace} (uid {uid})"

    def make(self) -> None:
        """The object, anew if it is gone."""
        # An API server says who wrote a field only once there is a field to say it of.
        metadata = {"name": "watchdog", "labels": {"of": "bed"}}
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        self.plane.apply(made, namespace=self.namespace)

    async def annotate(self, key: str, reason: str) -> None:
        """As an operator does."""
        await self._kubectl("annotate", OBJECT, f"{PREFIX}/{key}={reason}", "--overwrite")

    async def remove(self, key: str) -> None:
        """The same."""
        await self._kubectl("annotate", OBJECT, f"{PREFIX}/{key}-")

    async def _kubectl(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            self.kubectl, "--kubeconfig", str(self.operator), *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()


def annotated(
    plane: ControlPlane,
    namespace: str,
    folder: Path,
    kubectl: str,
    rules: tuple[dict[str, Any], ...] = RULES,
) -> Annotated:
    """The object, and an account that has `rules`."""
    token = plane.account(namespace, rules)
    mine = plane.kubeconfig(folder, token, namespace)
    operator = plane.kubeconfig(folder, namespace=namespace)
    found = Annotated(plane, namespace, folder, kubectl, mine, operator)
    found.make()
    return found
