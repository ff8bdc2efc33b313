"""What a backtest does not play of a target's file: said in the report, never silently left out."""

from collections.abc import Iterable, Iterator, Sequence

from watchdog.domain.backtest import LeftOut
from watchdog.domain.decision_table import Then, named
from watchdog.domain.target import Target


def not_simulated(targets: Iterable[Target], left_out: Sequence[LeftOut]) -> Iterator[str]:
    """A sentence for each part of the files of `targets` that decides live, and not in history."""
    for target in targets:
        if target.decisions:
            yield _of_the_table(target)
        if target.changes is not None:
            yield (
                f"{target.name}: not simulated: changes. Which version ran is not in history, so"
                " nothing is refused for want of a recent change or of a good version to return"
                " to, nor because a version had its run; live, each may keep one from starting."
            )
        once = [one.name for one in target.triggers if one.once_per_version]
        if once:
            yield (
                f"{target.name}: not simulated: once_per. Live, {', '.join(once)} would act once"
                " for each version."
            )
        away = {one.trigger for one in left_out if one.target == target.name}
        silent = [one.name for one in target.triggers if one.name in away and one.plan]
        if silent:
            yield (
                f"{target.name}: not simulated: the runs of {', '.join(silent)}, not backtested."
                " Live, they would hold the target, and count for its limits."
            )


def _of_the_table(target: Target) -> str:
    of_table = named(target.decisions)
    bare = [one.name for one in target.triggers if one.name in of_table and not one.plan]
    plans = dict.fromkeys(row.plan for row in target.decisions if row.then is Then.ROLLBACK)
    text = f"{target.name}: not simulated: decisions."
    if bare:
        text += f" {', '.join(bare)} have no plan of their own, and act nowhere here."
    if plans:
        text += f" Live, a row of the table may start {', '.join(plans)}."
    return text
