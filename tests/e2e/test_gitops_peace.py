"""A rollback in a cluster whose repository still says the bad version, and something obeys it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bed import gitops
from tests.bed.control_plane import ControlPlane
from tests.bed.gitops import keeping
from tests.bed.leads_platform import (
    BAD,
    FLAGS,
    GOOD,
    NAME,
    READY,
    LeadsPlatform,
    leads_platform,
)
from tests.bed.manifests import deployment
from tests.faults.site import TARGET, Site, a_site
from watchdog.domain.events import (
    ChangeExpired,
    ExpiryWarned,
    RunEnded,
    RunStarted,
    RunVerified,
    StepEnded,
    WatchEnded,
)
from watchdog.domain.expiring import Lapse
from watchdog.domain.progress import Outcome, Proof, Stage

# One divisor for every duration of the file: a minute passes in a second.
SPEED = 60.0
WORKLOAD = f"deployment/{NAME}"
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
)
OWNER_RULES = (
    {
        "apiGroups": ["kustomize.toolkit.fluxcd.io"],
        "resources": ["kustomizations"],
        "resourceNames": [NAME],
        "verbs": ["get", "patch"],
    },
    {
        "apiGroups": ["argoproj.io"],
        "resources": ["applications"],
        "resourceNames": [NAME],
        "verbs": ["get", "patch"],
    },
)
RETURN: list[Mapping[str, Any]] = [
    {"use": "kubernetes_image", "with": {"workload": WORKLOAD, "tag": "v1.2.2"}},
    {"use": "kubernetes_rollout", "with": {"workload": WORKLOAD}, "timeout": "60s"},
]


@pytest.fixture
async def platform(control_plane: ControlPlane, namespace: str) -> AsyncIterator[LeadsPlatform]:
    async with leads_platform(control_plane, namespace) as platform:
        yield platform


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(tmp_path) as site:
        site.words = ("--speed", f"{SPEED:g}")
        yield site


@pytest.fixture
def keepers(control_plane: ControlPlane) -> Iterator[str]:
    """The namespace of whoever keeps things, as it is in most clusters: not that of the shop."""
    gitops.install(control_plane)
    name = control_plane.namespace()
    yield name
    control_plane.delete(f"namespace/{name}")


def suspend(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": "Suspend", "use": "kubernetes_suspend", "with": {"workload": WORKLOAD}, **more}


def a_file(
    platform: LeadsPlatform, kubeconfig: Path, steps: Sequence[Mapping[str, Any]], keepers: str
) -> dict[str, Any]:
    """Three failed looks of the ready check: `steps`. By hand: `resume`, which takes it back."""

    def reaching(step: Mapping[str, Any]) -> dict[str, Any]:
        if "use" not in step:
            return dict(step)
        more = {"argo_namespace": keepers} if step["use"] in _ON_KEEPERS else {}
        reached = {"kubeconfig": str(kubeconfig), **more}
        found = {**step, "with": {**reached, **step["with"]}}
        return {**found, "undo": reaching(step["undo"])} if "undo" in step else found

    ready = {"get": f"{platform.base}{READY}", "status": 200}
    resume = {"use": "kubernetes_resume", "with": {"workload": WORKLOAD}}
    return {
        "target": TARGET,
        "mode": "auto",
        "armed_by": "e2e",
        "sources": {"ready": {"use": "http", "url": f"{platform.base}{READY}", "every": "20s"}},
        "signals": {"ready": {"from": "ready", "expect": {"status": 200}}},
        "triggers": {
            "down": {"signal": "ready", "fails": 3, "severity": "critical", "plan": "back"},
        },
        "plans": {
            "back": {
                "level": "application",
                "within": "20m",
                "steps": [reaching(one) for one in steps],
                "verify": [{**ready, "samples": 5, "pause": "15s", "within": "2m"}],
                "watch": {"short": "2m", "long": "0s", "every": "15s"},
            },
            "go-on": {
                "reverses": "back",
                "steps": [reaching(resume)],
                "verify": [ready],
                "verify_trigger": False,
                "watch": {"short": "0s", "long": "0s"},
            },
        },
    }


_ON_KEEPERS = ("kubernetes_suspend", "kubernetes_resume")


async def released(platform: LeadsPlatform) -> dict[str, Any]:
    """The good version ran, and the repository says the bad one; what it says."""
    await platform.runs(GOOD)
    environment = {**platform.others, **dict.fromkeys(FLAGS, "true")}
    return deployment(NAME, BAD, 3, environment=environment)


def by_flux(platform: LeadsPlatform, wanted: dict[str, Any], keepers: str) -> dict[str, Any]:
    found = gitops.of_flux(wanted, keepers, NAME)
    platform.plane.apply(gitops.kustomization(NAME), namespace=keepers)
    platform.plane.apply(found, namespace=platform.namespace)
    return found


def by_argo(
    platform: LeadsPlatform, wanted: dict[str, Any], keepers: str, automated: dict[str, Any]
) -> dict[str, Any]:
    found = gitops.of_argo(wanted, platform.namespace, NAME)
    platform.plane.apply(gitops.application(NAME, automated), namespace=keepers)
    platform.plane.apply(found, namespace=platform.namespace)
    return found


def write(
    site: Site, platform: LeadsPlatform, keepers: str, steps: Sequence[Mapping[str, Any]]
) -> None:
    """The daemon's files, for an account that may do just that."""
    plane, namespace = platform.plane, platform.namespace
    token = plane.account(namespace, RULES, "watchdog")
    _let(plane, namespace, keepers)
    file = plane.kubeconfig(site.folder, token, namespace)
    site.write(a_file(platform, file, steps, keepers))


def _let(plane: ControlPlane, namespace: str, keepers: str) -> None:
    """Let the account of one namespace act on who keeps its objects in another one."""
    rbac, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    name = {"name": "watchdog", "namespace": keepers}
    plane.apply(
        {"apiVersion": rbac, "kind": "Role", "metadata": name, "rules": list(OWNER_RULES)},
        {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": name,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "watchdog"},
            "subjects": [{"kind": "ServiceAccount", "name": "watchdog", "namespace": namespace}],
        },
    )


async def test_without_the_step_the_bad_version_comes_back_and_the_run_says_so(
    site: Site, platform: LeadsPlatform, keepers: str
) -> None:
    bad = by_flux(platform, await released(platform), keepers)
    write(site, platform, keepers, RETURN)

    async with (
        keeping(platform.plane, "Kustomization", keepers, bad, platform.namespace) as flux,
        site.at_work(),
    ):
        ended = await site.until_event(RunEnded)
        await site.until(lambda: bool(site.api.told("failed")), "people are told")

    assert flux.put_back
    assert platform.images() == {BAD}
    assert ended.outcome is not Outcome.SUCCEEDED
    assert Proof.PASSED not in [one.proof for one in await site.events(RunVerified)]
    (page,) = site.api.told("failed")
    assert page["severity"] == "critical"


async def test_with_it_the_rollback_holds_and_people_are_told_that_it_is_suspended(
    site: Site, platform: LeadsPlatform, keepers: str
) -> None:
    bad = by_flux(platform, await released(platform), keepers)
    lasting = {"after": "6m", "warn_before": "4m", "on_expiry": "remind"}
    write(site, platform, keepers, [suspend(expires=lasting), *RETURN])

    async with (
        keeping(platform.plane, "Kustomization", keepers, bad, platform.namespace) as flux,
        site.at_work(),
    ):
        ended = await site.until_event(RunEnded)
        put_back = flux.put_back
        warned = await site.until_event(ExpiryWarned)
        _, status, _ = await site.command("status", site.file)
        watched = await site.until_event(WatchEnded)
        expired = await site.until_event(ChangeExpired)
        await site.until(lambda: len(site.api.told("expiring")) > 1, "people are told of its end")

    assert (ended.outcome, watched.proof) == (Outcome.SUCCEEDED, Proof.PASSED), site.log
    assert (flux.put_back, platform.images()) == (put_back, {GOOD})
    kustomization = gitops.keeper(platform.plane, "Kustomization", keepers, NAME)
    assert kustomization["spec"]["suspend"] is True
    (verified,) = site.api.told("verified")
    assert "Holds until somebody takes it back:" in verified["text"]
    assert "Suspend: to be taken back by" in verified["text"]
    assert (warned.name, warned.holds) == ("Suspend", True)
    assert "HOLDS    Suspend of run" in status
    assert expired.lapse is Lapse.HOLDS
    soon, late = site.api.told("expiring")
    assert "to be taken back by" in soon["title"]
    assert "STILL HOLDS" in late["title"]
    assert "the plan that reverses back" in late["text"]


async def test_once_the_repository_is_mended_a_person_lets_it_go_on(
    site: Site, platform: LeadsPlatform, keepers: str
) -> None:
    automated = {"prune": True, "selfHeal": True}
    bad = by_argo(platform, await released(platform), keepers, automated)
    lasting = {"after": "4h", "on_expiry": "remind"}
    write(site, platform, keepers, [suspend(expires=lasting), *RETURN])

    async with (
        keeping(platform.plane, "Application", keepers, bad, platform.namespace) as argo,
        site.at_work(),
    ):
        await site.until_event(WatchEnded, proof=Proof.PASSED)
        suspended = gitops.keeper(platform.plane, "Application", keepers, NAME)
        bad["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
        bad["spec"]["replicas"] = 2
        before = argo.put_back
        words = ("--yes", "--by", "ann", "--reason", "mended")
        code, said, why = await site.command("rollback", site.file, "go-on", *site.words, *words)
        assert code == 0, said + why
        await site.until_event(RunEnded, count=2, outcome=Outcome.SUCCEEDED)
        _, status, _ = await site.command("status", site.file)
        await site.until(lambda: argo.put_back > before, "it applies what its repository says")

    assert "automated" not in suspended["spec"]["syncPolicy"]
    resumed = gitops.keeper(platform.plane, "Application", keepers, NAME)
    assert resumed["spec"]["syncPolicy"] == {"automated": automated}
    assert platform.images() == {GOOD}
    assert "HOLDS" not in status


async def test_a_run_that_breaks_off_leaves_it_working_as_before(
    site: Site, platform: LeadsPlatform, keepers: str
) -> None:
    automated = {"selfHeal": True}
    bad = by_argo(platform, await released(platform), keepers, automated)
    undo = {"use": "kubernetes_resume", "with": {"workload": WORKLOAD}}
    lasting = {"after": "4h", "on_expiry": "remind"}
    # Nobody has made a backup.
    looks = {"get": f"{platform.base}/backup", "status": 200, "tries": 1}
    fails = {"check": looks, "on_error": "compensate"}
    write(site, platform, keepers, [suspend(expires=lasting, undo=undo), fails])

    async with site.at_work():
        ended = await site.until_event(RunEnded)
        _, status, _ = await site.command("status", site.file)

    assert ended.outcome is not Outcome.SUCCEEDED
    (undone,) = await site.events(StepEnded, stage=Stage.UNDO)
    assert "works by itself again" in undone.detail
    found = gitops.keeper(platform.plane, "Application", keepers, NAME)
    assert found["spec"]["syncPolicy"] == {"automated": automated}
    assert "HOLDS" not in status
    assert bad


async def test_what_somebody_else_suspended_is_left_suspended(
    site: Site, platform: LeadsPlatform, keepers: str
) -> None:
    by_flux(platform, await released(platform), keepers)
    change = {"spec": {"suspend": True}}
    gitops.change_keeper(platform.plane, "Kustomization", keepers, change, name=NAME)
    undo = {"use": "kubernetes_resume", "with": {"workload": WORKLOAD}}
    lasting = {"after": "2m", "warn_before": "1m", "on_expiry": "remind"}
    write(site, platform, keepers, [suspend(expires=lasting, undo=undo), *RETURN])
    mark = platform.plane.mark()

    async with site.at_work():
        await site.until_event(RunEnded, outcome=Outcome.SUCCEEDED)
        await site.until_event(WatchEnded)
        (started,) = await site.events(RunStarted)

    (step,) = await site.events(StepEnded, index=0, stage=Stage.STEPS)
    assert (step.found, "not by us" in step.detail) == (True, True)
    assert platform.plane.calls(keepers, mark) == []
    assert await site.events(ExpiryWarned) == []
    (verified,) = site.api.told("verified")
    assert "Holds until" not in verified["text"], started
