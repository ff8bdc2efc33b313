"""The JSON Schemas of both kinds of file, for editors; shipped beside this file."""

import json
from pathlib import Path

from pydantic import BaseModel

from watchdog.config.schema import TargetFile
from watchdog.config.settings import DaemonFile

FOLDER = Path(__file__).parent
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODELS: dict[str, type[BaseModel]] = {
    "target.schema.json": TargetFile,
    "daemon.schema.json": DaemonFile,
}


def json_schemas() -> dict[str, str]:
    """The text of each schema, by the name of its file."""
    return {
        name: json.dumps(
            {"$schema": _DIALECT, **model.model_json_schema()}, indent=2, ensure_ascii=False
        )
        + "\n"
        for name, model in _MODELS.items()
    }


def write_json_schemas(folder: Path = FOLDER) -> list[Path]:
    """Write every schema into `folder`, and give the paths of those that changed."""
    changed = []
    for name, text in json_schemas().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
