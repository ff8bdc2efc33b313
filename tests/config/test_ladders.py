"""Levels, what follows what, composite plans, and plans that take a rollback back."""

import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.expiry import Expiry, OnExpiry
from watchdog.domain.ladder import AfterFailure, OnFailure
from watchdog.domain.plan import Check, Plan, Step

FLAGS = """
  undo:
    steps:
      - use: command
        name: cache on
        with: {argv: [flag, cache]}
        done_when: {run: [flag, --get, cache]}
      - {use: command, name: note, with: {argv: [note]}, repeat: once}
    verify: [{signal: errors, below: 1%, samples: 3}]
    finally: [{use: command, name: tell, with: {argv: [tell]}}]
"""
BACK = "{use: command, with: {argv: [a]}, undo: {use: command, with: {argv: [b]}}}"
ALONE = "{use: command, with: {argv: [a]}, on_error: compensate}"
SAVES = "{save: mode, get: 'http://x/mode', value: mode}"
STEP = "steps: [{use: command, name: own, with: {argv: [own]}, repeat: once}]"


def plans(*others: str, undo: str = "") -> str:
    """A file whose first plan is `undo`, with more keys of it, and then these."""
    return MINIMAL.split("plans:")[0] + "plans:" + FLAGS + f"    {undo}\n" + "".join(others)


def other(name: str, *lines: str, steps: str = STEP) -> str:
    keys = "".join(f"    {line}\n" for line in (steps, *lines) if line)
    return f"  {name}:\n{keys}"


def plan(files: Files, text: str, name: str) -> Plan:
    return files.target(text).plans[name]


# -- levels


@pytest.mark.parametrize(
    ("written", "level"),
    [("flags", 1), ("routing", 2), ("application", 3), ("data", 4), ("1", 1), ("4", 4)],
)
def test_a_level_is_a_word_or_its_number(files: Files, written: str, level: int) -> None:
    assert plan(files, plans(undo=f"level: {written}"), "undo").level == level


def test_without_a_word_a_plan_is_of_the_least_level_and_nothing_follows(files: Files) -> None:
    undo = plan(files, plans(), "undo")

    assert (undo.level, undo.on_failure) == (1, OnFailure())


# -- what follows


def test_the_plans_that_follow_stand_in_their_order(files: Files) -> None:
    text = plans(
        other("routing", "level: routing"),
        other("app", "level: application"),
        undo="on_failure: {then: auto_next, plans: [routing, app]}",
    )

    undo = plan(files, text, "undo")

    assert undo.on_failure == OnFailure(AfterFailure.AUTO_NEXT, ("routing", "app"))


AUTO = "on_failure: {then: auto_next, plans: [%s]}"
WRONG_LADDERS = {
    "a plan that is not there": (
        plans(other("routing"), undo=AUTO % "ruoting"),
        "plans.undo.on_failure.plans[0]: there is no plan 'ruoting'; did you mean 'routing'?",
    ),
    "itself": (
        plans(undo=AUTO % "undo"),
        "plans.undo.on_failure.plans[0]: is the plan itself; name another one",
    ),
    "a lower level": (
        plans(other("routing"), undo=f"level: routing\n    {AUTO % 'routing'}"),
        (
            "plans.undo.on_failure.plans[0]: 'routing' is of the flags level, below routing; what "
            "follows reaches as deep as what did not help, or deeper"
        ),
    ),
    "a list that goes down again": (
        plans(
            other("app", "level: application"),
            other("routing", "level: routing"),
            undo=AUTO % "app, routing",
        ),
        (
            "plans.undo.on_failure.plans[1]: 'routing' is of the routing level, below "
            "application; what follows reaches as deep as what did not help, or deeper"
        ),
    ),
    "the data level by itself": (
        plans(other("restore", "level: data"), undo=AUTO % "restore"),
        (
            "plans.undo.on_failure.plans[0]: 'restore' is of the data level, which never starts by "
            "itself; name it in the `offer_next` of the plan before it"
        ),
    ),
    "a circle": (
        plans(other("again", AUTO % "undo"), undo=AUTO % "again"),
        "plans.undo.on_failure.plans: is a circle: undo leads to again, and that back here",
    ),
    "a part that is not there": (
        plans(other("both", "includes: [undoo]")),
        "plans.both.includes[0]: there is no plan 'undoo'; did you mean 'undo'?",
    ),
    "a part that reaches deeper": (
        plans(other("both", "includes: [undo]"), undo="level: routing"),
        (
            "plans.both.includes[0]: 'undo' is of the routing level, deeper than this plan; say "
            "`level: routing`"
        ),
    ),
    "a part that returns to a version": (
        plans(
            other("both", "includes: [undo]"),
            "changes: {from: [{use: told}]}\n",
            undo="returns_to: previous",
        ),
        "plans.both.includes[0]: 'undo' returns to previous; say `returns_to: previous` here, too",
    ),
    "a part that people are asked about": (
        plans(other("both", "includes: [undo]"), undo="approval: anyone"),
        (
            "plans.both.includes[0]: people are asked about 'undo', and nobody about this plan; "
            "write its `approval`"
        ),
    ),
    "parts that save under one name": (
        plans(
            other("one", steps=f"steps: [{SAVES}]"),
            other("all", "includes: [undo, one]", steps=f"steps: [{SAVES}]"),
        ),
        (
            "plans.all.includes: `one` and `all` both save 'mode': what takes back the one would "
            "send the value of the other; give each a name of its own"
        ),
    ),
    "a name that is saved twice": (
        plans(other("one", steps=f"steps: [{SAVES}, {SAVES}]")),
        "plans.one.steps[1].save: 'mode' was saved before; give each value a name of its own",
    ),
    "parts that nothing proves": (
        plans(
            other("one"),
            other("all", "includes: [one]", "verify_trigger: false", steps=""),
        ),
        (
            "plans.all: nothing proves that it helped: give `verify` at least one check, or leave "
            "`verify_trigger` on"
        ),
    ),
    "to take back what is done at the end": (
        plans(other("one", f"finally: [{BACK}]")),
        (
            "plans.one.finally[0].undo: belongs to the steps: what is done at the end is never "
            "taken back"
        ),
    ),
    "to take back at the end": (
        plans(other("one", f"finally: [{ALONE}]")),
        (
            "plans.one.finally[0].on_error: belongs to the steps: what is done at the end is never "
            "taken back"
        ),
    ),
    "to take back where nothing can be": (
        plans(other("one", steps=f"steps: [{ALONE}, {BACK}]")),
        (
            "plans.one.steps[0].on_error: compensate takes back the steps before it, and none of "
            "them has an `undo`"
        ),
    ),
    "parts in a circle": (
        plans(other("both", "includes: [undo]"), undo="includes: [both]"),
        "plans.both.includes: is a circle: both leads to undo, and that back here",
    ),
    "to take back what is not there": (
        plans(other("redo", "reverses: undoo")),
        "plans.redo.reverses: there is no plan 'undoo'; did you mean 'undo'?",
    ),
    "to take back what takes back": (
        plans(other("redo", "reverses: undo"), other("anew", "reverses: redo")),
        "plans.anew.reverses: takes a rollback back itself; name the rollback",
    ),
    "to take back by itself": (
        plans(undo="reverses: redo") + other("redo"),
        (
            "triggers.down.plan: 'undo' takes a rollback back, and only a person starts it; "
            "remove it here"
        ),
    ),
    "to take back as the next level": (
        plans(other("redo", "reverses: undo"), undo=AUTO % "redo"),
        (
            "plans.undo.on_failure.plans[0]: 'redo' takes a rollback back, and only a person "
            "starts it; remove it here"
        ),
    ),
    "what follows on what takes back": (
        plans(other("redo", "reverses: undo", AUTO % "more"), other("more")),
        "plans.redo.on_failure: belongs to a rollback: what takes one back is followed by nothing",
    ),
}


@pytest.mark.parametrize("what", WRONG_LADDERS)
def test_what_cannot_be_is_refused(files: Files, what: str) -> None:
    text, said = WRONG_LADDERS[what]

    assert any(problem.endswith(said) for problem in files.problems(text)), files.problems(text)


def test_a_part_may_take_back_what_the_parts_before_it_did(files: Files) -> None:
    text = plans(
        other("one", steps=f"steps: [{BACK}]"),
        other("all", "includes: [one]", steps=f"steps: [{ALONE}]"),
    )

    assert plan(files, text, "all").steps


# -- composite plans


def test_a_composite_plan_does_the_steps_of_its_parts_first(files: Files) -> None:
    text = plans(
        other("routing", "includes: [undo]", "level: routing"),
        other("app", "includes: [undo, routing]", "level: application"),
    )

    app = plan(files, text, "app")

    names = [item.name for item in app.steps]
    assert names == ["undo: cache on", "undo: note", "routing: own", "own"]


def test_what_a_part_did_already_is_looked_at_before_it_is_sent_again(files: Files) -> None:
    text = plans(other("both", "includes: [undo]"))

    steps = [item for item in plan(files, text, "both").steps if isinstance(item, Step)]

    # Only where a look can tell.
    assert [step.look_first for step in steps] == [True, False, False]
    own = [item for item in plan(files, text, "undo").steps if isinstance(item, Step)]
    assert [step.look_first for step in own] == [False, False]


def test_a_composite_plan_proves_what_its_parts_prove_each_proof_once(files: Files) -> None:
    proof = "verify: [{signal: errors, below: 1%, samples: 3}, {signal: healthy, is: ok}]"
    text = plans(other("both", "includes: [undo]", proof))

    both = plan(files, text, "both")

    assert [check.name for check in both.verify] == ["errors below 1%", "healthy is ok"]
    assert both.final == ()


def test_a_composite_plan_needs_no_step_of_its_own(files: Files) -> None:
    text = plans(other("both", "includes: [undo]", "verify_trigger: false", steps=""))

    assert len(plan(files, text, "both").steps) == 2


def test_what_is_part_of_another_plan_or_follows_one_is_in_use(files: Files) -> None:
    text = plans(
        other("next", "includes: [part]", "level: routing"),
        other("part"),
        other("redo", "reverses: undo"),
        undo=AUTO % "next",
    )

    assert [one for one in files.warnings(text) if "no trigger starts it" in one] == []


# -- plans that take a rollback back


def test_a_rollback_knows_what_takes_it_back(files: Files) -> None:
    text = plans(other("redo", "reverses: undo"))

    assert plan(files, text, "undo").reversed_by == "redo"
    assert plan(files, text, "redo").reverses == "undo"


def test_a_gate_waits_before_its_first_look_and_fails_after_so_many_bad_ones(
    files: Files,
) -> None:
    gate = "steps: [{check: {signal: errors, below: 1%, wait: 5m, fails_after: 2, samples: 3}}]"
    text = plans(other("redo", "reverses: undo", steps=gate))

    (check,) = plan(files, text, "redo").steps

    assert isinstance(check, Check)
    assert (check.wait, check.fails, check.samples) == (300.0, 2, 3)


# -- changes that lapse


def lapsing(expires: str, done_when: str = "done_when: {run: [is, on]}") -> str:
    step = f"{{use: command, with: {{argv: [on]}}, repeat: once, {done_when}, expires: {expires}}}"
    return plans(other("isolate", steps=f"steps: [{step}]"))


def test_a_change_that_lapses_is_renewed_once_unless_it_says_otherwise(files: Files) -> None:
    (step,) = plan(files, lapsing("{after: 60m}"), "isolate").steps

    assert isinstance(step, Step)
    assert step.expires == Expiry(3600.0, 600.0, OnExpiry.RENEW, 1)


def test_its_times_are_scaled_with_those_of_the_file(files: Files) -> None:
    (step,) = files.target(lapsing("{after: 60m}"), speed=60).plans["isolate"].steps

    assert isinstance(step, Step)
    assert step.expires == Expiry(60.0, 10.0, OnExpiry.RENEW, 1)


@pytest.mark.parametrize(
    ("expires", "done_when", "said"),
    [
        ("{after: 5m}", "done_when: {run: [a]}", "make it less than `after`"),
        ("{after: 60m}", "name: x", "a step that is renewed needs `done_when`"),
        ("{after: 60m}", "done_when: {run: [a, '{{ run.id }}']}", "write the values out"),
        (
            "{after: 60m}",
            "done_when: {run: [a]}, if: {saved: mode, is: x}",
            "a renewal reads nothing again",
        ),
        ("{after: 60m, renewals: -1}", "done_when: {run: [a]}", "should be greater than or equal"),
    ],
)
def test_an_end_that_makes_no_sense_is_refused(
    files: Files, expires: str, done_when: str, said: str
) -> None:
    assert any(said in problem for problem in files.problems(lapsing(expires, done_when)))


def test_a_renewal_sends_nothing_that_was_read_in_the_run_before(files: Files) -> None:
    expires = "expires: {after: 60m}, done_when: {run: [a]}"
    step = f"{{use: command, with: {{argv: [on, '{{{{ saved.mode }}}}']}}, {expires}}}"
    text = plans(other("isolate", steps=f"steps: [{SAVES}, {step}]"))

    said = "plans.isolate.steps[1].with: a renewal reads nothing again"

    assert said in " ".join(files.problems(text))
    assert said not in " ".join(files.problems(text.replace("60m", "60m, on_expiry: tell")))


def test_what_is_only_told_needs_nothing_to_be_seen(files: Files) -> None:
    (step,) = plan(files, lapsing("{after: 60m, on_expiry: tell}", "name: x"), "isolate").steps

    assert isinstance(step, Step)
    assert step.done_when is None
