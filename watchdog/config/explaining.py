"""Pydantic's errors in the words of the file: where, what is wrong, what would be right."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from watchdog.config.problems import Path, Problem, did_you_mean
from watchdog.config.reading import Document
from watchdog.config.references import BY_REFERENCE, looks_secret

_SHOWN = 40
_ABOUT_KEYS = frozenset({"missing", "extra_forbidden"})
_BUT = ", but should be "
Schema = Mapping[str, Any]


def explained(
    document: Document,
    error: ValidationError,
    model: type[BaseModel],
    *,
    at: Path = (),
    also: Iterable[str] = (),
    place: Callable[[Path], Path] | None = None,
) -> list[Problem]:
    """One problem for each place that `error` is about.

    `at` is where the validated value stands in the document, and `also` the keys that are
    known there beside the model's own. `place` gives the path in the file for one in the
    model, where the two are built differently.
    """
    texts: dict[Path, list[str]] = {}
    details = error.errors(include_url=False)
    about_keys = any(detail["type"] in _ABOUT_KEYS for detail in details)
    schema = model.model_json_schema() if about_keys else {}
    for detail in details:
        loc = detail["loc"]
        path = place(loc) if place else (*at, *loc)
        base = place(()) if place else at
        base = base if path[: len(base)] == base else ()
        written = _as_written(document, base, path[len(base) :], detail["type"])
        shown = "" if any(looks_secret(part) for part in written) else _shown(detail["input"])
        fields = _fields(schema, loc[:-1])
        known = {*fields, *(also if len(loc) == 1 else ())}
        text = _text(detail, written, shown, known, fields)
        if text not in texts.setdefault(written, []):
            texts[written].append(text)
    return [document.problem(path, _joined(each)) for path, each in texts.items()]


def _joined(texts: list[str]) -> str:
    """What several alternatives say of one value, in one sentence."""
    texts = [text for text in texts if text != BY_REFERENCE] or texts
    starts = {text.partition(_BUT)[0] for text in texts}
    if len(texts) > 1 and len(starts) == 1 and all(_BUT in text for text in texts):
        return starts.pop() + _BUT + " or ".join(text.partition(_BUT)[2] for text in texts)
    return "; or ".join(texts)


def _as_written(document: Document, base: Path, loc: Path, kind: str) -> Path:
    """The path of `loc` below `base`, less what stands in no file: "[key]", an alternative."""
    written = base
    for index, part in enumerate(loc):
        is_missing = kind == "missing" and index == len(loc) - 1
        if is_missing or (*written, part) in document.places:
            written = (*written, part)
    return written


def _fields(root: Schema, path: Path) -> dict[str, Schema]:
    """The keys that may stand at `path` of a model, with what their schemas say."""
    found = list(_alternatives(root, root))
    for part in path:
        # What leads nowhere is the name of an alternative.
        found = [inner for schema in found for inner in _inside(schema, part, root)] or found
    return {key: schema for each in found for key, schema in each.get("properties", {}).items()}


def _inside(schema: Schema, part: str | int, root: Schema) -> Iterator[Schema]:
    if isinstance(part, int):
        inner = [schema.get("items")]
    elif part in schema.get("properties", {}):
        inner = [schema["properties"][part]]
    else:
        named = schema.get("patternProperties", {})
        inner = [*named.values(), schema.get("additionalProperties")]
    for each in inner:
        if isinstance(each, dict):
            yield from _alternatives(each, root)


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        yield from _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, ()):
            yield from _alternatives(inner, root)
    yield schema


def _text(
    detail: ErrorDetails, path: Path, shown: str, known: set[str], fields: dict[str, Schema]
) -> str:
    kind = detail["type"]
    limits = detail.get("ctx", {})
    match kind:
        case "missing" | "extra_forbidden":
            return _key(kind, str(path[-1]) if path else "", known, fields)
        case "value_error":
            return str(limits["error"])
        case "literal_error" | "enum":
            return f"{shown or 'this'} is not known here; write {limits['expected']}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return f"is {shown}; it {detail['msg'].removeprefix('Input ')}"
        case "too_short" | "string_too_short":
            return "is empty; write at least one"
        # Whatever stands there is likely the secret itself, so it is not shown.
        case "model_type" if "Secret" in str(limits.get("class_name")):
            return BY_REFERENCE
    return _type(detail, shown)


def _key(kind: str, word: str, known: set[str], fields: dict[str, Schema]) -> str:
    if kind == "missing":
        description = fields.get(word, {}).get("description")
        return "is missing" + (f"; it is {description}" if description else "; add it")
    if word in known:
        return "does not belong here; remove it"
    return f"unknown key; {did_you_mean(word, known)}"


def _type(detail: ErrorDetails, shown: str) -> str:
    wanted = _WANTED.get(detail["type"].removesuffix("_type").removesuffix("_parsing"))
    if wanted is None:
        return detail["msg"][:1].lower() + detail["msg"][1:]
    if wanted == "text" and isinstance(detail["input"], int | float):
        wanted = "text: put it in quotes"
    return f"is {shown}{_BUT}{wanted}" if shown else f"should be {wanted}"


_WANTED = {
    "string": "text",
    "int": "a whole number",
    "int_from_float": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list [one, two]",
    "tuple": "a list [one, two]",
    "dict": "keys and values {key: value}",
    "mapping": "keys and values {key: value}",
    "model": "keys and values {key: value}",
    "model_attributes": "keys and values {key: value}",
    "finite_number": "a finite number",
}


def _shown(value: object) -> str:
    """`value` as a person would recognise it; never a whole structure."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "a list"
    return "keys and values" if isinstance(value, dict) else ""
