import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from watchdog.testing.doubles import ManualClock
from watchdog.testing.hybrid_service import (
    CACHE,
    COSTS,
    DISABLE,
    FLAGS,
    HEALTH,
    NOTIFY,
    OVERRIDE,
    PREFERENCE,
    ROUTING,
    THROTTLING,
    HybridService,
    serving,
)
from watchdog.testing.hybrid_system import Conditions
from watchdog.testing.misbehaviour import Trouble

TOKEN = "open-sesame"
BAD = Conditions(error_ratio=0.12, p95=2500, health="degraded")
DISABLING: tuple[str, Any] = (DISABLE, {"emergency": True, "reason": "immediate_rollback"})
OVERRIDING: tuple[str, Any] = (OVERRIDE, {"routing_mode": "mcp_only", "emergency": True})
CACHING: tuple[str, Any] = (CACHE, {"cache_ttl_multiplier": 2.0, "cache_aggressive_mode": True})
SIMPLER: tuple[str, Any] = (ROUTING, {"routing_complexity": "low", "fallback_threshold_ms": 1000})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(clock: ManualClock) -> AsyncIterator[HybridService]:
    async with serving(HybridService(clock, TOKEN)) as service:
        yield service


@pytest.fixture
async def client(service: HybridService) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(service.url, headers=headers) as client:
        yield client


async def get(client: aiohttp.ClientSession, path: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
    async with client.get(path) as answer:
        return await answer.json()


async def post(client: aiohttp.ClientSession, *calls: tuple[str, Any]) -> None:
    for path, body in calls:
        async with client.post(path, json=body) as answer:
            assert answer.status == 200


async def error_rate(client: aiohttp.ClientSession) -> float:
    answer = await get(client, "/admin/metrics/error-rate")
    return float(answer["value"])


async def test_it_recovers_when_the_flags_are_off_before_the_routing_is_overridden(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    service.worsen(BAD)
    await post(client, DISABLING)
    assert await error_rate(client) == pytest.approx(12)

    await post(client, OVERRIDING)

    assert await error_rate(client) == pytest.approx(0.6)
    assert (await get(client, "/admin/metrics/routing-distribution"))["mcp"] == 100


async def test_the_wrong_order_does_not_help(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    service.worsen(BAD)

    await post(client, OVERRIDING, DISABLING)

    assert await error_rate(client) == pytest.approx(12)


async def test_flags_are_pretty_printed_and_all_three_go_off(
    client: aiohttp.ClientSession,
) -> None:
    await post(client, DISABLING)
    async with client.get(FLAGS) as answer:
        assert '"ENABLE_BEDROCK_SUPPORT_MODE": false' in await answer.text()
        assert set((await answer.json()).values()) == {False}


async def test_latency_measures_help_in_their_order_and_show_their_scripted_values(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    service.worsen(BAD)
    service.system.p95_answers = [1900.0, 1600.0]
    await post(client, CACHING, SIMPLER)

    seen = [(await get(client, "/admin/metrics/p95-latency"))["value"] for _ in range(3)]

    assert seen == [1900, 1600, 1100]


async def test_three_measures_against_costs_bring_the_budget_down(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    service.system.cost_percent = 96
    await post(client, (COSTS, {"cost_control_mode": "aggressive", "budget_limit_percent": 95}))
    assert (await get(client, "/admin/metrics/cost"))["budget"]["used_percent"] == 96

    await post(client, (PREFERENCE, {"cache_preference": "aggressive", "cache_ttl_hours": 24}))
    slower = {"throttle_background_tasks": True, "priority_operations_only": True}
    await post(client, (THROTTLING, slower))

    assert (await get(client, "/admin/metrics/cost"))["budget"]["used_percent"] < 95


async def test_health_may_take_a_while_to_recover(
    service: HybridService, client: aiohttp.ClientSession, clock: ManualClock
) -> None:
    service.worsen(BAD)
    service.system.slow_health = 20
    await post(client, DISABLING, OVERRIDING)
    seen = []
    for _ in range(3):
        seen.append((await get(client, HEALTH))["status"])
        clock.advance(10)

    assert seen == ["degraded", "degraded", "healthy"]


async def test_admin_paths_need_the_token_and_health_does_not(service: HybridService) -> None:
    async with aiohttp.ClientSession(service.url) as stranger:
        async with stranger.post(DISABLE, json=DISABLING[1]) as answer:
            assert answer.status == 401
        async with stranger.get(HEALTH) as answer:
            assert answer.status == 200
    assert set(service.system.flags.values()) == {True}
    assert [asked.status for asked in service.journal] == [401, 200]


async def test_the_journal_holds_bodies_headers_and_times_in_order(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    await post(client, DISABLING)
    await get(client, FLAGS)

    first, second = await get(client, "/__journal")

    assert (first["method"], first["path"], first["body"]) == ("POST", *DISABLING)
    assert first["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert (second["method"], second["path"], second["body"]) == ("GET", FLAGS, None)
    assert [asked.path for asked in service.journal.mutating] == [DISABLE]


@pytest.mark.parametrize(
    ("kind", "acted"),
    [(Trouble.DROP_BEFORE, False), (Trouble.DROP_AFTER, True), (Trouble.SILENT, False)],
)
async def test_a_lost_answer_may_or_may_not_have_acted(
    service: HybridService, client: aiohttp.ClientSession, kind: Trouble, *, acted: bool
) -> None:
    service.misbehave(DISABLE, kind)

    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        async with asyncio.timeout(0.15):
            await post(client, DISABLING)

    assert (set(service.system.flags.values()) == {False}) is acted
    assert len(service.journal.to(DISABLE)) == 1


async def test_flags_stick_for_as_often_as_told(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    service.misbehave(DISABLE, Trouble.IGNORE, times=1)

    await post(client, DISABLING)
    assert set(service.system.flags.values()) == {True}
    await post(client, DISABLING)
    assert set(service.system.flags.values()) == {False}


async def test_another_process_changes_its_behaviour(
    service: HybridService, client: aiohttp.ClientSession
) -> None:
    wish = {
        "trouble": {"error_ratio": 0.5, "p95": 900},
        "misbehaves": {NOTIFY: {"kind": "refuse", "status": 503}},
        "cost_percent": 99,
    }
    await post(client, ("/__control", wish))

    assert await error_rate(client) == pytest.approx(50)
    async with client.post(NOTIFY, json={}) as answer:
        assert answer.status == 503
    assert service.system.used_percent == 99
