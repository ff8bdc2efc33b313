import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.cluster_steps import KEY, ClusterSteps, cluster_steps, paths
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment, service
from tests.bed.patience import until
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.executors.kubernetes_selector import Options, plugin
from watchdog.adapters.kubernetes.access import reached
from watchdog.adapters.kubernetes.api import ForbiddenError, MissingError, Object
from watchdog.adapters.kubernetes.pointing import point
from watchdog.domain.errors import PermanentError, TransientError
from watchdog.domain.events import Effect
from watchdog.domain.moment import Moment

AWAY = {"app": "shop-v1"}
BACK = {"app": "shop"}

# Endpoints that the cluster takes no notice of: they stand for what is slow to follow.
STRAY = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "stray", "labels": {"kubernetes.io/service-name": "shop"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.9.9.9"]}],
    "ports": [],
}


@pytest.fixture
async def steps(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    async with cluster_steps(control_plane, namespace, plugin, tmp_path) as steps:
        yield steps


def selector(steps: ClusterSteps) -> dict[str, str]:
    return dict(steps.plane.get("service/shop", steps.namespace)["spec"]["selector"])


async def serves(steps: ClusterSteps, **more: str) -> None:
    """A Deployment of two pods, and a Service that has both as its endpoints."""
    labels = {"app": "shop", **more}
    found = deployment("shop")
    found["spec"]["template"]["metadata"]["labels"] = labels
    steps.plane.apply(found, service("shop", labels), namespace=steps.namespace)
    await steps.plane.until_rolled_out("deployment/shop", steps.namespace)
    await until(lambda: endpoints(steps) == 2, "both pods are endpoints")
    steps.began = steps.plane.mark()


def endpoints(steps: ClusterSteps) -> int:
    slices = steps.plane.listed("endpointslice", steps.namespace, "kubernetes.io/service-name=shop")
    return sum(len(one["endpoints"] or []) for one in slices)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "by `set` or by `selector`"),
        ({"set": AWAY, "selector": AWAY}, "by `set` or by `selector`"),
        ({"set": {}}, "at least 1"),
        ({"selector": {}}, "at least 1"),
        ({"selector": "{}"}, "at least 1"),
        ({"selector": "app=shop"}, "is no selector"),
        ({"selector": '["app"]'}, "is no selector"),
        ({"selector": ""}, "is no selector"),
        ({"selector": "3"}, "is no selector"),
        ({"set": AWAY, "service": "Shop"}, "pattern"),
    ],
)
def test_what_is_no_selector_is_refused_when_it_is_read(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Options.model_validate({"service": "shop", **options})


def test_a_selector_that_was_saved_is_read_as_it_was_written_down() -> None:
    found = Options.model_validate({"service": "shop", "selector": json.dumps(BACK)})

    assert found.selector == BACK


async def test_traffic_is_paused_and_resumed(steps: ClusterSteps) -> None:
    await serves(steps, tier="web")
    saved = json.dumps(selector(steps))

    paused = await steps.execute("run-7/steps/0", service="shop", set=AWAY)
    none_left = endpoints(steps)
    resumed = await steps.execute("run-7/steps/4", service="shop", selector=saved)

    # The labels that were not named stay.
    assert "from app=shop,tier=web, 2 endpoints, to app=shop-v1,tier=web, 0 endpoints" in paused
    assert none_left == 0
    assert "to app=shop,tier=web, 2 endpoints" in resumed
    assert selector(steps) == {"app": "shop", "tier": "web"}
    assert endpoints(steps) == 2
    assert [paths(call) for call in steps.sent()] == [["/spec/selector"], ["/spec/selector"]]


async def test_a_whole_selector_leaves_no_old_label_behind(steps: ClusterSteps) -> None:
    await serves(steps, tier="web")

    await steps.execute(service="shop", selector=BACK)

    assert selector(steps) == BACK


async def test_preflight_counts_what_answers_now_and_what_would(steps: ClusterSteps) -> None:
    await serves(steps)

    away = await steps.said_before(service="shop", set=AWAY)
    same = await steps.said_before(service="shop", set=BACK)
    later = await steps.said_before(service="shop", selector="{{ saved.selector }}")

    assert "from app=shop, 2 endpoints, to app=shop-v1, 0 pods: connections will be refused" in away
    assert "has app=shop already, 2 endpoints; nothing to send" in same
    assert "app=shop, 2 endpoints; what it gets is known to the run" in later
    assert steps.sent() == []


async def test_it_waits_until_the_endpoints_are_those_that_are_selected(
    steps: ClusterSteps,
) -> None:
    await serves(steps)
    steps.plane.apply(STRAY, namespace=steps.namespace)

    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(steps.execute(service="shop", set=AWAY))
        await until(lambda: endpoints(steps) == 1, "the pods are gone, and the stray is not")
        await asyncio.sleep(0.1)
        assert not step.done()
        steps.plane.delete("endpointslice/stray", steps.namespace)

    assert "from app=shop, 3 endpoints, to app=shop-v1, 0 endpoints" in step.result()


class LeapingClock(SystemClock):
    """Each look at it takes ten seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def now(self) -> Moment:
        self._looks += 1
        return super().now().after(10.0 * self._looks)


async def test_endpoints_that_never_follow_are_only_told_of(steps: ClusterSteps) -> None:
    await serves(steps)
    steps.plane.apply(STRAY, namespace=steps.namespace)
    steps.deps = replace(steps.deps, clock=LeapingClock())

    told = await steps.execute(service="shop", set=AWAY)

    assert "to app=shop-v1, still " in told
    assert selector(steps) == AWAY


async def test_without_the_right_to_count_them_traffic_is_paused_all_the_same(
    steps: ClusterSteps,
) -> None:
    await serves(steps)
    rule = {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "patch"]}

    told = await steps.as_account(rule).execute(service="shop", set=AWAY)

    assert "from app=shop, unknown endpoints, to app=shop-v1, unknown endpoints" in told
    assert selector(steps) == AWAY


async def test_nothing_is_sent_where_it_is_so_already(steps: ClusterSteps) -> None:
    await serves(steps)

    assert "has app=shop already, 2 endpoints" in await steps.execute(service="shop", set=BACK)
    assert (await steps.inspect(service="shop", set=BACK))[0] is Effect.APPLIED
    assert steps.sent() == []


async def test_a_step_that_is_told_again_sends_nothing_again(steps: ClusterSteps) -> None:
    await serves(steps)
    before, _ = await steps.inspect(service="shop", set=AWAY)
    await steps.execute(service="shop", set=AWAY)
    steps.plane.patch("service/shop", steps.namespace, {"spec": {"selector": BACK}})

    await steps.execute(service="shop", set=AWAY)

    assert before is Effect.NOT_APPLIED
    assert (await steps.inspect(service="shop", set=AWAY))[0] is Effect.APPLIED
    assert selector(steps) == BACK
    assert len(steps.sent()) == 1


async def test_a_selector_that_was_never_read_is_not_sent(steps: ClusterSteps) -> None:
    await serves(steps)

    error = await steps.refused(service="shop", selector="{{ saved.selector }}")

    assert isinstance(error, PermanentError)
    assert "never read; not sent" in str(error)
    assert steps.sent() == []


async def test_a_service_that_is_not_there_is_seen_before_anything_is_sent(
    steps: ClusterSteps,
) -> None:
    (problem,) = await steps.preflight(service="shop", set=AWAY)

    assert '"shop" not found' in problem
    assert isinstance(await steps.refused(service="shop", set=AWAY), MissingError)
    assert (await steps.inspect(service="shop", set=AWAY))[0] is Effect.UNKNOWN
    assert steps.sent() == []


async def test_a_service_whose_endpoints_others_make_is_left_alone(steps: ClusterSteps) -> None:
    found = service("shop")
    del found["spec"]["selector"]
    steps.plane.apply(found, namespace=steps.namespace)

    (problem,) = await steps.preflight(service="shop", set=AWAY)
    error = await steps.refused(service="shop", set=AWAY)

    assert "service/shop has no selector" in problem
    assert "service/shop has no selector" in str(error)
    assert steps.sent() == []


async def test_a_label_that_is_none_is_refused_by_the_api_server(steps: ClusterSteps) -> None:
    await serves(steps)

    error = await steps.refused(service="shop", set={"app": "two words"})

    assert isinstance(error, PermanentError)
    assert "two words" in str(error)
    assert selector(steps) == BACK


async def test_somebody_elses_selector_is_never_overwritten(steps: ClusterSteps) -> None:
    await serves(steps)
    theirs = {"app": "shop", "track": "stable"}

    def meanwhile(_found: Object) -> dict[str, str]:
        steps.plane.patch("service/shop", steps.namespace, {"spec": {"selector": theirs}})
        return AWAY

    async with reached(steps.options(service="shop", set=AWAY)) as api:
        with pytest.raises(PermanentError, match="somebody else pointed it elsewhere"):
            await point(api, "shop", KEY, meanwhile)

    assert selector(steps) == theirs


async def test_what_else_changes_on_the_service_meanwhile_is_kept(steps: ClusterSteps) -> None:
    await serves(steps)
    times = iter("ab")

    def meanwhile(_found: Object) -> dict[str, str]:
        # The first time there was no annotation yet.
        if (time := next(times, "")) != "":
            change = {"metadata": {"annotations": {f"team-{time}": "leads"}}}
            steps.plane.patch("service/shop", steps.namespace, change)
        return AWAY

    async with reached(steps.options(service="shop", set=AWAY)) as api:
        old, new, sent = await point(api, "shop", KEY, meanwhile)

    found = steps.plane.get("service/shop", steps.namespace)
    assert (old, new, sent) == (BACK, AWAY, True)
    assert {"team-a", "team-b", "rollback-watchdog.io/step"} <= set(
        found["metadata"]["annotations"]
    )
    assert selector(steps) == AWAY


async def test_a_service_that_never_rests_is_tried_again_later(steps: ClusterSteps) -> None:
    await serves(steps)
    count = iter(range(100))

    def meanwhile(_found: Object) -> dict[str, str]:
        change = {"metadata": {"annotations": None, "labels": {"turn": str(next(count))}}}
        steps.plane.patch("service/shop", steps.namespace, change)
        steps.plane.patch(
            "service/shop", steps.namespace, {"metadata": {"annotations": {"a": "b"}}}
        )
        return AWAY

    def forgets(found: Object) -> dict[str, str]:
        found["metadata"].pop("annotations", None)
        return meanwhile(found)

    async with reached(steps.options(service="shop", set=AWAY)) as api:
        with pytest.raises(TransientError, match="by somebody else each of 5 times"):
            await point(api, "shop", KEY, forgets)

    assert selector(steps) == BACK


async def test_without_the_right_nothing_changes_and_the_right_is_named(
    steps: ClusterSteps,
) -> None:
    await serves(steps)
    reads = ["get", "list"]
    reader = steps.as_account(
        {"apiGroups": [""], "resources": ["services", "pods"], "verbs": reads},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": reads},
    )

    (problem,) = await reader.preflight(service="shop", set=AWAY)
    error = await reader.refused(service="shop", set=AWAY)

    assert "may not patch services shop" in problem
    assert isinstance(error, ForbiddenError)
    assert selector(steps) == BACK


async def test_the_rights_that_it_names_are_enough(steps: ClusterSteps) -> None:
    await serves(steps)
    account = steps.as_account(
        {
            "apiGroups": [""],
            "resources": ["services"],
            "resourceNames": ["shop"],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
    )

    assert await account.preflight(service="shop", set=AWAY) == []
    assert "0 endpoints" in await account.execute(service="shop", set=AWAY)


def test_what_would_be_sent_is_shown(steps: ClusterSteps) -> None:
    merged = steps.render(service="shop", set={"b": "2", "a": "1"})
    whole = steps.render(service="shop", namespace="web", selector=BACK)
    later = steps.render(service="shop", selector="{{ saved.selector }}")

    assert merged == "PATCH service/shop: /spec/selector with a=1,b=2"
    assert whole == "PATCH service/shop in web: /spec/selector = app=shop"
    assert later == "PATCH service/shop: /spec/selector = {{ saved.selector }}"
