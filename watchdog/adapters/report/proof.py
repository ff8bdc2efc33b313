"""What was measured, in the report: impact, and the evidence of the cause."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from watchdog.adapters.report.jinja import plain
from watchdog.adapters.report.phrases import NONE, at_point, clock, in_breach_when, lapse, shown
from watchdog.domain.evidence import Series
from watchdog.domain.incident import Incident
from watchdog.domain.plan_parts import looks
from watchdog.domain.progress import Point
from watchdog.domain.signal import Verdict

Lines = list[tuple[str, str]]

# Samples shown before and after each turning point.
AROUND = 4


@dataclass(frozen=True, slots=True)
class Proof:
    """What is shown of one signal."""

    name: str
    facts: Lines
    query: str
    samples: list[tuple[str, ...]]


def impact(incident: Incident) -> Lines:
    """Availability and performance, as far as the signals tell of them."""
    rates = [s for s in incident.series if s.breach_when.yes_or_no or s.unit in ("ratio", "%")]
    others = [series for series in incident.series if series not in rates]
    return [
        ("Service availability", _all(rates, "no signal of this run is a ratio or a yes/no")),
        ("Performance", _all(others, "no signal of this run is a time or an amount")),
    ]


def _all(series: Iterable[Series], otherwise: str) -> str:
    return "; ".join(map(_extent, series)) or f"not measured: {otherwise}"


def _extent(series: Series) -> str:
    """How bad one signal was, and for how long."""
    worst = series.worst
    if worst is None:
        return f"{plain(series.name)} not measured: nothing was known of it"
    bad, dark = series.lasted(Verdict.BREACH), series.lasted(Verdict.UNKNOWN)
    breach = f"in breach for {lapse(bad)}" if bad else "never in breach"
    unknown = f", not known for {lapse(dark)}" if dark else ""
    return f"{plain(series.name)} at worst {at_point(worst, series)}, {breach}{unknown}"


def signals(incident: Incident) -> list[tuple[str, ...]]:
    """A row for each signal."""
    return [
        (
            plain(series.name),
            in_breach_when(series.breach_when, series.unit),
            at_point(series.worst, series),
            lapse(series.lasted(Verdict.BREACH)),
            lapse(series.lasted(Verdict.UNKNOWN)),
            at_point(series.points[-1] if series.points else None, series),
        )
        for series in incident.series
    ]


def sentence(incident: Incident) -> str:
    """What the evidence consists of."""
    looks = sum(len(series.looked) for series in incident.series)
    if not looks:
        return "not measured: no look at a signal is on record"
    return f"{looks} looks that the decisions rested on; see the picture and the tables below"


def unchecked(incident: Incident) -> list[str]:
    """What could have been checked if the target declared a source for it."""
    read = [check.signal for check in looks(incident.start.plan)]
    bare = dict.fromkeys(
        signal.name for signal in read if signal.unit == "ratio" and not signal.has_volume
    )
    lines = [
        *_of_changes(incident),
        "which version serves now: the target declares no source of versions",
    ]
    if bare:
        names = ", ".join(map(plain, bare))
        lines.append(f"how much traffic stands behind {names}: no volume is declared")
    return lines


def _of_changes(incident: Incident) -> Iterator[str]:
    """What was not asked of changes, and why."""
    start, what = incident.start, "whether a change preceded the breach"
    if incident.decided is not None and incident.decided.unchecked:
        names = ", ".join(incident.decided.unchecked)
        yield f"{what} ({names}): the target declares no source of changes"
    elif not start.from_version:
        yield f"{what}: the target declares no source of changes"
    elif start.by:
        yield f"{what}: {plain(start.by)} started the run"
    elif not start.plan.judges_version:
        yield f"{what}: the plan has neither `returns_to` nor `requires_change`"


def proofs(incident: Incident) -> list[Proof]:
    """The signals one by one; samples are shown of the one that tells the story."""
    main = incident.main_series
    return [
        Proof(
            name=series.name,
            facts=_facts(series),
            query=series.query,
            samples=_samples(incident, series) if series is main else [],
        )
        for series in incident.series
    ]


def _facts(series: Series) -> Lines:
    known = sum(point.verdict is not Verdict.UNKNOWN for point in series.looked)
    return [
        ("In breach when", in_breach_when(series.breach_when, series.unit)),
        ("Looks", f"{len(series.looked)}, of which {known} gave an answer"),
        ("The source's own history", _history(series)),
    ]


def _history(series: Series) -> str:
    known = [point for point in series.recalled if point.verdict is not Verdict.UNKNOWN]
    if known:
        span = f"{clock(known[0].at)} to {clock(known[-1].at)}"
        return f"{len(known)} points, {span}"
    notes = [point.note for point in series.recalled if point.note]
    return f"not measured: {plain(notes[0])}" if notes else "not measured: it was not asked"


def _samples(incident: Incident, series: Series) -> list[tuple[str, ...]]:
    """The looks around each turning point; what lies between is counted."""
    looked = series.looked
    reached = incident.milestones
    turns = [reached.breach_started, reached.detected, reached.verified]
    near = {place for at in turns if at for place in _around(looked, at.wall)}
    if not near:
        near = set(range(min(len(looked), 2 * AROUND)))
    rows = []
    before = -1
    for place in sorted(near):
        if place > before + 1:
            rows.append(_left_out(looked[before + 1 : place]))
        rows.append(_row(looked[place], series))
        before = place
    rest = looked[before + 1 :]
    return [*rows, _left_out(rest)] if rest else rows


def _around(looked: Sequence[Point], wall: float) -> range:
    # A look belongs to its slot, and what follows from it is recorded a moment later.
    turn = sum(point.at <= wall for point in looked)
    return range(max(0, turn - AROUND), min(len(looked), turn + AROUND))


def _row(point: Point, series: Series) -> tuple[str, ...]:
    known = point.verdict is not Verdict.UNKNOWN
    seen = shown(point.value, series.breach_when, series.unit) if known else "not known"
    verdict = point.verdict.value.upper()
    return clock(point.at), seen, verdict, plain(point.note) or NONE


def _left_out(points: Sequence[Point]) -> tuple[str, ...]:
    counts = [(v, sum(p.verdict is v for p in points)) for v in Verdict]
    text = ", ".join(f"{count} {verdict.value.upper()}" for verdict, count in counts if count)
    return "…", f"{len(points)} more", text, NONE
