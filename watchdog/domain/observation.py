"""What one look at the world returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Unknown(StrEnum):
    """Why one evaluation could not be decided."""

    ERROR = "error"
    TIMEOUT = "timeout"
    HTTP = "http"
    PARSE = "parse"
    NODATA = "nodata"
    STALE = "stale"
    NAN = "nan"
    INF = "inf"
    PARTIAL = "partial"
    AMBIGUOUS = "ambiguous"
    LOW_VOLUME = "low_volume"
    PAUSED = "paused"
    MISSED = "missed"
    UNPROVEN = "unproven"
    NO_BASELINE = "no_baseline"
    RETRACTED = "retracted"

    @property
    def is_dark(self) -> bool:
        """Whether nothing was learned; a quiet night, with little to judge, is not blindness."""
        return self not in _QUIET


_QUIET = frozenset(
    {
        Unknown.LOW_VOLUME,
        Unknown.PAUSED,
        Unknown.UNPROVEN,
        Unknown.NO_BASELINE,
        Unknown.RETRACTED,
    }
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The numbers a look returned, and what is needed to trust them.

    `values`: one number a series, in the unit the source speaks; none means no series.
    `age`: seconds since the newest raw sample behind them; None where the source measured
    just now. `volume`: how many requests stand behind a ratio; None where it was not
    answered. `warnings`: what the source said beside its answer. `note`: for a person.
    `parts`: one sample for each value of the label that was asked for; None where none was.
    `read`: the value itself, of any kind, where that was asked for. `silent`: it says that the
    service is not well, because nobody answered, or nobody who knows.
    """

    values: tuple[float, ...]
    age: float | None = None
    volume: float | None = None
    warnings: tuple[str, ...] = ()
    note: str = ""
    parts: Mapping[str, "Sample"] | None = None
    read: str | int | float | bool | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """We looked and learned nothing."""

    reason: Unknown
    note: str = ""


Observation = Sample | Gap
