"""docs/api.md lists the acts and answers that there are, and its file is one that works."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.config.small_plugins import Files
from watchdog.app.acts import SCOPES, body_of
from watchdog.app.openapi import ANSWERS
from watchdog.config.api_schema import ApiEntry, ClusterEntry, TokenEntry
from watchdog.config.people_schema import PersonEntry
from watchdog.domain.doors import Scope

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/api.md").read_text()
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()


def act_rows() -> Iterator[str]:
    for name, scope in sorted(SCOPES.items()):
        fields = body_of(name).model_fields.items()
        needed = [f"`{each}`" for each, field in fields if field.is_required()]
        others = [f"[`{each}`]" for each, field in fields if not field.is_required()]
        yield f"| `{name}` | `{scope.value}` | {', '.join([*needed, *others])} |"


def answer_rows() -> Iterator[str]:
    yield from (f"| {status} | {meaning} |" for status, meaning in ANSWERS.items())


def rows_below(head: str) -> list[str]:
    table = PAGE.partition(head)[2].partition("\n\n")[0]
    return [row for row in table.splitlines() if row.startswith("| ") and "---" not in row]


def test_every_act_has_its_row() -> None:
    assert rows_below("| act | scope | body |") == list(act_rows())


def test_every_answer_has_its_row() -> None:
    assert rows_below("| status | meaning |") == list(answer_rows())


def test_every_scope_has_its_row() -> None:
    rows = rows_below("| scope | for |")

    assert [row.split("`")[1] for row in rows] == [scope.value for scope in Scope]


@pytest.mark.parametrize("entry", [ApiEntry, TokenEntry, ClusterEntry, PersonEntry])
def test_every_key_has_its_row(entry: type[BaseModel]) -> None:
    missing = [name for name in entry.model_fields if f"| `{name}` |" not in CONFIGURATION]

    assert missing == []


def test_the_file_of_the_page_is_one_that_works(tmp_path: Path) -> None:
    files = Files(tmp_path)
    (written,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    files.write("daemon.yaml", written)

    settings = files.load("daemon.yaml").daemon
    assert settings.api is not None
    assert [each.person for each in settings.api.tokens] == ["ana", "ben"]
