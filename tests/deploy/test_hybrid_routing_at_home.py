"""E0-1 by a watchdog that is deployed as it is shipped: it acts by its own account, in a namespace
that enforces `restricted`, and the API server's audit log says what it asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.deployed import Deployed, by_chart, by_manifests
from tests.bed.hybrid import ERRORS, SHIPPED, Scene, armed, here, scene
from tests.bed.manifests import deployment
from tests.e2e.test_hybrid_routing import (
    BROKEN,
    DISABLING,
    OVERRIDING,
    WHOLE,
    fires_at,
)
from watchdog.domain.progress import CheckSampled, Outcome, Proof, RunEnded, RunVerified
from watchdog.testing.hybrid_service import DISABLE, NOTIFY, OVERRIDE

LEVEL = "routing"
# A Deployment that the shipped manifests name, as the page says to put one's own there.
NAME = "checkout"
CLUSTER = "\n  cluster: {use: kubernetes, every: 15s}\n"
PODS = f"\n  pods: {{from: cluster, pods: deployment/{NAME}}}\n"
PROOF = "\n      - {signal: pods, is: ok}\n"


def the_file() -> str:
    """The shipped one, armed, whose first plan is proven by the service's pods as well."""
    text = armed(SHIPPED.read_text())
    for before, more in (
        ("\nsources:\n", CLUSTER),
        ("\nsignals:\n", PODS),
        ("\n    verify:\n", PROOF),
    ):
        assert before in text
        text = text.replace(before, before.rstrip("\n") + more, 1)
    return text


@asynccontextmanager
async def at_home(found: Deployed, folder: Path, prometheus: str) -> AsyncIterator[Scene]:
    """The daemon with the file and the account of the pod that is deployed."""
    (folder / "scene").mkdir()
    environ = {"KUBECONFIG": str(found.kubeconfig(folder))}
    file = found.files["watchdog.yaml"]
    async with scene(folder / "scene", prometheus, file=file, environ=environ) as on:
        yield on


@pytest.fixture(params=["manifests", "chart"])
async def deployed(
    request: pytest.FixtureRequest, control_plane: ControlPlane, tmp_path: Path
) -> AsyncIterator[Deployed]:
    files = {"watchdog.yaml": the_file()}
    if request.param == "manifests":
        kubectl = request.getfixturevalue("kubectl")
        found = await by_manifests(kubectl, control_plane, tmp_path, LEVEL, files)
    else:
        helm = request.getfixturevalue("helm")
        found = await by_chart(helm, control_plane, tmp_path, LEVEL, files)
    # The service itself is no less restricted.
    control_plane.apply(deployment(NAME), namespace=found.namespace)
    await control_plane.until_rolled_out(f"deployment/{NAME}", found.namespace)
    yield found
    control_plane.delete(f"namespace/{found.namespace}")


async def test_e0_1_as_it_is_deployed_by_its_own_account_and_nothing_more(
    deployed: Deployed, tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    assert deployed.pod["status"]["phase"] == "Running"
    since = deployed.plane.mark()
    async with at_home(deployed, tmp_path, require_program("prometheus")) as on:
        broke = on.clock.now().elapsed
        on.service.worsen(BROKEN)
        first = await on.until_called(DISABLE)
        noticed = await on.until_called(NOTIFY)
        verified = await on.until_event(RunVerified)
        ended = await on.until_event(RunEnded)
        start = await on.first_over(ERRORS, 0.1, broke)
        asked = deployed.asked(since)

        earliest, latest = fires_at(start)
        assert earliest <= first.at <= latest
        (override,) = on.service.journal.to(OVERRIDE)
        assert (first.body, override.body) == (DISABLING, OVERRIDING)
        assert noticed.at - first.at < here(300)
        assert (set(on.service.system.flags.values()), on.service.system.mcp_percent) == (
            {False},
            100,
        )
        assert isinstance(verified.event, RunVerified)
        assert isinstance(ended.event, RunEnded)
        assert (verified.event.proof, ended.event.outcome) == (Proof.PASSED, Outcome.SUCCEEDED)
        assert on.calls == [*WHOLE]
        sampled = [one.name for one in await on.events(CheckSampled)]
        assert "pods is ok" in sampled
    # It looked at its cluster, by what its Roles grant, was refused nothing, and changed nothing.
    assert {(call.verb, call.resource) for call in asked} >= {
        ("get", "deployments"),
        ("list", "pods"),
    }
    assert [call for call in asked if not deployed.may(call) or call.code >= 400] == []
    assert [call for call in asked if call.mutating] == []
