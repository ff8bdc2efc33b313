"""What a status says, as plain JSON values: first whether each target would act now, or why not."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from watchdog.domain.account import Account, Current
from watchdog.domain.decision import HOUR, REASONS, Reason, Refusal, standing_refusals
from watchdog.domain.events import Paused, Stage
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment, age
from watchdog.domain.outcomes import OpenOutcome
from watchdog.domain.recent import IncidentSummary, Recent
from watchdog.domain.windows import OpenWindow
from watchdog.domain.words import utc
from watchdog.engine.lane import Lane
from watchdog.engine.self_watch import SelfSeen
from watchdog.engine.service import Service, Stalled
from watchdog.engine.status_of_changes import expiring, next_level
from watchdog.engine.status_of_requests import of_request
from watchdog.engine.status_of_runs import current_run, stopped_run, watch
from watchdog.engine.status_of_triggers import sources, triggers

Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vitals:
    """What only the process knows of itself. `refused`: a changed file that was not taken over.

    `switches`: why the annotations that stop it cannot be seen at the moment.
    """

    version: str
    pid: int
    ready: bool
    journal: str
    journal_problem: str = ""
    kill_file: str = ""
    listen: str = ""
    skipped_slots: int = 0
    refused: str = ""
    itself: SelfSeen = field(default_factory=SelfSeen)
    switches: str = ""


def unable(service: Service, vitals: Vitals) -> list[str]:
    """Why nothing could be done now, whatever people want; empty when it could."""
    why = []
    if not vitals.ready:
        why.append("it has not started yet")
    if service.stopping:
        why.append("it is stopping")
    if not service.shared.journal.healthy:
        why.append(f"the journal cannot be written: {vitals.journal_problem}")
    if service.shared.ledger.killed:
        why.append(f"the kill switch is on: {service.shared.ledger.killed}")
    if service.shared.unseen():
        why.append(service.shared.unseen())
    return why


def snapshot(
    service: Service,
    recent: Recent,
    vitals: Vitals,
    *,
    unfit: Mapping[str, Sequence[Refusal]] | None = None,
) -> Status:
    """Everything at this moment. `unfit`: what preflight found, by target, where it was asked."""
    shared = service.shared
    now = shared.clock.now()
    stalled = service.stalled()
    return {
        "at": utc(now.wall),
        "targets": [
            _target(service, lane, (unfit or {}).get(name, ()), stalled, now)
            for name, lane in service.lanes.items()
        ],
        "daemon": {
            "running": True,
            **asdict(vitals),
            "started": utc(service.started.wall),
            "uptime_seconds": round(now.since(service.started), 3),
            "journal_healthy": shared.journal.healthy,
            **of_all_targets(shared.ledger, now),
            "runs_started_last_hour": shared.ledger.starts_since(now, HOUR),
            "runs_per_hour": shared.global_per_hour,
            "unable": unable(service, vitals),
            "stalled": service.lifeless(),
        },
        "incidents": incidents(recent),
    }


def of_all_targets(ledger: Ledger, now: Moment) -> Status:
    """What stops every target: the kill switch, the breaker, and a pause of all."""
    opened = ledger.breaker.opened_at
    return {
        "kill_switch": ledger.killed,
        "breaker": ledger.breaker.why,
        "breaker_since": utc(opened.wall) if ledger.breaker.why and opened else None,
        "paused": _pause(ledger.pause_of_all(now)),
    }


def _target(
    service: Service,
    lane: Lane,
    unfit: Sequence[Refusal],
    stalled: Sequence[Stalled],
    now: Moment,
) -> Status:
    target = lane.target
    facts = lane.decider.facts(now)
    refusals = [*standing_refusals(facts, now), *unfit]
    run = lane.runner.run if lane.runner else None
    busy = _busy(facts.account)
    if busy is not None:
        refusals.append(busy)
    late = [one.source for one in stalled if one.target == target.name]
    return {
        "target": target.name,
        "would_act": not refusals,
        "refusals": [refused(one) for one in refusals],
        "mode": target.mode.value,
        "armed_by": target.armed_by,
        "file": target.file,
        "file_hash": target.hash,
        "plans": list(target.plans),
        "version": lane.decider.versions.running,
        "quarantined": list(lane.decider.versions.quarantined),
        "evaluations": dict(lane.evaluator.evaluations),
        "triggers": triggers(lane.evaluator, now),
        "sources": sources(service.watchers.get(target.name, ()), lane, late, now),
        "run": current_run(run, now) if run else None,
        "watch": watch(run, now) if run else None,
        "stopped_run": stopped_run(lane.stopped),
        **of_account(facts.account, now),
        "windows": [_window(one) for one in facts.windows],
        "group": lane.decider.group.name,
        "expiring": expiring(service.shared.ledger, target.name, now),
        "limits": _limits(lane, facts.account, now),
    }


def _busy(account: Account) -> Refusal | None:
    """A run that holds the target: only a graver trigger would be acted on."""
    current = account.current
    if current is None or current.stage is Stage.WATCH_LONG:
        return None
    detail = f"run {current.run} of plan {current.plan}; only a graver trigger supersedes it"
    return Refusal(Reason.RUN_IN_PROGRESS, detail)


def refused(refusal: Refusal) -> Status:
    """A refusal with its sentence, and how to lift it."""
    return {
        "reason": refusal.reason.value,
        "text": REASONS[refusal.reason],
        "detail": refusal.detail,
        "until": None if refusal.until is None else utc(refusal.until),
    }


def of_account(account: Account, now: Moment) -> Status:
    """What the journal alone remembers of a target."""
    return {
        "incident": account.incident,
        "open_run": _open_run(account.current),
        "latched": account.latched,
        "next_level": next_level(account.ladder, now),
        "paused": _pause(account.pause(now)),
        "outcomes": [_outcome(one, now) for one in account.outcomes],
        "requests": [of_request(one, now) for one in account.requests if one.is_live],
    }


def _outcome(one: OpenOutcome, now: Moment) -> Status:
    left = one.within - now.since(one.opened)
    return {
        "row": one.row,
        "outcome": one.outcome.value,
        "standing": one.standing.value,
        "since": utc(one.opened.wall),
        "deadline": utc(one.opened.wall + one.within),
        "left_seconds": round(max(left, 0.0), 3),
    }


def _open_run(current: Current | None) -> Status | None:
    if current is None:
        return None
    # What may follow is told once it does.
    told = {**asdict(current), "severity": current.severity.name.lower()}
    del told["ladder"]
    return told


def _pause(paused: Paused | None) -> Status | None:
    if paused is None:
        return None
    until = None if paused.until is None else utc(paused.until)
    return {"by": paused.whom, "reason": paused.reason, "until": until}


def _window(window: OpenWindow) -> Status:
    return {
        "kind": window.kind.value,
        "reason": window.reason,
        "by": window.by,
        "until": utc(window.until),
        "except": str(window.spared),
    }


def _limits(lane: Lane, account: Account, now: Moment) -> Status:
    limits = lane.target.limits
    return {
        "runs_last_hour": sum(age(past.started, now) < HOUR for past in account.past),
        "per_hour": limits.per_hour,
        "runs_last_day": len(account.past),
        "per_day": limits.per_day,
        "cooldown_seconds": limits.cooldown,
    }


def incidents(recent: Recent) -> list[Status]:
    """The last incidents, the newest first."""
    return [_incident(one) for one in reversed(recent.incidents.values())]


def _incident(one: IncidentSummary) -> Status:
    return {
        **asdict(one),
        "severity": one.severity.name.lower(),
        "opened": utc(one.opened),
        "closed": None if one.closed is None else utc(one.closed),
        "runs": [{**asdict(run), "started": utc(run.started)} for run in one.runs],
    }
