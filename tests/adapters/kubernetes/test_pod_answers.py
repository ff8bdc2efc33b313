import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.deps import KnownSecrets
from watchdog.adapters.kubernetes import answers
from watchdog.adapters.kubernetes.asks import Ask, FieldAsk, ImageAsk, PodsAsk, VersionAsk
from watchdog.adapters.kubernetes.pod_restarts import MOST
from watchdog.domain.observation import Gap, Observation, Sample, Unknown

Object = dict[str, Any]
OF = "deployment/shop"


def pod(
    name: str = "a",
    image: str = "shop:v1",
    *,
    ready: bool = True,
    phase: str = "Running",
    restarts: int = 0,
    going: bool = False,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    state: Object = {"name": "app", "restartCount": restarts, "state": {"running": {}}}
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {}),
        },
        "spec": {
            "containers": [
                {"name": "app", "image": image},
                {"name": "mesh", "image": "mesh:1.20"},
            ]
        },
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [state],
        },
    }


def deployment(replicas: int = 2, ready: int = 2) -> Object:
    return {
        "kind": "Deployment",
        "metadata": {"name": "shop", "generation": 1},
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": ready, "observedGeneration": 1},
    }


def said(observation: Observation) -> float:
    assert isinstance(observation, Sample), observation
    return observation.values[0]


def note(observation: Observation) -> str:
    return observation.note


def read(observation: Observation) -> object:
    assert isinstance(observation, Sample), observation
    return observation.read


# -- all pods run and are ready


def test_all_is_well_while_as_many_pods_as_wanted_run_and_are_ready() -> None:
    found = answers.all_well(deployment(), [pod("a"), pod("b")], PodsAsk(of=OF))

    assert (said(found), note(found)) == (1, "2 pods run and are ready, 0 restarts")


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ([pod("a")], "1 pods, not 2"),
        ([pod("a"), pod("b"), pod("c")], "3 pods, not 2"),
        ([pod("a"), pod("b", ready=False)], "pod b: Running, not ready"),
        ([pod("a"), pod("b", ready=False, phase="Pending")], "pod b: Pending, not ready"),
        ([pod("a"), pod("b", going=True)], "1 pods, not 2"),
        ([pod("a"), pod("b", phase="Failed")], "1 pods, not 2"),
    ],
)
def test_whatever_is_missing_is_named(pods: list[Object], why: str) -> None:
    found = answers.all_well(deployment(), pods, PodsAsk(of=OF))

    assert (said(found), note(found)) == (0, why)


def test_the_number_of_pods_and_their_restarts_may_be_said() -> None:
    pods = [pod("a", restarts=2), pod("b", restarts=1)]

    assert said(answers.all_well(deployment(5), pods, PodsAsk(of=OF, count=2, restarts=3))) == 1
    found = answers.all_well(deployment(), pods, PodsAsk(of=OF, restarts=2))
    assert (said(found), note(found)) == (0, "3 restarts, not 2 at most")


def test_the_share_of_ready_pods_of_none_is_not_known() -> None:
    assert said(answers.ready_share(deployment(4, 3))) == 0.75
    assert said(answers.ready(deployment(4, 3))) == 3
    found = answers.ready_share(deployment(0, 0))
    assert isinstance(found, Gap)
    assert found.reason is Unknown.NODATA


# -- restarts


def test_restarts_are_counted_over_all_living_pods() -> None:
    pods = [pod("a", restarts=2), pod("b", restarts=3), pod("c", restarts=9, going=True)]

    assert said(answers.restarted(pods, None)) == 5


def test_only_restarts_since_the_snapshot_count_against_it() -> None:
    snapshot = read(answers.restarted([pod("a", restarts=2), pod("b", restarts=7)], None))

    same = [pod("a", restarts=2), pod("b", restarts=7)]
    assert said(answers.restarted(same, snapshot)) == 0
    # b is gone with its seven, and what took its place has its own one.
    assert said(answers.restarted([pod("a", restarts=3), pod("c", restarts=1)], snapshot)) == 2


def crashing(count: int, restarts: int = 7) -> list[Object]:
    return [pod(str(number), restarts=restarts + number % 5) for number in range(count)]


@pytest.mark.parametrize("count", [90, 100, 1000, MOST])
def test_a_large_crash_loop_is_compared_pod_by_pod(count: int) -> None:
    pods = crashing(count)
    snapshot = str(read(answers.restarted(pods, None)))

    assert said(answers.restarted(pods, snapshot)) == 0
    # One of them once more, half of them gone, and a new one that was started anew twice.
    later = [pod("0", restarts=8), *pods[1 : count // 2], pod("new", restarts=2)]
    assert said(answers.restarted(later, snapshot)) == 3
    assert len(snapshot) <= max(4000, 9 * count)


def test_of_more_pods_than_are_kept_each_restart_counts_as_a_new_one() -> None:
    pods = [*crashing(MOST), pod("worse", restarts=100), pod("worst", restarts=101)]

    seen = answers.restarted(pods, None)

    assert note(seen).endswith(f"; only the {MOST} pods with the fewest are kept for later")
    assert said(answers.restarted(pods, read(seen))) == 201
    # They are those that crash: once they are gone, all that is left is known.
    assert said(answers.restarted(pods[:-2], read(seen))) == 0


def test_what_is_compared_is_not_kept_again() -> None:
    pods = crashing(100)

    assert read(answers.restarted(pods, read(answers.restarted(pods, None)))) is None


@pytest.mark.parametrize(
    "saved",
    [
        "",
        "[]",
        "null",
        "7",
        "{",
        5,
        '{"packed": "?"}',
        '{"packed": "AAAA"}',
        '{"packed": 1, "a": 2}',
    ],
)
def test_without_a_snapshot_nothing_can_be_compared(saved: object) -> None:
    found = answers.restarted([pod("a", restarts=2)], saved)

    assert isinstance(found, Gap)
    assert found.reason is Unknown.NODATA


# -- images and versions


def test_the_image_of_all_serving_pods_is_read() -> None:
    pods = [pod("a"), pod("b"), pod("c", "shop:v2", ready=False), pod("d", "shop:v0", going=True)]

    found = answers.image(pods, ImageAsk(of=OF))
    assert (said(found), read(found), note(found)) == (1, "shop:v1", "all have shop:v1 (2)")


def test_several_images_are_no_answer_to_which_one_it_is() -> None:
    found = answers.image([pod("a"), pod("b", "shop:v2"), pod("c")], ImageAsk(of=OF))

    assert found == Gap(Unknown.AMBIGUOUS, "2 of them: shop:v1 (2), shop:v2 (1)")


def test_one_pod_with_another_image_is_a_no_to_whether_all_have_it() -> None:
    ask = ImageAsk.model_validate({"of": OF, "is": "shop:v1"})

    assert said(answers.image([pod("a"), pod("b")], ask)) == 1
    mixed = answers.image([pod("a"), pod("b", "shop:v2")], ask)
    assert (said(mixed), note(mixed)) == (0, "2 of them: shop:v1 (1), shop:v2 (1)")
    other = answers.image([pod("a", "shop:v2")], ask)
    assert (said(other), note(other)) == (0, "all have shop:v2 (1), not shop:v1")


def test_of_no_pod_no_image_is_known() -> None:
    found = answers.image([pod("a", ready=False)], ImageAsk(of=OF))

    assert isinstance(found, Gap)
    assert found.reason is Unknown.NODATA


def test_a_container_may_be_named_by_the_file_or_by_the_pod() -> None:
    assert read(answers.image([pod()], ImageAsk(of=OF, container="mesh"))) == "mesh:1.20"
    default = pod(annotations={"kubectl.kubernetes.io/default-container": "mesh"})
    assert read(answers.image([default], ImageAsk(of=OF))) == "mesh:1.20"
    found = answers.image([pod()], ImageAsk(of=OF, container="nobody"))
    assert found == Gap(Unknown.NODATA, "1 of 1 pods have no image")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("shop:v1", "v1"),
        ("registry.test:5000/shop", "latest"),
        (f"shop@sha256:{'a' * 64}", f"sha256:{'a' * 64}"),
        (f"registry.test:5000/shop:v1@sha256:{'a' * 64}", "v1"),
    ],
)
def test_the_version_is_the_tag(image: str, version: str) -> None:
    assert read(answers.version([pod(image=image)], VersionAsk(of=OF))) == version


def test_a_version_may_stand_in_a_label() -> None:
    pods = [pod("a", labels={"version": "v7"}), pod("b", labels={"version": "v7"})]
    ask = VersionAsk.model_validate({"of": OF, "label": "version", "is": "v7"})

    assert said(answers.version(pods, ask)) == 1
    assert isinstance(answers.version([*pods, pod("c")], ask), Gap)


# -- fields


def field(path: object, document: Object | None = None, **secrets: str) -> Observation:
    ask = FieldAsk.model_validate({"of": "service/shop", "path": path})
    found = document or {"spec": {"replicas": 3, "selector": {"slot": "blue", "app": "shop"}}}
    return answers.field(found, ask, KnownSecrets(secrets))


def test_a_field_is_a_number_a_text_or_compact_json() -> None:
    assert (said(field("spec.replicas")), read(field("spec.replicas"))) == (3, 3)
    assert read(field("spec.selector.slot")) == "blue"
    assert read(field("spec.selector")) == '{"app":"shop","slot":"blue"}'


def test_a_key_with_dots_is_one_of_a_list() -> None:
    document = {"metadata": {"annotations": {"shop.example/mode": "on"}}}

    assert read(field(["metadata", "annotations", "shop.example/mode"], document)) == "on"


def test_what_is_not_there_too_long_or_secret_is_not_read() -> None:
    gone, long = field("spec.nothing"), field("spec", {"spec": {"text": "x" * 5000}})
    secret = field("spec.selector", token="blue")

    reasons = [one.reason for one in (gone, long, secret) if isinstance(one, Gap)]
    assert reasons == [Unknown.NODATA, Unknown.PARSE, Unknown.ERROR]
    assert "blue" not in secret.note


# -- endpoints


def test_backends_are_counted_once_whatever_addresses_they_have() -> None:
    def endpoint(name: str, address: str, **conditions: bool) -> Object:
        return {
            "addresses": [address],
            "conditions": conditions,
            "targetRef": {"kind": "Pod", "uid": name},
        }

    slices: list[Object] = [
        {"endpoints": [endpoint("a", "10.0.0.1", ready=True), endpoint("b", "10.0.0.2")]},
        {
            "endpoints": [
                endpoint("a", "fd00::1", ready=True),
                endpoint("c", "fd00::3", ready=False),
            ]
        },
        {"endpoints": None},
    ]

    found = answers.endpoints(slices)
    assert (said(found), note(found)) == (2, "2 of 3 backends ready")


def test_a_service_without_any_endpoint_has_none() -> None:
    assert said(answers.endpoints([])) == 0


# -- what may be asked


@pytest.mark.parametrize(
    "ask",
    [
        {"rolled_out": OF},
        {"pods": OF},
        {"pods": {"of": OF, "count": 3, "restarts": 0}},
        {"restarts": "statefulset/shop"},
        {"image": {"of": OF, "container": "app", "is": "shop:v1"}},
        {"version": {"of": OF, "label": "app.kubernetes.io/version"}},
        {"field": {"of": "service/shop", "path": "spec.selector"}},
        {"log_lines": {"of": OF, "matching": "ERROR", "since": "1m"}},
        {"log_lines": {"of": OF, "matching": ["ERROR", "panic"]}},
        {"endpoints": "shop"},
    ],
)
def test_a_question_survives_being_written_down(ask: Object) -> None:
    once = Ask.model_validate(ask)

    written = once.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert Ask.model_validate(json.loads(json.dumps(written))) == once


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        ({}, "ask one of"),
        ({"ready": OF, "restarts": OF}, "ask one of"),
        ({"ready": "shop"}, "names no workload"),
        ({"ready": "secret/shop"}, "names no workload"),
        ({"field": {"of": "secret/shop", "path": "data"}}, "names nothing to read"),
        ({"field": {"of": "service/shop", "path": "..selector"}}, "several places"),
        ({"log_lines": {"of": OF, "matching": ""}}, "at least 1 character"),
        ({"log_lines": {"of": OF, "matching": []}}, "at least 1 item"),
        ({"log_lines": {"of": OF, "matching": "E", "since": "0s"}}, "greater than 0"),
        ({"version": {"of": OF, "label": "v", "container": "app"}}, "in a `label`"),
        ({"ready": OF, "against": "x"}, "only `restarts`"),
        ({"endpoints": "Shop!"}, "pattern"),
    ],
)
def test_what_means_nothing_is_refused(ask: Object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Ask.model_validate(ask)
