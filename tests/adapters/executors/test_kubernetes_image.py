from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.bed.answer_loser import changes, losing_answers
from tests.bed.cluster_steps import KEY, ClusterSteps, cluster_steps, paths
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment
from watchdog.adapters.executors.kubernetes_image import Options, plugin
from watchdog.adapters.kubernetes.api import ForbiddenError, MissingError
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect

OLD, BAD = "registry.local:5000/neuronx:v1.2.2", "registry.local:5000/neuronx:v1.3.0"
DIGEST = "@sha256:" + "0123456789abcdef" * 4
NEURONX = "deployment/neuronx"


@pytest.fixture
async def steps(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    async with cluster_steps(control_plane, namespace, plugin, tmp_path) as steps:
        yield steps


async def image(steps: ClusterSteps, name: str = NEURONX, container: int = 0) -> str:
    found = steps.plane.get(name, steps.namespace)
    return str(found["spec"]["template"]["spec"]["containers"][container]["image"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "by `image` or by `tag`"),
        ({"image": OLD, "tag": "v1"}, "by `image` or by `tag`"),
        ({"image": "Registry.local:5000/NEURONX:v1"}, "is no image"),
        ({"image": "neuronx:v1:v2"}, "is no image"),
        ({"tag": "v1@sha256:00"}, "is no tag"),
        ({"tag": "other/v1"}, "is no tag"),
        # Behind an image without a registry it would be the registry's port.
        ({"tag": "5000/other"}, "is no tag"),
        ({"tag": "v 1"}, "is no tag"),
        ({"image": OLD, "workload": "neuronx"}, "names no workload"),
        ({"image": OLD, "workload": "pod/neuronx"}, "names no workload"),
    ],
)
def test_what_is_not_an_image_of_a_workload_is_refused_when_it_is_read(
    options: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Options.model_validate({"workload": NEURONX, **options})


def test_a_variable_of_the_run_may_name_the_tag() -> None:
    for options in ({"tag": "{{ run.to_version }}"}, {"image": "shop:{{ run.to_version }}"}):
        assert not Options.model_validate({"workload": NEURONX, **options}).is_known


async def test_another_tag_keeps_the_registry_and_its_port(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))

    told = await steps.execute(workload=NEURONX, tag="v1.2.2")

    assert await image(steps) == OLD
    assert f"container app: from {BAD} to {OLD}" in told
    (call,) = steps.sent()
    assert (call.verb, paths(call)) == ("patch", ["/spec/template/spec/containers/0/image"])


async def test_another_tag_drops_the_digest_of_the_old_image(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD + DIGEST))

    await steps.execute(workload=NEURONX, tag="v1.2.2")

    assert await image(steps) == OLD


async def test_a_whole_image_with_a_digest_is_sent_as_it_stands(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))
    wanted = f"other.local/team/neuronx:v1{DIGEST}"

    await steps.execute(workload=NEURONX, container="app", image=wanted)

    assert await image(steps) == wanted


async def test_a_step_that_is_told_again_sends_nothing_again(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))
    await steps.execute(workload=NEURONX, tag="v1.2.2")
    # Somebody went on meanwhile; that is not taken back.
    await steps.has(deployment("neuronx", BAD))

    told = await steps.execute(workload=NEURONX, tag="v1.2.2")

    assert "was done before" in told
    assert await image(steps) == BAD
    assert len(steps.sent()) == 1


async def test_nothing_is_sent_where_it_is_so_already(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", OLD))

    told = await steps.execute(workload=NEURONX, tag="v1.2.2")

    assert "already; nothing to send" in told
    assert steps.sent() == []
    # A look must not take that for a step that did not happen.
    assert (await steps.inspect(workload=NEURONX, tag="v1.2.2"))[0] is Effect.APPLIED


async def test_a_look_sees_whether_it_happened(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))
    before, _ = await steps.inspect(workload=NEURONX, tag="v1.2.2")

    await steps.execute(workload=NEURONX, tag="v1.2.2")
    await steps.has(deployment("neuronx", BAD))

    assert before is Effect.NOT_APPLIED
    # It did happen, whatever came after it.
    assert (await steps.inspect(workload=NEURONX, tag="v1.2.2"))[0] is Effect.APPLIED
    other, _ = await steps.inspect("run-8/steps/0", workload=NEURONX, tag="v1.2.2")
    assert other is Effect.NOT_APPLIED


async def test_preflight_says_from_which_image_to_which(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))

    said = await steps.said_before(workload=NEURONX, tag="v1.2.2")

    assert f"container app: from {BAD} to {OLD}" in said
    assert "already" in await steps.said_before(workload=NEURONX, tag="v1.3.0")
    assert "known to the run" in await steps.said_before(
        workload=NEURONX, tag="{{ run.to_version }}"
    )
    assert steps.sent() == []


def two_containers() -> dict[str, object]:
    found = deployment("neuronx", BAD)
    pod = found["spec"]["template"]["spec"]
    (app,) = pod["containers"]
    pod["containers"] = [{**app, "name": "proxy", "image": "proxy:v1"}, app]
    pod["initContainers"] = [{**app, "name": "migrate"}]
    return found


async def test_of_several_containers_only_the_named_one_changes(steps: ClusterSteps) -> None:
    await steps.has(two_containers())

    await steps.execute(workload=NEURONX, container="app", tag="v1.2.2")

    found = steps.plane.get(NEURONX, steps.namespace)["spec"]["template"]["spec"]
    assert [each["image"] for each in found["containers"]] == ["proxy:v1", OLD]
    assert [each["image"] for each in found["initContainers"]] == [BAD]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tag": "v1"}, "say which by `container`"),
        ({"tag": "v1", "container": "shop"}, "container shop is none of its own"),
        ({"tag": "v1", "container": "migrate"}, "runs before the others"),
    ],
)
async def test_a_container_that_is_not_there_is_seen_before_anything_is_sent(
    steps: ClusterSteps, options: dict[str, str], said: str
) -> None:
    await steps.has(two_containers())

    (problem,) = await steps.preflight(workload=NEURONX, **options)
    error = await steps.refused(workload=NEURONX, **options)

    assert said in problem
    assert isinstance(error, PermanentError)
    assert said in str(error)
    assert steps.sent() == []


async def test_a_tag_that_a_run_filled_in_wrongly_is_not_sent(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))

    error = await steps.refused(workload=NEURONX, tag="{{ run.to_version }}")

    assert isinstance(error, PermanentError)
    assert "is no tag" in str(error)
    assert steps.sent() == []


async def test_a_paused_deployment_is_left_alone(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD, paused=True))

    (problem,) = await steps.preflight(workload=NEURONX, tag="v1.2.2")
    error = await steps.refused(workload=NEURONX, tag="v1.2.2")

    assert "paused" in problem
    assert "paused" in str(error)
    assert steps.sent() == []


async def test_a_workload_that_is_not_there_is_seen_before_anything_is_sent(
    steps: ClusterSteps,
) -> None:
    (problem,) = await steps.preflight(workload=NEURONX, tag="v1.2.2")

    assert '"neuronx" not found' in problem
    assert isinstance(await steps.refused(workload=NEURONX, tag="v1.2.2"), MissingError)
    assert (await steps.inspect(workload=NEURONX, tag="v1.2.2"))[0] is Effect.UNKNOWN
    assert steps.sent() == []


async def test_without_the_right_nothing_changes_and_the_right_is_named(
    steps: ClusterSteps,
) -> None:
    await steps.has(deployment("neuronx", BAD))
    reader = steps.as_account(
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    )

    (problem,) = await reader.preflight(workload=NEURONX, tag="v1.2.2")
    error = await reader.refused(workload=NEURONX, tag="v1.2.2")

    assert "may not patch deployments.apps neuronx" in problem
    assert isinstance(error, ForbiddenError)
    assert await image(steps) == BAD
    assert [call.code for call in steps.sent()] == [403]


async def test_the_rights_that_it_names_are_enough(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["neuronx"]}
    account = steps.as_account({**rule, "verbs": ["get", "patch"]})

    assert await account.preflight(workload=NEURONX, tag="v1.2.2") == []
    await account.execute(workload=NEURONX, tag="v1.2.2")

    assert await image(steps) == OLD


def test_what_would_be_sent_is_shown(steps: ClusterSteps) -> None:
    shown = steps.render(workload=NEURONX, namespace="shop", container="app", tag="v1.2.2")

    assert shown == "PATCH deployment/neuronx in shop: image of container app = tag v1.2.2"
    assert steps.render(workload=NEURONX, image=OLD).endswith(f"image of its container = {OLD}")


async def test_the_note_of_the_step_stands_beside_what_was_there(steps: ClusterSteps) -> None:
    found = deployment("neuronx", BAD)
    found["metadata"]["annotations"] = {"team": "leads"}
    await steps.has(found)

    await steps.execute(workload=NEURONX, tag="v1.2.2")

    annotations = steps.plane.get(NEURONX, steps.namespace)["metadata"]["annotations"]
    assert annotations["team"] == "leads"
    assert annotations["rollback-watchdog.io/step"] == KEY


async def test_what_somebody_else_sets_meanwhile_is_never_overwritten(steps: ClusterSteps) -> None:
    await steps.has(deployment("neuronx", BAD))
    theirs = "registry.local:5000/neuronx:v1.3.1"

    def meanwhile(request: web.Request) -> None:
        if changes(request) and not steps.sent():
            steps.plane.apply(deployment("neuronx", theirs), namespace=steps.namespace)

    async with losing_answers(steps.plane) as way:
        way.before = meanwhile
        error = await steps.through(way.url).refused(workload=NEURONX, tag="v1.2.2")

    assert isinstance(error, PermanentError)
    assert "somebody else changed what it runs meanwhile; not sent" in str(error)
    assert await image(steps) == theirs
    assert [call.code for call in steps.sent()] == [422]
