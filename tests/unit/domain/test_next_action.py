from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.builders import (
    a_check,
    a_plan,
    a_run,
    a_step,
    a_watch,
    above,
    after,
    at,
    seconds,
)
from watchdog.domain.events import (
    BudgetExceeded,
    CheckEnded,
    CheckSampled,
    Effect,
    Event,
    Outcome,
    Proof,
    RunEnded,
    RunResumed,
    RunVerified,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
    StopRequested,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.next_action import Action, Execute, Inspect, Look, Note, next_action
from watchdog.domain.plan import Level, Plan, Repeat, Step
from watchdog.domain.run import Run
from watchdog.domain.signal import Verdict

STEPS, VERIFY, FINAL = Stage.STEPS, Stage.VERIFY, Stage.FINAL
SHORT, LONG = Stage.WATCH_SHORT, Stage.WATCH_LONG


def ask(run: Run, then: str | float = 0.0) -> Action | None:
    return next_action(run, at(then))


def noted(run: Run, then: str | float = 0.0) -> Event:
    action = ask(run, then)
    assert isinstance(action, Note)
    return action.event


def noted_end(run: Run, then: str | float = 0.0) -> tuple[StepResult, str]:
    event = noted(run, then)
    assert isinstance(event, StepEnded)
    return event.result, event.detail


def outcome(run: Run, then: str | float = 0.0) -> Outcome:
    event = noted(run, then)
    assert isinstance(event, RunEnded)
    return event.outcome


def intended(attempt: int = 1, stage: Stage = STEPS) -> StepIntended:
    return StepIntended("r1", stage, 0, "flag off", "k", attempt)


def answered(ok: bool | None, stage: Stage = STEPS) -> StepAnswered:
    return StepAnswered("r1", stage, 0, ok, "the answer")


def observed(effect: Effect) -> StepObserved:
    return StepObserved("r1", STEPS, 0, effect, "")


def sampled(verdict: Verdict, stage: Stage = VERIFY, index: int = 0) -> CheckSampled:
    return CheckSampled("r1", stage, index, "healthy", verdict, 0.5)


def stop(why: Outcome = Outcome.STOPPED) -> StopRequested:
    return StopRequested("r1", why, "kill switch")


def in_flight(step: Step, ok: bool | None = None, then: float = 0.0) -> Run:
    """`step` after its intent at 0 s and its answer (None: lost) at `then`."""
    return after(a_run(a_plan(step)), intended(), answered(ok), then=then)


def verifying(plan: Plan | None = None) -> Run:
    done = StepEnded("r1", STEPS, 0, "flag off", StepResult.OK)
    return a_run(plan, done, StageEntered("r1", VERIFY))


@pytest.mark.parametrize(("attempt", "found"), [(1, True), (2, False)])
def test_what_is_so_already_was_not_done_by_this_run_unless_it_tried_before(
    attempt: int, found: bool
) -> None:
    step = a_step("flag off", repeat=Repeat.IDEMPOTENT)
    answer = StepAnswered("r1", STEPS, 0, ok=True, detail="is so already", idle=True)
    run = after(a_run(a_plan(step)), intended(attempt), answer)

    event = noted(run)

    assert isinstance(event, StepEnded)
    assert (event.result, event.found) == (StepResult.OK, found)


@pytest.mark.parametrize(
    ("attempt", "ok", "found"), [(1, None, True), (2, None, False), (1, True, False)]
)
def test_a_look_that_finds_it_so_already_says_whose_it_is_unless_this_run_did_it(
    attempt: int, ok: bool | None, found: bool
) -> None:
    look = replace(observed(Effect.APPLIED), idle=True)
    run = after(a_run(a_plan(a_step("flag off"))), intended(attempt), answered(ok), look)

    event = noted(run)

    assert isinstance(event, StepEnded)
    assert (event.result, event.found) == (StepResult.OK, found)


# -- forward


def test_a_run_does_its_steps_in_order() -> None:
    one, two = a_step("one"), a_step("two")
    run = a_run(a_plan(one, two))

    assert ask(run) == Execute(0, one, 1)
    done = StepEnded("r1", STEPS, 0, "one", StepResult.OK)
    assert ask(after(run, done)) == Execute(1, two, 1)


def test_after_its_steps_a_run_verifies_and_after_that_ends() -> None:
    run = a_run(a_plan(), StepEnded("r1", STEPS, 0, "flag off", StepResult.OK))
    assert noted(run) == StageEntered("r1", VERIFY)

    passed = after(verifying(), CheckEnded("r1", VERIFY, 0, "healthy", Proof.PASSED))
    assert noted(passed) == RunVerified("r1", Proof.PASSED, "all 1 checks passed")

    ended = noted(after(passed, RunVerified("r1", Proof.PASSED, "good")), then=42)
    assert ended == RunEnded("r1", "shop", Outcome.SUCCEEDED, "good", 42.0)


def test_nothing_comes_after_the_end() -> None:
    assert ask(a_run(None, RunEnded("r1", "shop", Outcome.FAILED, "", 1.0))) is None


def test_without_a_check_nothing_is_proven() -> None:
    event = noted(verifying(a_plan(verify=())))

    assert isinstance(event, RunVerified)
    assert event.proof is Proof.INCONCLUSIVE


def test_the_final_stage_comes_after_a_success_and_after_a_failure() -> None:
    tell = a_step("tell")
    plan = a_plan(final=[tell])
    passed = after(verifying(plan), RunVerified("r1", Proof.PASSED))
    failed = a_run(plan, StepEnded("r1", STEPS, 0, "flag off", StepResult.FAILED))

    assert ask(passed) == ask(failed) == Execute(0, tell, 1)


def test_a_failed_run_says_what_broke_it() -> None:
    run = a_run(None, StepEnded("r1", STEPS, 0, "flag off", StepResult.FAILED, "401"))

    event = noted(run)

    assert isinstance(event, RunEnded)
    assert event.detail == "step 1 (flag off): 401"


def test_a_run_over_its_budget_says_so_once_and_goes_on() -> None:
    run = a_run(a_plan(within="5m"))
    assert isinstance(ask(run, "5m"), Execute)

    assert noted(run, "301s") == BudgetExceeded("r1", 300.0, 301.0)
    assert isinstance(ask(after(run, BudgetExceeded("r1", 300.0, 301.0)), "302s"), Execute)


def test_the_budget_covers_the_verification_but_not_the_final_stage() -> None:
    plan = a_plan(final=[a_step("tell")], within="5m")

    assert isinstance(noted(verifying(plan), "301s"), BudgetExceeded)
    assert isinstance(ask(after(verifying(plan), RunVerified("r1", Proof.PASSED)), "301s"), Execute)


# -- a step between its intent and its end


def test_a_definite_no_ends_the_step_as_failed_whatever_its_kind() -> None:
    for repeat in Repeat:
        run = in_flight(a_step(repeat=repeat), ok=False)
        assert noted_end(run) == (StepResult.FAILED, "the answer")


@pytest.mark.parametrize("repeat", [Repeat.ONCE, Repeat.IDEMPOTENT])
def test_a_definite_yes_ends_a_step_that_cannot_be_looked_at(repeat: Repeat) -> None:
    assert noted_end(in_flight(a_step(repeat=repeat), ok=True))[0] is StepResult.OK


@pytest.mark.parametrize("ok", [True, None])
def test_an_observable_step_is_looked_at_whatever_was_answered(ok: bool | None) -> None:
    step = a_step()

    assert ask(in_flight(step, ok, then=1), 1) == Inspect(0, step, 1.0)


def test_a_step_found_done_is_not_sent_again() -> None:
    run = after(in_flight(a_step()), observed(Effect.APPLIED))

    assert noted_end(run)[0] is StepResult.OK


def test_a_step_whose_intent_is_all_that_is_known_is_looked_at_first() -> None:
    step = a_step()
    run = after(a_run(a_plan(step)), intended(), RunResumed("r1", 1))

    assert ask(run) == Inspect(0, step, 0.0)


def test_not_done_is_not_believed_before_the_answer_has_been_lost_for_long_enough() -> None:
    step = a_step(settle="2s", timeout="1s")
    lost = in_flight(step, then=30)

    early = after(lost, observed(Effect.NOT_APPLIED), then=31.9)
    assert ask(early, 31.9) == Inspect(0, step, 32.4)

    late = after(early, observed(Effect.NOT_APPLIED), then=32)
    assert ask(late, 32) == Execute(0, step, 2)


def test_what_was_cut_off_may_still_be_worked_on_for_as_long_as_one_answer_may_take() -> None:
    step = a_step(settle="2s", timeout="5s")
    lost = in_flight(step, then=5)

    assert isinstance(ask(after(lost, observed(Effect.NOT_APPLIED), then=9), 9), Inspect)
    assert isinstance(ask(after(lost, observed(Effect.NOT_APPLIED), then=10), 10), Execute)


def test_an_early_look_does_not_become_true_by_waiting() -> None:
    step = a_step(settle="2s")
    early = after(in_flight(step), observed(Effect.NOT_APPLIED), then=1.9)

    assert ask(early, "10m") == Inspect(0, step, 2.4)


def test_a_look_from_before_a_restart_proves_nothing_of_what_was_still_under_way() -> None:
    step = a_step(settle="2s", timeout="1s")
    run = after(a_run(a_plan(step)), intended())
    run = after(run, RunResumed("r1", 1), then=60)

    assert isinstance(ask(after(run, observed(Effect.NOT_APPLIED), then=61), 61), Inspect)
    assert isinstance(ask(after(run, observed(Effect.NOT_APPLIED), then=62), 62), Execute)


def test_after_a_restart_it_is_looked_at_at_once_whatever_the_clock_said_before() -> None:
    step = a_step()
    run = after(a_run(a_plan(step)), intended())
    # An hour ahead, as it is translated by a wall clock that was set back.
    run = after(run, observed(Effect.NOT_APPLIED), then=3600)

    assert ask(after(run, RunResumed("r1", 1), then=60), 61) == Inspect(0, step, 61.0)


def test_an_answer_that_the_world_belies_is_a_failure() -> None:
    run = after(in_flight(a_step(), ok=True), observed(Effect.NOT_APPLIED), then=5)

    result, detail = noted_end(run, 5)

    assert result is StepResult.FAILED
    assert "did not happen" in detail


def test_looks_that_cannot_tell_end_in_doubt() -> None:
    run = in_flight(a_step(timeout=3))
    for second in range(4):
        # What restarts says nothing for a while: it is given the time to come back.
        assert isinstance(ask(run, second), Inspect)
        run = after(run, observed(Effect.UNKNOWN), then=second)

    assert noted_end(run, 4)[0] is StepResult.IN_DOUBT


def test_looks_keep_a_distance() -> None:
    step = a_step()
    run = after(in_flight(step), observed(Effect.UNKNOWN), then=1)

    assert ask(run, 1) == Inspect(0, step, 1.5)


def test_what_stays_in_doubt_is_looked_at_less_and_less_often_but_every_five_seconds() -> None:
    times = looks_in_doubt(a_step(timeout="30m"))

    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) < 400
    assert pauses[:5] == [0.5, 0.5, 0.5, 0.5, 1.0]
    assert pauses[:-1] == sorted(pauses[:-1])
    assert max(pauses) == 5.0


@pytest.mark.parametrize("settle", [3.1, 9.2, 33.3, 71.6])
def test_however_seldom_it_is_looked_it_is_known_half_a_second_after_it_can_be(
    settle: float,
) -> None:
    times = looks_in_doubt(a_step(settle=settle, timeout="1s"))

    assert settle <= times[-1] <= settle + 0.5


def looks_in_doubt(step: Step) -> list[float]:
    """When a step is looked at that does not show, until that is taken for an answer."""
    run, times = in_flight(step), list[float]()
    now = 0.0
    while isinstance(action := ask(run, now), Inspect):
        now = action.due
        times.append(now)
        run = after(run, observed(Effect.NOT_APPLIED), then=now)
    return times


def test_a_lost_answer_of_a_step_that_may_be_repeated_repeats_it() -> None:
    step = a_step(repeat=Repeat.IDEMPOTENT)

    assert ask(in_flight(step)) == Execute(0, step, 2)


def test_a_lost_answer_of_a_step_that_nobody_can_look_at_is_a_doubt() -> None:
    assert noted_end(in_flight(a_step(repeat=Repeat.ONCE)))[0] is StepResult.IN_DOUBT


def test_attempts_come_to_an_end() -> None:
    proven = after(a_run(a_plan(a_step(retries=1, timeout="1s"))), intended(2), answered(ok=None))
    proven = after(proven, observed(Effect.NOT_APPLIED), then=5)
    guessed = after(
        a_run(a_plan(a_step(retries=1, repeat=Repeat.IDEMPOTENT))), intended(2), answered(ok=None)
    )

    assert noted_end(proven, 5)[0] is StepResult.FAILED
    assert noted_end(guessed, 5)[0] is StepResult.IN_DOUBT


def test_a_definite_no_to_a_second_attempt_says_nothing_of_the_first() -> None:
    guessed = after(
        a_run(a_plan(a_step(repeat=Repeat.IDEMPOTENT))), intended(2), answered(ok=False)
    )
    proven = after(a_run(a_plan(a_step())), intended(2), answered(ok=False))

    assert noted_end(guessed)[0] is StepResult.IN_DOUBT
    assert noted_end(proven)[0] is StepResult.FAILED


def test_only_a_step_can_be_in_flight() -> None:
    with pytest.raises(TypeError, match="item 0 is in flight but is no step"):
        ask(after(a_run(a_plan(a_check())), intended()))


# -- after a crash


def test_a_run_that_seems_to_begin_later_is_interrupted_before_its_next_step() -> None:
    run = after(a_run(), RunResumed("r1", 1))
    behind = ask(run, -3600)
    assert isinstance(behind, Note)
    assert isinstance(behind.event, StopRequested)
    assert behind.event.why is Outcome.INTERRUPTED
    assert "nobody knows how old it is" in behind.event.detail

    assert isinstance(ask(run, -1), Execute)


def test_a_run_found_too_late_is_interrupted_before_its_next_step() -> None:
    run = after(a_run(a_plan(within="1d", resume_within="15m")), RunResumed("r1", 1), then="20m")

    assert isinstance(ask(run, "15m"), Execute)
    event = noted(run, "901s")
    assert isinstance(event, StopRequested)
    assert event.why is Outcome.INTERRUPTED


@pytest.mark.parametrize("what", [{"level": Level.DATA}, {"loses_data": True}])
def test_what_may_lose_data_is_never_taken_up_by_the_machine(what: dict[str, Any]) -> None:
    run = a_run(replace(a_plan(), **what))

    assert isinstance(ask(run), Execute)
    event = noted(after(run, RunResumed("r1", 1)))
    assert isinstance(event, StopRequested)
    assert event.why is Outcome.INTERRUPTED


def test_a_run_that_was_never_left_may_be_as_old_as_it_likes() -> None:
    assert isinstance(ask(a_run(a_plan(within="1d", resume_within="15m")), "1h"), Execute)


def test_a_run_is_taken_up_three_times() -> None:
    run = a_run()

    assert isinstance(ask(after(run, RunResumed("r1", 3))), Execute)
    event = noted(after(run, RunResumed("r1", 4)))
    assert isinstance(event, StopRequested)
    assert "4 times" in event.detail


def test_what_was_under_way_is_still_looked_at_however_late() -> None:
    plan = a_plan(within="1d")
    run = after(a_run(plan), intended(), RunResumed("r1", 9), then="1h")

    assert isinstance(ask(run, "1h"), Inspect)
    absent = after(run, observed(Effect.NOT_APPLIED), then="2h")
    assert noted_end(absent, "2h")[0] is StepResult.FAILED
    assert noted_end(after(run, observed(Effect.APPLIED)), "2h")[0] is StepResult.OK


def test_a_late_doubt_stays_a_doubt() -> None:
    plan = a_plan(a_step(repeat=Repeat.IDEMPOTENT), within="1d")
    run = after(a_run(plan), intended(), RunResumed("r1", 1), then="1h")

    assert noted_end(run, "1h")[0] is StepResult.IN_DOUBT


def test_the_last_words_are_said_however_late() -> None:
    run = after(verifying(a_plan(final=[a_step("tell")])), RunVerified("r1", Proof.PASSED))

    assert isinstance(ask(after(run, RunResumed("r1", 9)), "1d"), Execute)


# -- a stop


def test_a_stop_starts_no_further_step() -> None:
    assert outcome(after(a_run(), stop())) is Outcome.STOPPED
    assert outcome(after(verifying(), stop())) is Outcome.STOPPED


def test_a_stop_leaves_even_the_final_stage_unsent() -> None:
    run = after(verifying(a_plan(final=[a_step("tell")])), RunVerified("r1", Proof.PASSED), stop())

    assert isinstance(noted(run), RunEnded)


def test_a_stop_waits_for_what_is_under_way() -> None:
    run = after(in_flight(a_step(timeout="1s")), stop())

    assert isinstance(ask(run), Inspect)
    assert noted_end(after(run, observed(Effect.APPLIED)))[0] is StepResult.OK
    late = after(run, observed(Effect.NOT_APPLIED), then=5)
    assert noted_end(late, 5)[0] is StepResult.SKIPPED


def test_a_kill_switch_leaves_a_lost_answer_in_doubt() -> None:
    run = after(in_flight(a_step(repeat=Repeat.IDEMPOTENT)), stop())

    assert noted_end(run)[0] is StepResult.IN_DOUBT


def test_a_superseded_run_first_settles_a_step_that_may_be_repeated() -> None:
    run = after(in_flight(a_step(repeat=Repeat.IDEMPOTENT)), stop(Outcome.SUPERSEDED))

    assert isinstance(ask(run), Execute)


def test_a_doubt_is_what_a_stopped_run_tells_of() -> None:
    run = after(in_flight(a_step(repeat=Repeat.ONCE)), stop(Outcome.SUPERSEDED))
    event = noted(after(run, noted(run)))

    assert isinstance(event, RunEnded)
    assert event.outcome is Outcome.INTERRUPTED
    assert "nothing can tell" in event.detail


# -- checks


def checked(check_samples: int = 1, **limits: float) -> Run:
    check = replace(a_check(samples=check_samples, expect=above(5)), **limits)  # type: ignore[arg-type]
    return verifying(a_plan(verify=[check]))


def proof(run: Run, then: float) -> Proof:
    event = noted(run, then)
    assert isinstance(event, CheckEnded)
    return event.proof


def test_the_first_look_of_a_check_is_taken_at_once_and_the_next_after_a_pause() -> None:
    run = checked()
    check = run.start.plan.verify[0]

    assert ask(run, 3) == Look(0, check, 3.0)
    assert ask(after(run, sampled(Verdict.BREACH), then=3), 3) == Look(0, check, 8.0)


def test_a_check_passes_on_so_many_good_looks_in_a_row() -> None:
    run = after(checked(2), sampled(Verdict.OK))
    assert isinstance(ask(run), Look)
    assert isinstance(ask(after(run, sampled(Verdict.UNKNOWN), sampled(Verdict.OK))), Look)

    assert proof(after(run, sampled(Verdict.OK)), 0) is Proof.PASSED


def test_unknown_extends_a_check_and_never_passes_it() -> None:
    run = checked(1, tries=2, within=60.0)
    for second in range(60):
        assert isinstance(ask(run, second), Look)
        run = after(run, sampled(Verdict.UNKNOWN), then=second)

    assert proof(run, 60) is Proof.INCONCLUSIVE


def test_a_check_fails_when_its_tries_are_used_up() -> None:
    run = after(checked(1, tries=2), sampled(Verdict.BREACH))
    assert isinstance(ask(run), Look)

    event = noted(after(run, sampled(Verdict.BREACH)))

    assert isinstance(event, CheckEnded)
    assert event.proof is Proof.FAILED
    assert event.detail == "after 2 looks, the last: breach 0.5; expected above 5"


def test_a_check_fails_when_its_time_is_up_in_a_breach() -> None:
    run = after(checked(1, within=60.0), sampled(Verdict.BREACH), then=10)

    assert isinstance(ask(run, 69), Look)
    assert proof(run, 70) is Proof.FAILED


def test_too_few_good_looks_in_the_time_are_no_proof() -> None:
    run = after(checked(3, within=60.0), sampled(Verdict.OK), then=10)

    assert proof(run, 70) is Proof.INCONCLUSIVE


def test_a_check_whose_time_was_slept_through_begins_anew_and_only_once() -> None:
    asleep = after(checked(2, within=60.0), sampled(Verdict.OK), then=10)
    woken = after(asleep, sampled(Verdict.OK), then=80)

    assert isinstance(ask(woken, 80), Look)
    assert proof(after(woken, sampled(Verdict.OK), then=85), 85) is Proof.PASSED
    assert proof(after(woken, sampled(Verdict.OK), then=150), 150) is Proof.PASSED
    assert proof(after(woken, sampled(Verdict.UNKNOWN), then=150), 150) is Proof.INCONCLUSIVE


def test_what_was_seen_before_a_check_slept_is_no_proof_after_it() -> None:
    asleep = after(checked(2, within=60.0), sampled(Verdict.OK), then=10)

    assert isinstance(ask(after(asleep, sampled(Verdict.OK), then=80), 80), Look)
    assert proof(after(asleep, sampled(Verdict.OK), then=70), 70) is Proof.PASSED


def test_the_verification_is_as_good_as_its_check_that_did_not_pass() -> None:
    run = after(verifying(), CheckEnded("r1", VERIFY, 0, "healthy", Proof.FAILED, "why"))

    assert noted(run) == RunVerified("r1", Proof.FAILED, "healthy: why")


# -- the watch


def watching(stage: Stage = SHORT, **watch: float) -> Run:
    """A watch that began at zero: a look every 15 s for a minute, or for five, and then long."""
    plan = a_plan(watch=a_watch(**{"short": 60, "long": 300, **watch}))  # type: ignore[arg-type]
    run = a_run(plan, RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 0.0))
    if stage is LONG:
        run = after(run, WatchEnded("r1", "shop", SHORT, Proof.PASSED))
    return after(run, WatchStarted("r1", stage, at(60).wall))


def looked(run: Run, verdicts: str, every: float = 15.0) -> Run:
    for number, letter in enumerate(verdicts, 1):
        verdict = {"o": Verdict.OK, "b": Verdict.BREACH, "?": Verdict.UNKNOWN}[letter]
        run = after(run, sampled(verdict, run.stage), then=number * every)
    return run


def watch_proof(run: Run, then: str | float) -> Proof:
    event = noted(run, then)
    assert isinstance(event, WatchEnded)
    return event.proof


def test_a_watch_begins_with_saying_until_when() -> None:
    run = a_run(None, RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 0.0))

    assert noted(run, 10) == WatchStarted("r1", SHORT, at(70).wall)


def test_a_watch_looks_at_every_check_in_turn() -> None:
    one, two = a_check("one"), a_check("two")
    run = after(
        a_run(a_plan(verify=[one, two]), RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 0.0)),
        WatchStarted("r1", SHORT, at(60).wall),
    )

    assert ask(run, 1) == Look(0, one, 15.0)
    run = after(run, sampled(Verdict.OK, SHORT, 0), then=15)
    assert ask(run, 15) == Look(1, two, 15.0)
    run = after(run, sampled(Verdict.OK, SHORT, 1), then=15)
    assert ask(run, 15) == Look(0, one, 30.0)


def test_a_watch_is_slower_when_it_is_long() -> None:
    action = ask(watching(LONG), 1)

    assert isinstance(action, Look)
    assert action.due == seconds("1m")


def test_a_watch_that_stayed_good_passes_at_its_end() -> None:
    run = looked(watching(), "oooo")

    assert isinstance(ask(run, 59.9), Look)
    assert watch_proof(run, 60) is Proof.PASSED


def test_bad_looks_in_a_row_are_a_relapse_at_once() -> None:
    assert isinstance(ask(looked(watching(), "ob"), 30), Look)
    assert watch_proof(looked(watching(), "obb"), 45) is Proof.FAILED
    assert watch_proof(looked(watching(), "ob?b"), 60) is Proof.FAILED
    assert isinstance(ask(looked(watching(), "bob"), 45), Look)


def test_a_relapse_in_the_long_watch_is_one_as_well() -> None:
    assert watch_proof(looked(watching(LONG), "obb", 60), "3m") is Proof.FAILED


def test_a_watch_that_saw_too_little_goes_on_until_it_saw_enough() -> None:
    run = looked(watching(), "o?oo")
    assert isinstance(ask(run, 60), Look)

    assert watch_proof(looked(watching(), "o?ooo"), 75) is Proof.PASSED


def test_a_watch_ends_with_a_good_look() -> None:
    run = looked(watching(), "oooob")
    assert isinstance(ask(run, 75), Look)

    assert watch_proof(looked(watching(), "ooooboo"), 105) is Proof.PASSED


def test_a_watch_that_never_saw_enough_proves_nothing() -> None:
    run = looked(watching(), "oo??????")

    assert isinstance(ask(run, 119.9), Look)
    assert watch_proof(run, 120) is Proof.INCONCLUSIVE
    event = noted(run, 120)
    assert isinstance(event, WatchEnded)
    assert event.detail == "healthy: 2 decided looks; needs 3, the last of them ok"


def test_a_watch_with_no_look_at_all_proves_nothing() -> None:
    assert watch_proof(watching(), 120) is Proof.INCONCLUSIVE


def test_a_stop_ends_a_watch() -> None:
    assert watch_proof(after(watching(), stop(Outcome.SUPERSEDED)), 5) is Proof.INCONCLUSIVE


def test_a_stop_between_the_end_and_the_watch_still_ends_it_in_order() -> None:
    run = a_run(None, RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 0.0), stop(Outcome.SUPERSEDED))

    begun = noted(run)
    assert isinstance(begun, WatchStarted)
    assert isinstance(noted(after(run, begun)), WatchEnded)


def test_after_a_restart_a_check_does_not_end_on_what_was_seen_before_it() -> None:
    run = a_run(a_plan(a_step(), verify=[a_check(within="1m")]), StageEntered("r1", Stage.VERIFY))
    bad = CheckSampled("r1", Stage.VERIFY, 0, "healthy", Verdict.BREACH, 1.0)

    run = after(after(run, bad, then=10), RunResumed("r1", 1), then="4m")

    assert isinstance(next_action(run, at("4m")), Look)
