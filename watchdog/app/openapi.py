"""The OpenAPI document of the pages and the acts, made from what the program itself uses."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from watchdog import __version__
from watchdog.app.acts import SCOPES, body_of
from watchdog.domain.doors import ApiDoor
from watchdog.web.acts import KEY_HEADER, KEY_PATTERN, OPENAPI, PREFIX, REPLAYED_HEADER

VERSION = "3.1.0"
_SECURITY = "token"
Document = dict[str, Any]


class Done(BaseModel):
    """An act was carried out."""

    model_config = ConfigDict(extra="allow")

    done: str = Field(description="what was done, in a sentence")
    notes: list[str] = Field(default=[], description="what else is worth knowing")
    run: str | None = Field(default=None, description="the run that began")


class Refusal(BaseModel):
    """Nothing was done, or it is not known; `kind` is for programs, `error` for people."""

    model_config = ConfigDict(extra="allow")

    kind: str
    error: str
    missing_scope: str | None = Field(default=None, description="what the token lacks")
    missing_right: str | None = Field(
        default=None, description="what the user of a cluster lacks, as RBAC names it"
    )


class RunEvents(BaseModel):
    """A run as the journal tells it."""

    run: str
    events: list[dict[str, Any]]


# What each status of an act means, whichever act it is.
ANSWERS: Mapping[int, str] = {
    200: "It was done; with `Idempotency-Replayed`, it was done when this key was first used.",
    400: "The key is missing, or the body is no JSON object. Nothing was done.",
    401: "The token is missing or wrong. Nothing was done.",
    403: "The token lacks the scope, or the user of the cluster the right, that is named. Nothing "
    "was done.",
    404: "There is no such act. Nothing was done.",
    405: "An act is a POST. Nothing was done.",
    408: "The body did not come in time. Nothing was done.",
    409: "It was refused for the reason given; or, where `kind` is `in_doubt`, taken under this "
    "key before, and it is not known whether it was done.",
    413: "The body is too long. Nothing was done.",
    415: "The body is not plain JSON. Nothing was done.",
    422: "The body does not say what this act needs, names what there is not, or the key was "
    "used for another act. Nothing was done.",
    429: "Too many attempts failed, or too much was refused. Nothing was done.",
    503: "It cannot be recorded, the cluster does not say who you are or what you may, or the "
    "daemon is busy: try again with the same key.",
    504: "It was not done in time, and may still be: see the status.",
}
_TEXT = {"text/plain": {"schema": {"type": "string"}}}


def document(door: ApiDoor) -> bytes:
    """The whole document, as JSON."""
    reading: list[Document] = [{_SECURITY: []}] if door.guards_reading else []
    paths = dict(_pages(reading))
    paths |= {f"{PREFIX}{name}": {"post": _act(name)} for name in SCOPES}
    found: Document = {
        "openapi": VERSION,
        "info": {
            "title": "rollback-watchdog",
            "version": __version__,
            "description": "What the daemon shows, and the acts that it takes from people.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(_schemas()),
            "headers": _HEADERS,
            "securitySchemes": {_SECURITY: {"type": "http", "scheme": "bearer"}},
        },
    }
    return json.dumps(found, indent=1).encode()


_HEADERS: Document = {
    "Replayed": {
        "description": "this answer was given before, and nothing was done now",
        "schema": {"const": "true"},
    },
    "RetryAfter": {"description": "seconds to wait", "schema": {"type": "string"}},
    "WhoAreYou": {"description": "how to prove it", "schema": {"const": "Bearer"}},
    "Allow": {"description": "the methods there are", "schema": {"type": "string"}},
}


def _act(name: str) -> Document:
    lines = (body_of(name).__doc__ or "").strip()
    return {
        "operationId": name,
        "summary": f"Carry out `{name}`.",
        "description": f"{lines}\n\nNeeds the scope `{SCOPES[name].value}`.".strip(),
        "tags": ["acts"],
        "security": [{_SECURITY: []}],
        "parameters": [_KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(f"{_of(name)}")}},
        },
        "responses": {str(status): _response(status) for status in ANSWERS},
    }


_KEY: Document = {
    "name": KEY_HEADER,
    "in": "header",
    "required": True,
    "description": "a new one for each act; the same again gives the first answer, for 24 hours",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}


def _response(status: int) -> Document:
    schema = "Done" if status == 200 else "Refusal"  # noqa: PLR2004
    found: Document = {
        "description": ANSWERS[status],
        "content": {"application/json": {"schema": _ref(schema)}},
    }
    headers = {
        200: {REPLAYED_HEADER: "Replayed"},
        401: {"WWW-Authenticate": "WhoAreYou"},
        405: {"Allow": "Allow"},
        409: {REPLAYED_HEADER: "Replayed"},
        422: {REPLAYED_HEADER: "Replayed"},
        429: {"Retry-After": "RetryAfter"},
        503: {"Retry-After": "RetryAfter"},
        504: {REPLAYED_HEADER: "Replayed"},
    }
    if status in headers:
        found["headers"] = {
            name: {"$ref": f"#/components/headers/{of}"} for name, of in headers[status].items()
        }
    return found


def _pages(reading: list[Document]) -> Iterator[tuple[str, Document]]:
    text = {"description": "In words.", "content": _TEXT}
    for path, what in (("/livez", "Whether it works."), ("/readyz", "Whether it could act.")):
        yield path, {"get": _page(what, {"200": text, "503": text})}
    yield "/metrics", {"get": _page("Its own metrics.", {"200": text})}
    status = _json("Everything at this moment.", {"type": "object"})
    yield (
        "/api/v1/status",
        {"get": _page("The status.", _guarded({"200": status}, reading), reading)},
    )
    events = _json("In order.", _ref("RunEvents"))
    answers = _guarded({"200": events, "404": text, "503": text}, reading)
    run = {"name": "run", "in": "path", "required": True, "schema": {"type": "string"}}
    yield (
        "/api/v1/runs/{run}",
        {"get": {**_page("Every event of a run.", answers, reading), "parameters": [run]}},
    )
    yield OPENAPI, {"get": _page("This document.", {"200": _json("JSON.", {"type": "object"})})}


def _page(summary: str, answers: Document, security: list[Document] | None = None) -> Document:
    found: Document = {"summary": summary, "tags": ["pages"], "responses": answers}
    if security:
        found["security"] = security
    return found


def _guarded(answers: Document, reading: list[Document]) -> Document:
    """`answers` of a page, and what it answers whoever may not read."""
    if not reading:
        return answers
    return answers | {str(status): _response(status) for status in (401, 403, 429, 503)}


def _json(description: str, schema: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _schemas() -> Iterator[tuple[str, Document]]:
    models: list[type[BaseModel]] = [Done, Refusal, RunEvents]
    for model in (*models, *map(body_of, SCOPES)):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        yield from schema.pop("$defs", {}).items()
        yield model.__name__, _with_words(schema)


def _with_words(schema: Document) -> Document:
    """A text that must not be empty must not be blank either: the models strip it."""
    for each in schema.get("properties", {}).values():
        if each.get("type") == "string" and each.get("minLength"):
            each["pattern"] = r"\S"
    return schema


def _of(name: str) -> str:
    return body_of(name).__name__


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}
