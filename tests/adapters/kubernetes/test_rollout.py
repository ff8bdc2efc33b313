from typing import Any

import pytest

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.rollout import (
    STUCK,
    of_revision,
    progress,
    restarts,
    rolls_by_itself,
)

READY = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
DAEMONS = {"observedGeneration": 3, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2,
           "numberAvailable": 2}  # fmt: skip
REVISIONS = {"currentRevision": "shop-b", "updateRevision": "shop-b"}


def workload(kind: str = "Deployment", status: Any = None, **spec: Any) -> Object:  # noqa: ANN401
    return {
        "kind": kind,
        "metadata": {"name": "shop", "generation": 3},
        "spec": {"replicas": 2, **spec},
        "status": status if status is not None else READY,
    }


def pod(name: str = "shop-1", reason: str = "", container: str = "app", **more: Any) -> Object:  # noqa: ANN401
    state = {"waiting": {"reason": reason, "message": "as it says"}} if reason else {"running": {}}
    key = more.pop("among", "containerStatuses")
    return {
        "metadata": {"name": name, **more.pop("metadata", {})},
        "status": {key: [{"name": container, "state": state, "restartCount": 2}], **more},
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Deployment", READY),
        ("StatefulSet", READY | REVISIONS),
        ("DaemonSet", DAEMONS),
    ],
)
def test_a_rollout_is_done_once_every_pod_is_new_and_ready(kind: str, status: Object) -> None:
    assert progress(workload(kind, status)).done
    assert not progress(workload(kind, status | {"observedGeneration": 2})).done
    for number in set(status) - {"observedGeneration", "currentRevision", "updateRevision"}:
        changed = 3 if number in {"replicas", "desiredNumberScheduled"} else 1
        assert not progress(workload(kind, status | {number: changed})).done, number


def test_a_stateful_set_is_done_once_its_controller_says_so() -> None:
    status = READY | {"currentRevision": "shop-a", "updateRevision": "shop-b"}

    assert not progress(workload("StatefulSet", status)).done


def test_a_partition_leaves_the_first_pods_as_they_are() -> None:
    status = READY | REVISIONS | {"currentRevision": "shop-a", "updatedReplicas": 1}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}

    assert progress(workload("StatefulSet", status, updateStrategy=strategy)).done
    before = status | {"updatedReplicas": 0}
    assert not progress(workload("StatefulSet", before, updateStrategy=strategy)).done


@pytest.mark.parametrize(
    ("kind", "status"), [("Deployment", READY), ("StatefulSet", READY | REVISIONS)]
)
def test_pods_that_were_not_ready_for_long_enough_are_not_available(
    kind: str, status: Object
) -> None:
    # A number that is 0 is left out.
    early = {key: value for key, value in status.items() if key != "availableReplicas"}

    seen = progress(workload(kind, early | {"readyReplicas": 2}, minReadySeconds=20))

    assert (seen.done, seen.text) == (False, "2 of 2 updated, 0 available, 0 old")


def test_a_deployment_counts_what_its_controller_calls_available() -> None:
    ready = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}

    assert not progress(workload(status=ready)).done
    # An old StatefulSet's controller has no such word, and means the same by ready.
    assert progress(workload("StatefulSet", ready | REVISIONS)).done


def test_no_pods_at_all_are_done_when_none_are_wanted() -> None:
    assert progress(workload(status={"observedGeneration": 3}, replicas=0)).done


def test_a_paused_one_is_stuck_whatever_its_numbers_say() -> None:
    seen = progress(workload(paused=True))

    assert (seen.done, seen.stuck) == (False, "it is paused; resume it first")


def test_what_is_not_yet_seen_by_its_controller_is_neither_done_nor_stuck() -> None:
    old = READY | {"observedGeneration": 2, "conditions": [{"type": "ReplicaFailure"}]}

    seen = progress(workload(status=old), [pod(reason="ImagePullBackOff")])

    assert (seen.done, seen.stuck) == (False, "")


@pytest.mark.parametrize("reason", sorted(STUCK))
def test_a_pod_that_cannot_start_is_named_with_what_it_says(reason: str) -> None:
    halfway = READY | {"updatedReplicas": 1}

    seen = progress(workload(status=halfway), [pod("shop-0"), pod("shop-1", reason)])

    assert seen.stuck == f"pod shop-1, container app: {reason}: as it says"
    assert seen.text == "1 of 2 updated, 2 available, 1 old"


def test_what_runs_first_may_be_what_cannot_start() -> None:
    halfway = READY | {"updatedReplicas": 1}
    first = pod(reason="CrashLoopBackOff", container="migrate", among="initContainerStatuses")

    assert (
        "container migrate: CrashLoopBackOff" in progress(workload(status=halfway), [first]).stuck
    )


def test_a_pod_that_only_takes_its_time_is_not_stuck() -> None:
    halfway = READY | {"updatedReplicas": 1}
    slow = pod(reason="ContainerCreating")

    assert progress(workload(status=halfway), [slow]).stuck == ""


def test_a_pod_that_goes_away_says_nothing() -> None:
    halfway = READY | {"updatedReplicas": 1}
    leaving = pod(reason="ImagePullBackOff", metadata={"deletionTimestamp": "2026-11-22T10:00:00Z"})

    assert progress(workload(status=halfway), [leaving]).stuck == ""


def test_a_pod_that_fits_nowhere_is_stuck() -> None:
    halfway = READY | {"updatedReplicas": 1}
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
               "message": "0/3 nodes are available"}  # fmt: skip

    seen = progress(workload(status=halfway), [pod(conditions=[nowhere])])

    assert seen.stuck == "pod shop-1: Unschedulable: 0/3 nodes are available"


@pytest.mark.parametrize(
    ("condition", "stuck"),
    [
        (
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
             "message": "exceeded quota: small"},
            "FailedCreate: exceeded quota: small",
        ),
        ({"type": "ReplicaFailure", "status": "False", "reason": "FailedCreate"}, ""),
        (
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
             "message": "has timed out"},
            "ProgressDeadlineExceeded: has timed out",
        ),
        ({"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}, ""),
    ],
)  # fmt: skip
def test_what_the_controller_says_counts(condition: Object, stuck: str) -> None:
    halfway = READY | {"updatedReplicas": 1, "conditions": [condition]}

    assert progress(workload(status=halfway)).stuck == stuck


def test_pods_are_told_apart_by_the_labels_of_their_template() -> None:
    old = pod("shop-0", metadata={"labels": {"app": "shop", "pod-template-hash": "a"}})
    new = pod("shop-1", metadata={"labels": {"app": "shop", "pod-template-hash": "b"}})

    assert of_revision([old, new], {"pod-template-hash": "b"}) == [new]


def test_restarts_are_counted_over_all_containers() -> None:
    assert restarts(pod(initContainerStatuses=[{"name": "migrate", "restartCount": 3}])) == 5


def test_a_strategy_that_waits_for_people_rolls_nothing() -> None:
    assert rolls_by_itself(workload("StatefulSet"))
    assert not rolls_by_itself(workload("StatefulSet", updateStrategy={"type": "OnDelete"}))
