"""From what is written under `changes:` to what the program works with, and what is amiss there."""

from collections import Counter
from collections.abc import Iterator

from watchdog.config.change_schema import ChangesEntry
from watchdog.config.options import Options
from watchdog.config.problems import Path
from watchdog.domain.plan import Return
from watchdog.domain.target import ChangeRules, ChangeSourceSpec, Target
from watchdog.domain.would_help import unchecked

SECTION = ("changes", "from")


def change_rules(entry: ChangesEntry | None, options: Options) -> ChangeRules | None:
    """The rules that `entry` describes."""
    if entry is None:
        return None
    seen: Counter[str] = Counter()
    sources = []
    for index, source in enumerate(entry.from_):
        seen[source.use] += 1
        again = f"_{seen[source.use]}" if seen[source.use] > 1 else ""
        plain = options.plain[*SECTION, index]
        sources.append(ChangeSourceSpec(source.use + again, source.use, plain, source.every))
    token = entry.webhook.token.model_dump(exclude_none=True) if entry.webhook else None
    return ChangeRules(tuple(sources), token, entry.within, entry.bake)


def change_warnings(target: Target) -> Iterator[tuple[Path, str]]:
    """What is not checked of `target`, because nobody tells of its changes; and the reverse."""
    for plan in target.plans.values():
        missing = unchecked(plan, None, target.changes)
        if missing:
            key = "returns_to" if plan.returns_to != Return.NOWHERE else "requires_change"
            text = (
                f"is not checked ({', '.join(missing)}): nobody tells what changed; "
                "declare `changes`"
            )
            yield ("plans", plan.name, key), text
    for trigger in target.triggers:
        if trigger.once_per_version and target.changes is None:
            text = "is not checked: nobody tells which version runs; declare `changes`"
            yield ("triggers", trigger.name, "once_per"), text
    asks = any(plan.judges_version for plan in target.plans.values())
    asks = asks or any(trigger.once_per_version for trigger in target.triggers)
    if target.changes is not None and not asks:
        text = (
            "no plan asks what changed: say `returns_to: previous` of a plan that returns to the "
            "version before, or `requires_change: true` of one that undoes another change"
        )
        yield ("changes",), text
