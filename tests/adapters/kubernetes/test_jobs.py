from typing import Any

import pytest

from watchdog.adapters.kubernetes.jobs import State, job, job_name, state, unfit, why_never

KEY = "run-7/steps/2"
POD = {"containers": [{"name": "app", "image": "restore:v1"}], "restartPolicy": "Never"}
SPEC: dict[str, Any] = {"template": {"spec": POD}}
DAY = 86_400.0


def made(written: dict[str, Any], deadline: float | None = None) -> dict[str, Any]:
    return job("restore", KEY, written, deadline=deadline, kept=DAY)


def test_a_job_has_the_same_name_for_the_same_step_and_another_for_each_other() -> None:
    keys = ["run-7/steps/2", "run-7/steps/3", "run-7/undo/2", "run-8/steps/2"]

    names = {job_name("restore", key) for key in keys}

    assert job_name("restore", KEY) in names
    assert len(names) == len(keys)
    assert len(job_name("n" * 42, KEY)) <= 63


def test_a_job_bears_the_key_of_its_step_and_is_kept_after_its_end() -> None:
    written = {"metadata": {"labels": {"app": "db"}, "annotations": {"a": "b"}}, "spec": SPEC}

    found = made(written)

    assert found["metadata"]["annotations"] == {"a": "b", "rollback-watchdog.io/step": KEY}
    assert found["metadata"]["labels"] == {"app": "db"}
    assert found["spec"]["ttlSecondsAfterFinished"] == DAY
    assert found["spec"]["template"] == SPEC["template"]


@pytest.mark.parametrize(
    ("author", "own", "expected"),
    [(None, None, 300), (60, None, 60), (60, 20.0, 20), (None, 0.2, 1)],
)
def test_a_job_never_runs_without_a_deadline(
    author: int | None, own: float | None, expected: int
) -> None:
    spec = SPEC if author is None else {**SPEC, "activeDeadlineSeconds": author}

    assert made({"spec": spec}, own)["spec"]["activeDeadlineSeconds"] == expected


def test_what_a_job_was_written_as_is_not_changed_by_making_one() -> None:
    written: dict[str, Any] = {"metadata": {"annotations": {}}, "spec": dict(SPEC)}

    made(written)

    assert written == {"metadata": {"annotations": {}}, "spec": SPEC}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (SPEC, ""),
        ({}, "no containers"),
        ({"template": {"spec": {**POD, "containers": []}}}, "no containers"),
        ({"template": {"spec": {**POD, "restartPolicy": "Always"}}}, "restartPolicy Never"),
        ({"template": {"spec": {"containers": POD["containers"]}}}, "restartPolicy Never"),
        ({**SPEC, "suspend": True}, "suspended"),
    ],
)
def test_a_job_that_would_never_do_anything_is_seen(spec: dict[str, Any], said: str) -> None:
    problem = unfit({"spec": spec})

    assert bool(problem) is bool(said)
    assert said in problem


def condition(kind: str, status: str = "True", **more: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": kind, "status": status, **more}]}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, State.RUNS),
        ({"status": {"active": 1, "failed": 3}}, State.RUNS),
        (condition("Complete", "False"), State.RUNS),
        (condition("FailureTarget", reason="DeadlineExceeded"), State.RUNS),
        (condition("SuccessCriteriaMet"), State.RUNS),
        (condition("Complete"), State.COMPLETE),
        (condition("Failed", reason="BackoffLimitExceeded", message="too often"), State.FAILED),
        ({"spec": {"suspend": True}}, State.SUSPENDED),
        ({**condition("Complete"), "spec": {"suspend": True}}, State.COMPLETE),
    ],
)
def test_a_job_is_judged_by_its_own_conditions(found: dict[str, Any], expected: State) -> None:
    assert state(found).state is expected


def test_a_failed_job_says_why() -> None:
    seen = state(condition("Failed", reason="DeadlineExceeded", message="was active too long"))

    assert seen.text == "failed: DeadlineExceeded: was active too long"


def waiting(reason: str) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": reason}}}]}
    return {"metadata": {"name": "restore-1"}, "status": status}


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError"])
def test_a_pod_that_no_waiting_helps_is_named(reason: str) -> None:
    said = why_never([waiting("ContainerCreating"), waiting(reason)])

    assert "pod restore-1" in said
    assert reason in said


@pytest.mark.parametrize("reason", ["ContainerCreating", "CrashLoopBackOff"])
def test_a_pod_that_may_come_yet_is_waited_for(reason: str) -> None:
    assert why_never([waiting(reason)]) == ""
