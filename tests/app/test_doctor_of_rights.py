"""The doctor names each right that a file needs and the account lacks, and how to grant it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.command_line import command
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment
from tests.deploy.rendering import KUBERNETES
from watchdog.app.doctor_of_rights import rights_of_sidecar, rights_of_target
from watchdog.app.examined import Examined, Health
from watchdog.app.loading import Files
from watchdog.domain.sidecar import Sidecar

FILE = """\
target: checkout
mode: {mode}
{armed}
sources:
  cluster: {{use: kubernetes, kubeconfig: {kubeconfig}}}
signals:
  well: {{from: cluster, pods: deployment/checkout}}
triggers:
  unwell: {{signal: well, fails: 3, severity: critical, plan: previous}}
plans:
  previous:
    level: application
    steps:
      - name: Return
        use: kubernetes_undo
        with: {{workload: deployment/checkout, to: v1, kubeconfig: {kubeconfig}}}
    verify:
      - {{signal: well, is: ok, samples: 3}}
"""
# Of signal and step together: the Deployment, its ReplicaSets, its pods.
NEEDED = 4


@pytest.fixture
def examine(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> "Examine":
    return Examine(control_plane, namespace, tmp_path)


class Examine:
    """The doctor's words to an account that has the rules of a Role."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self._plane = plane
        self._namespace = namespace
        self._folder = folder

    async def __call__(self, rules: list[dict[str, Any]], mode: str = "auto") -> list[Examined]:
        loaded = Files([self.file(rules, mode)]).load()
        [target] = loaded.targets
        return await rights_of_target(target)

    def sidecar(self, rules: list[dict[str, Any]], journal: str = "checkout-journal") -> Sidecar:
        """One whose account has these rules."""
        token = self._plane.account(self._namespace, rules)
        kubeconfig = self._plane.kubeconfig(self._folder, token, self._namespace)
        return Sidecar("checkout", journal, {"kubeconfig": str(kubeconfig)})

    def file(self, rules: list[dict[str, Any]], mode: str) -> Path:
        token = self._plane.account(self._namespace, rules)
        kubeconfig = self._plane.kubeconfig(self._folder, token, self._namespace)
        armed = "armed_by: ada" if mode == "auto" else ""
        path = self._folder / "watchdog.yaml"
        path.write_text(FILE.format(mode=mode, armed=armed, kubeconfig=kubeconfig))
        return path


async def test_what_is_missing_is_named_with_whom_it_is_for(examine: Examine) -> None:
    [found] = await examine([])

    assert found.health is Health.WRONG
    assert "patch deployments.apps checkout (previous: Return)" in found.text
    assert "get deployments.apps checkout (signal well, previous: Return" in found.text


async def test_the_rules_that_are_printed_grant_all_that_is_needed(examine: Examine) -> None:
    [wrong] = await examine([])
    printed = yaml.safe_load(wrong.text.partition("\n")[2])

    [found] = await examine(printed)

    assert found.health is Health.OK
    assert found.text == f"all {NEEDED} that the file needs"


async def test_only_what_is_missing_is_printed(examine: Examine) -> None:
    [found] = await examine(
        [
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
            {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]},
        ]
    )

    assert yaml.safe_load(found.text.partition("\n")[2]) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    ]


async def test_a_right_to_another_object_is_none(examine: Examine) -> None:
    named = {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["stock"]}

    [found] = await examine([{**named, "verbs": ["get", "patch"]}, *_evaluator()[1:]])

    assert "patch deployments.apps checkout" in found.text


async def test_alert_only_misses_no_right_to_write(examine: Examine) -> None:
    [found] = await examine(_evaluator(), "alert-only")

    assert found.health is Health.NOTE
    assert "not needed in alert-only" in found.text
    assert yaml.safe_load(found.text.partition("\n")[2]) == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["checkout"],
            "verbs": ["patch"],
        }
    ]


async def test_alert_only_misses_what_it_cannot_see(examine: Examine) -> None:
    wrong, note = await examine([], "alert-only")

    assert (wrong.health, note.health) == (Health.WRONG, Health.NOTE)
    assert "list replicasets.apps" in wrong.text


async def test_a_token_that_is_refused_is_said_and_not_taken_for_a_missing_right(
    examine: Examine,
) -> None:
    file = examine.file([], "auto")
    [name] = file.parent.glob("kubeconfig-*")
    name.write_text(name.read_text().replace("eyJ", "eyX"))
    [target] = Files([file]).load().targets

    [found] = await rights_of_target(target)

    assert found.health is Health.WRONG
    assert "401" in found.text


async def test_the_command_says_it_and_an_alert_only_watchdog_is_well(
    examine: Examine, control_plane: ControlPlane, namespace: str
) -> None:
    for version in ("v1", "v2"):
        control_plane.apply(deployment("checkout", f"shop:{version}"), namespace=namespace)
        await control_plane.until_rolled_out("deployment/checkout", namespace)
    tracked = {"argocd.argoproj.io/tracking-id": f"storefront:apps/Deployment:{namespace}/checkout"}
    control_plane.patch("deployment/checkout", namespace, {"metadata": {"annotations": tracked}})
    file = examine.file(_evaluator(), "alert-only")

    said = command("doctor", file)

    assert said.code == 0, said.out
    assert "not needed in alert-only" in said.out
    assert "resourceNames: [checkout]" in said.out
    assert "is kept by Argo CD's application storefront" in said.out
    assert "unless a step `use: kubernetes_suspend` suspends it before this one" in said.out


async def test_a_sidecar_misses_the_lease_and_the_journal_that_it_shares(examine: Examine) -> None:
    [found] = await rights_of_sidecar(examine.sidecar([]))

    assert (found.health, found.about[:15]) == (Health.WRONG, "sidecar: rights")
    assert "update leases.coordination.k8s.io checkout (lease checkout)" in found.text
    assert "create configmaps (journal checkout-journal)" in found.text
    printed = yaml.safe_load(found.text.partition("\n")[2])

    [found] = await rights_of_sidecar(examine.sidecar(printed))

    assert (found.health, found.text) == (Health.OK, "all 6 that the file needs")


async def test_a_sidecar_without_a_journal_needs_the_lease_alone(examine: Examine) -> None:
    [found] = await rights_of_sidecar(examine.sidecar([], journal=""))

    assert "configmaps" not in found.text
    assert "create leases" in found.text


async def test_a_watchdog_that_is_alone_needs_neither() -> None:
    assert await rights_of_sidecar(None) == []
    assert await rights_of_sidecar(Sidecar()) == []


async def test_the_command_names_what_a_sidecar_misses(examine: Examine) -> None:
    file = examine.file(_evaluator(), "alert-only")
    [name] = file.parent.glob("kubeconfig-*")
    shared = {"lease": "checkout", "journal": "checkout", "kubeconfig": str(name)}
    daemon = file.with_name("daemon.yaml")
    daemon.write_text(
        yaml.safe_dump(
            {"targets": [file.name], "journal": {"path": "journal.db"}, "sidecar": shared}
        )
    )

    said = command("doctor", daemon)

    assert said.code == 1
    assert "WRONG  sidecar: rights in namespace" in said.out
    assert "create leases.coordination.k8s.io (lease checkout)" in said.out


def _evaluator() -> list[dict[str, Any]]:
    role = yaml.safe_load((KUBERNETES / "roles/evaluator/role.yaml").read_text())
    return list(role["rules"])
