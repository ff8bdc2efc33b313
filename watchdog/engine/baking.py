"""Says when the version that runs is good: watched for its bake, and nothing fired."""

from collections import Counter

from watchdog.domain.change import VersionGood
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import Firing, Inactive
from watchdog.domain.versions import Versions
from watchdog.engine.evaluator import Evaluator, Looked

# Rounds that may be missed before nobody can say any more that the target was watched.
_MISSED = 3


class Baking:
    """The present bake of one target. A restart, a firing or blindness begins it anew.

    Unknown is no proof of health: each trigger must have been decided in as large a share of its
    looks as it needs to fire, or the bake is repeated.
    """

    def __init__(self) -> None:
        self._version = ""
        self._since: Moment | None = None
        self._looks: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()

    def due(
        self,
        target: Target,
        evaluator: Evaluator,
        versions: Versions,
        looked: Looked | None,
        now: Moment,
    ) -> list[VersionGood]:
        """What to journal after a round: the version that runs is good from now on."""
        running = versions.running
        over = running in versions.good or running in versions.quarantined
        if target.changes is None or not running or over:
            self._since = None
            return []
        if self._since is None or running != self._version or not _is_calm(target, evaluator, now):
            self._begin(running, now)
            return []
        self._count(evaluator, looked)
        if now.since(self._since) < target.changes.bake or not _is_quiet(evaluator):
            return []
        began, proven = self._since, self._is_proven(target)
        self._begin(running, now)
        if not proven:
            return []
        return [VersionGood(target.name, running, now.wall - now.since(began))]

    def _begin(self, version: str, now: Moment) -> None:
        self._version, self._since = version, now
        self._looks.clear()
        self._decided.clear()

    def _count(self, evaluator: Evaluator, looked: Looked | None) -> None:
        for name, one in evaluator.instances.items():
            judgement = evaluator.judgements.get(name)
            if looked is None or judgement is None or one.trigger.source != looked.source:
                continue
            self._looks[name] += 1
            self._decided[name] += judgement.verdict is not Verdict.UNKNOWN

    def _is_proven(self, target: Target) -> bool:
        return all(
            self._looks[one.name] > 0
            and self._decided[one.name] >= one.coverage * self._looks[one.name]
            for one in target.triggers
        )


def _is_calm(target: Target, evaluator: Evaluator, now: Moment) -> bool:
    """Whether nothing fires, and everything is being looked at."""
    if any(isinstance(status.state, Firing) for status in evaluator.statuses.values()):
        return False
    for trigger in target.triggers:
        status = evaluator.statuses[trigger.name]
        judged = status.judged_at
        if status.blind or judged is None or now.since(judged) > _MISSED * trigger.every:
            return False
    return True


def _is_quiet(evaluator: Evaluator) -> bool:
    """Whether nothing is on its way to fire."""
    return all(isinstance(status.state, Inactive) for status in evaluator.statuses.values())
