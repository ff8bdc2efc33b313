"""The doctor names what our account lacks to tell users of the cluster apart."""

from pathlib import Path

import pytest
import yaml

from tests.bed.cluster_callers import Callers
from tests.bed.command_line import command
from tests.bed.control_plane import ControlPlane
from watchdog.app.doctor_of_callers import rights_of_callers
from watchdog.app.examined import Examined, Health
from watchdog.domain.doors import ApiDoor, ClusterDoor


@pytest.fixture
def callers(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Callers:
    return Callers(control_plane, namespace, tmp_path)


async def examined(kubeconfig: Path) -> list[Examined]:
    return await rights_of_callers(
        ApiDoor(cluster=ClusterDoor("us", access={"kubeconfig": str(kubeconfig)}))
    )


async def test_with_both_rights_all_is_well(callers: Callers) -> None:
    [found] = await examined(callers.watchdog())

    assert (found.health, found.text) == (Health.OK, "all 2 that the file needs")


@pytest.mark.parametrize("lacks", ["tokenreviews", "subjectaccessreviews"])
async def test_one_that_is_missing_is_named_with_the_rule_that_grants_it(
    callers: Callers, lacks: str
) -> None:
    has = {"tokenreviews", "subjectaccessreviews"} - {lacks}

    [found] = await examined(callers.watchdog(*has))

    assert found.health is Health.WRONG
    assert f"may not create {lacks}." in found.text
    assert "system:auth-delegator" in found.text
    [rule] = yaml.safe_load(found.text.partition("\n")[2])
    assert (rule["resources"], rule["verbs"]) == ([lacks], ["create"])


async def test_a_right_in_one_namespace_is_none_to_questions_about_all(callers: Callers) -> None:
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    token = callers.plane.account(callers.namespace, rules)

    [found] = await examined(callers.plane.kubeconfig(callers.folder, token, callers.namespace))

    assert found.health is Health.WRONG


async def test_a_token_that_is_refused_is_said(callers: Callers) -> None:
    file = callers.plane.kubeconfig(callers.folder, "nobodys-token", callers.namespace)

    [found] = await examined(file)

    assert found.health is Health.WRONG
    assert "401" in found.text


async def test_where_no_cluster_is_asked_nothing_is_said() -> None:
    assert await rights_of_callers(None) == []
    assert await rights_of_callers(ApiDoor()) == []


def test_the_command_says_it(callers: Callers, tmp_path: Path) -> None:
    kubeconfig = callers.watchdog("tokenreviews")
    file = tmp_path / "daemon.yaml"
    file.write_text(
        'listen: "127.0.0.1:0"\n'
        "journal: {path: journal.db}\n"
        f"api: {{kubernetes: {{kubeconfig: {kubeconfig}}}}}\n"
        "targets: [shop.yaml]\n"
    )
    (tmp_path / "shop.yaml").write_text("target: shop\nmode: alert-only\n")

    said = command("doctor", file)

    assert "may not create subjectaccessreviews.authorization.k8s.io" in said.out
    assert said.code == 1
