"""The report in Markdown: the sections of the runbook's template, in its order."""

from watchdog.adapters.report import course, deeds, outlook, proof
from watchdog.adapters.report.jinja import filled
from watchdog.domain.incident import Incident
from watchdog.domain.words import utc


def render(incident: Incident, picture: str) -> str:
    """The report; `picture` is the file name of its picture beside it."""
    start = incident.start
    return filled(
        "report.md.j2",
        {
            "target": start.target,
            "version": start.version or "of unknown version",
            "as_of": utc(incident.as_of.wall),
            "hash": start.plan_hash,
            "picture": picture,
            "headline": course.headline(incident),
            "summary": course.summary(incident),
            "timeline": course.timeline(incident),
            "milestones": course.milestones(incident),
            "happened": course.happened(incident),
            "impact": proof.impact(incident),
            "signals": proof.signals(incident),
            "evidence": proof.sentence(incident),
            "unchecked": proof.unchecked(incident),
            "proofs": proof.proofs(incident),
            "steps_note": deeds.steps_note(incident),
            "steps": deeds.steps(incident),
            "validation_note": deeds.validation_note(incident),
            "checks": deeds.checks(incident),
            "watch": deeds.watch(incident),
            "communications_note": deeds.communications_note(incident),
            "communications": deeds.communications(incident),
            "machine_next": outlook.machine_next(incident),
            "tasks": outlook.tasks(incident),
        },
    )
