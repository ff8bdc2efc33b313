"""What comes next, in the report: what the machine holds back, and the tasks for people."""

from watchdog.adapters.report.jinja import code, plain
from watchdog.domain.incident import Incident
from watchdog.domain.progress import Outcome, Proof
from watchdog.domain.run_wording import clear_command
from watchdog.domain.words import utc

MINUTE = 60.0
HOUR = 3600.0
OWNER = "unassigned"


def machine_next(incident: Incident) -> list[str]:
    """What the machine does, or does not do, from here on."""
    target = incident.start.target
    relapsed = any(watch.proof is Proof.FAILED for watch in incident.deeds.watches)
    held = relapsed or incident.outcome not in (None, Outcome.SUCCEEDED, Outcome.SUPERSEDED)
    lines = []
    if held:
        lines.append(
            f"nothing further runs by itself on {code(target)} until a named person has looked and"
            f" lifts that: {code(clear_command(target))}"
        )
    lines += [f"look at what went wrong on the way: {plain(one)}" for one in incident.run.problems]
    if incident.closed is None:
        lines.append("the incident is open: a trigger fires, or the watch goes on")
    else:
        lines.append(f"the incident was closed at {utc(incident.closed.wall)}; nothing fires")
    return lines


def tasks(incident: Incident) -> list[tuple[str, ...]]:
    """The tasks that every run opens, with the time they are due."""
    over = (incident.milestones.ended or incident.milestones.decided).wall
    return [
        ("Record the customer impact and the immediate risks", utc(over + 30 * MINUTE), OWNER),
        (
            "Analyse the logs, find the root cause, tell the stakeholders, complete this report",
            utc(over + 4 * HOUR),
            OWNER,
        ),
        ("Review this plan and its triggers, as after every run", "before the next run", OWNER),
    ]
