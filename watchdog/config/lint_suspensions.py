"""Warnings about a suspended Argo CD or Flux: it stays so until somebody resumes it."""

from collections.abc import Iterator

from watchdog.config.problems import Path
from watchdog.domain.expiry import OnExpiry
from watchdog.domain.plan import Plan, Step
from watchdog.domain.target import Target

_SUSPENDING = "kubernetes_suspend"
# What would be put back, by whoever is not suspended yet.
_ACTING = frozenset(
    {
        "kubernetes_env",
        "kubernetes_image",
        "kubernetes_scale",
        "kubernetes_selector",
        "kubernetes_undo",
    }
)


def lint_suspensions(target: Target) -> Iterator[tuple[Path, str]]:
    """Suspensions that nobody hears of again, or that come too late."""
    for plan in target.plans.values():
        for index, step in enumerate(plan.steps):
            if not isinstance(step, Step) or step.use != _SUSPENDING:
                continue
            where: Path = ("plans", plan.name, "steps", index)
            if step.expires is None or step.expires.on_expiry is not OnExpiry.REMIND:
                text = (
                    "stays suspended until somebody resumes it, and nobody is reminded: add "
                    "`expires: {after: 4h, on_expiry: remind}`"
                )
                yield where, text
            early = _acted_before(plan, index)
            if early is not None:
                late = f"step {early + 1} may be put back before it, so put it first"
                yield where, f"comes too late: {late}"


def _acted_before(plan: Plan, index: int) -> int | None:
    """The first step that changes the same object, and comes before this one."""
    step = plan.steps[index]
    mine = step.options if isinstance(step, Step) else {}
    for number, one in enumerate(plan.steps[:index]):
        if not isinstance(one, Step) or one.use not in _ACTING:
            continue
        if all(one.options.get(key) == mine.get(key) for key in ("workload", "service")):
            return number
    return None
