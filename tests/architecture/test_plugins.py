"""An executor, source or notifier is one file, one test and one row of its page; no less."""

import re
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import get_args

import pytest

from watchdog import catalog
from watchdog.plugins import (
    AnyChangesPlugin,
    AnyExecutorPlugin,
    AnyNotifierPlugin,
    AnySourcePlugin,
)

ROOT = Path(__file__).parents[2]
FAMILIES: tuple[catalog.Family, ...] = get_args(catalog.Family)
KINDS = [(family, kind) for family in FAMILIES for kind in catalog.kinds(family)]
Plugin = AnyExecutorPlugin | AnyNotifierPlugin | AnySourcePlugin | AnyChangesPlugin


def find(family: catalog.Family, kind: str) -> Plugin:
    match family:
        case "executors":
            return catalog.executor(kind)
        case "sources":
            return catalog.source(kind)
        case "notifiers":
            return catalog.notifier(kind)
        case "changes":
            return catalog.changes(kind)


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_every_kind_has_a_test(family: catalog.Family, kind: str) -> None:
    assert (ROOT / f"tests/adapters/{family}/test_{kind}.py").exists()


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_every_kind_has_a_row_on_the_page_of_its_family(family: catalog.Family, kind: str) -> None:
    row = f"| `{kind}` | {find(family, kind).summary} |"

    assert row in (ROOT / f"docs/{family}.md").read_text().splitlines()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_on_the_page_of_a_family_is_a_kind(family: catalog.Family) -> None:
    lines = (ROOT / f"docs/{family}.md").read_text().splitlines()
    first_table = takewhile(is_row, dropwhile(lambda line: not is_row(line), lines))
    rows = [found[1] for line in first_table if (found := re.match(r"\| `(\w+)` \|", line))]

    assert sorted(rows) == list(catalog.kinds(family))


def is_row(line: str) -> bool:
    return line.startswith("|")


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_options_refuse_what_they_do_not_know_and_never_change(
    family: catalog.Family, kind: str
) -> None:
    settings = find(family, kind).options.model_config

    assert settings.get("extra") == "forbid"
    assert settings.get("frozen") is True


@pytest.mark.parametrize("kind", catalog.kinds("executors"))
def test_the_half_that_alert_only_mode_builds_cannot_execute(kind: str) -> None:
    probe = catalog.executor(kind).probe

    assert isinstance(probe, type), f"the probe of {kind} is a class, so that this can be seen"
    assert not hasattr(probe, "execute")
    assert {
        name for name in ("preflight", "render", "inspect") if not hasattr(probe, name)
    } == set()


@pytest.mark.parametrize("kind", catalog.kinds("executors"))
def test_an_executor_is_another_class_than_its_probe(kind: str) -> None:
    plugin = catalog.executor(kind)

    assert isinstance(plugin.build, type)
    assert hasattr(plugin.build, "execute")
