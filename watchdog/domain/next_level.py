"""Which proposals ask for the next level of a ladder, and why no level follows any more."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from watchdog.domain.ladder import AfterFailure, Ladder
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Level, Plan, level_word
from watchdog.domain.words import duration


def climbing(
    proposals: Sequence[Proposal], ladder: Ladder | None, plans: Mapping[str, Plan], now: Moment
) -> list[Proposal]:
    """`proposals`, in which the trigger that selected the failed run asks for the next level.

    Another trigger is another case. After a crash the same breach may go by another episode.
    """
    if ladder is None or why_not_next(ladder, plans, now):
        return list(proposals)
    plan = ladder.rest.next
    # What may lose data is begun by people alone, whatever a changed file says.
    offered = ladder.rest.then is not AfterFailure.AUTO_NEXT or plans[plan].level == Level.DATA
    return [
        replace(one, plan=plan, follows=ladder.run, offered=offered)
        if one.trigger == ladder.trigger
        else one
        for one in proposals
    ]


def why_not_next(ladder: Ladder, plans: Mapping[str, Plan], now: Moment) -> str:
    """Why the next level of `ladder` must not begin any more; empty: it may, if asked for."""
    plan = plans.get(ladder.rest.next)
    if plan is None:
        return f"plan {ladder.rest.next} is no longer in the file"
    if plan.level < ladder.level:
        return (
            f"plan {plan.name} is of the {level_word(plan.level)} level now, below "
            f"{level_word(ladder.level)}"
        )
    waited = 0.0 if ladder.ended is None else now.since(ladder.ended)
    if waited > ladder.patience:
        return f"it was not begun within {duration(ladder.patience)}"
    return ""
