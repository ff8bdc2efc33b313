import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.answer_loser import losing_answers
from tests.bed.cluster_steps import KEY, ClusterSteps, cluster_steps
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import IMAGE, Fails, cron_job, job
from tests.bed.patience import until
from watchdog.adapters.executors.kubernetes_job import Options, plugin
from watchdog.adapters.kubernetes.api import ForbiddenError, MissingError
from watchdog.adapters.kubernetes.jobs import job_name
from watchdog.domain.errors import InDoubtError, PermanentError
from watchdog.domain.events import Effect

CANARY = "kanarie-7f3a"
RESTORE = {"name": "restore", "from": "cronjob/restore"}
MADE = job_name("restore", KEY)


@pytest.fixture
async def steps(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    async with cluster_steps(control_plane, namespace, plugin, tmp_path, DATABASE=CANARY) as steps:
        yield steps


def jobs(steps: ClusterSteps) -> list[dict[str, Any]]:
    return steps.plane.listed("job", steps.namespace)


TEMPLATE = job("restore")["spec"]


def with_variable(value: object) -> dict[str, Any]:
    """The template, with an environment variable in it."""
    found = copy.deepcopy(TEMPLATE)
    found["template"]["spec"]["containers"][0]["env"] = [{"name": "DATABASE", "value": value}]
    return dict(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "by `from` or by `template`"),
        ({"from": "cronjob/a", "template": TEMPLATE}, "by `from` or by `template`"),
        ({"from": "restore"}, "write cronjob/NAME"),
        ({"from": "cronjob/"}, "write cronjob/NAME"),
        ({"from": "cronjob/a/b"}, "write cronjob/NAME"),
        ({"template": {}}, "no containers"),
        ({"template": {**TEMPLATE, "suspend": True}}, "suspended"),
        ({"template": with_variable({"env": "DATABASE"})}, "keep it in a Secret of the cluster"),
        ({"template": with_variable({"file": "/run/key"})}, "keep it in a Secret of the cluster"),
        ({"from": "cronjob/a", "name": "Restore"}, "pattern"),
        ({"from": "cronjob/a", "name": "r" * 43}, "pattern"),
        ({"from": "cronjob/a", "keep": "10m"}, "greater than or equal to 3600"),
    ],
)
def test_what_is_no_job_is_refused_when_it_is_read(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Options.model_validate({"name": "restore", **options})


async def test_a_job_of_a_cron_job_is_run_to_its_end(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)
    steps.plane.write_pod_log("restoring", f"connected with {CANARY}", "4711 rows restored")

    told = await steps.execute(**RESTORE)

    assert f"job/{MADE} is complete" in told
    assert told.endswith("connected with [redacted] | 4711 rows restored")
    (made,) = jobs(steps)
    assert made["metadata"]["name"] == MADE
    assert made["metadata"]["labels"]["of"] == "restore"
    assert made["metadata"]["annotations"]["rollback-watchdog.io/step"] == KEY
    assert made["spec"]["activeDeadlineSeconds"] == 300
    assert made["spec"]["ttlSecondsAfterFinished"] == 86_400
    assert [(call.verb, call.resource) for call in steps.sent()] == [("create", "jobs")]
    assert (await steps.inspect(**RESTORE))[0] is Effect.APPLIED


async def test_a_job_that_is_written_out_is_run_to_its_end(steps: ClusterSteps) -> None:
    steps.plane.write_pod_log("done")

    told = await steps.execute(name="restore", template=TEMPLATE, deadline="20s")

    assert f"job/{MADE} is complete" in told
    assert jobs(steps)[0]["spec"]["activeDeadlineSeconds"] == 20


async def test_a_secret_that_is_written_out_is_refused_and_never_shown(
    steps: ClusterSteps,
) -> None:
    options: dict[str, Any] = {"name": "restore", "template": with_variable(f"key={CANARY}")}

    problem, *_ = await steps.preflight(**options)
    error = await steps.refused(**options)

    assert "it holds a secret" in problem
    assert isinstance(error, PermanentError)
    for text in (problem, str(error), steps.render(**options)):
        assert CANARY not in text
    assert steps.sent() == []


async def test_a_step_that_is_told_again_makes_no_second_job(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)
    await steps.execute(**RESTORE)
    # What it was made from is not needed any more.
    steps.plane.delete("cronjob/restore", steps.namespace)

    told = await steps.execute(**RESTORE)

    assert f"job/{MADE} is complete" in told
    assert len(jobs(steps)) == 1
    assert len(steps.sent()) == 1


async def test_another_step_makes_another_job(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)

    await steps.execute("run-7/steps/0", **RESTORE)
    await steps.execute("run-8/steps/0", **RESTORE)

    assert len(jobs(steps)) == 2


async def test_two_at_once_of_the_same_step_make_one_job(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(steps.execute(**RESTORE)) for _ in range(2)]

    assert all("is complete" in each.result() for each in both)
    assert len(jobs(steps)) == 1


async def test_a_step_that_was_cut_off_is_found_again_and_waited_for(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore", fails=Fails.NEVER_READY), namespace=steps.namespace)
    before, _ = await steps.inspect(**RESTORE)
    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(steps.execute(**RESTORE))
        await until(lambda: bool(jobs(steps)), "the job is there")
        step.cancel()

    during, said = await steps.inspect(**RESTORE)

    assert before is Effect.NOT_APPLIED
    assert during is Effect.UNKNOWN, said
    assert "not at its end" in said
    (made,) = jobs(steps)
    assert made["spec"].get("suspend") is not True


async def test_a_job_that_fails_says_why_with_its_last_words(steps: ClusterSteps) -> None:
    steps.plane.apply(
        cron_job("restore", fails=Fails.EXIT, backoffLimit=0), namespace=steps.namespace
    )
    steps.plane.write_pod_log("restoring", "could not connect")

    error = await steps.refused(**RESTORE)

    assert isinstance(error, PermanentError)
    assert "failed: BackoffLimitExceeded" in str(error)
    assert "container app: exit code 1: restoring | could not connect" in str(error)
    # It had its say; whoever tells it again hears the same, and nothing runs again.
    assert "BackoffLimitExceeded" in str(await steps.refused(**RESTORE))
    assert len(jobs(steps)) == 1
    assert (await steps.inspect(**RESTORE))[0] is Effect.NOT_APPLIED


async def test_an_image_that_cannot_be_pulled_is_named_within_the_patience(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore", fails=Fails.IMAGE_PULL), namespace=steps.namespace)

    async with asyncio.timeout(20):
        error = await steps.refused(**RESTORE, patience="200ms")

    assert isinstance(error, PermanentError)
    assert "ImagePullBackOff" in str(error)
    assert "suspended, as it cannot start" in str(error)
    # Nothing comes of it later, when nobody waits for it any more.
    assert jobs(steps)[0]["spec"]["suspend"] is True
    assert "is suspended" in str(await steps.refused(**RESTORE))
    assert (await steps.inspect(**RESTORE))[0] is Effect.NOT_APPLIED


async def test_a_job_ends_at_its_own_deadline(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore", fails=Fails.NEVER_READY), namespace=steps.namespace)

    error = await steps.refused(**RESTORE, deadline="1s")

    assert "failed: DeadlineExceeded" in str(error)


async def test_a_job_that_somebody_deletes_is_no_success(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore", fails=Fails.NEVER_READY), namespace=steps.namespace)

    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(steps.refused(**RESTORE))
        await until(lambda: bool(jobs(steps)), "the job is there")
        steps.plane.delete(f"job/{MADE}", steps.namespace)

    assert isinstance(step.result(), PermanentError)
    assert "deleted before its end; nobody knows what it did" in str(step.result())


async def test_an_api_server_that_is_away_for_a_while_is_waited_for(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)

    async with losing_answers(steps.plane) as way:
        way.refuses = lambda _request: 503 if jobs(steps) and way.refused < 4 else 0
        told = await steps.through(way.url).execute(**RESTORE)

    assert way.refused == 4
    assert f"job/{MADE} is complete" in told
    assert len(jobs(steps)) == 1


async def test_a_job_whose_pods_the_cluster_does_not_let_in_says_where_to_look(
    steps: ClusterSteps,
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    steps.plane.apply(cron_job("restore"), quota, namespace=steps.namespace)
    await steps.plane.until(
        "resourcequota/none", steps.namespace, lambda found: "hard" in found["status"], "it counts"
    )

    error = await steps.refused(**RESTORE, deadline="1s")

    assert "DeadlineExceeded" in str(error)
    assert "no pod was made: look at quota and admission" in str(error)


async def test_a_look_that_cannot_be_made_says_nothing_of_the_job(steps: ClusterSteps) -> None:
    nobody = steps.as_account()

    assert (await nobody.inspect(**RESTORE))[0] is Effect.UNKNOWN


async def test_a_template_with_a_variable_that_nobody_filled_in_is_not_sent(
    steps: ClusterSteps,
) -> None:
    pods = {**TEMPLATE["template"], "metadata": {"labels": {"run": "{{ run.id }}"}}}
    template = {**TEMPLATE, "template": pods}

    error = await steps.refused(name="restore", template=template)

    assert isinstance(error, PermanentError)
    assert "a variable was never filled in" in str(error)
    assert steps.sent() == []


async def test_a_name_that_somebody_else_took_is_left_alone(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), job(MADE), namespace=steps.namespace)

    error = await steps.refused(**RESTORE)

    assert isinstance(error, PermanentError)
    assert "is somebody else's" in str(error)
    assert steps.sent() == []


async def test_preflight_says_what_it_would_run(steps: ClusterSteps) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)

    said = await steps.said_before(**RESTORE)

    assert f"job/restore-… of cronjob/restore, with {IMAGE}" in said
    assert f"may create jobs.batch in {steps.namespace}" in said
    assert steps.sent() == []


async def test_a_cron_job_that_is_not_there_is_seen_before_anything_is_sent(
    steps: ClusterSteps,
) -> None:
    (problem,) = await steps.preflight(**RESTORE)

    assert '"restore" not found' in problem
    assert isinstance(await steps.refused(**RESTORE), MissingError)
    assert steps.sent() == []


async def test_a_cron_job_whose_jobs_would_not_start_is_seen_before_anything_is_sent(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore", suspend=True), namespace=steps.namespace)

    (problem,) = await steps.preflight(**RESTORE)

    assert "it is suspended" in problem
    assert "it is suspended" in str(await steps.refused(**RESTORE))
    assert steps.sent() == []


async def test_what_the_api_server_refuses_is_refused(steps: ClusterSteps) -> None:
    template = {**TEMPLATE, "completions": -1}

    error = await steps.refused(name="restore", template=template)

    assert isinstance(error, PermanentError)
    assert "spec.completions" in str(error)
    assert jobs(steps) == []


READS = (
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["patch"]},
)
CREATES = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}


async def test_without_the_right_nothing_is_made_and_the_right_is_named(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)
    reader = steps.as_account(*READS)

    (problem,) = await reader.preflight(**RESTORE)
    error = await reader.refused(**RESTORE)

    assert "may not create jobs.batch" in problem
    assert isinstance(error, ForbiddenError)
    assert jobs(steps) == []


async def test_without_the_right_to_pods_it_is_run_to_its_end_all_the_same(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore"), namespace=steps.namespace)
    account = steps.as_account(READS[0], CREATES)

    assert (await account.execute(**RESTORE)).startswith(f"job/{MADE} is complete after")


async def test_without_the_right_to_suspend_it_is_waited_for_until_its_deadline(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore", fails=Fails.IMAGE_PULL), namespace=steps.namespace)
    account = steps.as_account(*READS[:2], CREATES)

    error = await account.refused(**RESTORE, patience="100ms", deadline="2s")

    assert "failed: DeadlineExceeded" in str(error)


async def test_a_job_that_is_made_and_cannot_be_watched_is_in_doubt(
    steps: ClusterSteps,
) -> None:
    steps.plane.apply(cron_job("restore", fails=Fails.NEVER_READY), namespace=steps.namespace)
    account = steps.as_account(*READS, CREATES)

    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(account.refused(**RESTORE))
        await until(lambda: bool(jobs(steps)), "the job is there")
        (role,) = steps.plane.listed("role", steps.namespace)
        steps.plane.delete(f"role/{role['metadata']['name']}", steps.namespace)

    assert isinstance(step.result(), InDoubtError)
    assert "was made, and cannot be watched" in str(step.result())


def test_what_would_be_sent_is_shown_without_secrets(steps: ClusterSteps) -> None:
    template = job("restore", IMAGE)["spec"]
    (container,) = template["template"]["spec"]["containers"]
    container["args"] = [f"--url=postgres://{CANARY}@db"]

    shown = steps.render(**RESTORE, namespace="shop")
    written_out = steps.render(name="restore", template=template)

    assert shown == "CREATE job/restore-… in shop: cronjob/restore"
    assert IMAGE in written_out
    assert CANARY not in written_out
