from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from tests.bed.story import (
    INCIDENT,
    NOON,
    PLAN,
    RUN,
    STORIES,
    TARGET,
    Story,
    change,
    helped,
    point,
)
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    ClockStepped,
    ConfigLoaded,
    ConfigRefused,
    Decided,
    Event,
    KillSwitchChanged,
    LatchCleared,
    Paused,
    Record,
    Resumed,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.incident import incident_of
from watchdog.domain.moment import Moment
from watchdog.domain.progress import (
    BudgetExceeded,
    Outcome,
    Proof,
    RunEnded,
    RunResumed,
    Stage,
    StepEnded,
    StepResult,
    WatchEnded,
)
from watchdog.domain.relation import related
from watchdog.domain.run import Run, fold
from watchdog.domain.run_telling import RunNotTold, RunTold
from watchdog.domain.telling import TOLD, NotTold, message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Change, Severity
from watchdog.domain.wording import Telling

BLIND = SourceWentBlind(TARGET, "metrics", NOON - 300, "timeout: no answer", ("errors-high",))


def tell(event: Event, run: Run | None = None) -> Telling:
    telling = message(Record(7, Moment(5000, NOON), event), run)
    assert telling is not None
    return telling


def under_way(story: Story) -> Run:
    return fold(record for record in story.records if getattr(record.event, "run", "") == RUN)


def decision(refusal: str = "", until: float | None = None) -> Decided:
    return Decided(
        target=TARGET,
        incident=INCIDENT,
        plan="immediate",
        trigger="errors-high",
        severity=Severity.CRITICAL,
        episode=f"errors-high@{NOON:.3f}",
        refusal=refusal,
        detail="run x ended failed" if refusal == "latched" else "",
        until=until,
        would_do=("Switch it off: POST http://x/off", "check healthy: expect passing"),
    )


def test_every_kind_of_event_is_told_or_is_known_not_to_be() -> None:
    kinds = {*get_args(Event)}
    silent = {*get_args(NotTold), *get_args(RunNotTold)}

    assert {*TOLD} | silent == kinds
    assert {*TOLD} & silent == set()
    assert {*get_args(RunTold)} < {*TOLD}


def test_what_is_not_told_makes_no_message() -> None:
    record = Record(7, Moment(5000, NOON), ClockStepped(12.0))

    assert message(record) is None


def every_telling() -> list[Telling]:
    """Whatever the stories and the events of a target give, with names as long as may be."""
    tellings = [
        one.telling
        for write in STORIES
        for one in incident_of(related(write().records, RUN)).communications
    ]
    events: list[Event] = [
        BLIND,
        SourceSeesAgain(TARGET, "metrics", NOON - 700),
        ConfigLoaded(TARGET, "config/hybrid.yaml", "ab" * 32, "auto", "alice"),
        ConfigRefused("config/hybrid.yaml", "line 3: unknown key 'planz'\ndid you mean plans?"),
        LatchCleared(TARGET, "alice", "false alarm"),
        Paused("", "bob", "network work " * 30, NOON + 600),
        Paused(TARGET, "bob", "", None),
        Resumed(TARGET, "bob"),
        KillSwitchChanged(on=True, how="the kill file exists"),
        KillSwitchChanged(on=False, how="the kill file was removed"),
        decision(),
        # That people are asked is told with the request itself.
        *(decision(one.value) for one in Reason if one is not Reason.AWAITING_APPROVAL),
        decision("a reason of tomorrow"),
        TriggerChanged("t" * 90, "r" * 90, Change.FIRING, Severity.INFO, NOON),
    ]
    return [*tellings, *map(tell, events)]


@pytest.mark.parametrize("telling", every_telling(), ids=lambda telling: telling.title[:40])
def test_a_message_has_a_short_title_and_ends_with_what_to_do_next(telling: Telling) -> None:
    assert 0 < len(telling.title) <= 100
    assert "\n" not in telling.title
    assert telling.text.splitlines()[-1].startswith("Next: ")
    assert all(line.strip() == line and line for line in telling.text.splitlines())
    assert all(name and value and "\n" not in value for name, value in telling.fields.items())
    assert telling.topics[0] is telling.topic


def test_a_firing_says_how_bad_it_is_and_since_when() -> None:
    evidence = tuple(point(NOON + 15 * n, v) for n, v in enumerate((0.01, 0.12, None, 0.124)))
    telling = tell(change(Change.FIRING, NOON + 45, evidence))

    assert telling.title == (
        "hybrid-routing: errors-high fires: 12.4 % (above 10 %) since 12:00:15Z"
    )
    assert telling.severity is Severity.CRITICAL
    assert "in breach for 30s" in telling.text
    assert telling.fields["Query"].startswith("sum(rate(")


def test_a_firing_of_a_yes_or_no_signal_needs_no_number() -> None:
    event = TriggerChanged(
        TARGET, "down", Change.FIRING, Severity.CRITICAL, NOON, "HTTP 503", condition="failing"
    )

    assert tell(event).title == "hybrid-routing: down fires: failing since 12:00:00Z"
    assert "HTTP 503" in tell(event).text


@pytest.mark.parametrize("kind", [kind for kind in Change if kind is not Change.FIRING])
def test_a_trigger_is_told_when_it_fires_and_not_before(kind: Change) -> None:
    assert message(Record(7, Moment(5000, NOON), change(kind, NOON))) is None


def test_blindness_wakes_somebody_and_says_what_is_in_the_dark() -> None:
    telling = tell(BLIND)

    assert telling.topics == (Topic.BLIND, Topic.PAGED)
    assert telling.severity is Severity.CRITICAL
    assert "For 5m" in telling.text
    assert "errors-high" in telling.text
    assert "since 11:55:00Z" in telling.title


def test_alert_only_says_that_nothing_was_done_and_what_would_have_been() -> None:
    telling = tell(decision("alert_only"))

    assert telling.topics == (Topic.DECIDED,)
    assert "NOT rolled back (alert-only)" in telling.title
    assert "1. Switch it off: POST http://x/off" in telling.text
    assert "rollback-watchdog rollback FILE immediate" in telling.text


def test_a_decision_to_act_says_what_will_be_done() -> None:
    telling = tell(decision())

    assert telling.topics == (Topic.DECIDED,)
    assert "runs now" in telling.title
    assert "2. check healthy: expect passing" in telling.text


def test_a_refusal_names_its_reason_and_wakes_somebody() -> None:
    telling = tell(decision("latched"))

    assert telling.topics == (Topic.REFUSED, Topic.PAGED)
    assert "NOT rolled back (latched)" in telling.title
    assert "a named person must `clear` it" in telling.text
    assert "run x ended failed" in telling.text
    assert f"rollback-watchdog clear --target {TARGET}" in telling.text
    assert "rollback-watchdog status" in tell(decision("global_limit")).text


def test_a_refusal_that_ends_by_itself_says_when() -> None:
    assert "ends by itself at 12:10:00Z" in tell(decision("cooling_down", NOON + 600)).text


@pytest.mark.parametrize("reason", [Reason.PAUSED, Reason.UNCONFIRMED])
def test_a_refusal_that_a_person_wants_wakes_nobody(reason: Reason) -> None:
    assert Topic.PAGED not in tell(decision(reason.value)).topics


def test_a_run_that_began_says_why_and_since_when() -> None:
    run = under_way(Story().breach().decide())
    start = run.start

    assert "because errors-high fires since 12:02:30Z" in tell(start, run).text
    unknown = replace(run, start=replace(start, episode=""))
    assert "because errors-high fires." in tell(start, unknown).text
    manual = replace(run, start=replace(start, by="alice", reason="complaint"))
    assert tell(start, manual).title.endswith("started by alice: complaint")


def test_a_run_that_helped_says_how_long_it_took() -> None:
    story = Story().breach().decide().step(0).step(1).verify()
    telling = tell(RunEnded(RUN, TARGET, Outcome.SUCCEEDED, "all passed", 41), under_way(story))

    assert telling.topics == (Topic.VERIFIED,)
    assert telling.severity is Severity.CRITICAL
    assert "within its budget of 5m" in telling.text
    assert "watched for 15m" in telling.text

    slow = tell(RunEnded(RUN, TARGET, Outcome.SUCCEEDED, "all passed", 301), under_way(story))
    assert "OVER its budget of 5m" in slow.text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.FAILED, "FAILED"),
        (Outcome.PARTIALLY_APPLIED, "HALF WAY"),
        (Outcome.INCONCLUSIVE, "NOT PROVEN"),
        (Outcome.INTERRUPTED, "INTERRUPTED"),
        (Outcome.STOPPED, "STOPPED"),
    ],
)
def test_a_run_that_did_not_help_pages_and_latches(outcome: Outcome, words: str) -> None:
    run = under_way(Story().breach().decide())
    telling = tell(RunEnded(RUN, TARGET, outcome, "why not", 41), run)

    assert {Topic.FAILED, Topic.LATCHED, Topic.PAGED} <= {*telling.topics}
    assert words in telling.title
    assert "why not" in telling.title
    assert f"rollback-watchdog clear --target {TARGET} --by" in telling.text
    assert telling.severity is Severity.CRITICAL


def test_a_run_that_gave_way_to_a_graver_one_wakes_nobody() -> None:
    run = under_way(Story().breach().decide())
    telling = tell(RunEnded(RUN, TARGET, Outcome.SUPERSEDED, "superseded", 41), run)

    assert telling.topics == (Topic.FAILED,)


def test_only_a_doubtful_step_is_told_before_the_run_is_over() -> None:
    run = under_way(Story().breach().decide())
    for result in (StepResult.OK, StepResult.FAILED, StepResult.SKIPPED):
        ended = StepEnded(RUN, Stage.STEPS, 0, "off", result)
        assert message(Record(7, Moment(5000, NOON), ended), run) is None

    doubtful = tell(StepEnded(RUN, Stage.STEPS, 0, "off", StepResult.IN_DOUBT, "no answer"), run)
    assert doubtful.topics == (Topic.INTERRUPTED, Topic.PAGED)
    assert "may or may not have happened" in doubtful.title


def test_a_doubtful_last_notice_pages_nobody() -> None:
    run = under_way(Story().breach().decide())
    ended = StepEnded(RUN, Stage.FINAL, 0, "notice", StepResult.IN_DOUBT)

    assert message(Record(7, Moment(5000, NOON), ended), run) is None


def test_an_overrun_pages() -> None:
    run = under_way(Story().breach().decide())
    telling = tell(BudgetExceeded(RUN, 300, 301), run)

    assert telling.topics == (Topic.PAGED,)
    assert telling.severity is Severity.CRITICAL


def test_a_run_taken_up_after_a_restart_is_told() -> None:
    run = under_way(Story().breach().decide().step(0))

    assert "1 of 2 steps were done" in tell(RunResumed(RUN, 1), run).text


@pytest.mark.parametrize(
    ("proof", "topics"),
    [
        (Proof.PASSED, (Topic.STABLE,)),
        (Proof.FAILED, (Topic.RELAPSED, Topic.LATCHED, Topic.PAGED)),
        (Proof.INCONCLUSIVE, (Topic.STABLE, Topic.PAGED)),
    ],
)
def test_the_end_of_a_watch_is_stable_only_where_that_is_proven(
    proof: Proof, topics: tuple[Topic, ...]
) -> None:
    story = helped()
    run = under_way(Story(records=story.records[:-1]))
    telling = tell(WatchEnded(RUN, TARGET, Stage.WATCH_SHORT, proof, "why"), run)

    assert telling.topics == topics
    assert ("NOT" in telling.title) is (proof is not Proof.PASSED)


@pytest.mark.parametrize(
    "event",
    [Paused(TARGET, "bob", "works", None), KillSwitchChanged(on=True, how="signal USR1")],
    ids=["pause", "kill switch"],
)
def test_who_holds_the_machine_back_is_told(event: Event) -> None:
    telling = tell(event)

    assert telling.topics == (Topic.LATCHED,)
    assert telling.severity is Severity.WARNING


def test_what_concerns_all_targets_names_none() -> None:
    assert tell(KillSwitchChanged(on=True, how="x")).target == ""
    assert tell(Paused("", "bob", "works", None)).target == ""
    assert tell(ConfigRefused("a.yaml", "b")).target == ""


def test_a_run_cannot_be_told_without_itself() -> None:
    with pytest.raises(ValueError, match="cannot be told without its run"):
        tell(RunEnded(RUN, TARGET, Outcome.FAILED, "x", 1))


@pytest.mark.parametrize("write", STORIES, ids=lambda write: write.__name__)
def test_every_message_of_a_run_names_target_and_plan(write: Callable[[], Story]) -> None:
    for one in incident_of(related(write().records, RUN)).communications:
        assert one.telling.target == TARGET
        if "Run" in one.telling.fields:
            assert one.telling.title.startswith(f"{TARGET}: rollback {PLAN.name} ")
