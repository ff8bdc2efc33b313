"""What a signal may ask of a metrics page."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from watchdog.adapters.series_selector import parse_selector
from watchdog.plugins import Duration

_OF_HISTOGRAMS = ("_bucket", "_count", "_sum")


def _checked(text: str) -> str:
    parse_selector(text)
    return text


def _checked_histogram(text: str) -> str:
    selector = parse_selector(text)
    if selector.name.endswith(_OF_HISTOGRAMS):
        raise ValueError(f"{selector.name}: name the histogram without _bucket, _count or _sum")
    if any(matcher.label == "le" for matcher in selector.matchers):
        raise ValueError("a quantile needs every bucket: leave out `le`")
    return text


Selector = Annotated[str, AfterValidator(_checked)]
HistogramSelector = Annotated[str, AfterValidator(_checked_histogram)]


class Ratio(BaseModel):
    """How much `of` grew for each by which `to` grew, each summed over its series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Selector
    to: Selector


class Quantile(BaseModel):
    """The value that the share `q` of what the histogram `of` observed did not exceed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: Annotated[float, Field(gt=0, lt=1)]
    of: HistogramSelector


class Ask(BaseModel):
    """Exactly one of the four; `window` is how far back the last three look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gauge: Selector | None = None
    rate: Selector | None = None
    ratio: Ratio | None = None
    quantile: Quantile | None = None
    window: Annotated[Duration, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        asked = (self.gauge, self.rate, self.ratio, self.quantile)
        if sum(each is not None for each in asked) != 1:
            raise ValueError("ask for one of gauge, rate, ratio or quantile")
        if self.gauge is not None and self.window is not None:
            raise ValueError("a gauge is what it is now: leave out `window`")
        if self.gauge is None and self.window is None:
            raise ValueError("say over how long, such as `window: 5m`")
        return self


def brings_volume(ask: Ask) -> bool:
    """Whether the answer says how many requests stand behind it."""
    return ask.ratio is not None or ask.quantile is not None
