from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.site import Site, a_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An empty folder for a daemon, and an admin API at work."""
    async with a_site(tmp_path) as site:
        yield site
