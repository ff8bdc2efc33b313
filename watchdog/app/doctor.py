"""Reaches everything that the files name, read-only: what is missing, and what to do about it."""

import asyncio

from watchdog import catalog
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.doctor_of_callers import rights_of_callers
from watchdog.app.doctor_of_changes import changes_of_target
from watchdog.app.doctor_of_rights import rights_of_sidecar, rights_of_target
from watchdog.app.doctor_of_switches import rights_of_switches
from watchdog.app.examined import Examined, Health
from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.app.rendering import in_words
from watchdog.config.loading import Loaded
from watchdog.domain.condition import Condition, Op
from watchdog.domain.errors import WatchdogError
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.domain.plan import Check, Look, Plan, Step
from watchdog.domain.plan_parts import acts, looks
from watchdog.domain.signal import Judgement, Signal, Verdict, judge
from watchdog.domain.target import ChannelSpec, Mode, SignalSpec, Target
from watchdog.domain.trigger import Severity
from watchdog.domain.words import value
from watchdog.ports import Deps, Message

# Seconds; whoever answers later is as good as silent.
LIMIT = 20.0
# A quiet night is no fault.
_NO_FAULT = frozenset({Unknown.LOW_VOLUME})
_NO_ANSWER = frozenset({Unknown.ERROR, Unknown.TIMEOUT, Unknown.HTTP})


async def examine(loaded: Loaded, deps: Deps, secrets: EnvAndFileSecrets) -> list[Examined]:
    """Every source, signal, step, check and channel; nothing is changed and nobody is told."""
    found: list[Examined] = []
    for target in loaded.targets:
        eyes = PluginEyes(deps)
        try:
            found += await _signals(target, eyes, deps)
            found += await changes_of_target(target, deps, loaded.daemon.listen)
            found += await rights_of_target(target)
            for plan in target.plans.values():
                found += await _plan(target, plan, eyes, deps)
        finally:
            await eyes.close()
    found += await rights_of_switches(loaded.daemon.switches)
    found += await rights_of_sidecar(loaded.daemon.sidecar)
    found += await rights_of_callers(loaded.daemon.api)
    found += [await _channel(spec, deps, test=False) for spec in loaded.daemon.channels.values()]
    # Only now have the secrets been read.
    found += [Examined(Health.NOTE, "secrets", finding.text) for finding in secrets.findings()]
    return found


async def send_tests(loaded: Loaded, deps: Deps) -> list[Examined]:
    """Send every channel one message that says that it is a test."""
    return [await _channel(spec, deps, test=True) for spec in loaded.daemon.channels.values()]


# -- what is looked at


async def _signals(target: Target, eyes: PluginEyes, deps: Deps) -> list[Examined]:
    looks = {
        name: Look(source.use, source.options, spec.ask)
        for name, spec in target.signals.items()
        for source in (target.sources[spec.signal.source],)
    }
    async with asyncio.TaskGroup() as tasks:
        asked = {name: tasks.create_task(_look(look, eyes, deps)) for name, look in looks.items()}
    found = []
    for name, task in asked.items():
        spec, seen = target.signals[name], task.result()
        found.append(_of_signal(target, spec.signal, seen))
        # Of a source that does not answer at all, enough is said.
        if not (isinstance(seen, Gap) and seen.reason in _NO_ANSWER):
            found += await _facts(target, spec, eyes)
    return found


async def _facts(target: Target, spec: SignalSpec, eyes: PluginEyes) -> list[Examined]:
    """What a source knows of the question put to it, where its kind can tell."""
    named = target.sources[spec.signal.source]
    facts = getattr(eyes.source(named.use, named.options), "facts", None)
    if facts is None:
        return []
    ask = catalog.source(named.use).ask.model_validate(spec.ask)
    # Where silence is fine, a series that is not there yet is, too.
    bad = Health.NOTE if spec.signal.nodata_is_ok else Health.WRONG
    about = _about(target, spec.signal)
    return [
        Examined(Health.OK if fact.ok else bad, about, fact.text) for fact in await facts([ask])
    ]


def _about(target: Target, signal: Signal) -> str:
    return f"{target.name}: signal {signal.name} from {signal.source}"


async def _look(look: Look, eyes: PluginEyes, deps: Deps) -> Observation:
    try:
        async with asyncio.timeout(LIMIT):
            return await eyes.look(look, deps.clock.now())
    except TimeoutError:
        return Gap(Unknown.TIMEOUT, f"no answer within {LIMIT:g} s")


def _of_signal(target: Target, signal: Signal, seen: Observation) -> Examined:
    about = _about(target, signal)
    terms = [
        (one.name, term)
        for one in target.triggers
        for term in one.terms
        # What it was before is not known to one look.
        if term.signal.name == signal.name and term.relative is None
    ]
    # Any condition tells whether there is a number to compare.
    condition = terms[0][1].breach_when if terms else None
    judgement = judge(signal, condition, seen) if condition else _bare(signal, seen)
    if judgement.verdict is Verdict.UNKNOWN:
        return _unknown(about, signal, judgement)
    shown = "" if judgement.value is None else value(judgement.value, signal.unit)
    if condition is not None and condition.yes_or_no:
        shown = "yes" if judgement.value else "no"
    beyond = [
        f"{name} is in breach ({in_words(term.breach_when, signal)})"
        for name, term in terms
        if judge(signal, term.breach_when, seen).verdict is Verdict.BREACH
    ]
    text = ", ".join(filter(None, (shown or judgement.note, *beyond)))
    return Examined(Health.NOTE if beyond else Health.OK, about, text)


def _unknown(about: str, signal: Signal, judgement: Judgement) -> Examined:
    reason = judgement.reason.value if judgement.reason else ""
    # What others say is heard by the daemon alone: nothing is wrong with not hearing it here.
    calm = judgement.reason in _NO_FAULT or signal.hearsay
    health = Health.NOTE if calm else Health.WRONG
    return Examined(health, about, f"unknown, {reason}: {judgement.note}".rstrip(": "))


def _bare(signal: Signal, seen: Observation) -> Judgement:
    """The judgement of a number that nothing is compared with."""
    return judge(signal, Condition(Op.PASSING), seen)


# -- plans


async def _plan(target: Target, plan: Plan, eyes: PluginEyes, deps: Deps) -> list[Examined]:
    found: list[Examined] = []
    for step in acts(plan):
        about = f"{target.name}: plan {plan.name}: {step.name}"
        found += await _step(about, step, eyes, may_act=target.mode is not Mode.ALERT_ONLY)
    for check in looks(plan):
        found.append(
            await _check(f"{target.name}: plan {plan.name}: {check.name}", check, eyes, deps)
        )
    return found


async def _step(about: str, step: Step, eyes: PluginEyes, *, may_act: bool) -> list[Examined]:
    try:
        findings = await eyes.probe(step).preflight()
    except WatchdogError as error:
        return [Examined(Health.WRONG, about, str(error))]
    wrong = [
        # What it never does needs no right to be done.
        Examined(Health.WRONG if may_act or not one.of_rights else Health.NOTE, about, one.text)
        for one in findings
        if not one.ok
    ]
    warned = [Examined(Health.NOTE, about, one.text) for one in findings if one.ok and one.warns]
    return [*(wrong or [Examined(Health.OK, about, "could run")]), *warned]


async def _check(about: str, check: Check, eyes: PluginEyes, deps: Deps) -> Examined:
    seen = await _look(check.look, eyes, deps)
    judgement = judge(check.signal, check.expect.negated(), seen)
    if judgement.verdict is Verdict.UNKNOWN:
        return _unknown(about, check.signal, judgement)
    met = "is met now" if judgement.verdict is Verdict.OK else "is not met now"
    expect = in_words(check.expect, check.signal)
    return Examined(Health.OK, about, f"can be read; {expect} {met}")


# -- channels


async def _channel(spec: ChannelSpec, deps: Deps, *, test: bool) -> Examined:
    about = f"channel {spec.name}"
    plugin = catalog.notifier(spec.use)
    try:
        notifier = plugin.build(plugin.options.model_validate(spec.options), deps)
        try:
            if not test:
                return Examined(Health.OK, about, "configured; --send-test tries it")
            async with asyncio.timeout(LIMIT):
                await notifier.send(_test_message(deps))
        finally:
            await notifier.close()
    except TimeoutError:
        return Examined(Health.WRONG, about, f"no answer within {LIMIT:g} s")
    except WatchdogError as error:
        return Examined(Health.WRONG, about, str(error))
    return Examined(Health.OK, about, "the test message was taken")


def _test_message(deps: Deps) -> Message:
    return Message(
        topic="paged",
        severity=Severity.INFO.name.lower(),
        target="",
        title="rollback-watchdog: a test message",
        text="`doctor --send-test` sent this. Nothing is wrong, and nothing is to be done.",
        fields={},
        at=deps.clock.now(),
    )
