"""The gateway that refuses what a test wants refused, before the real API server."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import refuses
from watchdog.adapters.kubernetes.api import ConflictError
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP
from watchdog.domain.errors import TransientError


async def test_what_is_not_refused_passes(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with (
        control_plane.gateway() as gateway,
        control_plane.reached(tmp_path, namespace, server=gateway.base) as api,
    ):
        listing = await api.listed(CONFIG_MAP)
        await api.create(CONFIG_MAP, {"metadata": {"name": "notes"}})
        async with (
            asyncio.timeout(30),
            aclosing(api.watch(CONFIG_MAP, since=listing.version, name="notes")) as events,
        ):
            event, found = await anext(events)
        with pytest.raises(ConflictError, match="already exists"):
            await api.create(CONFIG_MAP, {"metadata": {"name": "notes"}})

    assert (event, found["metadata"]["name"]) == ("ADDED", "notes")
    assert gateway.refused == 0


async def test_what_is_refused_never_arrives(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with (
        control_plane.gateway() as gateway,
        control_plane.reached(tmp_path, namespace, server=gateway.base) as api,
    ):
        gateway.rule = refuses(429, "POST", times=2)
        for _ in range(2):
            with pytest.raises(TransientError, match="429 refused by the test"):
                await api.create(CONFIG_MAP, {"metadata": {"name": "notes"}})
        await api.listed(CONFIG_MAP)
        assert control_plane.calls(namespace, of="admin") == []
        await api.create(CONFIG_MAP, {"metadata": {"name": "notes"}})

    assert len(control_plane.calls(namespace, of="admin")) == 1
    assert gateway.refused == 2
