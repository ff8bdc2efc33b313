"""What a run of a plan that began now would fill in: known before it begins, and so looked at."""

from dataclasses import replace

from watchdog.domain.plan import Check, Plan, Step
from watchdog.domain.variables import TO_VERSION, Value, fill_known
from watchdog.domain.versions import Versions
from watchdog.domain.would_help import destination


def with_known(plan: Plan, target: str, versions: Versions) -> Plan:
    """`plan`, its steps with the variables filled in that have a value now; never to be run."""
    known = {
        "run.target": target,
        "run.plan": plan.name,
        "run.kind": plan.kind or plan.name,
        "run.from_version": versions.running,
        TO_VERSION: destination(plan, versions),
    }
    values: dict[str, Value] = {name: value for name, value in known.items() if value}

    def filled(step: Step) -> Step:
        undo = filled(step.undo) if step.undo is not None else None
        return replace(step, options=fill_known(step.options, values), undo=undo)

    steps = (one if isinstance(one, Check) else filled(one) for one in plan.steps)
    return replace(plan, steps=tuple(steps), final=tuple(map(filled, plan.final)))
