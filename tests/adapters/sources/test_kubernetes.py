import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.deps import now, real_deps
from tests.bed.manifests import Fails, daemon_set, deployment, service, stateful_set
from tests.bed.wire import free_port
from watchdog.adapters.kubernetes.asks import Ask
from watchdog.adapters.sources.kubernetes import KubernetesSource, Options, plugin
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.plugins import Use
from watchdog.ports import Question, Source

V1, V2 = "registry.test:5000/shop:v1", "registry.test:5000/shop:v2"
READS = [
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
]


@asynccontextmanager
async def source(file: Path, **options: object) -> AsyncIterator[Source]:
    async with real_deps() as deps:
        made = plugin.build(Options.model_validate({"kubeconfig": str(file), **options}), deps)
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture
def file(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of an account that may only read."""
    token = control_plane.account(namespace, READS)
    return control_plane.kubeconfig(tmp_path, token, namespace)


async def looked(of: Source, ask: Mapping[str, Any]) -> Observation:
    answers = await of.observe([Question("one", Ask.model_validate(ask))], now())
    return answers["one"]


async def once(file: Path, ask: Mapping[str, Any], **options: object) -> Observation:
    async with source(file, **options) as one:
        return await looked(one, ask)


async def until(
    of: Source, ask: Mapping[str, Any], value: float = 0, at_least: float | None = None
) -> Sample:
    """The first answer of that value."""
    async with asyncio.timeout(30):
        while True:
            seen = await looked(of, ask)
            if isinstance(seen, Sample):
                enough = at_least is not None and seen.values[0] >= at_least
                if enough or (at_least is None and seen.values == (value,)):
                    return seen
            await asyncio.sleep(0.02)


async def running(
    plane: ControlPlane, namespace: str, what: Mapping[str, Any], name: str = "deployment/shop"
) -> None:
    plane.apply(what, namespace=namespace)
    await plane.until_rolled_out(name, namespace)


OF = "deployment/shop"


async def test_a_rollout_is_over_when_all_pods_are_new_and_ready(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment())
    async with source(file) as one:
        done = await looked(one, {"rolled_out": OF})
        control_plane.apply(deployment(image=V2, fails=Fails.IMAGE_PULL), namespace=namespace)
        broken = await until(one, {"rolled_out": OF}, 0)
        async with asyncio.timeout(30):
            while "ImagePullBackOff" not in broken.note:
                broken = await until(one, {"rolled_out": OF}, 0)

    assert isinstance(done, Sample)
    assert (done.values, done.note) == ((1.0,), "2 of 2 updated, 2 available, 0 old")
    assert "the container does not start with registry.test:5000/shop:v2" in broken.note


async def test_pods_are_counted_and_what_is_wrong_with_them_is_named(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment(replicas=3))
    # Of the same labels, and nobody's business.
    await running(control_plane, namespace, _stranger(), "deployment/stranger")
    async with source(file) as one:
        assert (await until(one, {"pods": OF}, 1)).note == "3 pods run and are ready, 0 restarts"
        assert (await until(one, {"ready": OF}, 3)).read == 3
        assert (await until(one, {"ready_share": OF}, 1)).note == "3 of 3 pods ready"
        assert (await until(one, {"pods": {"of": OF, "count": 2}}, 0)).note == "3 pods, not 2"
        await until(one, {"restarts": OF}, 0)


def _stranger() -> dict[str, Any]:
    """A Deployment whose pods bear the labels of the other one, too."""
    found = deployment(name="stranger")
    template = found["spec"]["template"]["metadata"]["labels"]
    template |= {"app": "shop", "of": "stranger"}
    found["spec"]["selector"]["matchLabels"] = {"of": "stranger"}
    return found


@pytest.mark.parametrize("workload", [stateful_set(), daemon_set()], ids=["stateful", "daemon"])
async def test_other_workloads_are_asked_the_same(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, workload: dict[str, Any]
) -> None:
    name = f"{workload['kind'].lower()}/shop"
    await running(control_plane, namespace, workload, name)
    async with source(control_plane.kubeconfig(tmp_path, namespace=namespace)) as one:
        await until(one, {"rolled_out": name}, 1)
        await until(one, {"pods": name}, 1)
        await until(one, {"ready_share": name}, 1)
        assert (await until(one, {"version": name}, 1)).read == "v1"


async def test_restarts_since_a_snapshot_are_told_from_those_before(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    control_plane.apply(deployment(replicas=1, fails=Fails.CRASH), namespace=namespace)
    async with source(file) as one:
        before = await until(one, {"restarts": OF}, at_least=1)
        grown = await until(one, {"restarts": OF, "against": before.read}, at_least=1)
        nothing = await looked(one, {"restarts": OF, "against": ""})

    assert grown.note.endswith("restarts since that was saved")
    assert grown.values < (before.values[0] + 1,)
    assert isinstance(nothing, Gap)


async def test_image_and_version_are_those_of_every_serving_pod(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment())
    async with source(file) as one:
        assert (await until(one, {"image": OF}, 1)).read == V1
        assert (await until(one, {"version": {"of": OF, "is": "v1"}}, 1)).read == "v1"
        # The new ones never serve, so that what is asked of those that do stays as it is.
        control_plane.apply(deployment(image=V2, fails=Fails.NEVER_READY), namespace=namespace)
        await until(one, {"rolled_out": OF}, 0)
        assert (await until(one, {"image": {"of": OF, "is": V1}}, 1)).read == V1
        control_plane.apply(deployment(image=V2), namespace=namespace)
        await until(one, {"version": {"of": OF, "is": "v2"}}, 1)
        assert (await until(one, {"version": {"of": OF, "is": "v1"}}, 0)).note == (
            "all have v2 (2), not v1"
        )


async def test_fields_are_read_as_a_plan_keeps_them(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment(replicas=3))
    control_plane.apply(service(selector={"app": "shop", "slot": "blue"}), namespace=namespace)
    async with source(file) as one:
        replicas = await looked(one, {"field": {"of": OF, "path": "spec.replicas"}})
        selector = await looked(one, {"field": {"of": "service/shop", "path": "spec.selector"}})

    assert replicas == Sample((3.0,), read=3)
    assert isinstance(selector, Sample)
    assert selector.read == '{"app":"shop","slot":"blue"}'


async def test_lines_of_all_logs_are_counted(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment())
    control_plane.write_pod_log("ERROR one", "fine", "(((ERROR two", "warn: panic")
    errors = {"of": OF, "matching": "ERROR", "since": "1h"}
    async with source(file) as one:
        # The log is the same for both pods.
        assert (await until(one, {"log_lines": errors}, 4)).warnings == ()
        await until(one, {"log_lines": {**errors, "matching": ["ERROR", "panic"]}}, 6)
        await until(one, {"log_lines": {**errors, "matching": "(ERROR"}}, 2)
        await until(one, {"log_lines": {**errors, "matching": "error"}}, 0)
        short = await until(one, {"log_lines": {**errors, "tail": 2}}, 2)

    assert "only the last of them were read; raise `tail`" in short.warnings[0]


async def test_a_container_that_never_began_has_written_nothing(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    control_plane.apply(deployment(replicas=1, fails=Fails.IMAGE_PULL), namespace=namespace)
    control_plane.write_pod_log("ERROR")
    async with source(file) as one:
        await until(one, {"log_lines": {"of": OF, "matching": "ERROR"}}, 0)


async def test_endpoints_are_those_that_take_traffic(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment())
    control_plane.apply(service(), namespace=namespace)
    async with source(file) as one:
        assert (await until(one, {"endpoints": "shop"}, 2)).note == "2 of 2 backends ready"
        control_plane.apply(service(selector={"app": "nobody"}), namespace=namespace)
        await until(one, {"endpoints": "shop"}, 0)


# -- what cannot be known


async def test_what_is_not_there_is_no_data(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    control_plane.apply(deployment(replicas=0), namespace=namespace)
    async with source(file) as one:
        for ask in (
            {"rolled_out": "deployment/nobody"},
            {"endpoints": "nobody"},
            {"field": {"of": OF, "path": "spec.nothing"}},
            {"image": OF},
            {"log_lines": {"of": OF, "matching": "ERROR"}},
        ):
            seen = await looked(one, ask)
            assert isinstance(seen, Gap), ask
            assert seen.reason is Unknown.NODATA, seen


async def test_a_right_that_is_missing_is_named(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await running(control_plane, namespace, deployment())
    token = control_plane.account(namespace, READS[:1])
    async with source(control_plane.kubeconfig(tmp_path, token, namespace)) as one:
        allowed = await looked(one, {"ready": OF})
        refused = await looked(one, {"pods": OF})

    assert isinstance(allowed, Sample)
    assert isinstance(refused, Gap)
    assert refused.reason is Unknown.ERROR
    assert 'cannot list resource "pods" in API group ""' in refused.note


async def test_credentials_that_were_refused_are_read_anew(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await running(control_plane, namespace, deployment())
    token = control_plane.account(namespace, READS)
    file = control_plane.kubeconfig(tmp_path, control_plane.expired(token), namespace)
    async with source(file) as one:
        refused = await looked(one, {"ready": OF})
        file.write_text(control_plane.kubeconfig(tmp_path, token, namespace).read_text())
        accepted = await looked(one, {"ready": OF})

    assert isinstance(refused, Gap)
    assert (refused.reason, "401 Unauthorized" in refused.note) == (Unknown.ERROR, True)
    assert token not in refused.note
    assert accepted == Sample((2.0,), note="2 of 2 pods ready", read=2)


async def test_nobody_there_and_no_way_to_go_are_errors(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    server = f"http://127.0.0.1:{await free_port()}"
    nobody = await once(control_plane.kubeconfig(tmp_path, server=server), {"ready": OF})
    lost = await once(tmp_path / "nothing", {"ready": OF})

    assert isinstance(nobody, Gap)
    assert isinstance(lost, Gap)
    assert (nobody.reason, lost.reason) == (Unknown.ERROR, Unknown.ERROR)
    assert "cannot be reached" in nobody.note


async def test_an_api_server_that_says_nothing_is_a_timeout(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        file = control_plane.kubeconfig(tmp_path, server=f"http://127.0.0.1:{port}")
        seen = await once(file, {"ready": OF}, timeout="100ms")

    assert seen == Gap(Unknown.TIMEOUT, "no answer from the API server within 0.1 s")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        ("200 OK", b"<html>welcome</html>", Unknown.PARSE),
        ("200 OK", b"[1, 2]", Unknown.PARSE),
        ("200 OK", b'{"spec": 7, "status": []}', Unknown.PARSE),
        ("503 Service Unavailable", b"busy", Unknown.HTTP),
        ("401 Unauthorized", b'{"kind": "Status", "code": 401}', Unknown.ERROR),
    ],
)
async def test_an_answer_that_is_none_is_never_believed(
    control_plane: ControlPlane, tmp_path: Path, status: str, body: bytes, reason: Unknown
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        file = control_plane.kubeconfig(tmp_path, server=f"http://127.0.0.1:{port}")
        async with source(file) as one:
            # The second look is on a connection that was opened anew where the first was refused.
            seen = [await looked(one, {"rolled_out": OF}) for _ in range(2)]

    assert [isinstance(each, Gap) and each.reason for each in seen] == [reason, reason], seen


async def test_several_questions_share_what_they_read(
    control_plane: ControlPlane, namespace: str, file: Path
) -> None:
    await running(control_plane, namespace, deployment())
    asks: list[dict[str, Any]] = [{"pods": OF}, {"restarts": OF}, {"image": OF}, {"ready": OF}]
    async with source(file) as one:
        await looked(one, {"ready": OF})
        mark = control_plane.mark()
        questions = [Question(str(n), Ask.model_validate(ask)) for n, ask in enumerate(asks)]
        answers = await one.observe(questions, now())
        control_plane.settle()

    calls = [call for call in control_plane.audit.calls(mark) if call.namespace == namespace]
    assert all(isinstance(each, Sample) for each in answers.values())
    # The Deployment, its ReplicaSets and its pods.
    assert len([call for call in calls if "serviceaccount" in call.user]) == 3
    assert control_plane.calls(namespace, mark) == []


async def test_a_source_that_was_never_asked_can_be_closed(tmp_path: Path) -> None:
    async with source(tmp_path / "nothing") as one:
        assert isinstance(one, KubernetesSource)
        assert await one.observe([], now()) == {}


def test_a_log_window_that_is_shorter_than_the_pace_is_remarked() -> None:
    assert plugin.remarks is not None
    ask = Ask.model_validate({"log_lines": {"of": OF, "matching": "E", "since": "10s"}})

    told = [each.text for each in plugin.remarks(Options(), ask, Use(every=30.0))]
    assert told[0].startswith("looks at the last 10s every 30s")
    assert list(plugin.remarks(Options(), ask, Use(every=10.0))) == []
