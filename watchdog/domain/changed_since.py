"""Whether a run that a crash cut off is still what its file and this program would do."""

from collections.abc import Mapping
from dataclasses import replace

from watchdog.domain.expiring import key_of
from watchdog.domain.plan import Plan, Step
from watchdog.domain.run import WATCHES, Run
from watchdog.domain.series import is_trigger_check


def why_not_go_on(run: Run, plans: Mapping[str, Plan], version: str) -> str:
    """Why the machine must not take `run` up again; empty: it may.

    `plans`: those of its target's file now; `version`: of this program. A watch changes nothing,
    so it goes on whatever has changed.
    """
    if run.stage in WATCHES:
        return ""
    if run.start.version != version:
        return (
            f"it was begun by version {run.start.version or '?'} of this program, and this is "
            f"{version or '?'}"
        )
    name = run.start.plan.name
    plan = plans.get(name)
    if plan is None:
        return f"its file no longer has a plan {name}"
    same = _renews(run.start.plan, plan) if run.start.renews else _same(run.start.plan, plan)
    return "" if same else f"plan {name} was changed in its file meanwhile"


def _same(recorded: Plan, written: Plan) -> bool:
    """Whether they are one plan, but for the proofs that each run adds for its trigger."""
    count = len(written.verify)
    own = replace(recorded, verify=recorded.verify[:count])
    added = recorded.verify[count:]
    return own.hash == written.hash and all(is_trigger_check(one.name) for one in added)


def _renews(recorded: Plan, written: Plan) -> bool:
    """Whether the step that is made once more still stands in the plan."""
    known = {key_of(step) for step in written.steps if isinstance(step, Step)}
    return all(key_of(step) in known for step in recorded.steps if isinstance(step, Step))
