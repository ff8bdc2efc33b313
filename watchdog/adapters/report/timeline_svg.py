"""Draws the signal over breach and recovery, with what was done when."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from watchdog.adapters.report.jinja import filled
from watchdog.adapters.report.marks import LETTER, Mark, marks, placed
from watchdog.adapters.report.scale import Scale, round_steps, time_ticks
from watchdog.domain.evidence import Series, joined
from watchdog.domain.incident import Incident
from watchdog.domain.progress import Point
from watchdog.domain.signal import Verdict
from watchdog.domain.wording import cut
from watchdog.domain.words import duration, utc, value

WIDTH, HEIGHT = 960, 360
LEFT, RIGHT, BOTTOM = 88, 18, 68
HEAD, ROW = 34, 22
BEFORE = 600.0
MARGIN = 0.03
MAX_DOTS = 160
TIMES, VALUES = 7, 4
HEADING = 56


@dataclass(frozen=True, slots=True)
class _Span:
    """A shaded time, left and width in units of the picture."""

    kind: str
    x: float
    width: float


def render(incident: Incident) -> str:
    """The picture as SVG, 960 by 360 units, readable on light and on dark ground."""
    series = incident.main_series
    found = marks(incident)
    times = _times(incident, series, found)
    labels = placed(found, times)
    top = HEAD + ROW * (1 + max((label.row for label in labels), default=0))
    points = [point for point in series.points if times.holds(point.at)] if series else []
    pace = series.pace if series else 0.0
    values = _values(series, points, top)
    return filled(
        "timeline.svg.j2",
        {
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "top": top,
            "bottom": HEIGHT - BOTTOM,
            "heading": _heading(incident, series),
            "labels": [(one, HEAD + ROW * one.row + ROW / 2) for one in labels],
            "times": [(times.at(wall), text) for wall, text in time_ticks(times, TIMES)],
            "values": [(values.at(number), text) for number, text in _value_ticks(series, values)],
            "limit": values.at(series.breach_when.limit) if series and _has_limit(series) else None,
            "spans": _spans(series, times) if series else [],
            "lines": [_path(line, times, values) for line in _lines(points, pace)],
            "dots": _dots(points, times, values) if len(points) <= MAX_DOTS else [],
            "legend": _legend(series) if series else [],
            "empty": not any(_known(point) for point in points),
        },
    )


# -- axes


def _times(incident: Incident, series: Series | None, found: Sequence[Mark]) -> Scale:
    """From shortly before the breach to when it was stable, or to the newest fact."""
    reached = incident.milestones
    began = (reached.breach_started or reached.decided).wall
    points = [point.at for point in series.points] if series else []
    low = max([began - BEFORE, *points[:1]])
    low = min(low, began)
    end = reached.stable.wall if reached.stable else incident.as_of.wall
    high = max([end, *(mark.wall for mark in found)])
    pad = max(MARGIN * (high - low), 1.0)
    return Scale(low - pad, high + pad, LEFT, WIDTH - RIGHT)


def _values(series: Series | None, points: Iterable[Point], top: float) -> Scale:
    bottom = HEIGHT - BOTTOM
    if series is None:
        return Scale(0, 1, bottom, top)
    if series.breach_when.yes_or_no:
        return Scale(-0.15, 1.15, bottom, top)
    numbers = [_number(point) for point in points if _known(point)]
    numbers = [number for number in (*numbers, series.breach_when.limit) if math.isfinite(number)]
    low, high = min(0.0, *numbers), max(numbers)
    steps = round_steps(low, high * 1.08 if high > low else low + 1.0, VALUES)
    return Scale(steps[0], steps[-1], bottom, top)


def _value_ticks(series: Series | None, scale: Scale) -> list[tuple[float, str]]:
    if series is None:
        return []
    if series.breach_when.yes_or_no:
        return [(0.0, "failing"), (1.0, "passing")]
    steps = round_steps(scale.low, scale.high, VALUES)
    return [(number, value(number, series.unit)) for number in steps if scale.holds(number)]


# -- what was seen


def _known(point: Point) -> bool:
    return point.verdict is not Verdict.UNKNOWN


def _number(point: Point) -> float:
    # An OK without a number: no errors yet, and the traffic proves it.
    return 0.0 if point.value is None else point.value


def _lines(points: Sequence[Point], pace: float) -> list[list[Point]]:
    """Unbroken runs of known points; what nobody saw is never drawn over."""
    lines: list[list[Point]] = []
    beside = [False, *joined(points, pace)]
    before = None
    for point, near in zip(points, beside, strict=False):
        if _known(point) and near and before is not None and _known(before):
            lines[-1].append(point)
        elif _known(point):
            lines.append([point])
        before = point
    return lines


def _path(line: Sequence[Point], times: Scale, values: Scale) -> str:
    places = (f"{times.at(p.at):.1f} {values.at(_number(p)):.1f}" for p in line)
    return "M" + " L".join(places)


def _dots(points: Sequence[Point], times: Scale, values: Scale) -> list[tuple[float, float, str]]:
    return [
        (times.at(point.at), values.at(_number(point)), point.verdict.value)
        for point in points
        if _known(point)
    ]


def _spans(series: Series, times: Scale) -> list[_Span]:
    spans = []
    for spell in series.spells:
        first, last = times.at(spell.start), times.at(spell.end)
        if spell.verdict is not Verdict.OK and last > first:
            spans.append(_Span(spell.verdict.value, first, last - first))
    return spans


# -- words


def _has_limit(series: Series) -> bool:
    return not series.breach_when.yes_or_no


def _heading(incident: Incident, series: Series | None) -> str:
    day = utc(incident.milestones.decided.wall)[:10]
    name = series.name if series else "no signal"
    return cut(f"{name} on {incident.start.target}", HEADING) + f", {day} UTC"


def _legend(series: Series) -> list[tuple[str, float, str]]:
    """Kind, place and text of each entry, side by side."""
    when = series.breach_when
    words = str(when.op).replace("_", " ")
    limit = f"breach: {words} {value(when.limit, series.unit)}" if _has_limit(series) else ""
    bad, dark = series.lasted(Verdict.BREACH), series.lasted(Verdict.UNKNOWN)
    entries = [
        ("limit", limit),
        ("breach", f"in breach {duration(bad)}" if bad else ""),
        ("unknown", f"not known {duration(dark)}" if dark else ""),
    ]
    legend = []
    x = float(LEFT)
    for kind, text in entries:
        if text:
            legend.append((kind, x, text))
            x += 44 + LETTER * len(text)
    return legend
