"""A status for a person at three in the morning: what matters first, and how to lift it."""

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.cli.output import columns
from watchdog.cli.request_text import requests_of
from watchdog.domain.words import duration

Part = Mapping[str, Any]


def text(status: Part) -> str:
    """The whole status."""
    if status["daemon"].get("standing_by"):
        return _standing_by(status["daemon"])
    lines = [line for target in status["targets"] for line in requests_of(target)]
    lines += [line for target in status["targets"] for line in _standing(target)]
    lines += ["no target is known here"] if not status["targets"] else []
    lines += ["", *_daemon(status["daemon"])]
    for target in status["targets"]:
        lines += ["", *_target(target)]
    lines += ["", *_incidents(status["incidents"])]
    return "\n".join(lines)


def _standing(target: Part) -> Iterator[str]:
    name = target["target"]
    if target["would_act"] and target["mode"] == "approve":
        yield f"{name}: WOULD ASK now: a trigger that fires starts its plan once people agree"
    elif target["would_act"]:
        yield f"{name}: WOULD ACT now: a trigger that fires starts its plan"
    else:
        yield f"{name}: would NOT act now"
    for refusal in target["refusals"]:
        yield f"  - {refusal['reason']}: {refusal['text']}"
        detail = refusal["detail"]
        until = f"until {refusal['until']}" if refusal["until"] else ""
        if detail or until:
            yield f"    {', '.join(filter(None, (detail, until)))}"
    blind = [one["source"] for one in target["sources"] if one["blind_since"]]
    if blind:
        yield f"  ! it sees nothing from {', '.join(blind)}: its triggers cannot fire"


def _standing_by(daemon: Part) -> str:
    """Of one of several watchdogs while it is not the one that acts."""
    wrong = daemon["trouble"]
    told = f"it CANNOT TAKE ITS TURN: {wrong}" if wrong else "it takes over if that one is gone"
    return (
        f"daemon   stands by: the watchdog that holds the lease {daemon['lease']} acts, and knows "
        f"of the targets\n         {told}"
    )


def _daemon(daemon: Part) -> Iterator[str]:
    if not daemon["running"]:
        yield f"daemon   not running; {daemon['last']}"
        yield f"journal  {daemon['journal']}"
    else:
        pages = daemon["listen"] or "off"
        yield (
            f"daemon   {daemon['version']}, process {daemon['pid']}, "
            f"up {duration(daemon['uptime_seconds'])}, pages {pages}"
        )
        health = "healthy" if daemon["journal_healthy"] else "CANNOT BE WRITTEN"
        problem = f": {daemon['journal_problem']}" if daemon["journal_problem"] else ""
        yield f"journal  {daemon['journal']}, {health}{problem}"
        yield from _daemon_troubles(daemon)
    if daemon["kill_switch"]:
        yield f"KILL SWITCH ON: {daemon['kill_switch']}"
    if daemon["breaker"]:
        yield f"BREAKER OPEN since {daemon['breaker_since']}: {daemon['breaker']}"
    if daemon["paused"]:
        yield f"ALL PAUSED {_pause(daemon['paused'])}"


def _daemon_troubles(daemon: Part) -> Iterator[str]:
    if daemon["refused"]:
        yield "FILES REFUSED; what was loaded before goes on:"
        yield from (f"  {line}" for line in daemon["refused"].splitlines())
    if daemon["switches"]:
        yield f"UNSEEN   {daemon['switches']}"
    for stalled in daemon["stalled"]:
        yield f"STALLED  {stalled}"
    yield from (f"AILING   {ailment}" for ailment in daemon["itself"]["ailments"])
    heartbeat = daemon["itself"]["heartbeat"]
    if heartbeat and heartbeat["withheld"]:
        yield f"NO BEAT  the heartbeat is withheld: {heartbeat['withheld']}"
    elif heartbeat and heartbeat["failure"]:
        yield f"NO BEAT  the heartbeat was not taken: {heartbeat['failure']}"
    if daemon["skipped_slots"]:
        yield f"skipped  {daemon['skipped_slots']} rounds: the one before still ran"


def _target(target: Part) -> Iterator[str]:
    armed = f", armed by {target['armed_by']}" if target["armed_by"] else ""
    yield f"{target['target']}  ({target['mode']}{armed})  {target['file']}"
    if target["triggers"] and "as_of" in target["triggers"][0]:
        yield "  triggers, as the last daemon left them"
        yield columns((_remembered_trigger(one) for one in target["triggers"]), "    ")
    elif target["triggers"]:
        yield "  triggers"
        yield columns((_trigger(one) for one in target["triggers"]), "    ")
    if target["sources"]:
        yield "  sources"
        yield columns((_source(one) for one in target["sources"]), "    ")
    yield from _run(target)
    if target["latched"]:
        yield f"  LATCHED  {target['latched']}"
    yield from _ahead(target)
    if target["paused"]:
        yield f"  PAUSED {_pause(target['paused'])}"
    for one in target.get("windows", ()):
        who = f", by {one['by']}" if one["by"] else ""
        spared = f", except {one['except']}" if one["except"] else ""
        yield f"  {one['kind'].upper()} until {one['until']}{who}{spared}: {one['reason']}"
    for one in target["outcomes"]:
        yield f"  {_outcome(one)}"
    if target["incident"]:
        yield f"  open incident {target['incident']}"


def _ahead(target: Part) -> Iterator[str]:
    """What comes by itself: the next level, and the end of a change."""
    if target.get("next_level"):
        yield f"  NEXT LEVEL  {_next_level(target['next_level'])}"
    for one in target.get("expiring", ()):
        if one["on_expiry"] == "remind":
            yield f"  HOLDS    {_holds(one)}"
        else:
            yield f"  LAPSES   {_lapses(one)}"


def _next_level(one: Part) -> str:
    word = "starts by itself" if one["then"] == "auto_next" else "is offered"
    left = _seconds(one["left_seconds"])
    return f"plan {one['plan']} {word} within {left}, if {one['if_breaching']} still breaches"


def _holds(one: Part) -> str:
    left = _seconds(one["left_seconds"])
    return f"{one['change']} of run {one['run']}: to be taken back by {one['until']}, in {left}"


def _lapses(one: Part) -> str:
    renewed = one["on_expiry"] == "renew" and one["renewals_left"] and one["trigger"]
    end = f"renewed then, if {one['trigger']} still breaches" if renewed else "not renewed"
    left = _seconds(one["left_seconds"])
    return f"{one['change']} of run {one['run']} at {one['until']}, in {left}; {end}"


def _outcome(one: Part) -> str:
    asked = f"{one['outcome'].upper()}  {one['row']}, since {one['since']}"
    match one["standing"]:
        case "open":
            return f"{asked}: {_seconds(one['left_seconds'])} left to decide"
        case "escalated":
            return f"{asked}: NOBODY DECIDED"
        case _:
            return f"{asked}: decided"


def _trigger(one: Part) -> list[str]:
    state = one["state"].upper() if one["state"] == "firing" else one["state"]
    verdict = one["verdict"].replace("_", " ")
    why = ": ".join(filter(None, (one["reason"], one["note"])))
    return [one["trigger"], state, one["value_text"], verdict, one["condition"], _held(one), why]


def _held(one: Part) -> str:
    parts = []
    if one["blind"]:
        parts.append("BLIND")
    if one["state"] == "pending" and one["fails"]:
        parts.append(f"{one['failed_looks']} of {one['fails']}")
    elif one["state"] == "pending":
        parts.append(f"held {_seconds(one['held_seconds'])} of {_seconds(one['for_seconds'])}")
        if one["coverage"] is not None:
            parts.append(f"{one['coverage']:.0%} seen, needs {one['coverage_needed']:.0%}")
    elif one["state"] == "firing":
        parts.append(f"for {_seconds(one['held_seconds'])}")
        if not one["confirmed"]:
            parts.append("not seen since the restart")
    return ", ".join(parts)


def _remembered_trigger(one: Part) -> list[str]:
    since = f"since {one['since']}" if one["since"] else ""
    return [one["trigger"], one["state"], since, "BLIND" if one["blind"] else ""]


def _source(one: Part) -> list[str]:
    ago = one["last_round_seconds_ago"]
    last = "no round yet" if ago is None else f"last round {_seconds(ago)} ago"
    stalled = "STALLED" if one["stalled"] else ""
    blind = f"BLIND since {one['blind_since']}" if one["blind_since"] else ""
    return [one["source"], f"every {_seconds(one['every_seconds'])}", last, stalled, blind]


def _run(target: Part) -> Iterator[str]:
    run, watch, left_open = target["run"], target["watch"], target["open_run"]
    if run is None:
        yield from _stopped(target.get("stopped_run"))
        if left_open:
            yield f"  run {left_open['run']} of plan {left_open['plan']} is open: a start goes on"
        return
    who = f"by {run['by']}" if run["by"] else f"trigger {run['trigger']}"
    yield f"  run {run['run']} of plan {run['plan']}, {who}, since {run['started']}"
    spent = f"{_seconds(run['elapsed_seconds'])} of {_seconds(run['budget_seconds'])}"
    if watch is None:
        place = (
            f"{run['kind']} {run['number']} of {run['of']}: {run['item']}" if run["item"] else ""
        )
        yield f"    {run['stage']}  {place}".rstrip()
        yield f"    spent {spent}{', OVER BUDGET' if run['over_budget'] else ''}"
    elif watch["until"]:
        left = _seconds(watch["left_seconds"])
        yield f"    {watch['tier']} watch, until {watch['until']}: {left} left"
    if run["stopping"]:
        yield f"    stopping: {run['stopping']}"


def _stopped(run: Part | None) -> Iterator[str]:
    if run is None:
        return
    yield f"  run {run['run']} of plan {run['plan']} ended {run['outcome']}: {run['why']}"
    yield from (f"    holds: {line}" for line in run["done"])
    if run["in_doubt"]:
        yield f"    IN DOUBT: {run['in_doubt']}"
    yield from (f"    {line}" for line in run["commands"])


def _pause(pause: Part) -> str:
    until = f"until {pause['until']}" if pause["until"] else "until somebody resumes"
    return f"by {pause['by']}, {until}: {pause['reason']}"


def _incidents(incidents: list[Part]) -> Iterator[str]:
    yield "last incidents" if incidents else "no incident on record"
    for one in incidents:
        cause = one["trigger"] or "by hand"
        end = f"closed {one['closed']}" if one["closed"] else "OPEN"
        yield f"  {one['opened']}  {one['target']}  {cause}  {one['severity']}  {end}"
        for run in one["runs"]:
            outcome = run["outcome"].replace("_", " ") or "under way"
            took = f" in {_seconds(run['elapsed'])}" if run["elapsed"] is not None else ""
            watch = f", {run['watch']}" if run["watch"] else ""
            report = f", {run['report']}" if run["report"] else ""
            yield f"    run {run['run']} of plan {run['plan']}: {outcome}{took}{watch}{report}"
        if one["refusals"]:
            yield f"    not acted on: {', '.join(one['refusals'])}"


def _seconds(seconds: float) -> str:
    return duration(round(seconds, 1) if seconds < 1 else seconds)
