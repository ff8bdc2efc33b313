"""The target of the lab: one trigger, and a plan with steps on all four levels."""

from collections.abc import Mapping

from tests.lab.rungs import FINISHED, LEVELS, STEPS
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Term
from watchdog.domain.plan import Check, Level, Look, Plan, Repeat, Step, WatchPlan
from watchdog.domain.signal import Signal
from watchdog.domain.target import Limits, Mode, NotifyRule, SignalSpec, SourceSpec, Target
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity, Trigger

NAME = "shop"
CHANNEL = "pager"
# Seconds. A step that is in doubt is looked at until it cannot come any more: see rungs.LATEST.
EVERY = 0.1
TIMEOUT = 3.0
SETTLE = 2.0
WATCH = 0.3
NOTIFY = (NotifyRule(tuple(Topic), (CHANNEL,)),)


def the_target(base: str, *, look_up: bool = True, level: Level = Level.APPLICATION) -> Target:
    """What watches the room at `base`. Without `look_up` what is in doubt is simply sent again.

    `level` is that of the plan: one of the data level is never taken up by the machine.
    """
    healthy = Signal("healthy", "health")
    source = {"url": f"{base}/health", "timeout": "2s"}
    down = Trigger(
        name="down",
        watches=Term(healthy, Condition(Op.FAILING)),
        plan="undo",
        every=EVERY,
        severity=Severity.CRITICAL,
        fails=2,
        keep_firing_for=0.3,
    )
    return Target(
        name=NAME,
        file="lab.yaml",
        hash="1",
        mode=Mode.AUTO,
        sources={"health": SourceSpec("health", "http", source, EVERY)},
        signals={"healthy": SignalSpec(healthy, {}, "GET /health")},
        triggers=(down,),
        plans={"undo": _plan(base, source, look_up=look_up, level=level)},
        armed_by="the fault lab",
        limits=Limits(per_hour=1, per_day=1),
        notify=NOTIFY,
    )


def _plan(base: str, health: Mapping[str, object], *, look_up: bool, level: Level) -> Plan:
    return Plan(
        name="undo",
        title=f"Undo on {', '.join(LEVELS)}",
        steps=tuple(_step(base, name, look_up=look_up) for name in STEPS),
        verify=(
            Check(
                name="healthy",
                signal=Signal("healthy", "health"),
                look=Look("http", health, {}),
                expect=Condition(Op.PASSING),
                samples=2,
                pause=0.03,
                within=1.0,
            ),
        ),
        final=(
            Step(FINISHED, "http", {"url": f"{base}/do/{FINISHED}"}, TIMEOUT, None,
                 repeat=Repeat.IDEMPOTENT),
        ),
        watch=WatchPlan(short=WATCH, long=0.0, every=0.1, coverage=0.0),
        level=level,
        verify_trigger=False,
        resume_within=120.0,
        within=240.0,
    )  # fmt: skip


def _step(base: str, name: str, *, look_up: bool) -> Step:
    url = f"{base}/do/{name}"
    done = Check(
        name=f"{name} is done",
        signal=Signal(name, ""),
        look=Look("http", {"url": url}, {"expect": {"json": {"done": True}}}),
        expect=Condition(Op.PASSING),
    )
    return Step(
        name=name,
        use="http",
        options={"url": url},
        timeout=TIMEOUT,
        done_when=done if look_up else None,
        repeat=Repeat.OBSERVABLE if look_up else Repeat.IDEMPOTENT,
        settle=SETTLE,
    )
