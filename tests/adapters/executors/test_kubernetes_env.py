from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.cluster_steps import ClusterSteps, cluster_steps, paths
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment
from watchdog.adapters.executors.kubernetes_env import Options, plugin
from watchdog.adapters.kubernetes.api import ForbiddenError, MissingError
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect

CANARY = "kanarie-7f3a"
NEURONX = "deployment/neuronx"
FLAGS = (
    "OUTBOX_PROCESSING_ENABLED",
    "WEBHOOK_PROCESSING_ENABLED",
    "CLEANUP_ENABLED",
    "VOICE_RETRY_ENABLED",
)
OFF = dict.fromkeys(FLAGS, False)


@pytest.fixture
async def steps(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    async with cluster_steps(
        control_plane, namespace, plugin, tmp_path, ADMIN_TOKEN=CANARY
    ) as steps:
        yield steps


async def runs(steps: ClusterSteps, **environment: str) -> None:
    found = deployment("neuronx", environment=environment)
    await steps.has(found)


def environment(steps: ClusterSteps) -> list[dict[str, Any]]:
    found = steps.plane.get(NEURONX, steps.namespace)
    return list(found["spec"]["template"]["spec"]["containers"][0].get("env", []))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "by `set`, by `unset`, or both"),
        ({"set": {"A": 1}, "unset": ["A"]}, "A cannot be both set and unset"),
        ({"set": {"A B": "1"}}, "pattern"),
        ({"set": {"TOKEN": {"env": "ADMIN_TOKEN"}}}, "keep it in a Secret of the cluster"),
        ({"set": {"TOKEN": {"file": "/run/token"}}}, "keep it in a Secret of the cluster"),
        ({"set": {"A": ["1"]}}, "valid string"),
    ],
)
def test_what_is_no_plain_variable_is_refused_when_it_is_read(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Options.model_validate({"workload": NEURONX, **options})


def test_a_flag_is_written_as_programs_read_it() -> None:
    found = Options.model_validate({"workload": NEURONX, "set": {"A": False, "B": 3, "C": "No"}})

    assert found.wanted == {"A": "false", "B": "3", "C": "No"}


async def test_exactly_the_four_flags_are_switched_off_in_one_patch(steps: ClusterSteps) -> None:
    await runs(steps, MODE="live", **dict.fromkeys(FLAGS, "true"), LEVEL="info")

    told = await steps.execute(workload=NEURONX, set=OFF)

    assert environment(steps) == [
        {"name": "MODE", "value": "live"},
        *({"name": name, "value": "false"} for name in FLAGS),
        {"name": "LEVEL", "value": "info"},
    ]
    (call,) = steps.sent()
    assert paths(call) == [
        f"/spec/template/spec/containers/0/env/{place}/value" for place in (1, 2, 3, 4)
    ]
    assert "OUTBOX_PROCESSING_ENABLED = false is changed" in told
    assert "MODE" not in told


async def test_only_those_that_differ_are_sent(steps: ClusterSteps) -> None:
    await runs(steps, **{**dict.fromkeys(FLAGS, "false"), "CLEANUP_ENABLED": "true"})

    await steps.execute(workload=NEURONX, set=OFF)

    (call,) = steps.sent()
    assert paths(call) == ["/spec/template/spec/containers/0/env/2/value"]


async def test_variables_come_and_go_in_one_patch(steps: ClusterSteps) -> None:
    await runs(steps, A="1", B="2", C="3")

    await steps.execute(workload=NEURONX, set={"D": "4", "C": ""}, unset=["A"])

    assert environment(steps) == [
        {"name": "B", "value": "2"},
        {"name": "C"},
        {"name": "D", "value": "4"},
    ]
    assert len(steps.sent()) == 1


async def test_a_container_without_variables_gets_its_first(steps: ClusterSteps) -> None:
    await runs(steps)

    await steps.execute(workload=NEURONX, set=OFF)

    assert environment(steps) == [{"name": name, "value": "false"} for name in FLAGS]


async def test_nothing_is_sent_where_it_is_so_already(steps: ClusterSteps) -> None:
    await runs(steps, **dict.fromkeys(FLAGS, "false"))

    assert "already; nothing to send" in await steps.execute(workload=NEURONX, set=OFF)
    assert "already; nothing to send" in await steps.said_before(workload=NEURONX, set=OFF)
    assert steps.sent() == []
    assert (await steps.inspect(workload=NEURONX, set=OFF))[0] is Effect.APPLIED


async def test_a_value_may_be_known_to_the_run_alone(steps: ClusterSteps) -> None:
    await runs(steps, A="1")

    said = await steps.said_before(workload=NEURONX, set={"A": "{{ saved.mode }}"})

    assert "container app: its variables are known to the run" in said


async def test_a_step_that_is_told_again_sends_nothing_again(steps: ClusterSteps) -> None:
    await runs(steps, A="1")
    await steps.execute(workload=NEURONX, set={"A": "2"})
    await runs(steps, A="3")

    assert "was done before" in await steps.execute(workload=NEURONX, set={"A": "2"})
    assert environment(steps) == [{"name": "A", "value": "3"}]
    assert len(steps.sent()) == 1


async def test_what_comes_from_elsewhere_is_never_overwritten(steps: ClusterSteps) -> None:
    found = deployment("neuronx")
    reference = {"configMapKeyRef": {"name": "neuronx-flags", "key": "cleanup"}}
    (container,) = found["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "CLEANUP_ENABLED", "valueFrom": reference}]
    await steps.has(found)

    (problem,) = await steps.preflight(workload=NEURONX, set=OFF)
    error = await steps.refused(workload=NEURONX, set=OFF)

    assert "CLEANUP_ENABLED comes from configMapKeyRef neuronx-flags/cleanup" in problem
    assert isinstance(error, PermanentError)
    assert "change it there" in str(error)
    assert environment(steps) == [{"name": "CLEANUP_ENABLED", "valueFrom": reference}]
    assert steps.sent() == []


async def test_a_secret_that_is_written_out_is_refused_and_never_shown(
    steps: ClusterSteps,
) -> None:
    await runs(steps, A="1")
    options: dict[str, Any] = {"workload": NEURONX, "set": {"TOKEN": f"Bearer {CANARY}"}}

    (problem,) = await steps.preflight(**options)
    error = await steps.refused(**options)

    assert "TOKEN holds a secret" in problem
    assert isinstance(error, PermanentError)
    for text in (problem, str(error), steps.render(**options)):
        assert CANARY not in text
    assert steps.sent() == []


@pytest.mark.parametrize("changed", [{"set": {"TOKEN": "none"}}, {"unset": ["TOKEN"]}])
@pytest.mark.parametrize("stood", [CANARY, "hunter2"], ids=["known", "nobody-knows"])
async def test_a_secret_that_stood_there_in_the_open_is_not_told_on(
    steps: ClusterSteps, stood: str, changed: dict[str, Any]
) -> None:
    await runs(steps, TOKEN=stood)

    said = await steps.said_before(workload=NEURONX, **changed)
    told = await steps.execute(workload=NEURONX, **changed)

    assert "TOKEN" in told
    assert stood not in said + told


@pytest.mark.parametrize("options", [{"set": OFF}, {"unset": ["A"]}])
async def test_a_wrong_container_is_seen_before_anything_is_sent(
    steps: ClusterSteps, options: dict[str, Any]
) -> None:
    await runs(steps, A="1")

    (problem,) = await steps.preflight(workload=NEURONX, container="shop", **options)
    error = await steps.refused(workload=NEURONX, container="shop", **options)

    assert "container shop is none of its own; it has app" in problem
    assert isinstance(error, PermanentError)
    assert steps.sent() == []


async def test_a_paused_deployment_is_left_alone(steps: ClusterSteps) -> None:
    found = deployment("neuronx", paused=True)
    await steps.has(found)

    assert "paused" in (await steps.preflight(workload=NEURONX, set=OFF))[0]
    assert "paused" in str(await steps.refused(workload=NEURONX, set=OFF))
    assert steps.sent() == []


async def test_a_workload_that_is_not_there_is_seen_before_anything_is_sent(
    steps: ClusterSteps,
) -> None:
    (problem,) = await steps.preflight(workload=NEURONX, set=OFF)

    assert '"neuronx" not found' in problem
    assert isinstance(await steps.refused(workload=NEURONX, set=OFF), MissingError)
    assert steps.sent() == []


async def test_without_the_right_nothing_changes_and_the_right_is_named(
    steps: ClusterSteps,
) -> None:
    await runs(steps, A="1")
    reader = steps.as_account(
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    )

    (problem,) = await reader.preflight(workload=NEURONX, set=OFF)
    error = await reader.refused(workload=NEURONX, set=OFF)

    assert "may not patch deployments.apps neuronx" in problem
    assert isinstance(error, ForbiddenError)
    assert environment(steps) == [{"name": "A", "value": "1"}]


def test_what_would_be_sent_is_shown_with_every_variable(steps: ClusterSteps) -> None:
    shown = steps.render(workload=NEURONX, container="app", set={"A": False, "B": 1}, unset=["C"])

    assert shown == "PATCH deployment/neuronx: env of container app: A=false B=1 C-"
