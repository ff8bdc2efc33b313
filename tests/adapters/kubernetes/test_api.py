"""The seam to the API server, against a real one: each answer, and each kind of no answer."""

import asyncio
import traceback
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.bed.control_plane import ControlPlane, Object
from tests.bed.manifests import deployment
from tests.lab.proxy import Proxy, Toxic
from watchdog.adapters.kubernetes.api import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeApi,
    MissingError,
    Patch,
)
from watchdog.adapters.kubernetes.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    SERVICE,
    Kind,
)
from watchdog.domain.errors import InDoubtError, PermanentError, StepError, TransientError

# Seconds. Far more than one answer takes.
PATIENCE = 30.0
STRANGE = Kind("nobody.test", "v1", "Strange", "strangers")


@pytest.fixture
async def api(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Any:  # noqa: ANN401
    """The admin's, in a namespace that has one Deployment of no pods."""
    control_plane.apply(deployment("shop", replicas=0), namespace=namespace)
    async with control_plane.reached(tmp_path, namespace) as api:
        yield api


@pytest.fixture
async def toys(control_plane: ControlPlane) -> None:
    """A kind that this cluster knows, and no library."""
    control_plane.apply(TOYS)
    name = f"customresourcedefinition/{TOYS['metadata']['name']}"
    await control_plane.until(name, "", lambda it: "Established" in conditions(it), "it is known")


async def test_what_is_not_there_is_missing(api: KubeApi) -> None:
    with pytest.raises(MissingError, match=r'get deployments.apps gone: 404 .*"gone" not found'):
        await api.get(DEPLOYMENT, "gone")
    with pytest.raises(MissingError, match="404"):
        await api.patch(DEPLOYMENT, "gone", [])
    with pytest.raises(MissingError, match="404"):
        await api.delete(DEPLOYMENT, "gone")


async def test_what_came_in_the_place_of_another_is_not_deleted_for_it(api: KubeApi) -> None:
    before = await api.create(CONFIG_MAP, {"metadata": {"name": "a"}})
    await api.delete(CONFIG_MAP, "a", uid=before["metadata"]["uid"])
    after = await api.create(CONFIG_MAP, {"metadata": {"name": "a"}})

    with pytest.raises(ConflictError, match=r"409 .*the UID in the precondition"):
        await api.delete(CONFIG_MAP, "a", uid=before["metadata"]["uid"])

    assert (await api.get(CONFIG_MAP, "a"))["metadata"]["uid"] == after["metadata"]["uid"]


async def test_a_kind_that_the_cluster_does_not_know_is_missing(api: KubeApi) -> None:
    with pytest.raises(MissingError, match=r"get strangers.nobody.test x: 404"):
        await api.get(STRANGE, "x")
    with pytest.raises(MissingError, match="404"):
        await api.listed(STRANGE)
    with pytest.raises(MissingError, match="404"):
        async with aclosing(api.watch(STRANGE)) as events:
            await anext(events)


async def test_a_missing_right_is_named(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    token = control_plane.account(namespace, rules, "reader")

    async with control_plane.reached(tmp_path, namespace, token) as api:
        with pytest.raises(ForbiddenError) as patching:
            await api.patch(DEPLOYMENT, "shop", [])
        with pytest.raises(ForbiddenError) as logging:
            await api.log("shop-1", "app", None, tail=1)
        with pytest.raises(ForbiddenError) as watching:
            async with aclosing(api.watch(POD)) as events:
                await anext(events)
        # What is missing and what is forbidden are one to who may not look.
        with pytest.raises(ForbiddenError):
            await api.get(SERVICE, "gone")

    assert (
        f'cannot patch resource "deployments" in API group "apps" in the namespace "{namespace}"'
        in str(patching.value)
    )
    assert "pods/log" in str(logging.value)
    assert str(watching.value).startswith(f"watch pods in {namespace}: 403")
    for caught in (patching, logging, watching):
        assert "give the account this right" in str(caught.value)
        assert token not in everything_said(caught.value)


async def test_nobody_in_particular_is_refused(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with control_plane.reached(tmp_path, namespace, "nobody-knows-this") as api:
        with pytest.raises(PermanentError, match=r"401 Unauthorized.*look at the token") as caught:
            await api.patch(DEPLOYMENT, "shop", [])
        with pytest.raises(PermanentError, match=r"watch pods in .*: 401"):
            async with aclosing(api.watch(POD)) as events:
                await anext(events)

    assert not isinstance(caught.value, ForbiddenError)
    assert "nobody-knows-this" not in everything_said(caught.value)


async def test_a_name_that_is_taken_and_a_version_that_is_old_are_conflicts(api: KubeApi) -> None:
    body: Object = {"metadata": {"name": "notes"}, "data": {"a": "1"}}
    made = await api.create(CONFIG_MAP, body)
    with pytest.raises(ConflictError, match="create configmaps notes: 409"):
        await api.create(CONFIG_MAP, body)

    await api.replace(CONFIG_MAP, {**made, "data": {"a": "2"}})
    with pytest.raises(ConflictError, match=r"update configmaps notes: 409 .*has been modified"):
        await api.replace(CONFIG_MAP, {**made, "data": {"a": "3"}})

    assert (await api.get(CONFIG_MAP, "notes"))["data"] == {"a": "2"}


@pytest.mark.parametrize(
    ("patch", "how"),
    [
        ([{"op": "test", "path": "/metadata/generation", "value": 99}], Patch.JSON),
        ([{"op": "replace", "path": "/spec/gone/deep", "value": 1}], Patch.JSON),
        ([{"op": "replace", "path": "/spec/replicas", "value": -1}], Patch.JSON),
        ({"spec": {"replicas": "many"}}, Patch.MERGE),
        ({"spec": {"selector": {"matchLabels": {"app": "other"}}}}, Patch.STRATEGIC),
    ],
    ids=["a test that fails", "no such path", "out of bounds", "another type", "immutable"],
)
async def test_a_patch_that_cannot_be_is_invalid_and_changes_nothing(
    patch: Any,  # noqa: ANN401
    how: Patch,
    api: KubeApi,
) -> None:
    before = await api.get(DEPLOYMENT, "shop")

    with pytest.raises(InvalidError, match=r"patch deployments.apps shop: 4"):
        await api.patch(DEPLOYMENT, "shop", patch, how=how)

    assert (await api.get(DEPLOYMENT, "shop"))["metadata"]["generation"] == before["metadata"][
        "generation"
    ]


async def test_each_way_to_patch_does_what_it_says(api: KubeApi) -> None:
    one = await api.patch(DEPLOYMENT, "shop", {"metadata": {"labels": {"a": "1"}}}, how=Patch.MERGE)
    added = [{"op": "add", "path": "/metadata/labels/b", "value": "2"}]
    two = await api.patch(DEPLOYMENT, "shop", added)
    container = {"name": "app", "image": "registry.test:5000/shop:v2"}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    three = await api.patch(DEPLOYMENT, "shop", template, how=Patch.STRATEGIC)

    assert one["metadata"]["labels"] == {"app": "shop", "a": "1"}
    assert two["metadata"]["labels"] == {"app": "shop", "a": "1", "b": "2"}
    (merged,) = three["spec"]["template"]["spec"]["containers"]
    assert merged["image"] == "registry.test:5000/shop:v2"
    assert merged["securityContext"]["runAsNonRoot"] is True


async def test_fields_that_the_library_does_not_know_come_and_go_unharmed(
    toys: None, api: KubeApi
) -> None:
    made = await api.create(TOY, {"metadata": {"name": "ball"}, "spec": {"tomorrow": [1, {}]}})
    listing = await api.listed(TOY)
    (found,) = listing.objects
    again = await api.replace(TOY, {**found, "spec": {**found["spec"], "more": None}})

    assert made["spec"] == found["spec"] == {"tomorrow": [1, {}]}
    assert again["spec"]["tomorrow"] == [1, {}]
    assert int(listing.version) >= int(made["metadata"]["resourceVersion"])


async def test_a_list_is_of_those_that_bear_the_labels(api: KubeApi) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        labels = {"colour": colour}
        await api.create(CONFIG_MAP, {"metadata": {"name": name, "labels": labels}})

    red = await api.listed(CONFIG_MAP, labels={"colour": "red"})

    assert [each["metadata"]["name"] for each in red.objects] == ["a", "c"]
    assert (await api.listed(CONFIG_MAP, labels={"colour": "green"})).objects == []
    named = await api.listed(CONFIG_MAP, name="b")
    assert [each["metadata"]["name"] for each in named.objects] == ["b"]


async def test_a_right_is_asked_for_without_using_it(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    rules = [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["shop"],
            "verbs": ["patch"],
        },
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    token = control_plane.account(namespace, rules)

    async with control_plane.reached(tmp_path, namespace, token) as api:
        assert await api.may("patch", DEPLOYMENT, "shop")
        assert not await api.may("patch", DEPLOYMENT, "cart")
        assert not await api.may("patch", DEPLOYMENT)
        assert not await api.may("patch", DEPLOYMENT, "shop", "default")
        assert await api.may("get", POD, part="log")
        assert not await api.may("get", POD)
        assert not await api.may("get", STRANGE, "x")


async def test_a_watch_tells_what_happened_since_a_list(api: KubeApi) -> None:
    listing = await api.listed(CONFIG_MAP, labels={"app": "shop"})
    labels = {"app": "shop"}
    await api.create(CONFIG_MAP, {"metadata": {"name": "a", "labels": labels}})
    await api.create(CONFIG_MAP, {"metadata": {"name": "other"}})
    await api.patch(CONFIG_MAP, "a", {"data": {"x": "1"}}, how=Patch.MERGE)
    await api.delete(CONFIG_MAP, "a")

    told = []
    async with (
        asyncio.timeout(PATIENCE),
        aclosing(api.watch(CONFIG_MAP, labels=labels, since=listing.version)) as events,
    ):
        async for event, found in events:
            told.append((event, found["metadata"]["name"], found.get("data")))
            if event == "DELETED":
                break

    assert told == [
        ("ADDED", "a", None),
        ("MODIFIED", "a", {"x": "1"}),
        ("DELETED", "a", {"x": "1"}),
    ]


async def test_a_watch_from_a_version_long_gone_says_to_list_again(
    toys: None, api: KubeApi
) -> None:
    async with asyncio.timeout(PATIENCE), aclosing(api.watch(TOY, since="1")) as events:
        with pytest.raises(TransientError, match="410"):
            await anext(events)


async def test_a_watch_whose_connection_breaks_off_says_so(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with control_plane.proxy() as proxy:
        server = proxy.base
        async with control_plane.reached(tmp_path, namespace, server=server) as api:
            listing = await api.listed(CONFIG_MAP)
            async with (
                asyncio.timeout(PATIENCE),
                aclosing(api.watch(CONFIG_MAP, since=listing.version)) as events,
            ):
                await api.create(CONFIG_MAP, {"metadata": {"name": "a"}})
                event, found = await anext(events)
                while found["metadata"]["name"] != "a":
                    event, found = await anext(events)
                assert event == "ADDED"
                await proxy.close()
                with pytest.raises(TransientError, match="watch configmaps"):
                    await anext(events)


async def test_who_writes_and_hears_no_answer_is_in_doubt_and_who_reads_is_not(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with control_plane.proxy() as proxy:
        proxy.toxic = Toxic.RESET_ANSWER
        async with control_plane.reached(tmp_path, namespace, server=proxy.base) as api:
            with pytest.raises(TransientError, match="no answer"):
                await api.listed(CONFIG_MAP)
            with pytest.raises(InDoubtError, match="create configmaps a: no answer"):
                await api.create(CONFIG_MAP, {"metadata": {"name": "a"}})
            with pytest.raises(InDoubtError, match="patch configmaps a: no answer"):
                await api.patch(CONFIG_MAP, "a", {"data": {"x": "1"}}, how=Patch.MERGE)
            # To ask whether one may is no writing.
            with pytest.raises(TransientError, match="no answer"):
                await api.may("get", POD)

    assert control_plane.get("configmap/a", namespace)["data"] == {"x": "1"}
    assert [call.verb for call in control_plane.calls(namespace)] == ["create", "patch"]


@pytest.mark.parametrize("toxic", [Toxic.RESET, Toxic.CUT])
async def test_an_answer_that_is_cut_off_leaves_a_writer_in_doubt(
    toxic: Toxic, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with control_plane.proxy() as proxy:
        proxy.toxic = toxic
        async with control_plane.reached(tmp_path, namespace, server=proxy.base) as api:
            with pytest.raises(InDoubtError):
                await api.create(CONFIG_MAP, {"metadata": {"name": "a"}})
            with pytest.raises(TransientError):
                await api.get(CONFIG_MAP, "a")


async def test_nobody_who_was_not_reached_is_in_doubt(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    proxy = Proxy(control_plane.api_server, tls=control_plane.parts.tls)
    await proxy.listen()
    await proxy.close()

    async with control_plane.reached(tmp_path, namespace, server=proxy.base) as api:
        with pytest.raises(TransientError, match="cannot be reached"):
            await api.create(CONFIG_MAP, {"metadata": {"name": "a"}})


async def test_after_an_outage_the_same_client_is_of_use_again(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with (
        control_plane.proxy() as proxy,
        control_plane.reached(tmp_path, namespace, server=proxy.base) as api,
    ):
        await api.listed(CONFIG_MAP)
        await proxy.close()
        with pytest.raises(TransientError):
            await api.listed(CONFIG_MAP)
        await proxy.listen()
        await api.listed(CONFIG_MAP)


def conditions(found: Object) -> set[str]:
    """Those that are true."""
    every = found.get("status", {}).get("conditions", [])
    return {each["type"] for each in every if each["status"] == "True"}


def everything_said(error: BaseException) -> str:
    """The text of an error, and of all that led to it, as a traceback would show them."""
    assert isinstance(error, StepError)
    return "".join(traceback.format_exception(error))


TOY = Kind("toys.test", "v1", "Toy", "toys")
TOYS: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "toys.toys.test"},
    "spec": {
        "group": TOY.group,
        "names": {"kind": TOY.name, "plural": TOY.plural},
        "scope": "Namespaced",
        "versions": [
            {
                "name": TOY.version,
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
