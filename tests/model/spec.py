"""What the model and the engine are both given: two targets, their plans and limits, and times.

Times of the model are whole hundredths of a second, so that nothing is ever rounded. Lengths
are no multiples of how often it is looked, so that the engine's rounding decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SECOND = 100
EVERY = 10 * SECOND
KEEP_FIRING = 15 * SECOND
TIMEOUT = 37 * SECOND + 1
SETTLE = 5 * SECOND + 20
LOOK_PAUSE = SECOND // 2
# After how many looks at a step in doubt the pause grows, and to what.
LONGER_PAUSES = {5: SECOND, 10: 2 * SECOND, 15: 5 * SECOND}
RETRY_PAUSE = SECOND // 2
RETRIES = 1
RESUME_WITHIN = 200 * SECOND
MAX_RESUMES = 3
DARK_LOOKS = 3
VERIFY_EVERY = 10 * SECOND
VERIFY_WITHIN = 45 * SECOND
VERIFY_SAMPLES = 2
WATCH_EVERY = 10 * SECOND
LONG_WATCH_EVERY = 40 * SECOND
COVERAGE = 0.8
RELAPSE_AFTER = 2
COOLDOWN = 120 * SECOND
PER_HOUR = 1
PER_DAY = 2
GLOBAL_PER_HOUR = 2
BREAKER_FAILED = 2
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MAX_GAP = 2
CONFIRM = 2
FRESH = 2

WARNING, CRITICAL = 2, 3


@dataclass(frozen=True, slots=True)
class StepSpec:
    """`kind` is observable, idempotent or once."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """Lengths of both watches in hundredths of a second; 0: there is none."""

    name: str
    steps: tuple[StepSpec, ...]
    final: tuple[StepSpec, ...] = ()
    short: int = 36 * SECOND
    long: int = 0


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    name: str
    plan: str
    severity: int


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """`turn`: when in each slot it is looked at, so that no two targets move at once."""

    name: str
    triggers: tuple[TriggerSpec, ...]
    plans: Mapping[str, PlanSpec]
    turn: int


def _plans(target: str) -> dict[str, PlanSpec]:
    undo = PlanSpec(
        "undo",
        (
            StepSpec(f"{target} flag off", "observable"),
            StepSpec(f"{target} drain", "idempotent"),
        ),
        final=(StepSpec(f"{target} tell", "idempotent"),),
        long=70 * SECOND,
    )
    cut = PlanSpec("cut", (StepSpec(f"{target} cut off", "once"),))
    return {plan.name: plan for plan in (undo, cut)}


SHOP = TargetSpec(
    "shop",
    (TriggerSpec("outage", "cut", CRITICAL), TriggerSpec("errors", "undo", WARNING)),
    _plans("shop"),
    turn=0,
)
MAIL = TargetSpec("mail", (TriggerSpec("errors", "undo", WARNING),), _plans("mail"), 3 * SECOND)
TARGETS = (SHOP, MAIL)
SIGNALS = tuple(
    f"{target.name} {name}"
    for target in TARGETS
    for name in (*(trigger.name for trigger in target.triggers), "healthy")
)
