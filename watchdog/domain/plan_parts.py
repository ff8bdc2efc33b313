"""Everything in a plan that would change something, and everything that only looks."""

from collections.abc import Iterator

from watchdog.domain.plan import Check, Plan, Step


def acts(plan: Plan) -> Iterator[Step]:
    """Every step, each followed by what takes it back."""
    for item in (*plan.steps, *plan.final):
        if isinstance(item, Step):
            yield item
            if item.undo is not None:
                yield item.undo


def looks(plan: Plan) -> Iterator[Check]:
    """Every check, what is looked at beside it, and how it is seen whether a step happened."""
    for item in (*plan.steps, *plan.verify):
        if isinstance(item, Check):
            yield item
            yield from item.also
    for step in acts(plan):
        if step.done_when is not None:
            yield step.done_when
