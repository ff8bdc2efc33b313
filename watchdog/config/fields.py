"""The kinds of value that the files are made of: names, thresholds, counts, references."""

import re
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from watchdog.domain.condition import Op
from watchdog.domain.units import convert, parse_number

_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_NAME = re.compile(_NAME_PATTERN, re.ASCII)
_UNIT = re.compile(r"%?|[^\W\d_]+(/[^\W\d_]+)?")


def _name(value: str) -> str:
    if not _NAME.match(value) or value.endswith("\n"):
        raise ValueError(
            f"{value[:80]!r} is no name; use letters, digits, '-', '_' and '.', 63 at most"
        )
    return value


class Amount(NamedTuple):
    """A number as written: 10% is 10 and "%"."""

    number: float
    unit: str


def amount(value: object) -> Amount:
    """The amount that a file's value stands for. Raises ValueError."""
    if isinstance(value, Amount):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Amount(float(value), "")
    if isinstance(value, str):
        number, unit = parse_number(value)
        if _UNIT.fullmatch(unit):
            return Amount(number, unit)
        raise ValueError(f"{unit[:20]!r} is no unit; write the number like 0.5, 10% or 3s")
    raise ValueError("is no number; write it like 0.5, 10% or 3s")


def _not_yes_or_no(value: object) -> object:
    # True is 1 to Python only.
    if isinstance(value, bool):
        raise ValueError("should be a whole number, not true or false")  # noqa: TRY004 (pydantic)
    return value


Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": _NAME_PATTERN})
]
Text = Annotated[str, Field(min_length=1, max_length=500)]
# One look proves nothing: that is the whole of what this number says.
LEAST_LOOKS = 2
Whole = Annotated[int, BeforeValidator(_not_yes_or_no), Field(ge=0)]
Count = Annotated[int, BeforeValidator(_not_yes_or_no), Field(ge=1)]
Threshold = Annotated[
    Amount,
    BeforeValidator(amount),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]
COMPARING = (Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST)
SeverityName = Literal["info", "warning", "critical"]


class Entry(BaseModel):
    """A part of a file: what is not known in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OpenEntry(Entry):
    """A part of a file whose further keys are the options of what `use` names."""

    model_config = ConfigDict(extra="allow")


class SecretEntry(Entry):
    """Where a secret stands; never the secret itself."""

    env: Text | None = Field(None, description="the environment variable that holds it")
    file: Text | None = Field(None, description="the file that holds it")

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is {env: NAME} or {file: PATH}")
        return self


def _share(value: object) -> object:
    if value is None or isinstance(value, float):
        return value
    try:
        return convert(*amount(value), "ratio")
    except ValueError:
        raise ValueError("is no share; write it like 95%") from None


def _looks(value: object) -> object:
    if isinstance(value, LooksCount):
        return value
    found = _OF.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("counts looks: write it like `3 of 5`")
    count = LooksCount(int(found[1]), int(found[2]))
    if not LEAST_LOOKS <= count.bad <= count.of <= MOST_LOOKS:
        raise ValueError(f"counts at least 2 looks among at most {MOST_LOOKS}, such as `3 of 5`")
    return count


_OF = re.compile(r"(\d{1,3}) of (\d{1,3})", re.ASCII)
MOST_LOOKS = 240


class LooksCount(NamedTuple):
    """So many bad looks among the last so many."""

    bad: int
    of: int


Share = Annotated[
    float,
    BeforeValidator(_share),
    Field(gt=0, lt=1),
    WithJsonSchema({"type": ["number", "string"]}),
]
Looks = Annotated[
    LooksCount,
    BeforeValidator(_looks),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,3} of [0-9]{1,3}$"}),
]


class Comparison(Entry):
    """At most one comparison of a number with a limit, exactly as written."""

    above: Threshold | None = Field(None, description="the value is > this")
    at_least: Threshold | None = Field(None, description="the value is >= this")
    below: Threshold | None = Field(None, description="the value is < this")
    at_most: Threshold | None = Field(None, description="the value is <= this")

    @property
    def comparisons(self) -> list[tuple[Op, Amount]]:
        """Every comparison written here."""
        written = ((op, getattr(self, op.value)) for op in COMPARING)
        return [(op, limit) for op, limit in written if limit is not None]
