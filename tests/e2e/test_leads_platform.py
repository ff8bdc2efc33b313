"""Acceptance on a service in a real control plane: the good version back, with as many pods and the
same traffic as before, and a job that runs once."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bed.cluster_steps import paths
from tests.bed.control_plane import ControlPlane
from tests.bed.leads_platform import (
    BAD,
    GOOD,
    NAME,
    NUMBERS,
    READY,
    LeadsPlatform,
    leads_platform,
)
from tests.bed.manifests import READY_AFTER, cron_job, service
from tests.control_plane.audit import Call
from tests.faults.site import TARGET, Site, a_site
from watchdog.domain.events import RunEnded
from watchdog.domain.progress import RunVerified

# One divisor for every duration of the file: a minute passes in a second.
SPEED = 60.0
WORKLOAD = f"deployment/{NAME}"
ROLLED_OUT = {"use": "kubernetes_rollout", "with": {"workload": WORKLOAD}, "timeout": "60s"}
# What a plan may keep for its later steps.
SAVED = {
    "replicas": {"from": "cluster", "field": {"of": WORKLOAD, "path": "spec.replicas"}},
    "selector": {"from": "cluster", "field": {"of": f"service/{NAME}", "path": "spec.selector"}},
}
# All that the steps of this file may do, and nothing else.
RULES = (
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": [NAME],
        "verbs": ["patch"],
    },
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["services"],
        "resourceNames": [NAME],
        "verbs": ["get", "patch"],
    },
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
    {
        "apiGroups": ["autoscaling"],
        "resources": ["horizontalpodautoscalers"],
        "verbs": ["list"],
    },
)


@pytest.fixture
async def platform(control_plane: ControlPlane, namespace: str) -> AsyncIterator[LeadsPlatform]:
    async with leads_platform(control_plane, namespace) as platform:
        yield platform


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(tmp_path) as site:
        site.words = ("--speed", f"{SPEED:g}")
        yield site


def the_file(
    platform: LeadsPlatform, kubeconfig: Path, steps: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Three failed looks of the ready check: `steps`."""
    reach = {"kubeconfig": str(kubeconfig)}
    reaching = [
        {**one, "with": {**reach, **one["with"]}} if "with" in one else one for one in steps
    ]
    saved = {str(one["save"]): SAVED[str(one["save"])] for one in steps if "save" in one}
    cluster = {"cluster": {"use": "kubernetes", "every": "60s", **reach}} if saved else {}
    ready = {"get": f"{platform.base}{READY}", "status": 200}
    return {
        "target": TARGET,
        "mode": "auto",
        "armed_by": "e2e",
        "sources": {
            "ready": {"use": "http", "url": f"{platform.base}{READY}", "every": "30s"},
            "numbers": {"use": "http", "url": f"{platform.base}{NUMBERS}", "every": "30s"},
            **cluster,
        },
        "signals": {
            "ready": {"from": "ready", "expect": {"status": 200}},
            "response": {"from": "numbers", "json": "seconds", "unit": "s"},
            **saved,
        },
        "triggers": {
            "down": {"signal": "ready", "fails": 3, "severity": "critical", "plan": "back"},
        },
        "plans": {
            "back": {
                "level": "application",
                "within": "20m",
                "steps": reaching,
                "verify": [ready, {"signal": "response", "below": "5s", "samples": 2}],
                "watch": {"short": "0s", "long": "0s"},
            }
        },
    }  # fmt: skip


async def carried_out(
    site: Site, platform: LeadsPlatform, steps: Sequence[Mapping[str, Any]]
) -> list[Call]:
    """What the API server was asked to change, until the run ended well."""
    plane, namespace = platform.plane, platform.namespace
    token = plane.account(namespace, RULES)
    began = plane.mark()
    site.write(the_file(platform, plane.kubeconfig(site.folder, token, namespace), steps))
    async with site.at_work():
        ended = await site.until_event(RunEnded)
        verified = await site.until_event(RunVerified)
    assert (ended.outcome.value, verified.proof.value) == ("succeeded", "passed"), site.log
    return plane.calls(namespace, began)


async def test_traffic_and_pods_are_taken_away_and_come_back_as_they_were(
    site: Site, platform: LeadsPlatform
) -> None:
    await platform.runs(GOOD, replicas=4)
    await platform.runs(BAD, replicas=4)
    wanted = {"app": NAME}
    platform.plane.apply(service(NAME, wanted), namespace=platform.namespace)
    pause = {"service": NAME, "set": {"app": f"{NAME}-paused"}}
    steps: list[Mapping[str, Any]] = [
        {"save": "replicas", "signal": "replicas"},
        {"save": "selector", "signal": "selector"},
        {"use": "kubernetes_selector", "with": pause},
        {"use": "kubernetes_scale", "with": {"workload": WORKLOAD, "replicas": 0}},
        {"use": "kubernetes_image", "with": {"workload": WORKLOAD, "tag": "v1.2.2"}},
        {
            "use": "kubernetes_scale",
            "with": {"workload": WORKLOAD, "replicas": "{{ saved.replicas }}"},
        },
        ROLLED_OUT,
        {
            "use": "kubernetes_selector",
            "with": {"service": NAME, "selector": "{{ saved.selector }}"},
        },
    ]

    calls = await carried_out(site, platform, steps)

    assert [(call.resource, *paths(call)) for call in calls] == [
        ("services", "/spec/selector"),
        ("deployments", "/spec/replicas"),
        ("deployments", "/spec/template/spec/containers/0/image"),
        ("deployments", "/spec/replicas"),
        ("services", "/spec/selector"),
    ]
    found = platform.plane.get(f"service/{NAME}", platform.namespace)
    assert found["spec"]["selector"] == wanted, json.dumps(found["spec"])
    assert (len(platform.pods()), platform.images()) == (4, {GOOD})


async def test_a_daemon_that_dies_while_a_job_runs_makes_no_second_one(
    site: Site, platform: LeadsPlatform
) -> None:
    plane, namespace = platform.plane, platform.namespace
    await platform.runs(GOOD)
    await platform.runs(BAD)
    restore = cron_job("restore")
    pods = restore["spec"]["jobTemplate"]["spec"]["template"]
    pods["metadata"]["annotations"][READY_AFTER] = "4s"
    plane.apply(restore, namespace=namespace)
    steps: list[Mapping[str, Any]] = [
        {
            "use": "kubernetes_job",
            "with": {"name": "restore", "from": "cronjob/restore"},
            "timeout": "60s",
        },
        {"use": "kubernetes_image", "with": {"workload": WORKLOAD, "tag": "v1.2.2"}},
        ROLLED_OUT,
    ]
    began = plane.mark()
    site.write(the_file(platform, plane.kubeconfig(site.folder, namespace=namespace), steps))

    async with site.at_work():
        await site.until(lambda: bool(plane.listed("job", namespace)), "the job runs")
        await site.kill()
    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "succeeded", site.log
    assert len(plane.listed("job", namespace)) == 1
    calls = plane.calls(namespace, began)
    assert [(call.verb, call.resource) for call in calls] == [
        ("create", "jobs"),
        ("patch", "deployments"),
    ]
