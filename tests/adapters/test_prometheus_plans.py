from watchdog.adapters.prometheus_batch import Batch
from watchdog.adapters.prometheus_plans import Plans
from watchdog.adapters.sources.prometheus import Ask
from watchdog.ports import Question

QUESTIONS = [Question(name, Ask(query=f"sum({name})")) for name in "abc"]


def names(batches: tuple[Batch, ...]) -> list[str]:
    return ["".join(part.question.id for part in batch.parts) for batch in batches]


def test_the_same_questions_are_worked_out_once() -> None:
    plans = Plans(50)

    assert plans.batches(QUESTIONS) is plans.batches(list(QUESTIONS))


def test_a_question_that_changed_is_worked_out_anew() -> None:
    plans = Plans(50)
    before = plans.batches(QUESTIONS)

    after = plans.batches([Question("a", Ask(query="sum(other)")), *QUESTIONS[1:]])

    assert after is not before
    assert b"other" in after[0].form


def test_a_question_may_ask_to_be_alone() -> None:
    questions = [*QUESTIONS, Question("d", Ask(query="sum(d)", batch=False))]

    assert names(Plans(50).batches(questions)) == ["abc", "d"]


def test_who_is_kept_out_comes_back_after_three_good_answers_in_a_row() -> None:
    plans = Plans(50)
    plans.keep_out("b")
    ac, b = plans.batches(QUESTIONS)

    for answered in (plans.answered_well, plans.answered_well, plans.answered_badly):
        answered(b)
    plans.answered_well(ac)
    plans.answered_well(b)
    plans.answered_well(b)
    still_out = plans.batches(QUESTIONS)
    plans.answered_well(b)

    assert names((ac, b)) == ["ac", "b"]
    assert names(still_out) == ["ac", "b"]
    assert names(plans.batches(QUESTIONS)) == ["abc"]


def test_only_so_many_sets_of_questions_are_remembered() -> None:
    plans = Plans(50)
    first = plans.batches(QUESTIONS)

    for n in range(100):
        plans.batches([Question(f"q{n}", Ask(query="sum(x)"))])

    assert plans.batches(QUESTIONS) is not first
