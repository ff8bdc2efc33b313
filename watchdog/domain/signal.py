"""A signal, and the verdict on one look at it: a total function, whatever was answered."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from watchdog.domain.condition import Condition, Op
from watchdog.domain.confidence import lower_bound, upper_bound
from watchdog.domain.observation import Gap, Observation, Sample, Unknown


class Verdict(StrEnum):
    """What one evaluation says. UNKNOWN is an answer of its own, never OK and never BREACH."""

    OK = "ok"
    BREACH = "breach"
    UNKNOWN = "unknown"


class Across(StrEnum):
    """What several series mean together. ONE: they must be one.

    ANY and ALL compare each by itself; WORST, COUNT and SUM make one number of them.
    """

    ONE = ""
    ANY = "any"
    ALL = "all"
    WORST = "worst"
    COUNT = "count"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Signal:
    """One number (or one yes/no), and how far its source is trusted.

    `unit` is for display. `min_volume` applies where `has_volume`. `max_staleness` is in
    seconds. `nodata_is_ok`, `inf_counts` and `warnings_accepted` are the owner's opt-ins.
    `counting`: which series COUNT counts. `for_each`: the label that parts it, each value with
    a state of its own. `confidence`: how sure a share must be to be beyond its limit, 0 to 1 (0:
    not asked for); only with a volume. `hearsay`: it is what others say, and proves nothing.
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
    across: Across = Across.ONE
    counting: Condition | None = None
    for_each: str = ""
    confidence: float = 0.0
    hearsay: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, the number behind it (if any), and why it is unknown (if it is).

    `clears` is False for an OK that is not good enough to end a firing.
    """

    verdict: Verdict
    value: float | None = None
    reason: Unknown | None = None
    note: str = ""
    clears: bool = True


# The members of an enum are slow to find, and these are asked for at every look.
_OK, _UNKNOWN = Verdict.OK, Verdict.UNKNOWN
_ONE, _SUM = Across.ONE, Across.SUM
Measure = Callable[[float], float | None]


def judge(
    signal: Signal,
    breach_when: Condition,
    observation: Observation,
    measure: Measure | None = None,
) -> Judgement:
    """The verdict on `observation`: BREACH when `breach_when` holds for its one number.

    `measure` makes of the number what is compared instead of it, or None where it cannot yet.
    """
    if isinstance(observation, Gap):
        return Judgement(_UNKNOWN, None, observation.reason, observation.note)
    doubt = _doubt(signal, observation)
    if doubt is not None:
        value = observation.values[0] if len(observation.values) == 1 else None
        return Judgement(Verdict.UNKNOWN, value, doubt, _why(signal, observation, doubt))
    if not observation.values:
        return Judgement(Verdict.OK, None, None, "no series, and the volume proves traffic")
    if signal.across in _EACH:
        return _each(signal, breach_when, observation)
    value = observation.values[0]
    if signal.across is not _ONE:
        value = _together(signal, breach_when, observation.values)
    note = observation.note
    if measure is not None:
        measured = measure(value)
        if measured is None:
            return Judgement(Verdict.UNKNOWN, None, Unknown.NO_BASELINE, f"{value:.6g} now")
        value, note = measured, f"{value:.6g} now"
    if not breach_when.holds(value):
        return Judgement(_OK, value, None, note)
    if signal.confidence and not _is_proven(signal, breach_when, value, observation.volume):
        return Judgement(Verdict.UNKNOWN, value, Unknown.UNPROVEN, _unproven(signal, observation))
    return Judgement(Verdict.BREACH, value, None, note)


_EACH = frozenset({Across.ANY, Across.ALL})


def _each(signal: Signal, breach_when: Condition, sample: Sample) -> Judgement:
    """Every series by itself: what is not known of one leaves open what depends on it."""
    known = [value for value in sample.values if _is_number(signal, value)]
    breaching = [value for value in known if breach_when.holds(value)]
    unknown = len(sample.values) - len(known)
    note = f"{len(breaching)} of {len(sample.values)} series"
    worst = _worst(breach_when, known) if known else None
    decisive = len(breaching) if signal.across is Across.ANY else len(known) - len(breaching)
    if unknown and not decisive:
        return Judgement(Verdict.UNKNOWN, worst, Unknown.NAN, f"{note}; {unknown} are no number")
    is_breach = bool(breaching) if signal.across is Across.ANY else len(breaching) == len(known)
    is_breach = is_breach and not (signal.across is Across.ALL and unknown)
    return Judgement(Verdict.BREACH if is_breach else Verdict.OK, worst, None, note)


def _together(signal: Signal, breach_when: Condition, values: Sequence[float]) -> float:
    match signal.across:
        case Across.COUNT:
            counting = signal.counting
            return float(sum(counting is None or counting.holds(value) for value in values))
        case Across.SUM:
            return sum(values)
        case _:
            return _worst(breach_when, values)


_LOW_IS_BAD = frozenset({Op.BELOW, Op.AT_MOST, Op.FAILING})


def _worst(breach_when: Condition, values: Sequence[float]) -> float:
    return min(values) if breach_when.op in _LOW_IS_BAD else max(values)


def _is_number(signal: Signal, value: float) -> bool:
    return math.isfinite(value) or (signal.inf_counts and not math.isnan(value))


def _is_proven(signal: Signal, breach_when: Condition, value: float, volume: float | None) -> bool:
    """Whether chance alone would hardly show this share with that little traffic."""
    if volume is None:
        return False
    scale = 100.0 if signal.unit == "%" else 1.0
    bound = upper_bound if breach_when.op in _LOW_IS_BAD else lower_bound
    return breach_when.holds(scale * bound(value / scale, volume, signal.confidence))


def _unproven(signal: Signal, sample: Sample) -> str:
    count = "an unknown number of" if sample.volume is None else f"{sample.volume:g}"
    return f"{count} requests do not prove it with {signal.confidence:.3g} confidence"


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
    if signal.across in _EACH:
        return None
    if len(sample.values) > 1 and signal.across is _ONE:
        return Unknown.AMBIGUOUS
    return _doubt_about_numbers(signal, sample.values)


def _doubt_about_numbers(signal: Signal, values: Sequence[float]) -> Unknown | None:
    for value in values:
        if math.isfinite(value):
            continue
        if math.isnan(value):
            return Unknown.NAN
        if not signal.inf_counts:
            return Unknown.INF
    if signal.across is _SUM and not math.isfinite(sum(values)):
        # Of infinities, or too much for a number.
        return None if signal.inf_counts and sum(values) in values else Unknown.INF
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
            return f"{len(sample.values)} series; aggregate the query to one, or say `series`"
        case Unknown.NODATA if sample.values:
            return "the volume query answered no number"
        case Unknown.NODATA:
            return sample.note or "no series"
        case _:
            return sample.note or doubt.value
