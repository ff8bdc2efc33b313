import json
import re
from pathlib import Path
from typing import Any

from watchdog.config.json_schema import FOLDER, json_schemas, write_json_schemas

DOCS = Path(__file__).parents[2] / "docs"


def test_the_shipped_schemas_are_current() -> None:
    shipped = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.schema.json")}

    # When not: call watchdog.config.json_schema.write_json_schemas().
    assert shipped == json_schemas()


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    assert {path.name for path in write_json_schemas(tmp_path)} == set(json_schemas())
    assert write_json_schemas(tmp_path) == []

    (tmp_path / "target.schema.json").write_text("old")

    assert write_json_schemas(tmp_path) == [tmp_path / "target.schema.json"]
    assert {
        path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()
    } == json_schemas()


def test_every_key_says_what_it_is() -> None:
    silent = [
        f"{name}: {key}"
        for name, text in json_schemas().items()
        for key, schema in keys(json.loads(text))
        if "description" not in schema
    ]

    assert silent == []


def test_every_key_is_documented() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z_]+)`", page))
    known = {key for text in json_schemas().values() for key, _ in keys(json.loads(text))}

    assert known - documented == set()


def keys(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = [schema, *schema.get("$defs", {}).values()]
    return [entry for part in parts for entry in part.get("properties", {}).items()]
