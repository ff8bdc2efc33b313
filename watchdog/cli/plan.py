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

    loaded = Named(files, speed).load()
    chosen = chosen_target(loaded, target)
    wanted = chosen_plan(chosen, name)
    items = asyncio.run(rendered_plan(chosen, wanted))
    if as_json:
        head = {"target": chosen.name, "plan": wanted.name, "hash": wanted.hash}
        say_json({**head, "level": wanted.level, "items": [shown(item) for item in items]})
        return
    tell_plan(wanted, items, chosen.name)
    say(f"hash {wanted.hash}")


def tell_plan(plan: "Plan", items: "list[Item]", target: str) -> None:
    """The plan for a person who is about to decide about it."""
    title = f": {plan.title}" if plan.title else ""
    say(f"plan {plan.name} of target {target}{title}")
    say(f"level {plan.level}, to be verified within {duration(plan.within)}")
    headings = {
        "steps": "steps",
        "verify": "then it must be seen that",
        "finally": "always at last",
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


def _lines(item: "Item") -> list[str]:
    if item.kind == "check":
        return [f"  {item.number}. {item.name}: {item.expects}"]
    rules = [f"timeout {item.timeout:g} s", item.repeat]
    rules += [f"{item.retries} retries"] if item.retries else []
    rules += [f"on error {item.on_error}"]
    lines = [f"  {item.number}. {item.name}", f"     {item.kind}: {item.sends}"]
    lines += [f"     done when: {item.done_when}"] if item.done_when else []
    return [*lines, f"     {', '.join(rules)}"]
