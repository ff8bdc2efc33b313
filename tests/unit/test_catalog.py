import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from watchdog import adapters, catalog
from watchdog.domain.errors import ConfigError
from watchdog.plugins import ExecutorPlugin, NotifierPlugin

ADAPTERS = Path(adapters.__file__).parent
PLUGIN = """
from watchdog.adapters.notifiers.log import Options, plugin as log
from watchdog.plugins import NotifierPlugin
pigeon = NotifierPlugin(summary="Send a pigeon.", options=Options, build=log.build)
broken = object()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution of other people, with its entry points."""

    def install(name: str, module: str, group: str, **points: str) -> None:
        site = tmp_path / name
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{kind} = {name}:{value}\n" for kind, value in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
        (site / f"{name}.py").write_text(module)
        monkeypatch.syspath_prepend(site)

    return install


def test_a_kind_is_found_by_the_name_of_its_file() -> None:
    assert isinstance(catalog.executor("http"), ExecutorPlugin)
    assert isinstance(catalog.notifier("log"), NotifierPlugin)


def test_the_kinds_of_a_family_are_its_files() -> None:
    for family in get_args(catalog.Family):
        files = (ADAPTERS / family).glob("[!_]*.py")

        assert catalog.kinds(family) == tuple(sorted(file.stem for file in files))


def test_an_unknown_kind_lists_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ConfigError) as refused:
        catalog.executor("HTPP")

    known = ", ".join(catalog.kinds("executors"))
    assert str(refused.value) == (
        f"there is no executor 'HTPP'; did you mean 'http'? (known: {known})"
    )


def test_a_kind_that_resembles_nothing_gets_no_guess() -> None:
    with pytest.raises(ConfigError) as refused:
        catalog.notifier("xyzzy")

    known = ", ".join(catalog.kinds("notifiers"))
    assert str(refused.value) == f"there is no notifier 'xyzzy' (known: {known})"


def test_a_plugin_of_other_people_is_found_by_its_entry_point(install: Callable[..., None]) -> None:
    install("loft", PLUGIN, "watchdog.notifiers", pigeon="pigeon")

    assert catalog.notifier("pigeon").summary == "Send a pigeon."
    assert "pigeon" in catalog.kinds("notifiers")


def test_a_name_claimed_twice_is_an_error_that_names_both(install: Callable[..., None]) -> None:
    install("loft", PLUGIN, "watchdog.notifiers", webhook="pigeon")

    with pytest.raises(ConfigError) as refused:
        catalog.notifier("log")

    assert str(refused.value) == (
        "notifier 'webhook' is claimed by watchdog.adapters.notifiers.webhook:plugin "
        "and loft:pigeon of loft; uninstall the package that is not meant"
    )


def test_a_plugin_of_the_wrong_family_is_refused(install: Callable[..., None]) -> None:
    install("coop", PLUGIN, "watchdog.executors", pigeon="pigeon", broken="broken")

    for kind, type_name in (("pigeon", "NotifierPlugin"), ("broken", "object")):
        with pytest.raises(ConfigError, match=f"is a {type_name}, but should be a ExecutorPlugin"):
            catalog.executor(kind)


def test_a_plugin_without_its_library_says_which(install: Callable[..., None]) -> None:
    install("cote", "import no_such_library", "watchdog.executors", dove="dove")

    with pytest.raises(ConfigError, match="needs the Python package 'no_such_library', which is"):
        catalog.executor("dove")


def test_a_plugin_that_is_not_where_its_entry_point_says_is_refused(
    install: Callable[..., None],
) -> None:
    install("nest", PLUGIN, "watchdog.executors", egg="egg")

    with pytest.raises(ConfigError, match=r"executor 'egg' \(nest:egg of nest\) cannot be loaded"):
        catalog.executor("egg")


def test_only_the_plugin_that_was_asked_for_is_imported() -> None:
    program = (
        "import sys; from watchdog import catalog; catalog.kinds('executors'); "
        "catalog.executor('command'); "
        "print([m for m in sys.modules if m.startswith('watchdog.adapters.executors.')])"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=30
    )

    assert answer.stdout == "['watchdog.adapters.executors.command']\n"
