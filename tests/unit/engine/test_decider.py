import asyncio
from dataclasses import replace

import pytest

from tests.builders import (
    a_check,
    a_plan,
    a_proposal,
    a_step,
    a_target,
    a_trigger,
    above,
    at,
    below,
)
from tests.process import Process, a_world
from watchdog.domain.change import ChangeSeen, VersionGood
from watchdog.domain.condition import Condition, Op
from watchdog.domain.decision import Reason
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import Decided, Paused, RunStarted, TriggerJoined
from watchdog.domain.matrix import Proposal
from watchdog.domain.plan import PROOF_SAMPLES, Check, Step
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.engine.decider import PREFLIGHT_LIMIT, Decider
from watchdog.ports import Finding, Probe
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import WorldEyes

PAUSED = Paused("shop", "ann", "moving house", None)


def a_decider(target: Target | None = None) -> tuple[Process, Decider]:
    process = Process(a_world(), target or a_target())
    return process, process.lane.decider


# -- what is told


@virtually
async def test_a_refusal_is_told_once_an_episode_and_reason() -> None:
    process, decider = a_decider()
    process.ledger.apply(PAUSED, at(0))

    first, _ = await decider.consider(a_proposal(), "i1", at(5))
    again, _ = await decider.consider(a_proposal(), "i1", at(20))
    later, _ = await decider.consider(a_proposal(since=at(9)), "i1", at(35))

    assert [type(event) for event in (*first, *again, *later)] == [Decided, Decided]
    decided = first[0]
    assert isinstance(decided, Decided)
    assert (decided.refusal, decided.detail) == (Reason.PAUSED, "by ann: moving house")


@virtually
async def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    process, decider = a_decider()
    process.ledger.apply(PAUSED, at(0))
    (told,), _ = await decider.consider(a_proposal(), "i1", at(5))
    assert isinstance(told, Decided)
    process, restarted = a_decider()
    process.ledger.apply(PAUSED, at(0))

    restarted.remember(told)

    assert await restarted.consider(a_proposal(), "i1", at(5)) == ([], None)


@virtually
async def test_what_could_not_be_recorded_is_told_again() -> None:
    process, decider = a_decider()
    process.ledger.apply(PAUSED, at(0))
    await decider.consider(a_proposal(), "i1", at(5))

    decider.forget_told()

    assert (await decider.consider(a_proposal(), "i1", at(5)))[0]


@virtually
async def test_a_firing_that_had_its_run_or_is_unconfirmed_is_nothing_new() -> None:
    process, decider = a_decider()

    assert await decider.consider(a_proposal(confirmed=False), "i1", at(0)) == ([], None)
    started = decider.go(a_proposal(), a_plan(), "i1", at(0))[1]
    process.ledger.apply(started, at(0))
    assert await decider.consider(a_proposal(), "i1", at(1)) == ([], None)


@virtually
async def test_a_trigger_that_joins_says_so_once() -> None:
    process, decider = a_decider()
    process.ledger.apply(decider.go(a_proposal("latency"), a_plan(), "i1", at(0))[1], at(0))

    joined, plan = await decider.consider(a_proposal(), "i1", at(1))

    assert plan is None
    assert joined == [TriggerJoined("shop", "i1", "errors", Severity.WARNING)]
    assert await decider.consider(a_proposal(), "i1", at(2)) == ([], None)


# -- what is done


@virtually
async def test_a_decision_to_act_names_its_reason_and_carries_the_plan_itself() -> None:
    _, decider = a_decider()
    told, plan = await decider.consider(a_proposal(), "i1", at(5))
    assert told == []
    assert plan is not None

    decided, started = decider.go(a_proposal(), plan, "i1", at(5))

    assert isinstance(decided, Decided)
    assert isinstance(started, RunStarted)
    assert (decided.refusal, decided.incident) == ("", "i1")
    assert (started.reason, started.trigger, started.by) == ("errors fires", "errors", "")
    assert started.episode == a_proposal().episode
    assert started.plan_hash == started.plan.hash


@virtually
async def test_what_came_in_between_the_decision_and_the_start_is_heeded() -> None:
    process, decider = a_decider()
    _, plan = await decider.consider(a_proposal(), "i1", at(5))
    assert plan is not None
    process.ledger.apply(PAUSED, at(6))

    (decided,) = decider.go(a_proposal(), plan, "i1", at(6))

    assert isinstance(decided, Decided)
    assert decided.refusal == Reason.PAUSED
    assert decider.go(a_proposal(), plan, "i1", at(7)) == []


def test_a_run_proves_that_what_started_it_no_longer_breaches() -> None:
    _, decider = a_decider(a_target(a_trigger("errors", breach_when=above(0.1))))

    started = decider.go(a_proposal(), a_plan(verify=[a_check("healthy")]), "i1", at(0))[1]

    assert isinstance(started, RunStarted)
    healthy, trigger = started.plan.verify
    assert healthy.name == "healthy"
    assert trigger.expect == Condition(Op.AT_MOST, 0.1)
    assert (trigger.samples, trigger.pause) == (PROOF_SAMPLES, 15.0)
    assert trigger.look.ask == {"signal": "errors"}


def test_a_plan_may_do_without_that_proof() -> None:
    _, decider = a_decider()

    started = decider.go(a_proposal(), a_plan(verify=(), verify_trigger=False), "i1", at(0))[1]

    assert isinstance(started, RunStarted)
    assert started.plan.verify == ()


def test_a_run_by_hand_proves_it_of_every_trigger_that_selects_its_plan() -> None:
    _, decider = a_decider(
        a_target(a_trigger("errors"), a_trigger("latency"), a_trigger("cost", plan="other"))
    )

    names = [check.name for check in decider.with_trigger_checks(a_plan(verify=())).verify]

    assert names == ["trigger errors no longer breaches", "trigger latency no longer breaches"]


def test_a_plan_is_shown_as_it_would_be_sent() -> None:
    _, decider = a_decider()
    plan = a_plan(a_step("one"), a_check("two"), verify=[a_check("three")], final=[a_step("four")])

    assert decider.rendered(plan) == [
        "one: make one",
        "check two: expect below 0.1",
        "check three: expect below 0.1",
        "finally: four: make four",
    ]


# -- preflight


@virtually
async def test_every_step_is_looked_at_before_the_first_change() -> None:
    process, decider = a_decider()
    plan = a_plan(a_step("one"), a_check(), final=[a_step("last")])
    assert await decider.preflight(plan) is None

    process.world.findings["last"] = Finding(ok=True, text="fine")
    assert await decider.preflight(plan) is None

    process.world.findings["last"] = Finding(ok=False, text="no token")
    refusal = await decider.preflight(plan)
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.PREFLIGHT_FAILED, "last: no token")


@virtually
async def test_only_who_may_act_misses_the_right_to() -> None:
    lacking = Finding(ok=False, text="may not patch", of_rights=True)
    plan = a_plan(a_step("one"))
    refused = {}
    for mode in Mode:
        process, decider = a_decider(replace(a_target(), mode=mode))
        process.world.findings["one"] = lacking
        refused[mode] = await decider.preflight(plan) is not None

    assert refused == {Mode.ALERT_ONLY: False, Mode.APPROVE: True, Mode.AUTO: True}


@virtually
async def test_a_preflight_that_never_ends_is_a_refusal() -> None:
    process, decider = a_decider()
    process.world.ponders = 3600.0

    refusal = await decider.preflight(a_plan())

    assert refusal is not None
    assert "did not end within 10 s" in refusal.detail
    assert asyncio.get_running_loop().time() == PREFLIGHT_LIMIT


class Unreadable(WorldEyes):
    def probe(self, step: Step) -> Probe:
        raise ConfigError("the secret file /run/token cannot be read")


@virtually
async def test_a_preflight_that_cannot_be_made_is_a_refusal() -> None:
    process = Process(a_world())
    decider = Decider(a_target(), process.shared, Unreadable(process.world))

    refusal = await decider.preflight(a_plan())

    assert refusal is not None
    assert "the secret file /run/token cannot be read" in refusal.detail


class Noting(WorldEyes):
    """Notes what the options of each step that is looked at are."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world)
        self.asked: list[object] = []

    def probe(self, step: Step) -> Probe:
        self.asked.append(step.options["to"])
        return super().probe(step)


@virtually
async def test_preflight_asks_about_the_version_that_the_plan_returns_to() -> None:
    process = Process(a_world())
    for news in (
        ChangeSeen("shop", "v1", "", 0.0, "ci"),
        ChangeSeen("shop", "v2", "v1", 9.0, "ci"),
    ):
        process.ledger.apply(news, at(10))
    process.ledger.apply(VersionGood("shop", "v1", 60.0), at(11))
    eyes = Noting(process)
    decider = Decider(a_target(), process.shared, eyes)
    options = {
        "effect": "flag off",
        "to": ["{{ run.to_version }}", "{{ run.id }}", "{{ saved.v }}, {{run.from_version}}"],
    }
    plan = replace(a_plan(a_step(options=options)), returns_to="last_good")

    assert await decider.preflight(plan) is None
    assert eyes.asked == [["v1", "{{ run.id }}", "{{ saved.v }}, v2"]]
    # What is shown to people says it, too.
    decider.rendered(plan)
    assert eyes.asked[1] == eyes.asked[0]


@virtually
async def test_preflight_leaves_a_version_open_that_nobody_knows() -> None:
    process = Process(a_world())
    eyes = Noting(process)
    plan = replace(
        a_plan(a_step(options={"effect": "flag off", "to": "{{ run.to_version }}"})),
        returns_to="last_good",
    )

    assert await Decider(a_target(), process.shared, eyes).preflight(plan) is None
    assert eyes.asked == ["{{ run.to_version }}"]


class Broken(WorldEyes):
    def probe(self, step: Step) -> Probe:
        raise KeyError("token")


@virtually
async def test_a_defect_in_a_preflight_is_a_refusal() -> None:
    process = Process(a_world())
    decider = Decider(a_target(), process.shared, Broken(process.world))

    (decided,), plan = await decider.consider(a_proposal(), "i1", at(0))

    assert plan is None
    assert isinstance(decided, Decided)
    assert decided.detail == "flag off: unexpected KeyError; its words are in the log"
    assert (
        decided.would_do[0]
        == "flag off: cannot be shown: unexpected KeyError; its words are in the log"
    )


@virtually
async def test_what_an_alert_only_target_would_not_have_done_is_said() -> None:
    process, decider = a_decider(a_target(mode=Mode.ALERT_ONLY))
    process.world.findings["flag off"] = Finding(ok=False, text="no token")

    (decided,), plan = await decider.consider(a_proposal(), "i1", at(0))

    assert plan is None
    assert isinstance(decided, Decided)
    assert decided.refusal == Reason.PREFLIGHT_FAILED


@pytest.mark.parametrize("proposal", [a_proposal(), a_proposal("latency")])
def test_checks_are_made_only_of_triggers_the_file_still_has(proposal: Proposal) -> None:
    _, decider = a_decider(a_target(a_trigger("errors")))

    started = decider.go(proposal, a_plan(verify=()), "i1", at(0))[1]

    assert isinstance(started, RunStarted)
    checks: list[Check] = list(started.plan.verify)
    assert len(checks) == (proposal.trigger == "errors")


def test_what_is_read_beforehand_and_what_is_looked_at_beside_a_check_is_shown() -> None:
    saving = replace(a_check("mode"), save="mode")
    both = replace(a_check("errors"), also=(a_check("p95", expect=below(2)),))

    _, decider = a_decider()
    lines = decider.rendered(a_plan(saving, both, verify=()))

    assert lines == [
        "mode: kept as saved.mode",
        "check errors: expect below 0.1, and p95: below 2",
    ]
