"""The commands that a daemon takes, and what each must say."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from watchdog.domain.callers import LONGEST_NAME
from watchdog.domain.errors import ConfigError
from watchdog.domain.progress import Recovery

# A name and a reason are the point of an audit: neither may be blank.
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Who = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)
]
# Unix seconds, up to the last that a date can be written for.
When = Annotated[float, Field(ge=0, le=253_402_300_799)]

_WORDS = {
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "extra_forbidden": "is not known",
}


class Command(BaseModel):
    """A command's arguments; what is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ShowRun(Command):
    """The events of `run` behind number `after`."""

    run: str
    after: int = 0


class Pause(Command):
    """No target: all of them. `until`: Unix seconds."""

    target: str | None = None
    by: Who
    reason: Said
    until: When | None = None


class Resume(Command):
    target: str | None = None
    by: Who


class Clear(Command):
    target: str
    by: Who
    assessment: Said


class Rollback(Command):
    """With `plan_hash`, only the plan that has it."""

    target: str
    plan: str
    by: Who
    reason: Said
    plan_hash: str = ""


class Kill(Command):
    on: bool
    by: Who
    reason: Said


class Ack(Command):
    target: str
    by: Who
    reason: Said


class CloseBreaker(Command):
    by: Who
    reason: Said


class Judge(Command):
    """A word on a shadow decision: its number, its episode, or `last`."""

    decision: Said
    right: bool
    by: Who
    reason: Said


class Signal(Command):
    """A signal that a person gives, for `valid_for` seconds, or takes back. No target: all."""

    target: str | None = None
    name: Said
    by: Who
    reason: Said
    valid_for: Annotated[float, Field(gt=0, le=7 * 86_400)] = 3600.0
    withdraw: bool = False


class ReleaseVersion(Command):
    """Lift the quarantine of a version."""

    target: str
    version: str
    by: Who
    reason: Said


class Freeze(Command):
    """No target: all of them. `until`: Unix seconds. `spared`: severities and causes that pass."""

    target: str | None = None
    by: Who
    reason: Said
    until: When
    spared: Annotated[list[Who], Field(max_length=20)] = []


class Unfreeze(Command):
    target: str | None = None
    by: Who
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class Maintenance(Command):
    """No target: all of them. `until`: Unix seconds."""

    target: str | None = None
    by: Who
    reason: Said
    until: When


class EndMaintenance(Command):
    target: str | None = None
    by: Who
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class Approve(Command):
    """Agree to a request; or answer an item of its checklist, or waive that."""

    request: Said
    by: Who
    reason: Said
    item: str = ""
    waive: str = ""


class Deny(Command):
    """Say no to a request, which closes it."""

    request: Said
    by: Who
    reason: Said


class Recover(Command):
    """Decide about a run that stopped. `happened`: a word about its step in doubt."""

    run: Said
    how: Recovery
    happened: bool | None = None
    by: Who
    reason: Said


COMMANDS: Mapping[str, type[Command] | None] = {
    "status": None,
    "run": ShowRun,
    "pause": Pause,
    "resume": Resume,
    "clear": Clear,
    "rollback": Rollback,
    "recover": Recover,
    "approve": Approve,
    "deny": Deny,
    "freeze": Freeze,
    "unfreeze": Unfreeze,
    "maintenance": Maintenance,
    "end-maintenance": EndMaintenance,
    "kill": Kill,
    "release-version": ReleaseVersion,
    "ack": Ack,
    "close-breaker": CloseBreaker,
    "judge": Judge,
    "signal": Signal,
}


def parsed(command: str, arguments: Mapping[str, Any]) -> Command | None:
    """The command with its arguments; None for an unknown one. Raises ConfigError."""
    kind = COMMANDS.get(command)
    if kind is None:
        return None
    try:
        return kind.model_validate(dict(arguments), strict=False)
    except ValidationError as error:
        raise ConfigError(f"{command}: {words_of(error)}") from None


def without_secrets(arguments: Mapping[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """`arguments` without what nobody may read: what a person says may hold it by mistake."""

    def clean(value: object) -> object:
        match value:
            case str():
                return redact(value)
            case list() | tuple():
                return [clean(each) for each in value]
            case _:
                return value

    return {name: clean(value) for name, value in arguments.items()}


def words_of(error: ValidationError) -> str:
    """What is wrong with a command's arguments, in one line."""
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {_WORDS.get(each['type'], each['msg'].lower())}"
        for each in error.errors(include_url=False, include_input=False)
    )
