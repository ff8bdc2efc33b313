"""Which commands the API takes, what scope each needs, and what its body must hold."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from watchdog.app.commands import COMMANDS, Command, Said, words_of
from watchdog.domain.doors import Scope
from watchdog.domain.errors import ConfigError

# Both are read by their own pages.
_READ = frozenset({"status", "run"})
_ACTS = frozenset(
    {
        "ack",
        "approve",
        "deny",
        "end-maintenance",
        "freeze",
        "judge",
        "maintenance",
        "pause",
        "resume",
        "signal",
        "unfreeze",
    }
)
# Every other command takes the highest: a new one is open to few until somebody says otherwise.
SCOPES: Mapping[str, Scope] = {
    name: Scope.ACT if name in _ACTS else Scope.ADMIN for name in COMMANDS if name not in _READ
}
# What says why, by whatever name.
REASONS = ("reason", "assessment")


@cache
def body_of(command: str) -> type[Command]:
    """What the body of an act must hold: as its command, less who asks, with a reason."""
    kind = COMMANDS[command]
    if kind is None:
        raise KeyError(command)
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in kind.model_fields.items() if name != "by"
    }
    if "assessment" not in fields:
        fields["reason"] = (Said, ...)
    name = "".join(word.capitalize() for word in command.split("-"))
    # Strict: what is no number, such as "1", is no number.
    made = create_model(f"{name}Body", __base__=_Strict, __doc__=kind.__doc__, **fields)
    return made  # noqa: RET504 -- create_model is typed by its base


def read_body(command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments as the command takes them. Raises ConfigError."""
    try:
        # As JSON, in which a list may stand for a set, and a word for a member.
        found = body_of(command).model_validate_json(json.dumps(arguments))
    except ValidationError as error:
        raise ConfigError(f"{command}: {words_of(error)}") from None
    return {name: value for name, value in found if name in found.model_fields_set}


def reason_apart(command: str, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The arguments that the command has room for, and the reason where it has none."""
    kind = COMMANDS[command]
    known = kind.model_fields if kind else {}
    reason = "" if "reason" in known else str(wanted.get("reason", ""))
    return {name: value for name, value in wanted.items() if name in known}, reason


class _Strict(Command):
    model_config = ConfigDict(strict=True)
