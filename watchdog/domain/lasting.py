"""Which rollbacks lasted: folded from the journal. Only such a one is taken back, by a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from watchdog.domain.plan import Plan
from watchdog.domain.progress import Outcome, Proof, RunEnded, RunStarted, Stage, WatchEnded
from watchdog.domain.run import stage_after


@dataclass(slots=True)
class LastingBook:
    """The plans whose last run was watched and stayed good, by target. Changed by `apply` alone."""

    KINDS = (RunStarted, RunEnded, WatchEnded)

    plans: dict[str, frozenset[str]] = field(default_factory=dict)
    _starts: dict[str, RunStarted] = field(default_factory=dict)

    def of(self, target: str) -> frozenset[str]:
        """The plans of `target` whose last run lasted."""
        return self.plans.get(target, frozenset())

    def apply(self, event: object, _: object) -> None:
        """Take one journalled fact into account."""
        match event:
            # What is made once more says nothing of the run that made it first.
            case RunStarted(renews=""):
                self._starts[event.target] = event
                self._forget(event.target, event.plan.name)
            case RunEnded(outcome=Outcome.SUCCEEDED):
                self._ended(event)
            case WatchEnded():
                self._watched(event)
            case _:
                pass

    def _ended(self, event: RunEnded) -> None:
        start = self._starts.get(event.target)
        if start is None or start.run != event.run:
            return
        # It may be done again, should it be taken back: then there is nothing to take back.
        self._forget(event.target, start.plan.reverses)
        if stage_after(event.outcome, start.plan.watch) is Stage.ENDED:
            self._remember(event.target, start.plan.name)

    def _watched(self, event: WatchEnded) -> None:
        start = self._starts.get(event.target)
        if start is None or start.run != event.run:
            return
        if event.proof is Proof.PASSED:
            self._remember(event.target, start.plan.name)
        elif event.proof is Proof.FAILED:
            self._forget(event.target, start.plan.name)

    def _remember(self, target: str, plan: str) -> None:
        self.plans[target] = self.of(target) | {plan}

    def _forget(self, target: str, plan: str) -> None:
        self.plans[target] = self.of(target) - {plan}


def why_not_reverse(
    plan: Plan, lasting: frozenset[str], holds: str, restless: Sequence[str]
) -> str:
    """Why `plan`, which takes a rollback back, must not begin now; empty: it may.

    `holds`: the run that holds the target, but for one in its long watch; `restless`: the
    triggers that fire, or are about to.
    """
    if not plan.reverses:
        return ""
    if restless:
        return f"{', '.join(restless)} fires, or is about to: first it must be quiet"
    if holds:
        return f"run {holds} is not over, or not watched for long enough"
    if plan.reverses not in lasting:
        return (
            f"no run of plan {plan.reverses} is known that lasted and was not taken back; of one "
            "that broke off, `recover RUN --compensate` takes back what it did"
        )
    return ""
