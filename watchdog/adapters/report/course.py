"""The course of events in the report: summary and timeline."""

from watchdog.adapters.report.jinja import code, plain
from watchdog.adapters.report.phrases import NONE, clock, in_breach_when, lapse
from watchdog.domain.incident import Incident
from watchdog.domain.moment import Moment
from watchdog.domain.plan import level_word
from watchdog.domain.progress import Outcome, Proof, Stage
from watchdog.domain.topics import Topic
from watchdog.domain.words import duration, utc

Lines = list[tuple[str, str]]

# These stand in the timeline already.
_MILESTONES = {
    Topic.FIRING,
    Topic.DECIDED,
    Topic.VERIFIED,
    Topic.FAILED,
    Topic.STABLE,
    Topic.RELAPSED,
}


def headline(incident: Incident) -> str:
    """What came of it, in a few words."""
    if incident.outcome is None:
        return "under way"
    outcome = str(incident.outcome).replace("_", " ")
    proofs = [watch.proof for watch in incident.deeds.watches]
    if Proof.FAILED in proofs:
        return f"{outcome}, then relapsed"
    return f"{outcome} and stable" if incident.milestones.stable else outcome


def summary(incident: Incident) -> Lines:
    """Date, duration, type, trigger; then outcome and names."""
    start, plan = incident.start, incident.start.plan
    began = incident.milestones.breach_started or incident.milestones.decided
    kind = plan.kind or plan.name
    outcome = "under way" if incident.outcome is None else str(incident.outcome)
    return [
        ("Date/time", f"{utc(began.wall)} (UTC)"),
        ("Duration", _duration(incident)),
        ("Type", f"{plain(kind)} (plan {code(plan.name)}, level {level_word(plan.level)})"),
        ("Trigger", _trigger(incident)),
        ("Outcome", ": ".join(filter(None, [outcome.replace("_", " "), plain(incident.detail)]))),
        ("Target", code(start.target)),
        ("Run", f"{code(start.run)} of incident {code(start.incident)}{_before(incident)}"),
    ]


def _before(incident: Incident) -> str:
    """The run that it goes on from, or renews; empty where it is the first."""
    start = incident.start
    if start.renews:
        return f"; it renews what run {code(start.renews)} changed"
    return f"; the next level after run {code(start.follows)}" if start.follows else ""


def _duration(incident: Incident) -> str:
    reached, budget = incident.milestones, incident.start.plan.within
    until = "it was verified" if reached.verified else "it ended, not verified"
    if reached.ended is None:
        until = "now, still under way"
    rest = budget - incident.spent
    verdict = f"under by {lapse(rest)}" if rest >= 0 else f"OVER by {lapse(-rest)}"
    spent = lapse(incident.spent)
    return f"{spent} from the decision until {until}; budget {duration(budget)}, {verdict}"


def _trigger(incident: Incident) -> str:
    start = incident.start
    if start.by:
        return f"none; started by hand by {plain(start.by)}: {plain(start.reason) or 'no reason'}"
    series = incident.main_series
    limit = f", {in_breach_when(series.breach_when, series.unit)}" if series else ""
    others = dict.fromkeys(e.trigger for e in incident.fired if e.trigger != start.trigger)
    also = f"; {', '.join(map(code, others))} fired as well" if others else ""
    return f"{code(start.trigger)}{limit}, severity {start.severity.name.lower()}{also}"


def timeline(incident: Incident) -> Lines:
    """The four times that every report has."""
    reached = incident.milestones
    return [
        ("Issue detected", _when(incident, "detected", reached.detected)),
        ("Rollback initiated", _when(incident, "decided", reached.decided)),
        ("Rollback completed", _when(incident, "completed", reached.completed)),
        ("System stable", _when(incident, "stable", reached.stable)),
    ]


def milestones(incident: Incident) -> list[tuple[str, ...]]:
    """Every milestone with its time, and how long after the breach and after the last one."""
    reached = incident.milestones
    named = [
        ("Breach started", "breach_started", reached.breach_started),
        ("Detected (the trigger fired)", "detected", reached.detected),
        ("Decided (rollback initiated)", "decided", reached.decided),
        ("First call", "first_call", reached.first_call),
        ("Completed (all steps done)", "completed", reached.completed),
        ("Verified", "verified", reached.verified),
        ("Ended", "ended", reached.ended),
        ("System stable", "stable", reached.stable),
    ]
    rows: list[tuple[str, ...]] = []
    before: Moment | None = None
    for name, key, at in named:
        since_breach = _since(at, reached.breach_started if before else None)
        rows.append((name, _when(incident, key, at), since_breach, _since(at, before)))
        before = at or before
    return rows


def _since(at: Moment | None, earlier: Moment | None) -> str:
    return NONE if at is None or earlier is None else lapse(at.since(earlier))


def happened(incident: Incident) -> Lines:
    """What else people were told of in the meantime."""
    return [
        (clock(one.at.wall), plain(one.telling.title))
        for one in incident.communications
        if one.telling.topic not in _MILESTONES and one.at is not incident.milestones.decided
    ]


# -- what was not reached, and why


def _when(incident: Incident, key: str, at: Moment | None) -> str:
    return utc(at.wall) if at is not None else _missing(incident, key)


def _missing(incident: Incident, key: str) -> str:
    if key in ("breach_started", "detected"):
        by = incident.start.by
        return f"not measured: started by hand by {plain(by)}" if by else "not measured"
    if key == "stable":
        return _not_stable(incident)
    if incident.outcome is None:
        return "not yet"
    return f"not reached: {plain(incident.detail)}"


def _not_stable(incident: Incident) -> str:
    if incident.outcome is None:
        return "not yet"
    if incident.outcome is not Outcome.SUCCEEDED:
        return f"not reached: the run ended {str(incident.outcome).replace('_', ' ')}"
    if not incident.start.plan.watch.short:
        return "not measured: the plan has no watch"
    for watch in incident.deeds.watches:
        if watch.stage is Stage.WATCH_SHORT and watch.proof is not None:
            return f"not reached: {plain(watch.detail)}"
        if watch.stage is Stage.WATCH_SHORT:
            return f"not yet: watched until {utc(watch.until)}"
    return "not yet"
