"""Warnings about a new template that nobody waits for: Kubernetes takes it, and is not done."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watchdog.config.problems import Path
from watchdog.domain.plan import Check, Plan, Step
from watchdog.domain.target import Target

# The steps that have a workload replace its pods.
ROLLING = frozenset({"kubernetes_undo", "kubernetes_image", "kubernetes_env"})
_WAITING = "kubernetes_rollout"
_LOOKING = "kubernetes"


def lint_rollouts(target: Target) -> Iterator[tuple[Path, str]]:
    """Steps that start a rollout, with nothing behind them that waits for its end."""
    for plan in target.plans.values():
        for index, step in enumerate(plan.steps):
            if not isinstance(step, Step) or step.use not in ROLLING:
                continue
            if not _is_waited_for(step, plan, plan.steps[index + 1 :]):
                text = (
                    "is done as soon as the API server has taken it, and nothing here waits for "
                    f"its rollout: add a step `use: {_WAITING}` for "
                    f"{step.options.get('workload')} behind it"
                )
                yield ("plans", plan.name, "steps", index), text


def _is_waited_for(step: Step, plan: Plan, behind: Sequence[Step | Check]) -> bool:
    return any(_waits(one, step) for one in (*behind, *plan.verify))


def _waits(one: Step | Check, step: Step) -> bool:
    if isinstance(one, Step):
        return one.use == _WAITING and _place(one.options) == _place(step.options)
    return one.look.use == _LOOKING and step.options.get("workload") in one.look.ask.values()


def _place(options: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(options.get(key) for key in ("workload", "namespace", "kubeconfig", "context"))
