"""How an adapter announces itself: a typed value named `plugin` in the file of its kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

from watchdog.domain.units import DURATION_PATTERN, parse_duration
from watchdog.ports import ChangeSource, Deps, Executor, Notifier, Probe, Source

OptionsT = TypeVar("OptionsT", bound=BaseModel)
AskT = TypeVar("AskT", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """What an account must be allowed in a Kubernetes cluster, as a Role grants it.

    `group` is empty for the core one; `name` of the one object, empty for all of them; `part` is
    a subresource, such as `log`; `namespace` is empty for that of the options.
    """

    group: str
    resource: str
    verb: str
    name: str = ""
    part: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ExecutorPlugin(Generic[OptionsT]):
    """`probe` builds the read-only half, all that alert-only mode ever builds.

    `rights` says what both halves may have to ask of a cluster; None where none is asked.
    `inspects`: its probe sees by itself whether a step happened, so that no `done_when` is needed.
    """

    summary: str
    options: type[OptionsT]
    probe: Callable[[OptionsT, Deps], Probe]
    build: Callable[[OptionsT, Deps], Executor]
    rights: Callable[[OptionsT], Sequence[Right]] | None = None
    inspects: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """How a file uses a question: asked once in `every` seconds, its number in `unit`.

    `unit` is empty where none is declared; `many` says whether several series are expected.
    """

    every: float
    unit: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should mend, in one sentence; `key` of the signal, or empty for all of it."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class SourcePlugin(Generic[OptionsT, AskT]):
    """`options` is what a source needs; `ask` is what a signal asks of it.

    `problems` says what a person should mend in a question that is valid, one sentence each.
    `brings_volume` says whether its answer holds a volume without a `volume` being asked for.
    `remarks` is as `problems`, where that depends on how the question is used; `window` says over
    how many seconds a question looks back at most, None where it has no such window. Durations
    in what these are given are scaled alike.
    `is_hearsay`: it tells what others say, which may start a plan and never proves that it helped.
    `rights` says what a question may have to ask of a cluster.
    """

    summary: str
    options: type[OptionsT]
    ask: type[AskT]
    build: Callable[[OptionsT, Deps], Source]
    problems: Callable[[AskT], Sequence[str]] | None = None
    brings_volume: Callable[[AskT], bool] | None = None
    remarks: Callable[[OptionsT, AskT, Use], Sequence[Remark]] | None = None
    window: Callable[[AskT], float | None] | None = None
    is_hearsay: bool = False
    rights: Callable[[OptionsT, AskT], Sequence[Right]] | None = None


@dataclass(frozen=True, slots=True)
class NotifierPlugin(Generic[OptionsT]):
    """Tells people. `build` is called once, when a channel of this kind is configured."""

    summary: str
    options: type[OptionsT]
    build: Callable[[OptionsT, Deps], Notifier]


@dataclass(frozen=True, slots=True)
class ChangesPlugin(Generic[OptionsT]):
    """Tells what changed on a target. `build` is called once, when a target names this kind.

    `rights` says what it may have to ask of a cluster.
    """

    summary: str
    options: type[OptionsT]
    build: Callable[[OptionsT, Deps], ChangeSource]
    rights: Callable[[OptionsT], Sequence[Right]] | None = None


AnyExecutorPlugin = ExecutorPlugin[Any]
AnySourcePlugin = SourcePlugin[Any, Any]
AnyNotifierPlugin = NotifierPlugin[Any]
AnyChangesPlugin = ChangesPlugin[Any]


def _seconds(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError("a duration needs a unit; write it like 90s, 1h30m or 500ms")


def _scaled_seconds(value: object, info: ValidationInfo) -> float:
    speed: float = (info.context or {}).get("speed", 1)
    return _seconds(value) / speed


def _as_text(seconds: float | str) -> str:
    """`seconds` as `parse_duration` reads it: no exponent, at most 15 decimals."""
    # A default written as text is asked for as it stands, by the JSON schema.
    if isinstance(seconds, str):
        return seconds
    return f"{seconds:.15f}".rstrip("0").rstrip(".") + "s"


# Written out as text, so that options that were scaled once are read back unscaled.
_DURATION_TEXT = PlainSerializer(_as_text, return_type=str, when_used="json")
_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})

# A span of the process that is watched, such as a window or `for`: written `2m`, held in
# seconds, and divided by "speed" of the validation context, so that a demonstration runs fast.
# A default in seconds is not scaled: give it as text, with `validate_default`.
Duration = Annotated[float, BeforeValidator(_scaled_seconds), _DURATION_SCHEMA, _DURATION_TEXT]
# How long to wait for a machine. Machines do not get faster, so this is never scaled.
Timeout = Annotated[float, BeforeValidator(_seconds), Field(gt=0), _DURATION_SCHEMA, _DURATION_TEXT]
