"""Whose token that is, and what they may, as a real API server says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.bed.cluster_callers import AUDIENCE, Callers, right
from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import refusal, refuses
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.callers import TROUBLE_KEPT, ClusterCallers, lacking
from watchdog.domain.callers import Caller
from watchdog.domain.errors import StepError, TransientError
from watchdog.testing.doubles import ManualClock

KEPT = 10.0
Asking = Callable[..., AbstractAsyncContextManager[ClusterCallers]]


@pytest.fixture
def callers(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Callers:
    return Callers(control_plane, namespace, tmp_path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def asking(callers: Callers, clock: ManualClock) -> Asking:
    @asynccontextmanager
    async def asking(
        *resources: str, server: str | None = None, limit: float = 30.0
    ) -> AsyncIterator[ClusterCallers]:
        file = callers.watchdog(*resources, server=server)
        async with reached(Access(kubeconfig=str(file))) as api:
            yield ClusterCallers(api, AUDIENCE, KEPT, clock, limit)

    return asking


async def whose(found: ClusterCallers, token: str) -> Caller:
    caller = await found.who(token)
    assert caller is not None
    return caller


# -- who


async def test_a_token_that_was_made_for_us_says_whose_it_is(
    callers: Callers, asking: Asking, namespace: str
) -> None:
    token = callers.caller("ci")

    async with asking() as found:
        caller = await whose(found, token)

    assert caller.user == callers.user("ci")
    assert f"system:serviceaccounts:{namespace}" in caller.groups
    assert token not in repr(caller)


async def test_it_may_be_made_for_others_as_well(callers: Callers, asking: Asking) -> None:
    token = callers.caller("ci", audiences=["else", AUDIENCE])

    async with asking() as found:
        assert await found.who(token) is not None


async def test_a_token_that_was_not_made_for_us_is_nobodys(
    callers: Callers, asking: Asking, control_plane: ControlPlane, namespace: str
) -> None:
    other = callers.caller("ci", audiences=["somebody-else"])
    of_the_api_server = control_plane.token(namespace, "ci")

    async with asking() as found:
        assert await found.who(other) is None
        assert await found.who(of_the_api_server) is None
        # One of a kind that knows of no audience.
        assert await found.who(control_plane.admin) is None


async def test_what_is_over_or_made_up_is_nobodys(
    callers: Callers, asking: Asking, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci")

    async with asking() as found:
        assert await found.who(control_plane.expired(token)) is None
        assert await found.who(token[:-8] + "AAAAAAAA") is None
        assert await found.who("a-word-of-some-length") is None


async def test_an_account_that_is_gone_is_nobodys(
    callers: Callers, asking: Asking, clock: ManualClock, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci")

    async with asking() as found:
        await whose(found, token)
        control_plane.delete("serviceaccount/ci", callers.namespace)

        # The API server itself believes it for some seconds.
        async with asyncio.timeout(60):
            while await found.who(token) is not None:
                clock.advance(KEPT)
                await asyncio.sleep(0.1)
        assert not found.knows(token)


# -- what


async def test_a_right_to_one_target_is_none_to_another_nor_to_all(
    callers: Callers, asking: Asking
) -> None:
    token = callers.caller("ci", right("pause", names=["shop"]))

    async with asking() as found:
        caller = await whose(found, token)

        assert await found.may(caller, "pause", "shop")
        assert not await found.may(caller, "pause", "stock")
        assert not await found.may(caller, "pause", "")
        assert not await found.may(caller, "resume", "shop")


async def test_a_right_without_names_is_one_to_all(callers: Callers, asking: Asking) -> None:
    token = callers.caller("ci", right("pause", "kill"))

    async with asking() as found:
        caller = await whose(found, token)

        for verb, target in (("pause", "shop"), ("pause", ""), ("kill", "")):
            assert await found.may(caller, verb, target)


async def test_a_right_of_a_group_counts(
    callers: Callers, asking: Asking, control_plane: ControlPlane
) -> None:
    token, namespace = callers.caller("ci"), callers.namespace
    rbac = "rbac.authorization.k8s.io"
    control_plane.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "pausing"},
            "rules": [right("pause")],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "pausing"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "pausing"},
            "subjects": [
                {"apiGroup": rbac, "kind": "Group", "name": f"system:serviceaccounts:{namespace}"}
            ],
        },
        namespace=namespace,
    )

    async with asking() as found:
        assert await found.may(await whose(found, token), "pause", "shop")


async def test_all_that_is_known_of_somebody_is_put_before_who_judges(
    callers: Callers, asking: Asking, namespace: str
) -> None:
    """Also what RBAC does not look at: another authorizer of the cluster may."""
    token, asked = callers.caller("ci"), []

    async def rule(request: web.Request) -> None:
        asked.append(json.loads(await request.read())["spec"])

    async with callers.plane.gateway() as gateway, asking(server=gateway.base) as found:
        gateway.rule = rule
        caller = await whose(found, token)
        await found.may(caller, "pause", "shop")

    _, spec = asked
    assert caller.extra["authentication.kubernetes.io/credential-id"]
    assert spec == {
        "user": callers.user("ci"),
        "uid": callers.plane.get("serviceaccount/ci", namespace)["metadata"]["uid"],
        "groups": list(caller.groups),
        "extra": {name: list(values) for name, values in caller.extra.items()},
        "resourceAttributes": {
            "group": "rollback-watchdog.io",
            "version": "*",
            "resource": "targets",
            "verb": "pause",
            "name": "shop",
            "namespace": namespace,
        },
    }


# -- what is remembered


async def test_an_answer_counts_for_its_time_and_no_longer(
    callers: Callers, asking: Asking, clock: ManualClock, control_plane: ControlPlane
) -> None:
    token, wrong = callers.caller("ci", right("pause")), "a-word-of-some-length"

    async def all_asked(found: ClusterCallers) -> None:
        caller = await whose(found, token)
        assert await found.who(wrong) is None
        assert await found.may(caller, "pause", "shop")
        assert not await found.may(caller, "kill", "")

    async with asking() as found:
        mark = control_plane.mark()
        await all_asked(found)
        clock.advance(KEPT - 0.1)
        await all_asked(found)
        once = len(callers.reviews(mark))
        clock.advance(0.1)
        await all_asked(found)

    assert once == 4
    assert len(callers.reviews(mark)) == 8


async def test_a_right_that_is_taken_away_is_gone(
    callers: Callers, asking: Asking, clock: ManualClock, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci", right("pause"))

    async with asking() as found:
        caller = await whose(found, token)
        assert await found.may(caller, "pause", "shop")
        control_plane.delete("rolebinding/ci", callers.namespace)

        async with asyncio.timeout(60):
            while await found.may(caller, "pause", "shop"):
                clock.advance(KEPT)


async def test_a_yes_is_none_to_whoever_has_left_the_group_that_it_went_by(
    callers: Callers, asking: Asking, clock: ManualClock
) -> None:
    groups = ["oncall"]

    async def rule(request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        ana = {"username": "ana", "groups": groups}
        who = {"authenticated": True, "audiences": [AUDIENCE], "user": ana}
        may = {"allowed": "oncall" in asked["spec"].get("groups", [])}
        status = who if asked["kind"] == "TokenReview" else may
        return web.json_response({**asked, "metadata": {}, "status": status}, status=201)

    async with callers.plane.gateway() as gateway, asking(server=gateway.base) as found:
        gateway.rule = rule
        await whose(found, "ana-token-0123456789")
        clock.advance(KEPT - 0.1)
        before = await found.may(await whose(found, "ana-token-0123456789"), "kill", "")
        groups.clear()
        clock.advance(0.1)
        after = await found.may(await whose(found, "ana-token-0123456789"), "kill", "")

    assert (before, after) == (True, False)


async def test_of_many_who_show_one_token_at_once_one_is_asked_about(
    callers: Callers, asking: Asking, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci")

    async with asking() as found:
        mark = control_plane.mark()
        users = await asyncio.gather(*(found.who(token) for _ in range(50)))

    assert len({one.user for one in users if one}) == 1
    assert len(callers.reviews(mark)) == 1


# -- what is not known


@pytest.mark.parametrize("code", [403, 429, 500, 503])
async def test_a_refusal_of_the_api_server_is_no_answer(
    callers: Callers, asking: Asking, clock: ManualClock, control_plane: ControlPlane, code: int
) -> None:
    token = callers.caller("ci", right("pause"))

    async with control_plane.gateway() as gateway, asking(server=gateway.base) as found:
        gateway.rule = refuses(code, "POST", message=f"so much for {token}")
        with pytest.raises(StepError) as refused:
            await found.who(token)
        gateway.rule = None
        # Not asked again at once; then it is.
        with pytest.raises(StepError):
            await found.who(token)
        clock.advance(TROUBLE_KEPT)
        caller = await whose(found, token)
        gateway.rule = refuses(code, "POST")
        with pytest.raises(StepError):
            await found.may(caller, "pause", "shop")

    assert token not in str(refused.value)
    assert token not in repr(refused.value.__cause__)


async def test_an_api_server_that_is_gone_is_no_answer(
    callers: Callers, asking: Asking, control_plane: ControlPlane
) -> None:
    token = callers.caller("ci")

    async with control_plane.gateway() as gateway:
        base = gateway.base
    async with asking(server=base) as found:
        with pytest.raises(TransientError, match="cannot be reached"):
            await found.who(token)


async def test_an_api_server_that_is_slow_is_no_answer(
    callers: Callers, asking: Asking, control_plane: ControlPlane
) -> None:
    token, answers = callers.caller("ci"), asyncio.Event()

    async def rule(_: web.Request) -> web.StreamResponse:
        await answers.wait()
        return refusal(503)

    async with (
        control_plane.gateway() as gateway,
        asking(server=gateway.base, limit=0.1) as found,
    ):
        gateway.rule = rule
        with pytest.raises(TransientError, match="whose token it is"):
            await found.who(token)
        answers.set()


async def test_an_answer_that_says_less_than_all_is_no_yes(
    callers: Callers, asking: Asking
) -> None:
    """Such as that of a program in between, or of an API server that drops what it knows not."""
    user, ours = {"username": "ada"}, {"audiences": ["else", AUDIENCE]}
    says = {"authenticated": True, "user": user}
    body: dict[str, object] = {"kind": "TokenReview", "apiVersion": "v1", "metadata": {}}

    async def rule(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=201)

    async with callers.plane.gateway() as gateway, asking(server=gateway.base) as found:
        gateway.rule = rule
        for number, status in enumerate((
            {},
            says,
            {**says, "audiences": []},
            {**says, "audiences": ["else"]},
            {**ours, "user": user},
            {**says, **ours, "authenticated": False},
            {**says, **ours, "user": {}},
            {**says, **ours, "user": {"username": ""}},
            {**says, **ours, "user": {"username": "ada\nbob"}},
        )):  # fmt: skip
            body["status"] = status
            assert await found.who(f"a-token-of-some-length-{number}") is None
        # So that this test can fail.
        body["status"] = {**says, **ours}
        assert await found.who("another-token-of-some-length") is not None


async def test_an_account_that_may_not_ask_is_named_what_it_lacks(
    callers: Callers, asking: Asking
) -> None:
    token = callers.caller("ci")

    async with asking("") as found:
        with pytest.raises(StepError, match="tokenreviews"):
            await found.who(token)
    async with asking("tokenreviews") as found:
        with pytest.raises(StepError, match="subjectaccessreviews"):
            await found.may(await whose(found, token), "pause", "shop")


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        ((), []),
        (("",), ["tokenreviews", "subjectaccessreviews"]),
        (("tokenreviews",), ["subjectaccessreviews"]),
        (("subjectaccessreviews",), ["tokenreviews"]),
    ],
)
async def test_what_our_account_lacks_is_known_beforehand(
    callers: Callers, held: tuple[str, ...], missing: list[str]
) -> None:
    found = await lacking(Access(kubeconfig=str(callers.watchdog(*held))))

    assert [one.resource for one in found.missing] == missing
