"""`kubernetes_undo` beside somebody else, and with an API server that is not well."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bed.answer_loser import AnswerLoser, changes, losing_answers
from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.bed.kubernetes_verbs import BAD, OLD, two_deployments
from tests.bed.manifests import deployment
from tests.bed.undone import Shop
from watchdog.adapters.executors.kubernetes_undo import plugin
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError
from watchdog.domain.events import Effect


@pytest.fixture
async def shop(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with real_deps() as deps:
        yield Shop(control_plane, namespace, tmp_path, deps)


@pytest.fixture
async def way(shop: Shop) -> AsyncIterator[AnswerLoser]:
    """What stands between the steps and the API server, from version 2 of two on."""
    await two_deployments(shop.plane, shop.namespace)
    async with losing_answers(shop.plane) as way:
        shop.server = way.url
        yield way


def before_each_patch(way: AnswerLoser, change: Callable[[int], Mapping[str, Any]]) -> list[int]:
    """Have somebody else change the Deployment just before; the numbers of the patches."""
    patches: list[int] = []

    def somebody(request: web.Request) -> None:
        if changes(request):
            patches.append(len(patches) + 1)
            namespace = request.path.split("/")[5]
            change_now = change(len(patches))
            if change_now:
                way.plane.patch("deployment/shop", namespace, change_now)

    way.before = somebody
    return patches


async def test_who_scales_it_meanwhile_is_not_undone(shop: Shop, way: AnswerLoser) -> None:
    patches = before_each_patch(way, lambda n: {"spec": {"replicas": 3}} if n == 1 else {})

    await shop.undo()

    assert patches == [1, 2]
    assert shop.image() == OLD
    assert shop.plane.get("deployment/shop", shop.namespace)["spec"]["replicas"] == 3


async def test_who_changes_what_it_runs_meanwhile_is_left_alone(
    shop: Shop, way: AnswerLoser
) -> None:
    newer = deployment("shop", "shop:v3")["spec"]["template"]["spec"]
    patches = before_each_patch(way, lambda _: {"spec": {"template": {"spec": newer}}})

    with pytest.raises(PermanentError, match="somebody else changed what it runs meanwhile"):
        await shop.undo()

    assert patches == [1]
    assert shop.image() == "shop:v3"


async def test_who_changes_it_each_time_is_too_quick(shop: Shop, way: AnswerLoser) -> None:
    patches = before_each_patch(way, lambda n: {"spec": {"replicas": 2 + n}})

    with pytest.raises(TransientError, match="changed by somebody else each of 5 times; not sent"):
        await shop.undo()

    assert patches == [1, 2, 3, 4, 5]
    assert shop.image() == BAD


async def test_who_replaces_the_whole_object_is_left_alone(shop: Shop, way: AnswerLoser) -> None:
    def replaced(request: web.Request) -> None:
        if changes(request) and shop.image() == BAD:
            shop.plane.delete("deployment/shop", shop.namespace)
            shop.apply("deployment/shop", "shop:v3")

    way.before = replaced

    with pytest.raises(PermanentError, match="somebody else changed what it runs meanwhile"):
        await shop.undo()

    assert shop.image() == "shop:v3"


# An API server that is not well


async def test_an_answer_that_is_lost_is_in_doubt_and_found_by_a_look(
    shop: Shop, way: AnswerLoser
) -> None:
    way.loses = changes
    with pytest.raises(InDoubtError):
        await shop.undo(key="run-9/step-1")

    probe = plugin.probe(shop.options("deployment/shop", to="previous"), shop.deps)
    effect, why = await probe.inspect("run-9/step-1")

    assert effect is Effect.APPLIED
    assert "bears the step's key" in why
    assert "was done before" in await shop.undo(key="run-9/step-1")
    assert shop.image() == OLD


@pytest.mark.parametrize("status", [429, 503])
async def test_an_api_server_that_is_busy_for_a_moment_is_asked_again(
    shop: Shop, way: AnswerLoser, status: int
) -> None:
    way.refuses = lambda request: status if request.method == "GET" and way.refused < 2 else 0

    await shop.undo()

    assert way.refused == 2
    assert shop.image() == OLD


async def test_a_patch_that_was_turned_away_did_not_happen(shop: Shop, way: AnswerLoser) -> None:
    way.refuses = lambda request: 429 if changes(request) else 0

    with pytest.raises(TransientError, match="429 not now: nothing done, come again later"):
        await shop.undo()

    assert shop.image() == BAD


async def test_a_patch_that_the_api_server_failed_at_is_in_doubt(
    shop: Shop, way: AnswerLoser
) -> None:
    way.refuses = lambda request: 500 if changes(request) else 0

    with pytest.raises(InDoubtError):
        await shop.undo()

    probe = plugin.probe(shop.options("deployment/shop", to="previous"), shop.deps)
    assert (await probe.inspect("run-1/step-1"))[0] is Effect.NOT_APPLIED
