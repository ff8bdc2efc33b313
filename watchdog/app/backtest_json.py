"""A backtest for a machine. The keys are documented in docs/backtest.md, and stay."""

from collections.abc import Mapping

from watchdog.domain.backtest import ACT, Firing, Labelled
from watchdog.domain.backtest_score import Backtest, Score, Swept, Tested
from watchdog.domain.backtest_words import condition_of
from watchdog.domain.words import utc

VERSION = 1
Json = Mapping[str, object]


def as_json(result: Backtest) -> Json:
    """The whole result. Times are UTC text, durations seconds."""
    return {
        "version": VERSION,
        "start": utc(result.span.start),
        "end": utc(result.span.end),
        "looks": result.looks,
        "evaluated": result.evaluated,
        "targets": [{"target": name, **_score(one)} for name, one in result.totals.items()],
        "triggers": [_tested(one, result) for one in result.tested],
        "incidents": [_incident(one, result) for one in result.incidents],
        "left_out": [
            {"target": one.target, "trigger": one.trigger, "why": one.why}
            for one in result.left_out
        ],
        "assumed": list(result.assumed),
    }


def _tested(one: Tested, result: Backtest) -> Json:
    return {
        "target": one.target,
        "trigger": one.trigger.name,
        "condition": condition_of(one.trigger),
        "severity": one.trigger.severity.name.lower(),
        "plan": one.trigger.plan,
        "looks": {verdict: one.slots(verdict) for verdict in ("ok", "breach", "unknown")},
        "pendings": sum(course.pendings for course in one.courses),
        "blind": [
            {"start": utc(each.start), "end": utc(each.end)}
            for course in one.courses
            for each in course.blind
        ],
        **_score(one.score),
        "firings": [_firing(each, one, result) for each in one.firings],
        "sweep": [_swept(each) for each in one.sweep],
    }


def _firing(firing: Firing, one: Tested, result: Backtest) -> Json:
    first = next(iter(firing.rulings), None)
    return {
        "trigger": firing.trigger,
        "pending": utc(firing.pending),
        "fired": utc(firing.fired),
        "cleared": None if firing.cleared is None else utc(firing.cleared),
        "seconds": firing.lasted(result.span.end),
        "peak": firing.peak,
        "would_act": firing.acted is not None,
        "acts_at": utc(firing.acted.at) if firing.acted else None,
        "refusal": first.outcome if first and first.outcome != ACT else "",
        "false_alarm": firing in one.score.false_alarms if result.has_labels else None,
        "rulings": [
            {
                "at": utc(each.at),
                "outcome": "act" if each.outcome == ACT else each.outcome,
                "detail": each.detail,
                "until": None if each.until is None else utc(each.until),
            }
            for each in firing.rulings
        ],
    }


def _score(score: Score) -> Json:
    return {
        "detected": score.detected,
        "missed": [_label(one) for one in score.missed],
        "mean_delay": score.mean_delay,
        "false_alarms": len(score.false_alarms),
        "false_alarms_a_week": score.false_alarms_a_week,
        "wrong_rollbacks": len(score.wrong),
        "seconds_outside": score.outside,
    }


def _incident(incident: Labelled, result: Backtest) -> Json:
    found = [
        {"target": one.target, "trigger": one.trigger.name, "delay": detection.delay}
        for one in result.tested
        for detection in one.score.detections
        if detection.incident == incident and detection.firing is not None
    ]
    return {
        "name": incident.name,
        "start": utc(incident.start),
        "end": utc(incident.end),
        "rollback": incident.rollback,
        "detected_by": found,
    }


def _swept(each: Swept) -> Json:
    return {
        "limit": each.limit,
        "for": each.hold,
        "now": each.is_now,
        "firings": each.firings,
        **_score(each.score),
    }


def _label(incident: Labelled) -> str:
    return incident.name or utc(incident.start)
