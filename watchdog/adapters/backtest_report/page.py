"""What stands on the page, in words: the summary, each trigger, its firings, its sweep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from watchdog.adapters.backtest_report import bands as placing
from watchdog.adapters.backtest_report.bands import Band, Stretch
from watchdog.adapters.backtest_report.plot import Plot, plot_of, times_of
from watchdog.domain.backtest import ACT, Course, Curve, Firing, Labelled, Ruling, Span
from watchdog.domain.backtest_score import Backtest, Score, Swept, Tested
from watchdog.domain.backtest_words import condition_of, outcome_of, shown_at, shown_value
from watchdog.domain.decision import REASONS, Reason
from watchdog.domain.words import duration, value

# Of all triggers together, and of one.
ALL_ROWS, MOST_ROWS = 2000, 60
# Of the width: two marks nearer than this would lie over each other.
_MARK = 0.01
MOST_PLOTS = 12
_DAY = 86400.0
_Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Picture:
    """One plot with its bands. `title` names the value of the label, where there is one."""

    title: str
    plot: Plot | None
    incidents: Sequence[Band]
    pending: str
    firing: str
    unknown: Sequence[Band]
    acts: Sequence[Band]


def render(result: Backtest, version: str) -> str:
    """The whole page."""
    span = result.span
    targets = ", ".join(result.totals) or "nothing"
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=f"Backtest of {targets}",
            version=version,
            begin=shown_at(span.start),
            end=shown_at(span.end),
            days=f"{span.seconds / _DAY:.3g}",
            cards=list(_cards(result)),
            has_labels=result.has_labels,
            triggers=[_overview(one, result) for one in result.tested],
            incidents=[_incident(one, result) for one in result.incidents],
            sections=[_section(one, result) for one in result.tested],
            left_out=result.left_out,
            assumed=result.assumed,
            times=times_of(span),
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("watchdog.adapters.backtest_report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _cards(result: Backtest) -> Iterator[tuple[str, str]]:
    firings = [firing for one in result.tested for firing in one.firings]
    yield str(len(result.tested)), "triggers tested"
    yield f"{result.looks:,}".replace(",", " "), "looks"
    yield str(len(firings)), "firings"
    yield str(sum(one.acted is not None for one in firings)), "would have acted"
    if not result.has_labels:
        return
    scores = result.totals.values()
    caught = sum(score.detected for score in scores)
    known = sum(len(score.detections) for score in scores)
    yield f"{caught} of {known}", "incidents detected"
    yield str(sum(len(score.false_alarms) for score in scores)), "false alarms"
    yield str(sum(len(score.wrong) for score in scores)), "rollbacks in vain"


def _overview(one: Tested, result: Backtest) -> _Row:
    score = one.score
    return {
        "anchor": _anchor(one),
        "name": _name(one, result),
        "severity": one.trigger.severity.name.lower(),
        "condition": condition_of(one.trigger),
        "firings": len(one.firings),
        "acts": sum(firing.acted is not None for firing in one.firings),
        "pendings": sum(course.pendings for course in one.courses),
        "unknown": _unknown(one),
        "detected": f"{score.detected} of {len(score.detections)}",
        "delay": "-" if score.mean_delay is None else duration(score.mean_delay),
        "false": _false_alarms(score),
        "bad": bool(score.false_alarms) and result.has_labels,
    }


def _false_alarms(score: Score) -> str:
    count = len(score.false_alarms)
    return f"{count} ({score.false_alarms_a_week:.2g} a week)" if count else "0"


def _unknown(one: Tested) -> str:
    looks = sum(sum(course.slots.values()) for course in one.courses)
    share = one.slots("unknown") / looks if looks else 0.0
    return f"{100 * share:.2g} %"


def _incident(incident: Labelled, result: Backtest) -> _Row:
    found = [
        (detection.delay, one.trigger.name, detection.firing)
        for one in result.tested
        for detection in one.score.detections
        if detection.incident == incident and detection.firing is not None
    ]
    first = min(found, key=lambda each: (each[0] or 0.0, each[1]), default=None)
    acted = [each for _, _, each in found if each.acted]
    return {
        "name": incident.name or "-",
        "start": shown_at(incident.start),
        "lasted": duration(incident.end - incident.start),
        "rollback": "yes" if incident.rollback else "no",
        "by": first[1] if first else "missed",
        "delay": duration(first[0] or 0.0) if first else "-",
        "missed": first is None,
        "acted": "yes" if acted else "no",
        "bad": bool(acted) is not incident.rollback,
    }


def _section(one: Tested, result: Backtest) -> _Row:
    term = one.trigger.plain
    unit = term.signal.unit if term else ""
    pictures = list(_pictures(one, result))
    firings = one.firings
    rows = min(MOST_ROWS, ALL_ROWS // len(result.tested))
    return {
        "anchor": _anchor(one),
        "name": _name(one, result),
        "severity": one.trigger.severity.name.lower(),
        "plan": one.trigger.plan or "none: people are told",
        "condition": condition_of(one.trigger),
        "pictures": pictures[:MOST_PLOTS],
        "more_pictures": max(0, len(pictures) - MOST_PLOTS),
        "limit": value(term.breach_when.limit, unit) if term else "",
        "firings": [_firing(each, unit, one, result) for each in firings[:rows]],
        "more": max(0, len(firings) - rows),
        "sweep": [_swept(each, one, unit) for each in one.sweep],
        "parted": bool(one.trigger.for_each),
    }


def _pictures(one: Tested, result: Backtest) -> Iterator[_Picture]:
    for course, curve in zip(one.courses, one.curves, strict=True):
        parted = bool(one.trigger.for_each)
        # Of many values of a label, those where something happened.
        if not parted or course.firings or course.pendings:
            yield _picture(course, curve, result, course.trigger.name if parted else "")


def _picture(course: Course, curve: Curve | None, result: Backtest, title: str) -> _Picture:
    span, term = result.span, course.trigger.plain
    acts = [firing.acted for firing in course.firings if firing.acted]
    return _Picture(
        title=title,
        plot=plot_of(curve, term, span) if curve and term else None,
        incidents=placing.bands(placing.of_incidents(result.incidents), span),
        pending=placing.path(placing.of_pendings(course.firings), span),
        firing=placing.path(placing.of_firings(course.firings, span.end), span),
        unknown=placing.bands((Stretch(each) for each in course.unknown), span),
        acts=placing.bands(
            (Stretch(Span(each.at, each.at), shown_at(each.at)) for each in acts), span, _MARK
        ),
    )


def _firing(firing: Firing, unit: str, one: Tested, result: Backtest) -> _Row:
    first = next(iter(firing.rulings), None)
    false_alarm = firing in one.score.false_alarms and result.has_labels
    return {
        "trigger": firing.trigger,
        "pending": shown_at(firing.pending),
        "fired": shown_at(firing.fired),
        "cleared": "still firing" if firing.cleared is None else shown_at(firing.cleared),
        "lasted": duration(firing.lasted(result.span.end)),
        "peak": shown_value(firing.peak, unit),
        "outcome": outcome_of(firing),
        "acts": firing.acted is not None,
        "why": _why(first),
        "belongs": "false alarm" if false_alarm else "",
    }


def _why(ruling: Ruling | None) -> str:
    """The reason not to act, in words, and when it ends by itself."""
    if ruling is None or ruling.outcome == ACT:
        return ""
    until = f", until {shown_at(ruling.until)}" if ruling.until else ""
    words = REASONS[Reason(ruling.outcome)].partition(";")[0]
    return f"{ruling.detail or words}{until}"


def _swept(each: Swept, one: Tested, unit: str) -> _Row:
    most = max((len(other.score.false_alarms) for other in one.sweep), default=0) or 1
    known = len(each.score.detections)
    return {
        "limit": value(each.limit, unit),
        "hold": duration(each.hold) if each.hold else "0s",
        "now": each.is_now,
        "firings": each.firings,
        "false": len(each.score.false_alarms),
        "false_bar": f"{100 * len(each.score.false_alarms) / most:.1f}",
        "detected": f"{each.score.detected} of {known}",
        "detected_bar": f"{100 * each.score.detected / known:.1f}" if known else "0",
        "delay": "-" if each.score.mean_delay is None else duration(each.score.mean_delay),
    }


def _name(one: Tested, result: Backtest) -> str:
    return one.trigger.name if len(result.totals) == 1 else f"{one.target}: {one.trigger.name}"


def _anchor(one: Tested) -> str:
    return f"{one.target}--{one.trigger.name}"
