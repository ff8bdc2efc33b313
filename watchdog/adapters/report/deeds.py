"""What was done, in the report: steps, validation, watch, communications."""

from watchdog.adapters.report.jinja import code, plain
from watchdog.adapters.report.phrases import NONE, clock, in_breach_when, shown, took
from watchdog.domain.actions import Action, Checked, Watched
from watchdog.domain.incident import Communication, Delivery, Incident
from watchdog.domain.progress import Stage, StepResult
from watchdog.domain.recovering import taken_back
from watchdog.domain.words import utc

Rows = list[tuple[str, ...]]


def steps_note(incident: Incident) -> str:
    """How far the plan came."""
    actions = [one for one in incident.deeds.actions if one.stage is Stage.STEPS]
    done = sum(one.result is StepResult.OK for one in actions)
    resumed = incident.run.resumes
    again = f" It was taken up {resumed} times after a restart." if resumed else ""
    undone = taken_back(incident.run)
    back = f"; taken back: {plain(undone)}" if undone else ""
    note = "What was sent is shown without secrets."
    return f"{done} of {len(actions)} steps were done{back}. {note}{again}"


def steps(incident: Incident) -> Rows:
    """A row for each step of the plan, those that were never reached as well."""
    return [_step(one, incident) for one in incident.deeds.actions]


def _step(action: Action, incident: Incident) -> tuple[str, ...]:
    number = str(action.index + 1)
    if action.stage is Stage.FINAL:
        number = f"finally {number}"
    if action.stage is Stage.UNDO:
        number = f"undo of {action.of + 1}"
    use = action.step.use
    sent = code(action.sent) or f"{plain(use)} (not recorded: {_unrecorded(incident)})"
    return (
        number,
        plain(action.step.name),
        sent,
        _result(action, incident),
        took(action.began, action.ended),
        code(action.detail or action.answer) or NONE,
    )


def _unrecorded(incident: Incident) -> str:
    return "started by hand" if incident.start.by else "no decision is on record"


def _result(action: Action, incident: Incident) -> str:
    if action.result is None and not action.attempts:
        return "not reached" if incident.outcome else "not yet"
    result = "under way" if action.result is None else action.result.value.replace("_", " ")
    again = f", {action.attempts} attempts" if action.attempts > 1 else ""
    seen = f", seen to be {action.seen.value.replace('_', ' ')}" if action.seen else ""
    return f"{result}{again}{seen}"


def validation_note(incident: Incident) -> str:
    """What the checks came to."""
    if not incident.deeds.checks:
        return "Not checked: the plan has no check."
    run = incident.run
    if run.proof is not None:
        return f"Verification {run.proof.value}: {plain(run.proof_detail)}."
    return "Not verified: the run ended before." if incident.outcome else "Not verified yet."


def checks(incident: Incident) -> Rows:
    """A row for each check of the plan."""
    return [_check(one, incident) for one in incident.deeds.checks]


def _check(checked: Checked, incident: Incident) -> tuple[str, ...]:
    check, last = checked.check, checked.last
    unit = check.signal.unit
    if checked.proof is not None:
        result = checked.proof.value
    elif checked.looks:
        result = "cut off" if incident.outcome else "under way"
    else:
        result = "not reached" if incident.outcome else "not yet"
    seen = NONE
    if last is not None:
        known = last.verdict.value != "unknown"
        seen = shown(last.value, check.expect, unit) if known else f"not known: {plain(last.note)}"
    unknown = checked.looks - checked.decided
    looks = f"{checked.looks}, {unknown} without an answer" if unknown else str(checked.looks)
    expected = in_breach_when(check.expect, unit)
    name = plain(check.name)
    return name, expected, result, looks, seen, took(checked.began, checked.ended)


def watch(incident: Incident) -> list[str]:
    """A line for each tier of the watch."""
    if incident.deeds.watches:
        return [_watched(one) for one in incident.deeds.watches]
    if not incident.start.plan.watch.short:
        return ["Not watched: the plan has no watch."]
    return ["Not watched: the run was not verified." if incident.outcome else "Not watched yet."]


def _watched(one: Watched) -> str:
    tier = "Short" if one.stage is Stage.WATCH_SHORT else "Long"
    looks = f"{one.looks} looks, {one.looks - one.decided} without an answer"
    if one.ended is None:
        return f"{tier} watch: since {utc(one.began.wall)}, until {utc(one.until)}; {looks} so far."
    result = f"{one.proof.value if one.proof else 'ended'}: {plain(one.detail)}"
    return f"{tier} watch: {utc(one.began.wall)} to {utc(one.ended.wall)}; {looks}; {result}."


def communications_note(incident: Incident) -> str:
    """How many messages there were, and how many did not arrive."""
    told = incident.communications
    if not told:
        return "None: nothing of this incident was to be told."
    lost = sum(bool(delivery.error) for one in told for delivery in one.deliveries)
    unsent = sum(not one.deliveries for one in told)
    return (
        f"{len(told)} messages as of {utc(incident.as_of.wall)}: {lost} given up, {unsent} without"
        " a delivery on record (no channel asks for it, or it is under way)."
    )


def communications(incident: Incident) -> Rows:
    """A row for each message and channel."""
    rows: Rows = []
    for one in incident.communications:
        told = (clock(one.at.wall), f"{one.telling.topic.value}: {plain(one.telling.title)}")
        results = [_delivery(one, delivery) for delivery in one.deliveries]
        rows += [(*told, *result) for result in results or [(NONE, "no delivery on record")]]
    return rows


def _delivery(one: Communication, delivery: Delivery) -> tuple[str, str]:
    tries = f"{delivery.attempts} attempts" if delivery.attempts > 1 else "1 attempt"
    if delivery.error:
        return plain(delivery.channel), f"GIVEN UP after {tries}: {plain(delivery.error)}"
    return plain(delivery.channel), f"delivered after {took(one.at, delivery.at)}, {tries}"
