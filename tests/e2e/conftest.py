import inspect
from collections.abc import Callable, Iterator

import pytest

from tests.bed.scenarios import Playing, scenario_of


@pytest.fixture(scope="module")
def playing(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    require_program: Callable[[str], str],
) -> Iterator[Playing]:
    """The chosen scenarios of one module, begun at the first that is asked for."""
    playing = Playing(require_program("prometheus"), tmp_path_factory.mktemp("scenarios"))
    functions = [getattr(item, "function", None) for item in request.session.items]
    chosen = map(scenario_of, (f for f in functions if inspect.getmodule(f) is request.module))
    playing.begin(filter(None, chosen))
    yield playing
    playing.end()
