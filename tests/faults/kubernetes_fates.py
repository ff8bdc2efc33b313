"""What becomes of a rollback where something is wrong: the table of docs/kubernetes.md."""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.bed.answer_loser import AnswerLoser, changes
from tests.bed.control_plane import ControlPlane
from tests.bed.kubernetes_verbs import (
    BAD,
    OLD,
    a_stuck_deployment,
    a_stuck_stateful_set,
    two_deployments,
    until_stuck,
)
from tests.bed.manifests import Fails, deployment

NEWER = "registry.test:5000/shop:v3"
REFUSED, FAILED, PARTLY, DONE = "refused", "failed", "partially_applied", "succeeded"
DEPLOYMENT = "deployment/shop"
World = Callable[[ControlPlane, str], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Trouble:
    """One case at work: its namespace, and the way between the daemon and the API server."""

    plane: ControlPlane
    namespace: str
    way: AnswerLoser
    patches: int = 0
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """`outcome` of the run, or that none was begun; `version`: what is to run in the end.

    `begins` has something go wrong. `options` are of the undo step; `reached`: by whom and where,
    as the words of `ControlPlane.kubeconfig`; `waits`: for how long for the rollout.
    """

    what: str
    outcome: str
    version: str
    then: str
    begins: Callable[[Trouble], None] = lambda _: None
    prepare: World = two_deployments
    options: Mapping[str, Any] = field(default_factory=lambda: {"to": "previous"})
    workload: str = DEPLOYMENT
    reached: Callable[[Trouble], Mapping[str, Any]] = lambda _: {}
    seconds: str = "20s"
    waits: str = "60s"

    @property
    def name(self) -> str:
        """Of its target."""
        return "".join(c if c.isalnum() else "-" for c in self.what.lower()).strip("-")[:60]

    def __str__(self) -> str:
        return f"| {self.what} | {self.outcome} | {self.then} |"


# -- worlds


async def a_first_version_that_never_started(plane: ControlPlane, namespace: str) -> None:
    """Version 1 has no image that could be pulled, version 2 runs."""
    plane.apply(deployment("shop", OLD, fails=Fails.IMAGE_PULL), namespace=namespace)
    await until_stuck(plane, namespace)
    plane.apply(deployment("shop", BAD), namespace=namespace)
    await plane.until_rolled_out(DEPLOYMENT, namespace)


async def a_paused_one(plane: ControlPlane, namespace: str) -> None:
    """Version 2 runs, and is held."""
    await two_deployments(plane, namespace)
    plane.patch(DEPLOYMENT, namespace, {"spec": {"paused": True}})


async def a_quota_that_is_used_up(plane: ControlPlane, namespace: str) -> None:
    """Version 2 runs, and there may be no pod more."""
    await two_deployments(plane, namespace)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
             "spec": {"hard": {"pods": "2"}}}  # fmt: skip
    plane.apply(quota, namespace=namespace)
    counted = lambda one: "used" in one.get("status", {})  # noqa: E731
    await plane.until("resourcequota/small", namespace, counted, "it is counted")


async def a_disruption_budget(plane: ControlPlane, namespace: str) -> None:
    """Version 2 runs, and none of its pods may be evicted."""
    await two_deployments(plane, namespace)
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "shop"}}},
    }
    plane.apply(budget, namespace=namespace)


# -- what goes wrong


def _of_patches(request: web.Request) -> bool:
    return request.method == "PATCH"


def busy(status: int, of: Callable[[web.Request], bool], times: int) -> Callable[[Trouble], None]:
    """The first requests of a kind are turned away."""

    def begins(trouble: Trouble) -> None:
        way = trouble.way
        way.refuses = lambda one: status if of(one) and way.refused < times else 0

    return begins


def gone_after_the_patch(trouble: Trouble) -> None:
    """Nothing answers for a while, and watches end."""
    way, seen = trouble.way, trouble.state

    def refuses(request: web.Request) -> int:
        if _of_patches(request):
            seen["patched"] = True
            return 0
        away = seen.get("patched") and way.refused < 6
        return 503 if away else 0

    way.refuses = refuses


def gone_for_a_minute(trouble: Trouble) -> None:
    """From the patch on nobody is there at its address, and watches end."""
    way, seen = trouble.way, trouble.state

    def gone(request: web.Request) -> bool:
        if _of_patches(request):
            seen.setdefault("until", time.monotonic() + 60.0)
            way.break_watches()
            return False
        return bool(time.monotonic() < seen.get("until", 0.0))

    way.gone = gone


def away_after_the_patch(seconds: float) -> Callable[[Trouble], None]:
    """For so long, from the patch on, nothing else is answered but by 503."""

    def begins(trouble: Trouble) -> None:
        seen = trouble.state

        def refuses(request: web.Request) -> int:
            if _of_patches(request):
                seen.setdefault("until", time.monotonic() + seconds)
                return 0
            return 503 if time.monotonic() < seen.get("until", 0.0) else 0

        trouble.way.refuses = refuses

    return begins


def pods_that_stay(trouble: Trouble) -> None:
    """Pods may not be deleted, as preflight could not see."""
    trouble.way.refuses = lambda one: 403 if one.method == "DELETE" else 0


def at_another_hour(ahead: float) -> Callable[[Trouble], None]:
    """Whatever the API server says of a moment is off by so many hours."""

    def begins(trouble: Trouble) -> None:
        trouble.way.ahead = ahead

    return begins


def lost_answer(trouble: Trouble) -> None:
    """The answer to the first patch never comes."""
    way = trouble.way
    way.loses = lambda one: changes(one) and not way.lost


def slow(trouble: Trouble) -> None:
    """Every answer takes its time."""
    trouble.way.delay = 0.3


def broken_watches(trouble: Trouble) -> None:
    """Whoever watches is hung up on, with each list anew."""
    trouble.way.before = lambda one: (
        trouble.way.break_watches() if "fieldSelector" in one.query else None
    )


def somebody(change: Callable[[int], Mapping[str, Any]]) -> Callable[[Trouble], None]:
    """Changes the Deployment just before each of our patches; said by its number."""

    def begins(trouble: Trouble) -> None:
        def before(request: web.Request) -> None:
            if _of_patches(request):
                trouble.patches += 1
                changed = change(trouble.patches)
                if changed:
                    trouble.plane.patch(DEPLOYMENT, trouble.namespace, changed)

        trouble.way.before = before

    return begins


def a_fix_while_in_doubt(trouble: Trouble) -> None:
    """The first patch is answered by 500 and did not happen; somebody deploys a fix right then."""
    way = trouble.way

    def refuses(request: web.Request) -> int:
        if not _of_patches(request) or way.refused:
            return 0
        trouble.plane.patch(DEPLOYMENT, trouble.namespace, _newer(1))
        return 500

    way.refuses = refuses


def _newer(_: int) -> Mapping[str, Any]:
    return {"spec": {"template": deployment("shop", NEWER)["spec"]["template"]}}


# -- who acts


def without_the_right_to_patch(trouble: Trouble) -> Mapping[str, Any]:
    reads = {"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    return {"token": trouble.plane.account(trouble.namespace, [reads])}


def with_a_token_that_ended(trouble: Trouble) -> Mapping[str, Any]:
    token = trouble.plane.account(trouble.namespace)
    return {"token": trouble.plane.expired(token)}


ROWS = (
    Row("nothing", DONE, OLD, "one patch, and every pod is of the earlier revision"),
    Row(
        "the wrong cluster: nobody answers at its address", REFUSED, BAD, "the address is named",
        reached=lambda _: {"server": "https://127.0.0.1:1"},
    ),
    Row(
        "the wrong namespace", REFUSED, BAD, "what is not there is named",
        reached=lambda _: {"namespace": "default"},
    ),
    Row(
        "a revision that is gone", REFUSED, BAD, "those that are kept are named",
        options={"revision": 9},
    ),
    Row(
        "a verb that the account lacks", REFUSED, BAD, "verb, resource and namespace are named",
        reached=without_the_right_to_patch,
    ),
    Row(
        "a token that has ended", REFUSED, BAD, "that the credentials were refused",
        reached=with_a_token_that_ended,
    ),
    Row("a paused Deployment", REFUSED, BAD, "how to resume it", prepare=a_paused_one),
    Row(
        "a rollout half-way, begun by somebody else", DONE, OLD,
        "it is left where it stands; what was healthy goes on serving",
        prepare=a_stuck_deployment,
    ),
    Row(
        "a StatefulSet that waits for a pod that never starts", DONE, OLD,
        "that pod is deleted once the template is back",
        prepare=a_stuck_stateful_set, workload="statefulset/shop",
    ),
    Row(
        "such a StatefulSet, and a pod that may not be deleted after all", PARTLY, OLD,
        "the template is back, the pod is named; the healthy pods go on serving",
        prepare=a_stuck_stateful_set, workload="statefulset/shop", begins=pods_that_stay,
        waits="5s",
    ),
    Row(
        "such a StatefulSet, and an API server that is gone for a minute after the patch", DONE,
        OLD, "waited for, for as long as the step has",
        prepare=a_stuck_stateful_set, workload="statefulset/shop",
        begins=away_after_the_patch(60.0), seconds="120s",
    ),
    Row(
        "a pod disruption budget", DONE, OLD, "it holds for evictions, not for rollouts",
        prepare=a_disruption_budget,
    ),
    Row(
        "a quota that is used up", PARTLY, OLD,
        "the quota is named; the healthy pods go on serving",
        prepare=a_quota_that_is_used_up,
    ),
    Row(
        "an earlier revision that does not start itself", PARTLY, OLD,
        "the pod and its reason are named; the healthy pods go on serving",
        prepare=a_first_version_that_never_started, options={"to": "v1"},
    ),
    Row(
        "somebody scales it at the same time, once", DONE, OLD, "their number of replicas stays",
        begins=somebody(lambda n: {"spec": {"replicas": 3}} if n == 1 else {}),
    ),
    Row(
        "a conflict with somebody on every patch", FAILED, BAD, "after five tries, each tried anew",
        begins=somebody(lambda n: {"spec": {"replicas": 2 + n % 2}}),
    ),
    Row(
        "somebody deploys something else at the same time", FAILED, NEWER, "it is left alone",
        begins=somebody(_newer),
    ),
    Row(
        "somebody deploys a fix while a step is in doubt", FAILED, NEWER,
        "the step goes by what ran before its first attempt; the fix is left alone",
        begins=a_fix_while_in_doubt, seconds="3s",
    ),
    Row(
        "429 for a moment", DONE, OLD, "asked again", begins=busy(429, _of_patches, 2),
    ),
    Row(
        "503 for a moment, where only something was read", DONE, OLD, "asked again",
        begins=busy(503, lambda one: one.method == "GET" and "replicasets" not in one.path, 3),
    ),
    Row(
        "500 to the patch, once", DONE, OLD, "looked at, and sent again",
        begins=busy(500, _of_patches, 1), seconds="3s",
    ),
    Row(
        "the answer to the patch is lost", DONE, OLD, "found done by the key that it left",
        begins=lost_answer, seconds="3s",
    ),
    Row(
        "an API server that is gone for a while, after the patch", DONE, OLD,
        "waited for, for as long as the step has",
        begins=gone_after_the_patch,
    ),
    Row(
        "an API server that is gone for a minute, after the patch", DONE, OLD,
        "the same",
        begins=gone_for_a_minute, waits="150s",
    ),
    Row(
        "the clock of the API server is an hour ahead", DONE, OLD, "nothing is told by it",
        begins=at_another_hour(1.0),
    ),
    Row(
        "the clock of the API server is an hour behind", DONE, OLD, "nothing is told by it",
        begins=at_another_hour(-1.0),
    ),
    Row("an API server that is slow", DONE, OLD, "waited for", begins=slow),
    Row("watches that are closed", DONE, OLD, "begun again", begins=broken_watches),
)  # fmt: skip
