import pytest

from tests.builders import a_check, a_plan, a_run, a_step, a_watch, after, at, failures, started
from watchdog.domain.events import (
    BudgetExceeded,
    CheckEnded,
    CheckSampled,
    DaemonStopped,
    Effect,
    Event,
    EvidenceCollected,
    Outcome,
    Proof,
    Record,
    ReportWritten,
    RunEnded,
    RunParked,
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
from watchdog.domain.plan import OnError
from watchdog.domain.run import Run, apply, begin, fold
from watchdog.domain.signal import Verdict

STEPS = Stage.STEPS


def ended(result: StepResult, index: int = 0, stage: Stage = STEPS) -> StepEnded:
    return StepEnded("r1", stage, index, f"step {index}", result, "why")


def sampled(verdict: Verdict, index: int = 0, stage: Stage = Stage.VERIFY) -> CheckSampled:
    return CheckSampled("r1", stage, index, "healthy", verdict, 0.5)


def check_ended(proof: Proof, stage: Stage = Stage.VERIFY, index: int = 0) -> CheckEnded:
    return CheckEnded("r1", stage, index, "healthy", proof, "why")


def run_ended(outcome: Outcome) -> RunEnded:
    return RunEnded("r1", "shop", outcome, "why", 5.0)


def watch_ended(stage: Stage, proof: Proof) -> WatchEnded:
    return WatchEnded("r1", "shop", stage, proof, "why")


def verifying() -> Run:
    return a_run(None, ended(StepResult.OK), StageEntered("r1", Stage.VERIFY))


# -- the beginning, and what says nothing


def test_a_run_begins_with_its_first_step_to_do() -> None:
    run = a_run()

    assert (run.id, run.stage, run.index, run.item) == ("r1", STEPS, 0, a_step())
    assert run.outcome is None


def test_only_its_start_begins_a_run() -> None:
    with pytest.raises(TypeError, match="RunStarted, not DaemonStopped"):
        begin(Record(1, at(0), DaemonStopped("x")))


def test_the_fold_of_its_records_is_the_run() -> None:
    intent = StepIntended("r1", STEPS, 0, "flag off", "k", 1)
    events: list[Event] = [started(), intent, run_ended(Outcome.FAILED)]
    records = [Record(n, at(n), event) for n, event in enumerate(events)]

    run = apply(begin(records[0]), intent, at(1))

    assert fold(records) == after(run, run_ended(Outcome.FAILED), then=2)


@pytest.mark.parametrize(
    "event",
    [
        DaemonStopped("x"),
        RunParked("r1", "SIGTERM"),
        ReportWritten("r1", "p"),
        EvidenceCollected("r1", "s", "q", ()),
        StepAnswered("r1", STEPS, 0, ok=True, detail="to nothing that was asked"),
    ],
)
def test_what_says_nothing_of_its_progress_leaves_a_run_as_it_is(event: Event) -> None:
    assert after(a_run(), event) == a_run()


def test_every_attempt_at_a_step_has_the_same_key_and_every_step_its_own() -> None:
    run = a_run(a_plan(a_step("one"), a_step("two"), final=[a_step("three")]))
    again = after(run, StepIntended("r1", STEPS, 0, "one", run.key(0), 1), RunResumed("r1", 1))

    final = after(again, RunVerified("r1", Proof.PASSED))

    assert again.key(0) == run.key(0)
    assert len({run.key(0), run.key(1), final.key(0)}) == 3


# -- a step in flight


def test_an_intent_puts_a_step_in_flight_and_its_end_takes_it_out() -> None:
    run = after(a_run(), StepIntended("r1", STEPS, 0, "flag off", "k", 2), then=3)
    assert run.flight is not None
    assert (run.flight.attempt, run.flight.intended, run.flight.answered) == (2, at(3), None)

    run = after(run, StepAnswered("r1", STEPS, 0, ok=True, detail="200"), then=4)
    assert run.flight is not None
    assert (run.flight.answered, run.flight.detail) == (True, "200")

    assert after(run, ended(StepResult.OK)).flight is None


def test_looks_are_counted_since_the_last_attempt() -> None:
    run = after(a_run(), StepIntended("r1", STEPS, 0, "flag off", "k", 1))
    for second, effect in enumerate([Effect.UNKNOWN, Effect.NOT_APPLIED], 1):
        run = after(run, StepObserved("r1", STEPS, 0, effect, "why"), then=second)

    assert run.flight is not None
    assert (run.flight.looks, run.flight.dark, run.flight.looked) == (2, 1, at(2))
    assert run.flight.effect is Effect.NOT_APPLIED

    again = after(run, StepIntended("r1", STEPS, 0, "flag off", "k", 2))
    assert again.flight is not None
    assert (again.flight.looks, again.flight.dark, again.flight.effect) == (0, 0, None)


def test_it_may_still_be_under_way_at_the_lost_answer_and_at_a_restart() -> None:
    run = after(a_run(), StepIntended("r1", STEPS, 0, "flag off", "k", 1), then=1)
    assert run.flight is not None
    assert run.flight.under_way == at(1)

    run = after(run, StepAnswered("r1", STEPS, 0, ok=None, detail=""), then=31)
    assert run.flight is not None
    assert run.flight.under_way == at(31)

    run = after(run, RunResumed("r1", 1), then=60)
    assert run.flight is not None
    assert run.flight.under_way == at(60)
    assert run.resumes == 1


# -- results of steps


def test_a_step_that_is_done_makes_way_for_the_next() -> None:
    run = after(a_run(a_plan(a_step("one"), a_step("two"))), ended(StepResult.OK))

    assert (run.stage, run.index, run.applied) == (STEPS, 1, 1)


def test_a_failed_step_ends_the_steps() -> None:
    run = after(a_run(a_plan(a_step("one"), a_step("two"))), ended(StepResult.FAILED))

    assert (run.stage, run.outcome_so_far) == (Stage.FINAL, Outcome.FAILED)
    assert run.broken == "step 1 (step 0): why"


def test_a_failure_after_something_was_done_is_a_partial_one() -> None:
    run = a_run(a_plan(a_step("one"), a_step("two")))

    run = after(run, ended(StepResult.OK), ended(StepResult.FAILED, 1))

    assert run.outcome_so_far is Outcome.PARTIALLY_APPLIED


def test_a_failed_step_that_may_fail_is_noted_and_passed() -> None:
    plan = a_plan(a_step("one", on_error=OnError.CONTINUE), a_step("two"))

    run = after(a_run(plan), ended(StepResult.FAILED))

    assert (run.stage, run.index, run.problems) == (STEPS, 1, ("step 0: why",))
    assert run.applied == 0


@pytest.mark.parametrize("on_error", OnError)
def test_a_step_in_doubt_ends_the_steps_whatever_it_may_do(on_error: OnError) -> None:
    run = after(a_run(a_plan(a_step(on_error=on_error))), ended(StepResult.IN_DOUBT))

    assert (run.stage, run.outcome_so_far) == (Stage.FINAL, Outcome.INTERRUPTED)


def test_a_skipped_step_is_not_counted_as_done() -> None:
    run = after(a_run(a_plan(a_step("one"), a_step("two"))), ended(StepResult.SKIPPED))

    assert (run.index, run.applied, run.problems) == (1, 0, ())


@pytest.mark.parametrize("result", [StepResult.FAILED, StepResult.IN_DOUBT])
def test_trouble_in_the_final_stage_is_noted_and_changes_no_outcome(result: StepResult) -> None:
    plan = a_plan(final=[a_step("tell"), a_step("report")])
    run = after(a_run(plan), ended(StepResult.OK), RunVerified("r1", Proof.PASSED, "good"))

    run = after(run, ended(result, 0, Stage.FINAL))

    assert (run.stage, run.index) == (Stage.FINAL, 1)
    assert run.outcome_so_far is Outcome.SUCCEEDED
    assert run.problems == ("step 0: why",)


def test_final_steps_are_not_counted_as_applied() -> None:
    plan = a_plan(final=[a_step("tell")])
    run = after(a_run(plan), ended(StepResult.FAILED), ended(StepResult.OK, 0, Stage.FINAL))

    assert run.outcome_so_far is Outcome.FAILED


# -- checks


def test_a_failed_check_among_the_steps_ends_them() -> None:
    run = after(a_run(a_plan(a_check())), check_ended(Proof.FAILED, STEPS))

    assert (run.stage, run.outcome_so_far) == (Stage.FINAL, Outcome.FAILED)
    assert run.broken == "check 1 (healthy): why"


def test_a_passed_check_makes_way_for_what_follows() -> None:
    run = after(a_run(a_plan(a_check(), a_step())), check_ended(Proof.PASSED, STEPS))

    assert (run.stage, run.item) == (STEPS, a_step())


@pytest.mark.parametrize("proof", [Proof.FAILED, Proof.INCONCLUSIVE])
def test_a_verification_ends_with_its_first_check_that_does_not_pass(proof: Proof) -> None:
    run = after(verifying(), check_ended(proof))

    assert run.check_ended is proof
    assert run.proof_detail == "healthy: why"


def test_good_looks_are_counted_in_a_row_and_unknown_breaks_the_row() -> None:
    run = after(verifying(), sampled(Verdict.OK), sampled(Verdict.OK))
    assert run.sampling[0].good == 2

    assert after(run, sampled(Verdict.UNKNOWN)).sampling[0].good == 0
    assert after(run, sampled(Verdict.BREACH)).sampling[0].good == 0


def test_bad_looks_are_counted_in_a_row_and_unknown_leaves_the_row() -> None:
    run = after(verifying(), sampled(Verdict.BREACH), sampled(Verdict.UNKNOWN))
    assert run.sampling[0].bad == 1

    run = after(run, sampled(Verdict.BREACH))
    assert run.sampling[0].bad == 2
    assert after(run, sampled(Verdict.OK)).sampling[0].bad == 0


def test_looks_are_counted_apart_for_each_check() -> None:
    plan = a_plan(verify=[a_check("one"), a_check("two")])
    run = after(a_run(plan), ended(StepResult.OK), StageEntered("r1", Stage.VERIFY))

    run = after(run, sampled(Verdict.OK, 0), sampled(Verdict.BREACH, 1), then=7)

    assert (run.sampling[0].good, run.sampling[1].bad) == (1, 1)
    assert run.sampling[0].first == run.sampling[0].last == at(7)


# -- outcomes


@pytest.mark.parametrize(
    ("proof", "outcome"),
    [
        (Proof.PASSED, Outcome.SUCCEEDED),
        (Proof.FAILED, Outcome.FAILED),
        (Proof.INCONCLUSIVE, Outcome.INCONCLUSIVE),
    ],
)
def test_the_outcome_is_what_was_proven(proof: Proof, outcome: Outcome) -> None:
    run = after(verifying(), RunVerified("r1", proof, "why"))

    assert (run.stage, run.outcome_so_far) == (Stage.FINAL, outcome)


def test_a_run_that_proved_nothing_yet_is_inconclusive() -> None:
    assert a_run().outcome_so_far is Outcome.INCONCLUSIVE


def stop(why: Outcome) -> StopRequested:
    return StopRequested("r1", why, "by a person")


@pytest.mark.parametrize("why", [Outcome.STOPPED, Outcome.SUPERSEDED])
def test_a_stop_is_the_outcome_of_a_run_that_was_going_well(why: Outcome) -> None:
    assert after(a_run(), stop(why)).outcome_so_far is why
    assert after(verifying(), stop(why)).outcome_so_far is why


@pytest.mark.parametrize("why", [Outcome.STOPPED, Outcome.SUPERSEDED])
def test_a_stop_never_hides_what_a_person_must_look_at(why: Outcome) -> None:
    in_doubt = after(a_run(), stop(why), ended(StepResult.IN_DOUBT))
    failed = after(a_run(), stop(why), ended(StepResult.FAILED))
    not_helping = after(verifying(), RunVerified("r1", Proof.FAILED), stop(why))
    unproven = after(verifying(), RunVerified("r1", Proof.INCONCLUSIVE), stop(why))

    assert in_doubt.outcome_so_far is Outcome.INTERRUPTED
    assert failed.outcome_so_far is Outcome.FAILED
    assert not_helping.outcome_so_far is Outcome.FAILED
    assert unproven.outcome_so_far is Outcome.INCONCLUSIVE


# -- the watch


def test_only_a_run_that_succeeded_is_watched() -> None:
    assert after(a_run(), run_ended(Outcome.SUCCEEDED)).stage is Stage.WATCH_SHORT
    for outcome in (*failures(), Outcome.SUPERSEDED):
        run = after(a_run(), run_ended(outcome))
        assert (run.stage, run.outcome, run.items) == (Stage.ENDED, outcome, ())


@pytest.mark.parametrize(
    ("short", "long", "stage"),
    [
        (60, 60, Stage.WATCH_SHORT),
        (60, 0, Stage.WATCH_SHORT),
        (0, 60, Stage.WATCH_LONG),
        (0, 0, Stage.ENDED),
    ],
)
def test_a_watch_of_no_length_is_left_out(short: float, long: float, stage: Stage) -> None:
    run = a_run(a_plan(watch=a_watch(short=short, long=long)))

    assert after(run, run_ended(Outcome.SUCCEEDED)).stage is stage


@pytest.mark.parametrize(
    ("proof", "stage"),
    [
        (Proof.PASSED, Stage.WATCH_LONG),
        (Proof.INCONCLUSIVE, Stage.WATCH_LONG),
        (Proof.FAILED, Stage.ENDED),
    ],
)
def test_the_long_watch_follows_the_short_one_but_for_a_relapse(proof: Proof, stage: Stage) -> None:
    run = a_run(a_plan(watch=a_watch(short=60, long=600)), run_ended(Outcome.SUCCEEDED))
    run = after(run, WatchStarted("r1", Stage.WATCH_SHORT, 60.0), then=5)
    assert run.watch_since == at(5)

    assert after(run, watch_ended(Stage.WATCH_SHORT, proof)).stage is stage


def test_no_long_watch_follows_where_none_is_wanted_or_the_run_was_stopped() -> None:
    brief = a_run(a_plan(watch=a_watch(short=60, long=0)), run_ended(Outcome.SUCCEEDED))
    halted = a_run(
        a_plan(watch=a_watch(short=60, long=60)),
        run_ended(Outcome.SUCCEEDED),
        stop(Outcome.SUPERSEDED),
    )

    for run in (brief, halted):
        assert after(run, watch_ended(Stage.WATCH_SHORT, Proof.INCONCLUSIVE)).stage is Stage.ENDED


def test_a_run_is_over_after_its_long_watch() -> None:
    run = a_run(a_plan(watch=a_watch(short=60, long=60)), run_ended(Outcome.SUCCEEDED))
    run = after(run, watch_ended(Stage.WATCH_SHORT, Proof.PASSED))

    assert after(run, watch_ended(Stage.WATCH_LONG, Proof.PASSED)).stage is Stage.ENDED


def test_each_watch_counts_its_own_looks() -> None:
    run = a_run(a_plan(watch=a_watch(short=60, long=600)), run_ended(Outcome.SUCCEEDED))
    run = after(run, sampled(Verdict.BREACH, 0, Stage.WATCH_SHORT))

    run = after(run, watch_ended(Stage.WATCH_SHORT, Proof.PASSED))

    assert (run.sampling, run.watch_since) == ({}, None)


def test_an_overrun_budget_is_remembered() -> None:
    assert after(a_run(), BudgetExceeded("r1", 300.0, 301.0)).over_budget
