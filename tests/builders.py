"""Builders of domain values: name what matters to the test, the rest is a plain default."""

from collections.abc import Iterable, Mapping
from typing import Any

from watchdog.domain.account import Account
from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import Event, Outcome, Record, RunStarted
from watchdog.domain.expression import Expression, Term
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Unknown
from watchdog.domain.plan import Check, Look, OnError, Plan, Repeat, Step, WatchPlan
from watchdog.domain.run import Run, apply, begin
from watchdog.domain.signal import Judgement, Signal, Verdict
from watchdog.domain.target import Limits, Mode, SignalSpec, SourceSpec, Target
from watchdog.domain.trigger import Severity, Trigger
from watchdog.domain.units import parse_duration

EPOCH = 1_767_225_600.0  # 2026-01-01T00:00:00Z

OK = Judgement(Verdict.OK, 0.0)
BREACH = Judgement(Verdict.BREACH, 1.0)
UNKNOWN = Judgement(Verdict.UNKNOWN, None, Unknown.ERROR)


def seconds(text: str | float) -> float:
    """Seconds of `2m30s`; a number is taken as it is."""
    return parse_duration(text) if isinstance(text, str) else text


def at(text: str | float) -> Moment:
    """The moment that long after the epoch, on both clocks."""
    return Moment(seconds(text), EPOCH + seconds(text))


def above(limit: float) -> Condition:
    return Condition(Op.ABOVE, limit)


def below(limit: float) -> Condition:
    return Condition(Op.BELOW, limit)


def a_signal(name: str = "errors", source: str = "prometheus", **more: Any) -> Signal:  # noqa: ANN401
    return Signal(name, source, **more)


def a_trigger(
    name: str = "errors",
    *,
    hold: str | float = 0.0,
    every: str | float = "15s",
    keep_firing_for: str | float = "2m",
    blind_after: str | float = "5m",
    source: str = "prometheus",
    breach_when: Condition | None = None,
    signal: Signal | None = None,
    watches: Expression | None = None,
    plan: str = "undo",
    severity: Severity = Severity.WARNING,
    fails: int = 0,
    confirm: int = 2,
    coverage: float = 0.8,
    max_gap: int = 2,
    looks: int = 0,
    clear_when: Condition | None = None,
) -> Trigger:
    return Trigger(
        name=name,
        watches=watches or Term(signal or a_signal(name, source), breach_when or above(0.1)),
        plan=plan,
        every=seconds(every),
        severity=severity,
        hold=seconds(hold),
        fails=fails,
        confirm=confirm,
        keep_firing_for=seconds(keep_firing_for),
        coverage=coverage,
        max_gap=max_gap,
        blind_after=seconds(blind_after),
        looks=looks,
        clear_when=clear_when,
    )


def a_look(signal: str) -> Look:
    """A look as `watchdog.testing.world` answers it."""
    return Look("world", {}, {"signal": signal})


def a_check(
    name: str = "healthy",
    *,
    expect: Condition | None = None,
    signal: Signal | None = None,
    tries: int = 0,
    pause: str | float = "5s",
    samples: int = 1,
    within: str | float = "10m",
) -> Check:
    """A check of the signal of its own name, which must be below 0.1."""
    return Check(
        name=name,
        signal=signal or a_signal(name),
        look=a_look(signal.name if signal else name),
        expect=expect or below(0.1),
        tries=tries,
        pause=seconds(pause),
        samples=samples,
        within=seconds(within),
    )


def a_step(
    name: str = "flag off",
    *,
    repeat: Repeat = Repeat.OBSERVABLE,
    on_error: OnError = OnError.ABORT,
    done_when: Check | None = None,
    timeout: str | float = "30s",
    retries: int = 2,
    settle: str | float = "2s",
    options: Mapping[str, Any] | None = None,
) -> Step:
    """A step that makes the effect of its own name."""
    return Step(
        name=name,
        use="world",
        options={"effect": name} if options is None else options,
        timeout=seconds(timeout),
        done_when=done_when,
        on_error=on_error,
        repeat=repeat,
        retries=retries,
        settle=seconds(settle),
    )


def a_watch(
    *,
    short: str | float = "1m",
    long: str | float = 0.0,
    every: str | float = "15s",
    relapse_after: int = 2,
    coverage: float = 0.8,
) -> WatchPlan:
    return WatchPlan(seconds(short), seconds(long), seconds(every), relapse_after, coverage)


def a_plan(
    *steps: Step | Check,
    name: str = "undo",
    verify: Iterable[Check] | None = None,
    final: Iterable[Step] = (),
    watch: WatchPlan | None = None,
    within: str | float = "5m",
    verify_within: str | float = "10m",
    resume_within: str | float = "15m",
    verify_trigger: bool = True,
) -> Plan:
    """One step, one check, a watch of a minute."""
    return Plan(
        name=name,
        steps=steps or (a_step(),),
        verify=(a_check(),) if verify is None else tuple(verify),
        final=tuple(final),
        watch=watch or a_watch(),
        within=seconds(within),
        verify_within=seconds(verify_within),
        resume_within=seconds(resume_within),
        verify_trigger=verify_trigger,
    )


def a_target(
    *triggers: Trigger,
    name: str = "shop",
    plans: Iterable[Plan] = (),
    mode: Mode = Mode.AUTO,
    limits: Limits | None = None,
    asks: Mapping[str, Mapping[str, Any]] | None = None,
) -> Target:
    """A target of these triggers (one of them if none), every source and signal of theirs in it."""
    triggers = triggers or (a_trigger(),)
    plans = tuple(plans) or (a_plan(),)
    asked = {term.signal.name: term.signal for trigger in triggers for term in trigger.terms}
    sources = {term.signal.source: trigger.every for trigger in triggers for term in trigger.terms}
    return Target(
        name=name,
        file=f"{name}.yaml",
        hash="1",
        mode=mode,
        sources={key: SourceSpec(key, "world", {}, every) for key, every in sources.items()},
        signals={
            key: SignalSpec(one, (asks or {}).get(key, {"signal": key}), f"query of {key}")
            for key, one in asked.items()
        },
        triggers=triggers,
        plans={plan.name: plan for plan in plans},
        armed_by="ann" if mode is Mode.AUTO else "",
        limits=limits or Limits(),
    )


def started(plan: Plan | None = None, *, run: str = "r1", **more: Any) -> RunStarted:  # noqa: ANN401
    plan = plan or a_plan()
    facts: dict[str, Any] = {
        "target": "shop",
        "incident": "i1",
        "trigger": "errors",
        "severity": Severity.WARNING,
        "episode": f"errors@{run}",
        # As in `tests.process`: a run of another program is not gone on with.
        "version": "1.0",
        **more,
    }
    return RunStarted(run=run, plan=plan, plan_hash=plan.hash, **facts)


def a_run(plan: Plan | None = None, *events: Event, **more: Any) -> Run:  # noqa: ANN401
    """A run begun at zero seconds, with `events` after it at the same moment."""
    return after(begin(Record(1, at(0), started(plan, **more))), *events)


def after(run: Run, *events: Event, then: str | float = 0.0) -> Run:
    """`run` after `events`, all of them at the moment `then`."""
    for event in events:
        run = apply(run, event, at(then))
    return run


def a_proposal(trigger: str = "errors", **more: Any) -> Proposal:  # noqa: ANN401
    facts: dict[str, Any] = {"plan": "undo", "severity": Severity.WARNING, "since": at(0), **more}
    return Proposal(trigger=trigger, **facts)


def ended_well(account: Account) -> bool:
    """Whether nothing holds the target."""
    return account.current is None and not account.latched


def failures() -> list[Outcome]:
    """Every outcome that did not prove that it helped, but for a run that gave way."""
    return [one for one in Outcome if one not in (Outcome.SUCCEEDED, Outcome.SUPERSEDED)]
