from dataclasses import replace
from typing import Any

import pytest

from tests.builders import a_check, a_plan, a_run, a_step, after, at
from watchdog.domain.actions import deeds
from watchdog.domain.events import (
    CheckEnded,
    CheckSampled,
    Event,
    Outcome,
    Proof,
    Record,
    RunEnded,
    RunRecovered,
    RunResumed,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepResult,
    StopRequested,
)
from watchdog.domain.next_action import Execute, Note, next_action
from watchdog.domain.plan import Check, Level, OnError, Plan, Repeat, Scalar, Step, When
from watchdog.domain.progress import Recovery
from watchdog.domain.recovering import commands, objection
from watchdog.domain.run import Run
from watchdog.domain.run_telling import of_run
from watchdog.domain.signal import Verdict

UNDO = Stage.UNDO


def once(name: str, **changes: Any) -> Step:  # noqa: ANN401
    return replace(a_step(name, repeat=Repeat.ONCE), **changes)


def with_undo(name: str) -> Step:
    return once(name, undo=once(f"undo {name}"))


def ended(index: int, result: StepResult = StepResult.OK, stage: Stage = Stage.STEPS) -> StepEnded:
    return StepEnded("r1", stage, index, f"step {index}", result, "why")


def played(run: Run) -> tuple[list[str], Run]:
    """The names of what is sent from here on, each of which works; and the run at its end."""
    sent: list[str] = []
    for second in range(100):
        match next_action(run, at(second)):
            case Execute(index=index, step=step):
                sent.append(step.name)
                run = after(run, StepIntended("r1", run.stage, index, step.name, "k", 1))
                run = after(run, StepAnswered("r1", run.stage, index, ok=True, detail="200"))
            case Note(event=event):
                run = after(run, event)
            case _:
                return sent, run
    raise AssertionError("it never ends")


def three(on_error: OnError) -> Plan:
    third = once("three", on_error=on_error)
    return a_plan(with_undo("one"), with_undo("two"), third, final=[once("tell")])


def failed_at_the_third(on_error: OnError, result: StepResult = StepResult.FAILED) -> Run:
    return a_run(three(on_error), ended(0), ended(1), ended(2, result))


# -- taking back


def test_what_was_done_is_taken_back_the_newest_first_when_a_later_step_fails() -> None:
    sent, run = played(failed_at_the_third(OnError.COMPENSATE))

    assert sent == ["undo two", "undo one", "tell"]
    assert (run.outcome, dict(run.done)) == (Outcome.FAILED, {})


def test_a_gate_takes_back_only_the_step_before_it() -> None:
    sent, run = played(failed_at_the_third(OnError.UNDO_LAST))

    assert sent == ["undo two", "tell"]
    assert (run.outcome, list(run.done)) == (Outcome.PARTIALLY_APPLIED, [0])


def test_a_check_that_does_not_pass_takes_back_what_was_done() -> None:
    gate = replace(a_check("gate"), on_error=OnError.COMPENSATE)
    run = a_run(a_plan(with_undo("one"), gate), ended(0))

    run = after(run, CheckEnded("r1", Stage.STEPS, 1, "gate", Proof.INCONCLUSIVE, "unknown"))

    assert played(run)[0] == ["undo one"]


@pytest.mark.parametrize("how", [OnError.ABORT, OnError.CONTINUE])
def test_nothing_is_taken_back_that_nobody_asked_to(how: OnError) -> None:
    sent, _ = played(failed_at_the_third(how))

    assert not any(name.startswith("undo") for name in sent)


def test_nothing_is_taken_back_while_it_is_in_doubt_what_happened() -> None:
    sent, run = played(failed_at_the_third(OnError.COMPENSATE, StepResult.IN_DOUBT))

    assert (sent, run.outcome) == (["tell"], Outcome.INTERRUPTED)


def test_an_undo_that_fails_keeps_no_other_from_being_tried() -> None:
    run = after(failed_at_the_third(OnError.COMPENSATE), ended(0, StepResult.FAILED, UNDO))

    sent, run = played(run)

    assert sent == ["undo one", "tell"]
    assert (run.outcome, list(run.done)) == (Outcome.PARTIALLY_APPLIED, [1])


def test_an_undo_in_doubt_ends_with_a_person() -> None:
    run = after(failed_at_the_third(OnError.COMPENSATE), ended(0, StepResult.IN_DOUBT, UNDO))

    sent, run = played(run)

    assert (sent, run.outcome) == (["tell"], Outcome.INTERRUPTED)
    assert "undo of step 2 (two)" in commands(run)[0]


def test_what_takes_a_step_back_has_the_same_key_whatever_else_is_taken_back() -> None:
    every, one = (failed_at_the_third(how) for how in (OnError.COMPENSATE, OnError.UNDO_LAST))

    assert every.key(0) == one.key(0) != every.key(1)


def test_a_run_that_gives_way_takes_back_what_it_did_all_the_same_once_it_has_failed() -> None:
    """The latch of a failed run keeps back what it gave way to: nobody else would."""
    gives_way = StopRequested("r1", Outcome.SUPERSEDED, "by a graver one")
    run = a_run(three(OnError.COMPENSATE), ended(0), ended(1), gives_way)

    sent, run = played(after(run, ended(2, StepResult.FAILED)))

    assert (sent, run.outcome) == (["undo two", "undo one", "tell"], Outcome.FAILED)


def test_an_old_run_takes_nothing_back_after_a_crash() -> None:
    run = after(failed_at_the_third(OnError.COMPENSATE), RunResumed("r1", 1))

    action = next_action(run, at("1h"))

    assert isinstance(action, Note)
    assert isinstance(action.event, StopRequested)


# -- what is told of it


def told(index: int, number: int, result: StepResult) -> list[Event]:
    """One try of an undo: the `index`th of its stage, of the step with that number."""
    key = f"r1/undo/{number}"
    return [
        StepIntended("r1", UNDO, index, "back", key, 1, f"PUT /{number}"),
        StepEnded("r1", UNDO, index, "back", result, f"{number}"),
    ]


def test_what_takes_back_is_told_of_the_step_that_it_takes_back_and_once_a_try() -> None:
    """By default a step is named by its address, which many have in common."""
    one, two = (once(name, undo=once("back", options={"n": name})) for name in ("one", "two"))
    events = [*told(0, 1, StepResult.OK), *told(1, 0, StepResult.FAILED)]
    events += told(0, 0, StepResult.OK)

    records = [Record(number, at(number), event) for number, event in enumerate(events)]
    undos = [one for one in deeds(a_plan(one, two), (), records).actions if one.stage is UNDO]

    assert [one.step.options["n"] for one in undos] == ["two", "one", "one"]
    assert [one.result for one in undos] == [StepResult.OK, StepResult.FAILED, StepResult.OK]


def test_people_hear_what_holds_and_what_was_taken_back() -> None:
    run = failed_at_the_third(OnError.UNDO_LAST)
    run = after(run, ended(0, stage=UNDO), StageEntered("r1", Stage.FINAL))
    end = RunEnded("r1", "shop", Outcome.PARTIALLY_APPLIED, "step 3", 5.0)

    told = of_run(end, run, at("1m"))

    assert told is not None
    assert "1 of 3 steps were done and hold; taken back: step 2 (two)." in told.text
    assert "Done, and not taken back:\n1. step 1 (one), since" in told.text


def test_people_hear_what_holds_of_a_run_that_was_stopped() -> None:
    run = after(a_run(three(OnError.ABORT), ended(0)), StopRequested("r1", Outcome.STOPPED, "k"))

    told = of_run(RunEnded("r1", "shop", Outcome.STOPPED, "kill switch", 5.0), run, at("1m"))

    assert told is not None
    assert "step 1 (one), since" in told.text


def test_a_step_that_a_person_has_sent_once_more_counts_every_time_that_it_was_sent() -> None:
    sent = StepIntended("r1", Stage.STEPS, 0, "one", "r1/steps/0", 1)
    events: list[Event] = [sent, ended(0, StepResult.IN_DOUBT), sent, ended(0)]

    records = [Record(number, at(number), event) for number, event in enumerate(events)]
    (action,) = deeds(a_plan(once("one")), (), records).actions

    assert (action.attempts, action.result) == (2, StepResult.OK)


# -- conditions


def a_saving(**changes: Any) -> Check:  # noqa: ANN401
    return replace(a_check("schema"), save="schema", **changes)


def saved(value: Scalar) -> list[Event]:
    look = CheckSampled("r1", Stage.STEPS, 0, "s", Verdict.OK, 1.0, saved=value)
    return [look, CheckEnded("r1", Stage.STEPS, 0, "s", Proof.PASSED)]


@pytest.mark.parametrize(
    ("value", "when", "done"),
    [
        ("changed", When("saved.schema", ("changed",)), True),
        ("same", When("saved.schema", ("changed",)), False),
        ("same", When("saved.schema", ("changed", "same")), True),
        ("same", When("saved.schema", ("changed",), negated=True), True),
        (3, When("saved.schema", (3,)), True),
        (3.0, When("saved.schema", (3,)), True),
        (True, When("saved.schema", (1,)), False),
        ("3", When("saved.schema", (3,)), False),
        ("3", When("saved.other", (3,), negated=True), False),
    ],
)
def test_a_step_is_done_only_where_its_condition_holds(
    value: Scalar,
    when: When,
    done: bool,
) -> None:
    run = a_run(a_plan(a_saving(), once("one", when=(when,))), *saved(value))

    assert played(run)[0] == (["one"] if done else [])


def test_a_step_that_is_skipped_says_why_and_counts_for_nothing() -> None:
    run = a_run(a_plan(once("one", when=(When("run.cause", ("security",)),))))

    action = next_action(run, at(0))

    assert isinstance(action, Note)
    assert isinstance(action.event, StepEnded)
    assert action.event.result is StepResult.SKIPPED
    assert "run.cause is " in action.event.detail
    assert after(run, action.event).applied == 0


def test_nothing_is_sent_with_a_value_that_was_never_read() -> None:
    lost = a_saving(on_error=OnError.CONTINUE)
    step = once("one", options={"effect": "one", "json": {"was": "{{ saved.schema }}"}})
    run = a_run(a_plan(lost, step))
    run = after(run, CheckEnded("r1", Stage.STEPS, 0, "s", Proof.INCONCLUSIVE, "unreadable"))

    sent, run = played(run)

    assert sent == []
    assert "saved.schema" in run.broken


# -- after a crash


def test_the_machine_never_goes_on_with_the_data_level() -> None:
    run = a_run(replace(a_plan(once("one")), level=Level.DATA))
    assert isinstance(next_action(run, at(0)), Execute)

    action = next_action(after(run, RunResumed("r1", 1)), at(1))

    assert isinstance(action, Note)
    assert isinstance(action.event, StopRequested)
    assert "may lose data" in action.event.detail


def test_nothing_at_all_is_sent_by_the_machine_for_the_data_level_after_a_crash() -> None:
    plan = replace(a_plan(once("one"), verify=[a_check()], final=[once("open")]), level=Level.DATA)
    proven = CheckEnded("r1", Stage.VERIFY, 0, "healthy", Proof.PASSED)
    run = a_run(plan, ended(0), StageEntered("r1", Stage.VERIFY), RunResumed("r1", 1), proven)

    sent, run = played(run)

    assert (sent, run.outcome) == ([], Outcome.INTERRUPTED)


# -- a person recovers it


def recovered(run: Run, how: Recovery, *, happened: bool | None = None) -> Run:
    assert objection(run, how, happened=happened) == ""
    return after(run, RunRecovered("r1", "shop", how, "ann", "I looked", happened))


def over(run: Run, outcome: Outcome) -> Run:
    return after(run, RunEnded("r1", "shop", outcome, "why", 1.0))


def interrupted() -> Run:
    """Its first step is done, its second in doubt."""
    run = a_run(a_plan(with_undo("one"), with_undo("two"), once("three")), ended(0))
    return over(after(run, ended(1, StepResult.IN_DOUBT)), Outcome.INTERRUPTED)


@pytest.mark.parametrize(
    ("how", "happened", "sent"),
    [
        (Recovery.RESUME, True, ["three"]),
        (Recovery.RESUME, False, ["two", "three"]),
        (Recovery.COMPENSATE, True, ["undo two", "undo one"]),
        (Recovery.COMPENSATE, False, ["undo one"]),
        (Recovery.ABANDON, None, []),
    ],
)
def test_what_a_person_says_of_the_step_in_doubt_is_believed(
    how: Recovery,
    happened: bool | None,
    sent: list[str],
) -> None:
    assert played(recovered(interrupted(), how, happened=happened))[0] == sent


@pytest.mark.parametrize("how", [Recovery.RESUME, Recovery.COMPENSATE])
def test_a_step_in_doubt_asks_for_a_word(how: Recovery) -> None:
    assert "step 2 (two)" in objection(interrupted(), how)


def test_a_step_that_failed_is_tried_again_and_no_word_is_asked_for() -> None:
    run = a_run(three(OnError.ABORT), ended(0), ended(1, StepResult.FAILED))
    run = over(run, Outcome.PARTIALLY_APPLIED)

    assert "no step" in objection(run, Recovery.RESUME, happened=True)
    assert played(recovered(run, Recovery.RESUME))[0] == ["two", "three"]


def test_a_run_that_goes_on_or_helped_is_not_to_be_recovered() -> None:
    helped = over(a_run(), Outcome.SUCCEEDED)

    assert "stage" in objection(a_run(), Recovery.RESUME)
    assert "stage" in objection(helped, Recovery.ABANDON)
    assert "nothing" in objection(after(helped, StageEntered("r1", Stage.ENDED)), Recovery.ABANDON)


def test_a_run_that_gave_way_and_was_left_half_way_is_taken_back() -> None:
    run = after(a_run(three(OnError.ABORT), ended(0)), StopRequested("r1", Outcome.SUPERSEDED, "x"))
    _, run = played(run)
    assert run.outcome is Outcome.SUPERSEDED

    assert played(recovered(run, Recovery.COMPENSATE))[0] == ["undo one", "tell"]


def test_an_abandoned_run_stays_abandoned() -> None:
    run = recovered(interrupted(), Recovery.ABANDON)

    assert all("abandoned" in objection(run, how) for how in Recovery)
    assert commands(run) == []


def test_a_run_with_nothing_to_undo_says_so() -> None:
    run = a_run(a_plan(once("one"), once("two")), ended(0), ended(1, StepResult.FAILED))
    run = over(run, Outcome.PARTIALLY_APPLIED)

    assert "by hand" in objection(run, Recovery.COMPENSATE)
    assert not any("--compensate" in line for line in commands(run))


def test_what_was_taken_back_is_not_taken_back_twice() -> None:
    _, run = played(failed_at_the_third(OnError.COMPENSATE))

    assert "was taken back already" in objection(run, Recovery.COMPENSATE)


def test_what_is_offered_is_what_would_be_accepted() -> None:
    resume, compensate, abandon = commands(interrupted())

    assert "--resume --done" in resume
    assert "--compensate --done" in compensate
    assert "--done" not in abandon


def test_a_run_that_was_not_proven_is_proven_once_more() -> None:
    run = a_run(a_plan(once("one"), verify=[a_check()]), ended(0), StageEntered("r1", Stage.VERIFY))
    run = after(run, CheckEnded("r1", Stage.VERIFY, 0, "healthy", Proof.INCONCLUSIVE, "unknown"))
    _, run = played(run)
    assert run.outcome is Outcome.INCONCLUSIVE

    run = recovered(run, Recovery.RESUME)

    assert (run.stage, run.index, run.outcome) == (Stage.VERIFY, 0, None)


def killed(run: Run) -> Run:
    run = after(run, StopRequested("r1", Outcome.STOPPED, "kill switch"))
    return played(run)[1]


def not_sent(run: Run, index: int) -> Run:
    """The kill switch was thrown while the intent of a step was being written."""
    run = after(run, StepIntended("r1", run.stage, index, "two", "k", 1))
    return after(run, ended(index, StepResult.SKIPPED, run.stage))


def test_a_step_that_was_not_sent_for_a_stop_is_sent_when_a_person_lets_the_run_go_on() -> None:
    run = not_sent(a_run(a_plan(once("one"), once("two"), once("three")), ended(0)), 1)

    assert played(recovered(killed(run), Recovery.RESUME))[0] == ["two", "three"]


def test_a_step_that_was_not_sent_for_a_stop_is_not_left_out_after_a_crash() -> None:
    run = not_sent(a_run(a_plan(once("one"), once("two")), ended(0)), 1)

    assert played(after(run, RunResumed("r1", 1)))[0] == ["two"]


def test_a_run_stopped_while_it_takes_back_goes_on_with_that_and_not_with_its_steps() -> None:
    run = killed(after(failed_at_the_third(OnError.COMPENSATE), ended(0, stage=UNDO)))
    assert (run.outcome, list(run.done)) == (Outcome.PARTIALLY_APPLIED, [0])

    sent, run = played(recovered(run, Recovery.RESUME))

    assert sent == ["undo one", "tell"]
    assert (run.outcome, dict(run.done)) == (Outcome.FAILED, {})


@pytest.mark.parametrize("how", [OnError.COMPENSATE, OnError.UNDO_LAST])
def test_a_run_that_took_back_what_it_did_does_not_go_on_as_if_it_stood(how: OnError) -> None:
    _, run = played(failed_at_the_third(how))

    assert "step 2 (two)" in objection(run, Recovery.RESUME)
    assert "anew" in objection(run, Recovery.RESUME)
    assert not any("--resume" in line for line in commands(run))


def test_what_a_person_had_taken_back_is_not_proven_afterwards() -> None:
    _, run = played(recovered(interrupted(), Recovery.COMPENSATE, happened=False))

    assert "was taken back" in objection(run, Recovery.RESUME)
