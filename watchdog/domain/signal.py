"""A signal, and the verdict on one look at it: a total function, whatever was answered."""

import math
from dataclasses import dataclass
from enum import StrEnum

from watchdog.domain.condition import Condition
from watchdog.domain.observation import Gap, Observation, Sample, Unknown


class Verdict(StrEnum):
    """What one evaluation says. UNKNOWN is an answer of its own, never OK and never BREACH."""

    OK = "ok"
    BREACH = "breach"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Signal:
    """One number (or one yes/no), and how far its source is trusted.

    `unit` is for display. `min_volume` applies where `has_volume`. `max_staleness` is in
    seconds. `nodata_is_ok`, `inf_counts` and `warnings_accepted` are the owner's opt-ins.
    """

    name: str
    source: str
    unit: str = ""
    has_volume: bool = False
    min_volume: float = 100.0
    max_staleness: float = 60.0
    nodata_is_ok: bool = False
    inf_counts: bool = False
    warnings_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, the number behind it (if any), and why it is unknown (if it is)."""

    verdict: Verdict
    value: float | None = None
    reason: Unknown | None = None
    note: str = ""


def judge(signal: Signal, breach_when: Condition, observation: Observation) -> Judgement:
    """The verdict on `observation`: BREACH when `breach_when` holds for its one number."""
    if isinstance(observation, Gap):
        return Judgement(Verdict.UNKNOWN, None, observation.reason, observation.note)
    doubt = _doubt(signal, observation)
    if doubt is not None:
        value = observation.values[0] if len(observation.values) == 1 else None
        return Judgement(Verdict.UNKNOWN, value, doubt, _why(signal, observation, doubt))
    if not observation.values:
        return Judgement(Verdict.OK, None, None, "no series, and the volume proves traffic")
    value = observation.values[0]
    verdict = Verdict.BREACH if breach_when.holds(value) else Verdict.OK
    return Judgement(verdict, value, None, observation.note)


def _doubt(signal: Signal, sample: Sample) -> Unknown | None:
    """Why `sample` cannot be believed; None when it can."""
    if sample.warnings and not signal.warnings_accepted:
        return Unknown.PARTIAL
    # Also where there is no series: an old volume does not prove that there is traffic.
    if sample.age is not None and not sample.age <= signal.max_staleness:
        return Unknown.STALE
    doubt = _doubt_about_volume(signal, sample)
    if doubt is not None:
        return doubt
    if not sample.values:
        # Silence means "no errors yet" only where the volume shows that there is traffic.
        return None if signal.nodata_is_ok and signal.has_volume else Unknown.NODATA
    if len(sample.values) > 1:
        return Unknown.AMBIGUOUS
    if math.isnan(sample.values[0]):
        return Unknown.NAN
    if math.isinf(sample.values[0]) and not signal.inf_counts:
        return Unknown.INF
    return None


def _doubt_about_volume(signal: Signal, sample: Sample) -> Unknown | None:
    if not signal.has_volume:
        return None
    if sample.volume is None or not math.isfinite(sample.volume):
        return Unknown.NODATA
    return Unknown.LOW_VOLUME if sample.volume < signal.min_volume else None


def _why(signal: Signal, sample: Sample, doubt: Unknown) -> str:
    match doubt:
        case Unknown.PARTIAL:
            return "the source warned: " + "; ".join(sample.warnings)
        case Unknown.STALE:
            return f"newest sample is {sample.age:.0f} s old; limit {signal.max_staleness:g} s"
        case Unknown.LOW_VOLUME:
            return f"{sample.volume:g} requests in the window; needs {signal.min_volume:g}"
        case Unknown.AMBIGUOUS:
            return f"{len(sample.values)} series; aggregate the query to one"
        case Unknown.NODATA if sample.values:
            return "the volume query answered no number"
        case Unknown.NODATA:
            return sample.note or "no series"
        case _:
            return sample.note or doubt.value
