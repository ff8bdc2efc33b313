from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.bed.story import (
    ERRORS,
    INCIDENT,
    NOON,
    PLAN,
    RUN,
    STORIES,
    TARGET,
    Story,
    broke_off,
    by_hand,
    change,
    did_not_help,
    helped,
    in_doubt,
    point,
    relapsed,
    started_run,
)
from watchdog.domain.events import (
    Decided,
    Event,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    NotificationDelivered,
    ReportWritten,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.incident import Incident, incident_of
from watchdog.domain.progress import (
    CheckSampled,
    Effect,
    Outcome,
    Proof,
    RunEnded,
    RunResumed,
    Stage,
    StepObserved,
    StepResult,
)
from watchdog.domain.relation import related
from watchdog.domain.signal import Verdict
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Change, Severity


def told(story: Story) -> Incident:
    return incident_of(related(story.records, RUN))


def test_milestones_stand_in_the_order_in_which_they_were_reached() -> None:
    reached = told(helped()).milestones
    at = [
        reached.breach_started,
        reached.detected,
        reached.decided,
        reached.first_call,
        reached.completed,
        reached.verified,
        reached.ended,
        reached.stable,
    ]

    assert None not in at
    assert sorted(moment.elapsed for moment in at if moment) == [m.elapsed for m in at if m]


def test_the_breach_began_when_the_trigger_became_pending() -> None:
    reached = told(helped()).milestones

    assert reached.breach_started is not None
    assert reached.breach_started.wall == NOON + 30
    assert reached.decided.since(reached.breach_started) == pytest.approx(120, abs=0.1)


def test_a_breach_longer_than_the_evidence_began_when_it_was_pending() -> None:
    story = Story().tell(change(Change.PENDING, NOON)).wait(3600)
    story.tell(change(Change.FIRING, story.now.wall, (point(story.now.wall, 0.2),))).decide()

    began = incident_of(story.records).milestones.breach_started

    assert began is not None
    assert began.wall == NOON


def test_without_a_pending_on_record_the_evidence_says_when_the_breach_began() -> None:
    records = [
        record
        for record in related(helped().records, RUN)
        if not (isinstance(record.event, TriggerChanged) and record.event.change is Change.PENDING)
    ]

    reached = incident_of(records).milestones

    assert reached.breach_started is not None
    assert reached.breach_started.wall == NOON + 30


def test_where_nothing_says_when_the_breach_began_only_the_detection_is_known() -> None:
    story = Story().tell(change(Change.FIRING, NOON)).decide()

    reached = incident_of(story.records).milestones

    assert reached.breach_started is None
    assert reached.detected == reached.decided


def test_a_run_by_hand_has_no_breach_and_nothing_detected() -> None:
    incident = told(by_hand())

    assert incident.milestones.breach_started is None
    assert incident.milestones.detected is None
    assert incident.decided is None
    assert incident.outcome is Outcome.SUCCEEDED


def test_what_was_not_reached_is_none() -> None:
    assert told(did_not_help()).milestones.verified is None
    assert told(broke_off()).milestones.completed is None
    assert told(relapsed()).milestones.stable is None
    assert told(relapsed()).milestones.verified is not None


def test_the_budget_runs_from_the_decision_until_verified() -> None:
    incident = told(helped())

    assert incident.milestones.verified is not None
    assert incident.spent == incident.milestones.verified.since(incident.milestones.decided)
    assert not incident.over_budget


def test_a_run_that_is_not_verified_spends_until_it_ends() -> None:
    story = Story().breach().decide().step(0).wait(400).step(1).verify(Proof.FAILED)
    incident = told(story.end(Outcome.FAILED))

    assert incident.milestones.ended is not None
    assert incident.spent == incident.milestones.ended.since(incident.milestones.decided)
    assert incident.over_budget


def test_a_run_under_way_spends_until_now() -> None:
    story = Story().breach().decide().step(0).wait(500).tell(RunResumed(RUN, 1))

    assert told(story).outcome is None
    assert told(story).over_budget


@pytest.mark.parametrize("write", STORIES, ids=lambda write: write.__name__)
def test_a_journal_cut_off_anywhere_can_be_told(write: Callable[[], Story]) -> None:
    records = write().records
    for length in range(1, len(records) + 1):
        known = related(records[:length], RUN)
        if known:
            incident_of(known)


def test_records_without_the_run_are_refused() -> None:
    with pytest.raises(ValueError, match="no start of a run nobody"):
        incident_of(related(helped().records, RUN), "nobody")
    assert related(helped().records, "nobody") == []


def test_every_step_of_the_plan_has_its_result() -> None:
    actions = told(broke_off()).deeds.actions

    assert [(one.stage, one.index, one.result) for one in actions] == [
        (Stage.STEPS, 0, StepResult.OK),
        (Stage.STEPS, 1, StepResult.FAILED),
        (Stage.FINAL, 0, StepResult.OK),
    ]
    assert actions[1].detail == "HTTP 401 Unauthorized"


def test_what_was_sent_is_what_the_decision_said_would_be() -> None:
    first, second, notice = told(helped()).deeds.actions

    assert first.sent.startswith("POST http://127.0.0.1:8080/admin/emergency/disable")
    assert second.sent.startswith("POST http://127.0.0.1:8080/admin/config/routing-override")
    assert notice.sent.startswith("POST http://127.0.0.1:8080/admin/notifications")


def test_a_step_never_reached_has_no_result() -> None:
    story = Story().breach().decide().step(0, StepResult.FAILED, "HTTP 500")
    actions = told(story.end(Outcome.FAILED, "step 1: HTTP 500")).deeds.actions

    assert actions[1].result is None
    assert actions[1].attempts == 0


def test_what_a_look_at_the_world_said_of_a_step_is_kept() -> None:
    story = Story().breach().decide()
    story.tell(StepObserved(RUN, Stage.STEPS, 0, Effect.APPLIED, "the flag is off"))

    assert told(story).deeds.actions[0].seen is Effect.APPLIED


def test_checks_count_their_looks_and_those_that_saw_nothing() -> None:
    health, errors = told(did_not_help()).deeds.checks
    assert (health.looks, health.proof) == (3, Proof.PASSED)
    assert (errors.looks, errors.decided, errors.proof) == (12, 12, Proof.FAILED)

    story = Story().breach().decide().step(0).step(1).verify(Proof.INCONCLUSIVE)
    blind = told(story).deeds.checks[1]
    assert (blind.looks, blind.decided, blind.proof) == (12, 0, Proof.INCONCLUSIVE)


def test_a_watch_counts_its_own_looks() -> None:
    (watch,) = told(helped()).deeds.watches

    assert (watch.looks, watch.decided, watch.proof) == (60, 60, Proof.PASSED)
    assert told(helped()).deeds.checks[1].looks == 3


def test_the_signal_is_brought_together_from_trigger_checks_and_watch() -> None:
    errors, healthy = told(helped()).series

    assert (errors.trigger, errors.signal) == ("errors-high", ERRORS.name)
    assert len(errors.looked) == 11 + 3 + 60
    assert (healthy.trigger, healthy.signal) == ("", "healthy")
    assert errors.lasted(Verdict.BREACH) == pytest.approx(130, abs=2)


def test_the_history_of_a_source_is_judged_by_the_triggers_measure() -> None:
    story = helped().history((0.01, 0.2, None, float("nan")), NOON, 15)

    recalled = told(story).series[0].recalled

    assert [p.verdict for p in recalled] == [
        Verdict.OK,
        Verdict.BREACH,
        Verdict.UNKNOWN,
        Verdict.UNKNOWN,
    ]


def test_a_look_at_a_check_that_the_plan_does_not_have_is_left_out() -> None:
    story = helped()
    story.tell(replace(_look(story), index=9), replace(_look(story), stage=Stage.STEPS, index=0))

    assert [len(one.looked) for one in told(story).series] == [74, 3]


def _look(story: Story) -> CheckSampled:
    return next(r.event for r in story.records if isinstance(r.event, CheckSampled))


def test_a_run_by_hand_tells_its_story_by_the_signal_looked_at_most() -> None:
    main = told(by_hand()).main_series

    assert main is not None
    assert main.signal == ERRORS.name


def test_people_were_told_of_every_turn() -> None:
    topics = [one.telling.topic for one in told(helped()).communications]

    assert topics == [
        Topic.FIRING,
        Topic.DECIDED,
        Topic.STARTED,
        Topic.VERIFIED,
        Topic.STABLE,
    ]
    assert Topic.INTERRUPTED in [one.telling.topic for one in told(in_doubt()).communications]


def test_each_message_knows_what_became_of_it() -> None:
    story = helped()
    firing = next(
        r.seq
        for r in story.records
        if isinstance(r.event, TriggerChanged) and r.event.change is Change.FIRING
    )
    story.delivered(firing).given_up(firing)

    (arrived, lost) = told(story).communications[0].deliveries

    assert (arrived.channel, arrived.error) == ("ops", "")
    assert (lost.channel, lost.attempts, lost.error) == ("pager", 7, "401 Unauthorized")


def test_a_delivery_of_something_else_is_left_out() -> None:
    story = helped().tell(NotificationDelivered("ops", 9999, 1))

    assert all(not one.deliveries for one in told(story).communications)


def test_another_target_another_run_and_another_incident_are_left_out() -> None:
    story = helped()
    alien: list[Event] = [
        IncidentOpened("other", "inc-other", "errors", Severity.CRITICAL),
        SourceWentBlind("other", "metrics", NOON, "timeout", ("errors",)),
        ReportWritten(RUN, "reports/one.md"),
        NotificationDelivered("ops", 9999, 1),
    ]
    before = related(story.records, RUN)
    story.tell(*alien)

    assert related(story.records, RUN) == before


def test_a_second_run_in_the_same_records_is_not_mixed_in() -> None:
    story = helped()
    second = replace(started_run(by="bob", reason="again"), run="second")
    story.tell(second, RunEnded("second", TARGET, Outcome.FAILED, "x", 1.0))

    assert incident_of(story.records).outcome is Outcome.SUCCEEDED
    assert incident_of(story.records, "second").outcome is Outcome.FAILED
    assert len(incident_of(story.records).communications) == 5


def test_an_earlier_firing_that_was_over_is_another_story() -> None:
    story = Story().tell(change(Change.PENDING, NOON), change(Change.FIRING, NOON))
    story.tell(change(Change.RESOLVED, NOON)).wait(600).breach().decide()

    assert [r.seq for r in related(story.records, RUN)] == [4, 5, 6, 7, 8]


def test_a_trigger_that_fired_while_the_run_went_on_belongs_to_it() -> None:
    story = Story().breach().decide().step(0)
    story.tell(TriggerChanged(TARGET, "slow", Change.FIRING, Severity.WARNING, story.now.wall))
    story.step(1).verify().end()

    incident = told(story)

    assert [event.trigger for event in incident.fired] == ["errors-high", "slow"]


def test_an_earlier_firing_that_calmed_down_during_the_run_belongs_to_it() -> None:
    story = Story().breach().decide().step(0)
    story.tell(change(Change.RESOLVED, story.now.wall), change(Change.PENDING, story.now.wall))
    story.tell(change(Change.PENDING_LOST, story.now.wall)).step(1)
    events = [record.event for record in related(story.records, RUN)]
    kinds = [event.change for event in events if isinstance(event, TriggerChanged)]

    assert kinds == [Change.PENDING, Change.FIRING, Change.RESOLVED]


def test_what_befell_the_target_in_the_meantime_is_told_too() -> None:
    story = Story().breach().decide().step(0)
    story.tell(
        SourceWentBlind(TARGET, "metrics", NOON, "timeout", ("errors-high",)),
        KillSwitchChanged(on=True, how="signal USR1"),
    )
    story.end(Outcome.STOPPED, "kill switch: signal USR1")

    topics = [one.telling.topic for one in told(story).communications]

    assert topics[-3:] == [Topic.BLIND, Topic.LATCHED, Topic.FAILED]


def test_the_end_of_the_incident_is_known() -> None:
    story = helped().wait(60).tell(IncidentClosed(TARGET, INCIDENT))

    assert told(story).closed == story.now
    assert told(helped()).closed is None


def test_the_decision_is_that_of_this_run() -> None:
    story = Story().breach()
    story.decide(refusal="cooling_down", detail="60 s left").wait(60).decide()

    decided = told(story).decided

    assert isinstance(decided, Decided)
    assert decided.refusal == ""
    assert decided.plan == PLAN.name
    assert told(Story().tell(started_run(by="alice"))).decided is None
