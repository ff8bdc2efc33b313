import os
from collections.abc import Callable, Iterator

import pytest

from tests.bed.scenarios import Playing, scenario_of


@pytest.fixture(scope="session")
def playing(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    require_program: Callable[[str], str],
) -> Iterator[Playing]:
    """All scenarios that were chosen, begun at the first that is asked for."""
    playing = Playing(require_program("prometheus"), tmp_path_factory.mktemp("scenarios"))
    chosen = (scenario_of(getattr(item, "function", None)) for item in request.session.items)
    # Where tests are spread over processes, each process plays those that it is given.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        playing.begin(filter(None, chosen))
    yield playing
    playing.end()
