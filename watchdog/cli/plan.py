"""`plan`: what a plan would send, in order, and the hash of it."""

from typing import TYPE_CHECKING

from watchdog.cli.options import AsJson, Files, PlanName, Speed, TargetOption
from watchdog.cli.output import say, say_json
from watchdog.domain.words import duration

if TYPE_CHECKING:
    from watchdog.app.rendering import Item
    from watchdog.domain.plan import Plan


def plan(
    *,
    files: Files,
    name: PlanName,
    target: TargetOption = "",
    speed: Speed = 1.0,
    as_json: AsJson = False,
) -> None:
    """Print what a plan would send, in order, and its hash."""
    import asyncio

    from watchdog.app.loading import Files as Named
    from watchdog.app.loading import chosen_plan, chosen_target
    from watchdog.app.rendering import as_json as shown
    from watchdog.app.rendering import rendered_plan
    from watchdog.domain.plan import level_word

    loaded = Named(files, speed).load()
    chosen = chosen_target(loaded, target)
    wanted = chosen_plan(chosen, name)
    items = asyncio.run(rendered_plan(chosen, wanted))
    if as_json:
        head = {"target": chosen.name, "plan": wanted.name, "hash": wanted.hash}
        head["level"] = level_word(wanted.level)
        say_json({**head, "items": [shown(item) for item in items]})
        return
    tell_plan(wanted, items, chosen.name)
    say(f"hash {wanted.hash}")


def tell_plan(plan: "Plan", items: "list[Item]", target: str) -> None:
    """The plan for a person who is about to decide about it."""
    from watchdog.domain.plan import level_word
    from watchdog.domain.unapproved import must_agree

    title = f": {plan.title}" if plan.title else ""
    say(f"plan {plan.name} of target {target}{title}")
    say(f"level {level_word(plan.level)}, to be verified within {duration(plan.within)}")
    say(f"must agree first: {must_agree(plan)}")
    for line in _neighbours(plan):
        say(line)
    headings = {
        "steps": "steps",
        "verify": "then it must be seen that",
        "finally": "at last, unless it was stopped",
    }
    stage = ""
    for item in items:
        if item.stage != stage:
            stage = item.stage
            say(f"\n{headings[stage]}")
        for text in _lines(item):
            say(text)
    watch = plan.watch
    say(f"\nafterwards: watched for {duration(watch.short)}, then for {duration(watch.long)}\n")


def _neighbours(plan: "Plan") -> list[str]:
    """What follows it, and what it takes back or is taken back by."""
    after = plan.on_failure
    lines = [f"takes back plan {plan.reverses}; only a person starts it"] if plan.reverses else []
    lines += [f"plan {plan.reversed_by} takes it back"] if plan.reversed_by else []
    if after.next:
        lines += [f"if a breach shows that it did not help: {after.then}: {', '.join(after.plans)}"]
    return lines


def _lines(item: "Item") -> list[str]:
    if item.kind == "check":
        then = f"; on error {item.on_error}" if item.on_error not in ("", "abort") else ""
        return [f"  {item.number}. {item.name}: {item.expects}{then}"]
    rules = [f"timeout {item.timeout:g} s", item.repeat]
    rules += [f"{item.retries} retries"] if item.retries else []
    rules += [f"on error {item.on_error}"]
    lines = [f"  {item.number}. {item.name}", f"     {item.kind}: {item.sends}"]
    lines += [f"     only if: {item.only_if}"] if item.only_if else []
    first = "; looked at first, and not sent where it is done" if item.look_first else ""
    lines += [f"     done when: {item.done_when}{first}"] if item.done_when else []
    lines += [f"     lapses {item.lapses}"] if item.lapses else []
    lines += [f"     taken back by {item.undo}"] if item.undo else []
    return [*lines, f"     {', '.join(rules)}"]
