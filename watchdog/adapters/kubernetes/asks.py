"""What may be asked of a cluster, as a file writes it: one thing a signal."""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from watchdog.adapters.json_path import parse_path
from watchdog.adapters.kubernetes.access import Label
from watchdog.adapters.kubernetes.kinds import JOB, SERVICE, WORKLOADS, Kind
from watchdog.adapters.kubernetes.workloads import WorkloadName
from watchdog.plugins import Duration

# What a field may be read of. No Secret, and no ConfigMap: what is read is kept.
READABLE = {**WORKLOADS, "service": SERVICE, "job": JOB}
_Count = Annotated[int, Field(ge=0, strict=True)]
_Text = Annotated[str, Field(min_length=1, max_length=500)]
# As text, so that it is scaled as a written one is.
_SINCE: Any = "1m"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _of(value: object) -> object:
    """`pods: deployment/shop` is short for `pods: {of: deployment/shop}`."""
    return {"of": value} if isinstance(value, str) else value


def _is_readable(text: str) -> str:
    readable(text)
    return text


def readable(text: str) -> tuple[Kind, str]:
    """The kind and name that `service/shop` says. Raises ValueError."""
    word, slash, name = text.partition("/")
    kind = READABLE.get(word.lower())
    if kind is None or not slash or not name or "/" in name:
        raise ValueError(f"{text!r} names nothing to read; write {', '.join(READABLE)} and /NAME")
    return kind, name


def _path(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys = parse_path(value)
    if "" in keys:
        raise ValueError(f"{value!r} may be in several places; write the keys from the top")
    return keys


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


class PodsAsk(_Part):
    """`count`: how many there must be, as many as the workload wants unless said.

    `restarts`: how many they may have had, all together.
    """

    of: WorkloadName
    count: _Count | None = None
    restarts: _Count | None = None


class ImageAsk(_Part):
    """`container`: that whose log kubectl would show, unless said. `is`: what it must be."""

    of: WorkloadName
    container: Label | None = None
    is_: _Text | None = Field(default=None, alias="is")


class VersionAsk(ImageAsk):
    """`label`: a label of the pods that says the version, instead of the image's tag."""

    label: _Text | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if self.label is not None and self.container is not None:
            raise ValueError("a version stands in a `label` of the pod or in a `container`'s image")
        return self


class FieldAsk(_Part):
    """The value at `path`: `a.b.0.c`, or a list of keys where one of them has a dot."""

    of: Annotated[str, AfterValidator(_is_readable)]
    path: Annotated[tuple[_Text, ...], BeforeValidator(_path), Field(min_length=1)]

    @property
    def place(self) -> str:
        """As it is shown."""
        return f"{'.'.join(self.path)} of {self.of}"


class LogAsk(_Part):
    """How many lines of the last `since` hold `matching` (or one of several texts).

    Of each pod at most its last `tail` lines are read.
    """

    of: WorkloadName
    matching: Annotated[
        tuple[_Text, ...], BeforeValidator(_texts), Field(min_length=1, max_length=20)
    ]
    since: Annotated[Duration, Field(gt=0)] = Field(_SINCE, validate_default=True)
    tail: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 5000
    container: Label | None = None


class Ask(BaseModel):
    """Exactly one question. `against`: what a plan saved before, for `restarts`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rolled_out: WorkloadName | None = None
    ready: WorkloadName | None = None
    ready_share: WorkloadName | None = None
    pods: Annotated[PodsAsk | None, BeforeValidator(_of)] = None
    restarts: WorkloadName | None = None
    image: Annotated[ImageAsk | None, BeforeValidator(_of)] = None
    version: Annotated[VersionAsk | None, BeforeValidator(_of)] = None
    field: FieldAsk | None = None
    log_lines: LogAsk | None = None
    endpoints: Label | None = None
    against: Any = None

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        asked = [name for name in QUESTIONS if getattr(self, name) is not None]
        if len(asked) != 1:
            raise ValueError(f"ask one of {', '.join(QUESTIONS)}; another signal asks the other")
        if self.against is not None and self.restarts is None:
            raise ValueError("only `restarts` can be compared with what was saved before")
        return self


QUESTIONS = tuple(name for name in Ask.model_fields if name != "against")
