"""The shipped Roles grant what the steps, sources and changes need, and nothing else."""

from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import job
from tests.deploy.rendering import KUBERNETES, LEVELS
from tests.deploy.rights import granted_by, rule_of
from tests.deploy.usages import usages
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ForbiddenError, Patch
from watchdog.adapters.kubernetes.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from watchdog.adapters.kubernetes.rights import standing, writes
from watchdog.plugins import Right

SECRET = Kind("", "v1", "Secret", "secrets")
USAGES = list(usages())
FILES = {
    path.parent.name: path
    for path in (*KUBERNETES.glob("roles/*/role.yaml"), *KUBERNETES.glob("components/*/role.yaml"))
}


def granted(role: str) -> list[Right]:
    """Every single right of the Role of this name."""
    return granted_by(list(yaml.safe_load_all(FILES[role].read_text())))


def needed(role: str) -> set[Right]:
    """What is declared by all that the Role is for."""
    if role == "evaluator":
        found = {one for usage in USAGES for one in usage.rights() if not writes(one)}
        # To read a CronJob is only needed to run it; nobody's name is known when it looks.
        return {
            Right(one.group, one.resource, one.verb, "", one.part)
            for one in found
            if one.resource != "cronjobs"
        }
    mine = {one for usage in USAGES if usage.role == role for one in usage.rights()}
    return {one for one in mine if writes(one) or one.resource == "cronjobs"}


SINGLE = [(role, right) for role in FILES for right in granted(role)]


def _words(right: Right) -> str:
    return "-".join(filter(None, (right.verb, right.resource, right.part)))


def test_there_is_a_role_for_each_level_and_for_what_no_name_can_limit() -> None:
    assert set(FILES) == {
        "evaluator", "flags", "routing", "application", "stateful-sets", "jobs",
    }  # fmt: skip
    assert {usage.role for usage in USAGES} == set(FILES)


@pytest.mark.parametrize("role", FILES)
def test_a_role_grants_what_is_needed_and_nothing_else(role: str) -> None:
    rights = granted(role)

    assert len(rights) == len(set(rights))
    assert set(rights) == needed(role)


@pytest.mark.parametrize(
    ("role", "right"), SINGLE, ids=[f"{role}-{_words(right)}" for role, right in SINGLE]
)
async def test_without_one_right_the_account_lacks_just_that(
    role: str, right: Right, shop: "Callable[[list[Right]], Access]"
) -> None:
    rest = [one for one in granted(role) if one != right]

    found = await standing(shop(rest), needed(role))

    assert found.missing == (right,)


async def test_what_is_not_granted_is_refused_by_the_api_server(
    shop: "Callable[[list[Right]], Access]",
) -> None:
    every_level = [one for role in ("evaluator", *LEVELS[1:]) for one in granted(role)]
    labels = {"metadata": {"labels": {"seen": "yes"}}}
    merge = Patch.MERGE

    async with reached(shop(every_level)) as api:
        for refused in (
            api.patch(DEPLOYMENT, "stock", labels, how=merge),
            api.patch(SERVICE, "stock", labels, how=merge),
            api.patch(STATEFUL_SET, "checkout", labels, how=merge),
            api.delete(POD, "checkout-0"),
            api.delete(DEPLOYMENT, "checkout"),
            api.create(JOB, job("any")),
            api.get(CONFIG_MAP, "any"),
            api.get(SECRET, "any"),
            api.listed(SECRET),
        ):
            with pytest.raises(ForbiddenError):
                await refused


async def test_the_evaluator_is_refused_even_what_every_level_above_may(
    shop: "Callable[[list[Right]], Access]",
) -> None:
    async with reached(shop(granted("evaluator"))) as api:
        for kind in (DEPLOYMENT, DAEMON_SET, SERVICE):
            with pytest.raises(ForbiddenError):
                await api.patch(kind, "checkout", {"metadata": {}}, how=Patch.MERGE)


@pytest.fixture(scope="module")
def module_namespace(control_plane: ControlPlane) -> Iterator[str]:
    name = control_plane.namespace()
    yield name
    control_plane.delete(f"namespace/{name}")


@pytest.fixture
def shop(
    control_plane: ControlPlane,
    module_namespace: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> "Callable[[list[Right]], Access]":
    """The way in for a new account that has these rights and no others."""

    def access(rights: list[Right]) -> Access:
        token = control_plane.account(module_namespace, [rule_of(one) for one in rights])
        folder = tmp_path_factory.mktemp("access")
        file = control_plane.kubeconfig(folder, token, module_namespace)
        return Access(kubeconfig=str(file))

    return access
