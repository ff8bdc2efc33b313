"""Burn rates: one trigger on several windows of one query, written out as plain conditions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from watchdog.config.composing import Place
from watchdog.config.fields import Entry, Name, Share
from watchdog.config.problems import Path, Problem
from watchdog.config.reading import Document
from watchdog.config.walking import Content, entries
from watchdog.domain.units import parse_duration
from watchdog.plugins import Duration

WINDOW = "$window"
_DAY = 86400.0
# Of the SRE workbook's table: the long window, the short one, and the share of the budget that is
# spent when it fires.
_WORKBOOK = {
    "1h": ("5m", 0.02),
    "6h": ("30m", 0.05),
    "1d": ("2h", 0.10),
    "3d": ("6h", 0.10),
}


class WindowEntry(Entry):
    """A pair of windows of your own."""

    long: Duration = Field(description="over which the budget burns")
    short: Duration = Field(description="which shows that it still does")
    budget: Share = Field(description="the share of the period's budget that is spent by then")

    @model_validator(mode="after")
    def _is_shorter(self) -> Self:
        if not 0 < self.short < self.long:
            raise ValueError("`short` is shorter than `long`; a twelfth of it is usual")
        return self


class BurnEntry(Entry):
    """How fast the error budget of an objective is spent, over long and short windows."""

    signal: Name = Field(description="the share of errors, with $window in its query")
    objective: Share = Field(description="the share that must be good, such as 99.9%")
    period: Duration = Field("30d", validate_default=True, description="of the objective")
    windows: Annotated[list[str | WindowEntry], Field(min_length=1, max_length=8)] = Field(
        ["1h"], description="1h, 6h, 1d, 3d as the SRE workbook has them, or {long, short, budget}"
    )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        for window in self.windows:
            if isinstance(window, str) and window not in _WORKBOOK:
                raise ValueError(
                    f"{window!r} is no window of the workbook; write 1h, 6h, 1d, 3d, or "
                    "{long: 2h, short: 10m, budget: 3%}"
                )
        return self

    @property
    def pairs(self) -> list[tuple[str, str, float]]:
        """Each long and short window as text, and the share of errors at which both fire."""
        return [_pair(self, window) for window in self.windows]


def _pair(entry: BurnEntry, window: str | WindowEntry) -> tuple[str, str, float]:
    if isinstance(window, WindowEntry):
        long, short, budget, seconds = (
            _text(window.long),
            _text(window.short),
            window.budget,
            window.long,
        )
    else:
        (short, budget), long = _WORKBOOK[window], window
        seconds = parse_duration(window)
    factor = budget * entry.period / seconds
    return long, short, factor * (1 - entry.objective)


def _text(seconds: float) -> str:
    """As PromQL has it, which knows neither fractions nor exponents."""
    return f"{seconds:.0f}s" if seconds.is_integer() else f"{seconds * 1000:.0f}ms"


def written_out(document: Document, content: Content) -> tuple[Document, dict[str, Any]]:
    """`content` with every burn rate as conditions on signals of their own, and where they stand.

    What is wrong in one is left as it is, for whoever checks what is written to find.
    """
    signals = dict(content.get("signals") or {}) if isinstance(content.get("signals"), dict) else {}
    triggers: dict[str, Any] = {}
    places: dict[Path, Place] = {}
    replaced: set[str] = set()
    for path, trigger in entries(content, "triggers"):
        entry = _entry(trigger)
        template = signals.get(entry.signal) if entry else None
        if entry is None or not isinstance(template, Mapping) or _wrong(entry, trigger, template):
            continue
        replaced.add(entry.signal)
        for window in dict.fromkeys(each for pair in entry.pairs for each in pair[:2]):
            name = f"{entry.signal}.{window}"
            signals[name] = _filled(template, window)
            places |= _moved(document, entry.signal, name)
        rest = {key: value for key, value in trigger.items() if key != "burn"}
        triggers[str(path[-1])] = rest | _conditions(entry)
    if not replaced:
        return document, dict(content)
    complete = dict(content)
    complete["signals"] = {name: one for name, one in signals.items() if name not in replaced}
    complete["triggers"] = dict(content["triggers"]) | triggers
    return replace(document, places={**document.places, **places}), complete


def problems_of(document: Document, content: Content) -> Iterator[Problem]:
    """What is wrong with the burn rates that could be read."""
    signals = dict(entries(content, "signals"))
    for path, trigger in entries(content, "triggers"):
        entry = _entry(trigger)
        template = signals.get(("signals", entry.signal)) if entry else None
        if entry is None:
            continue
        if template is None:
            text = f"there is no signal {entry.signal!r}"
            yield document.problem((*path, "burn", "signal"), text)
        elif why := _wrong(entry, trigger, template):
            yield document.problem((*path, "burn"), why)
    burns = [one.get("burn") for _, one in entries(content, "triggers")]
    used = {str(burn.get("signal")) for burn in burns if isinstance(burn, Mapping)}
    for path, signal in entries(content, "signals"):
        if WINDOW in str(signal.get("query")) and str(path[-1]) not in used:
            text = "$window is filled in by a trigger with `burn`, and none names this signal"
            yield document.problem((*path, "query"), text)


def _entry(trigger: Mapping[str, Any]) -> BurnEntry | None:
    try:
        return BurnEntry.model_validate(trigger["burn"]) if "burn" in trigger else None
    except ValidationError:
        return None


def _wrong(entry: BurnEntry, trigger: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    if WINDOW not in str(template.get("query")):
        return f"signal {entry.signal!r} has no $window in its query, where a window would stand"
    if "signal" in trigger or {"all", "any", "count"} & trigger.keys():
        return "`burn` says what is watched: leave `signal`, `all`, `any` and `count` out"
    for long, _, limit in entry.pairs:
        if limit >= 1:
            return (
                f"can never fire over {long}: it would take {limit:.3g} errors a request; raise "
                "the objective, or give a window that spends less of the budget"
            )
    slow = [long for long, *_ in entry.pairs if parse_duration(long) >= _DAY]
    if slow and trigger.get("plan"):
        return (
            f"what shows over {slow[0]} cannot be tied to one change, and no rollback mends it: "
            "leave `plan` out, and people are told"
        )
    return ""


def _filled(template: Mapping[str, Any], window: str) -> dict[str, Any]:
    return {
        key: value.replace(WINDOW, window) if isinstance(value, str) else value
        for key, value in template.items()
    }


def _moved(document: Document, name: str, derived: str) -> dict[Path, Place]:
    """What is wrong with a derived signal is wrong where its template stands."""
    return {
        ("signals", derived, *path[2:]): place
        for path, place in document.places.items()
        if path[:2] == ("signals", name)
    }


def _conditions(entry: BurnEntry) -> dict[str, Any]:
    pairs = [
        {
            "all": [
                {"signal": f"{entry.signal}.{window}", "above": f"{limit * 100:.10f}%"}
                for window in (long, short)
            ]
        }
        for long, short, limit in entry.pairs
    ]
    return pairs[0] if len(pairs) == 1 else {"any": pairs}
