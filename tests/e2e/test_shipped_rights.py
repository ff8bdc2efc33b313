"""A daemon with the account of a shipped overlay, in a namespace that enforces `restricted`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.command_line import Running, daemon
from tests.bed.control_plane import RESTRICTED, ControlPlane
from tests.bed.manifests import Fails, deployment
from tests.bed.shop import wait_until
from tests.control_plane.audit import Call
from tests.deploy.rendering import only, overlay

FILE = """\
target: checkout
mode: {mode}
{armed}
sources:
  cluster: {{use: kubernetes, kubeconfig: {kubeconfig}, every: 300ms}}
signals:
  well: {{from: cluster, pods: deployment/checkout}}
triggers:
  unwell: {{signal: well, fails: 3, severity: critical, plan: before}}
plans:
  before:
    level: application
    within: 1m
    steps:
      - name: Return
        use: kubernetes_undo
        with: {{workload: deployment/checkout, to: v1, kubeconfig: {kubeconfig}}}
      - name: Wait
        use: kubernetes_rollout
        with: {{workload: deployment/checkout, kubeconfig: {kubeconfig}}}
    verify:
      - {{signal: well, is: ok, samples: 3}}
"""
DAEMON = {
    "targets": ["watchdog.yaml"],
    "journal": {"path": "state/journal.db"},
    "listen": "",
    "channels": {"told": {"use": "log"}},
}


class Home:
    """A namespace with a shop of two revisions, and what an overlay makes in it."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path, kubectl: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self._folder = folder
        self._kubectl = kubectl
        self.account = ""

    async def deploy(self, level: str, mode: str) -> Path:
        """The daemon's file, for the account of that overlay."""
        rendered = self._folder / "rendered"
        rendered.mkdir()
        objects = overlay(self._kubectl, rendered, level, self.namespace)
        name = only(objects, "ServiceAccount")["metadata"]["name"]
        self.plane.apply(*objects)
        self.account = f"system:serviceaccount:{self.namespace}:{name}"
        self.plane.apply(deployment("checkout", "shop:v1"), namespace=self.namespace)
        await self.plane.until_rolled_out("deployment/checkout", self.namespace)
        token = self.plane.token(self.namespace, name)
        kubeconfig = self.plane.kubeconfig(self._folder, token, self.namespace)
        armed = "armed_by: ada" if mode == "auto" else ""
        target = FILE.format(mode=mode, armed=armed, kubeconfig=kubeconfig)
        (self._folder / "watchdog.yaml").write_text(target)
        (self._folder / "state").mkdir()
        file = self._folder / "daemon.yaml"
        file.write_text(yaml.safe_dump(DAEMON))
        return file

    def break_it(self) -> None:
        """Deploy a version whose image nobody has."""
        broken = deployment("checkout", "shop:v2", fails=Fails.IMAGE_PULL)
        self.plane.apply(broken, namespace=self.namespace)

    def changes(self, since: int) -> list[Call]:
        """What the daemon's account asked to have changed, allowed or not."""
        return self.plane.calls(self.namespace, since, of=self.account)

    @property
    def image(self) -> str:
        found = self.plane.get("deployment/checkout", self.namespace)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def home(
    control_plane: ControlPlane, tmp_path: Path, require_program: Callable[[str], str]
) -> Iterator[Home]:
    kubectl = require_program("kubectl")
    namespace = control_plane.namespace(RESTRICTED)
    yield Home(control_plane, namespace, tmp_path, kubectl)
    control_plane.delete(f"namespace/{namespace}")


async def test_the_application_level_rolls_back_by_one_patch(home: Home) -> None:
    file = await home.deploy("application", "auto")
    mark = home.plane.mark()

    with daemon(file) as running:
        home.break_it()
        wait_until(lambda: _succeeded(running), "the run has ended well")

    [patch] = home.changes(mark)
    assert (patch.verb, patch.resource, patch.name, patch.code) == (
        "patch", "deployments", "checkout", 200,
    )  # fmt: skip
    assert home.image == "shop:v1"


async def test_the_alert_only_level_says_what_it_would_do_and_sends_nothing(home: Home) -> None:
    file = await home.deploy("alert-only", "alert-only")
    mark = home.plane.mark()

    with daemon(file) as running:
        home.break_it()
        message = running.wait_for("decided")
        [decided] = _decided(running)

    assert decided["refusal"] == "alert_only"
    assert "PATCH deployment/checkout: /spec/template of v1" in str(message)
    assert home.changes(mark) == []
    assert home.image == "shop:v2"


async def test_a_daemon_armed_beyond_its_rights_changes_nothing(home: Home) -> None:
    file = await home.deploy("alert-only", "auto")
    mark = home.plane.mark()

    with daemon(file) as running:
        home.break_it()
        wait_until(lambda: bool(_decided(running)), "it says what it lacks")
        [decided] = _decided(running)

    assert decided["refusal"] == "preflight_failed"
    assert "may not patch deployments.apps checkout" in decided["detail"]
    assert home.changes(mark) == []
    assert home.image == "shop:v2"


def _decided(running: Running) -> list[dict[str, Any]]:
    """What it journalled of a plan that it did not begin."""
    return [one for one in running.logged("decision") if one.get("refusal")]


def _succeeded(running: Running) -> bool:
    return "verified" in running.log.read_text()
