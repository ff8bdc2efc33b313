import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.control_plane import ControlPlane, wait_for
from tests.bed.deps import real_deps
from tests.bed.manifests import daemon_set, deployment, stateful_set
from watchdog.adapters.changes.kubernetes import Options, plugin
from watchdog.domain.change import ChangeKind, News
from watchdog.domain.errors import ConfigError, StepError
from watchdog.ports import ChangeSource, Deps

IMAGE = "registry.test:5000/shop"
OF = "deployment/shop"
READS = [
    {
        "apiGroups": ["apps"],
        "resources": ["deployments", "statefulsets", "daemonsets"],
        "resourceNames": ["shop"],
        "verbs": ["get"],
    },
    {
        "apiGroups": ["apps"],
        "resources": ["replicasets", "controllerrevisions"],
        "verbs": ["list"],
    },
]


@pytest.fixture
def file(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of an account that may read the history, and nothing else."""
    token = control_plane.account(namespace, READS)
    return control_plane.kubeconfig(tmp_path, token, namespace)


@asynccontextmanager
async def source(file: Path, **options: object) -> AsyncIterator[ChangeSource]:
    given = {"workload": OF, "kubeconfig": str(file), **options}
    async with real_deps() as deps:
        made = build(given, deps)
        try:
            yield made
        finally:
            await made.close()


def build(options: dict[str, Any], deps: Deps) -> ChangeSource:
    return plugin.build(Options.model_validate(options), deps)


async def news(of: ChangeSource, count: int) -> Sequence[News]:
    deadline = time.monotonic() + 30
    while len(found := await of.news()) < count:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)
    assert len(found) == count
    return found


async def deployed(plane: ControlPlane, namespace: str, what: dict[str, Any]) -> str:
    """The name of the revision that runs once it is rolled out."""
    plane.apply(what, namespace=namespace)
    name = f"{what['kind'].lower()}/shop"
    await plane.until_rolled_out(name, namespace)
    await next_second()
    return newest_of(plane, namespace)


def newest_of(plane: ControlPlane, namespace: str) -> str:
    sets = plane.listed("replicaset", namespace)
    number = "deployment.kubernetes.io/revision"
    newest = max(sets, key=lambda one: int(one["metadata"]["annotations"][number]))
    return str(newest["metadata"]["name"])


async def next_second() -> None:
    """A cluster tells the time in seconds; two revisions of one second come in any order."""
    now = int(time.time())
    await asyncio.to_thread(wait_for, lambda: int(time.time()) > now, "a second is over")


async def undone(plane: ControlPlane, namespace: str, image: str, manager: str = "ann") -> None:
    """Somebody returns to an earlier image, which is an earlier revision."""
    path = plane.api.path_of("deployment/shop", namespace)
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]
    answer = plane.api.request(
        "PATCH",
        path,
        change,
        query={"fieldManager": manager},
        content_type="application/json-patch+json",
    )
    assert answer.status == 200, answer
    await plane.until_rolled_out("deployment/shop", namespace)


async def test_each_template_that_came_is_a_change_also_when_it_came_back(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    before = time.time()
    v1 = await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v1"))
    v2 = await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v2"))
    await undone(control_plane, namespace, f"{IMAGE}:v1")
    async with source(file) as one:
        told = await news(one, 3)

    assert [(one.version, one.previous, one.kind) for one in told] == [
        (v1, "", ChangeKind.APP),
        (v2, v1, ChangeKind.APP),
        (v1, v2, ChangeKind.APP),
    ]
    assert before - 1 < told[0].at < told[1].at < told[2].at < time.time() + 1
    assert told[2].by == "ann"
    assert told[2].reference == f"deployment/shop revision 3 ({v1}: {IMAGE}:v1)"


async def test_scaling_is_no_change_and_moves_none(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v1"))
    await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v2"))
    await undone(control_plane, namespace, f"{IMAGE}:v1")
    async with source(file) as one:
        before = await news(one, 3)
        await next_second()
        control_plane.patch("deployment/shop", namespace, {"spec": {"replicas": 3}})
        await control_plane.until_rolled_out("deployment/shop", namespace)

        assert await news(one, 3) == before
    async with source(file) as another:
        assert await news(another, 3) == before


async def test_a_return_keeps_its_time_whatever_its_manager_changes_later(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v1"))
    await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v2"))
    await undone(control_plane, namespace, f"{IMAGE}:v1")
    async with source(file) as one:
        before = await news(one, 3)
        await next_second()
        await next_second()
        change = [{"op": "replace", "path": "/spec/replicas", "value": 1}]
        path = control_plane.api.path_of("deployment/shop", namespace)
        json_patch = "application/json-patch+json"
        named = {"fieldManager": "ann"}
        assert (
            control_plane.api.request(
                "PATCH", path, change, query=named, content_type=json_patch
            ).status
            == 200
        )
        await control_plane.until_rolled_out("deployment/shop", namespace)

        assert await news(one, 3) == before
    async with source(file) as another:
        # Who did it is lost with the time at which they did, and when it ended is not.
        again = (await news(another, 3))[2]
        assert (again.version, again.by) == (before[2].version, "")
        assert 0 <= again.at - before[2].at <= 2


@pytest.mark.parametrize("kind", ["statefulset", "daemonset"])
async def test_other_workloads_keep_a_history_as_well(
    control_plane: ControlPlane, namespace: str, file: Path, kind: str
) -> None:
    make = stateful_set if kind == "statefulset" else daemon_set
    for image in ("v1", "v2", "v1"):
        control_plane.apply(make(image=f"{IMAGE}:{image}"), namespace=namespace)
        await control_plane.until_rolled_out(f"{kind}/shop", namespace)
        await next_second()
    async with source(file, workload=f"{kind}/shop", version="tag") as one:
        told = await news(one, 3)

    assert [(one.version, one.previous) for one in told] == [("v1", ""), ("v2", ""), ("v1", "v2")]
    assert told[0].at < told[1].at < told[2].at


async def test_what_changes_within_a_version_is_a_change_of_its_configuration(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await deployed(control_plane, namespace, deployment(image=f"{IMAGE}:v1"))
    flagged = deployment(image=f"{IMAGE}:v1", environment={"NEW_CART": "on"})
    name = await deployed(control_plane, namespace, flagged)
    async with source(file, version="tag", container="app") as one:
        told = await news(one, 2)

    assert [(one.version, one.kind, one.previous) for one in told] == [
        ("v1", ChangeKind.APP, ""),
        (name, ChangeKind.CONFIG, ""),
    ]


async def test_a_label_may_say_the_version_and_a_cause_why(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    for version in ("2.0", "2.1"):
        labelled = deployment(image=f"{IMAGE}:{version}")
        labelled["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] = version
        labelled["metadata"]["annotations"] = {"kubernetes.io/change-cause": f"release {version}"}
        await deployed(control_plane, namespace, labelled)
    async with source(file, version="label") as one:
        told = await news(one, 2)

    assert [(one.version, one.previous) for one in told] == [("2.0", ""), ("2.1", "2.0")]
    assert told[1].reference.endswith(": release 2.1")


async def test_a_secret_in_a_cause_is_not_told(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    caused = deployment()
    cause = "kubectl set env deployment/shop TOKEN=kanarie-7f3a --record=true"
    caused["metadata"]["annotations"] = {"kubernetes.io/change-cause": cause}
    await deployed(control_plane, namespace, caused)

    async with real_deps(TOKEN="kanarie-7f3a") as deps:
        made = build({"workload": OF, "kubeconfig": str(file)}, deps)
        (told,) = await news(made, 1)
        await made.close()

    assert "TOKEN=[redacted] --record" in told.reference


async def test_what_runs_must_have_the_name_that_was_said(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await deployed(control_plane, namespace, deployment())
    async with source(file, version="label") as one:
        with pytest.raises(ConfigError, match="its label says no version"):
            await one.news()
    async with source(file, version="tag", container="nobody") as one:
        with pytest.raises(ConfigError, match="its tag says no version"):
            await one.news()


async def test_a_history_that_may_not_be_read_says_what_is_missing(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await deployed(control_plane, namespace, deployment())
    token = control_plane.account(namespace, READS[:1])
    async with source(control_plane.kubeconfig(tmp_path, token, namespace)) as one:
        with pytest.raises(StepError, match='cannot list resource "replicasets"'):
            await one.news()


async def test_a_workload_that_is_not_there_is_an_error(file: Path) -> None:
    async with source(file, workload="deployment/shop") as one:
        with pytest.raises(StepError, match='"shop" not found'):
            await one.news()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"workload": "shop"},
        {"workload": OF, "version": "digest"},
        {"workload": OF, "container": "app"},
        {"workload": OF, "label": "version"},
        {"workload": OF, "version": "tag", "label": "version"},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)
