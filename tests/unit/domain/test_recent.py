from tests.builders import a_plan, at, started
from watchdog.domain.events import (
    DaemonStopped,
    Decided,
    Event,
    IncidentClosed,
    IncidentOpened,
    Outcome,
    Proof,
    Record,
    ReportWritten,
    RunEnded,
    Stage,
    TriggerJoined,
    WatchEnded,
)
from watchdog.domain.recent import KEPT, IncidentSummary, Recent
from watchdog.domain.trigger import Severity


def opened(name: str = "i1") -> IncidentOpened:
    return IncidentOpened("shop", name, "errors", Severity.CRITICAL)


def decided(refusal: str = "", incident: str = "i1") -> Decided:
    return Decided("shop", incident, "undo", "errors", Severity.CRITICAL, "e", refusal)


def recent(*events: Event) -> Recent:
    """What is remembered of `events`, one a minute."""
    return Recent().replay(
        Record(number, at(60.0 * number), event) for number, event in enumerate(events, 1)
    )


def only(*events: Event) -> IncidentSummary:
    (incident,) = recent(*events).incidents.values()
    return incident


def test_an_incident_is_open_until_it_is_closed() -> None:
    assert only(opened()).closed is None
    assert only(opened(), IncidentClosed("shop", "i1")).closed == at("2m").wall


def test_each_trigger_that_joined_is_named_once() -> None:
    joined = TriggerJoined("shop", "i1", "slow", Severity.WARNING)

    assert only(opened(), joined, joined).joined == ("slow",)


def test_each_reason_not_to_act_is_named_once_and_a_decision_to_act_is_none() -> None:
    incident = only(opened(), decided("paused"), decided("paused"), decided("latched"), decided())

    assert incident.refusals == ("paused", "latched")


def test_a_run_is_told_from_its_start_to_its_watch_and_report() -> None:
    incident = only(
        opened(),
        started(a_plan(name="undo"), by="ann"),
        RunEnded("r1", "shop", Outcome.SUCCEEDED, "all checks passed", 12.0),
        ReportWritten("r1", "reports/r1.md"),
        WatchEnded("r1", "shop", Stage.WATCH_SHORT, Proof.PASSED),
    )

    (run,) = incident.runs
    assert (run.plan, run.by, run.started) == ("undo", "ann", at("2m").wall)
    assert (run.outcome, run.elapsed) == ("succeeded", 12.0)
    assert (run.watch, run.report) == ("short watch passed", "reports/r1.md")


def test_the_last_watch_is_the_one_that_counts() -> None:
    watches = (
        WatchEnded("r1", "shop", Stage.WATCH_SHORT, Proof.PASSED),
        WatchEnded("r1", "shop", Stage.WATCH_LONG, Proof.FAILED),
    )

    assert only(opened(), started(), *watches).runs[0].watch == "long watch failed"


def test_several_runs_of_an_incident_are_told_apart() -> None:
    runs = only(
        opened(),
        started(),
        started(run="r2"),
        RunEnded("r2", "shop", Outcome.FAILED, "", 1.0),
    ).runs

    assert [(run.run, run.outcome) for run in runs] == [("r1", ""), ("r2", "failed")]


def test_only_the_last_incidents_are_remembered() -> None:
    events: list[Event] = []
    for number in range(KEPT + 3):
        events += [opened(f"i{number}"), started(run=f"r{number}", incident=f"i{number}")]
    # A run of one that is forgotten says nothing any more.
    events.append(RunEnded("r0", "shop", Outcome.FAILED, "", 1.0))

    assert list(recent(*events).incidents) == [f"i{number}" for number in range(3, KEPT + 3)]


def test_what_belongs_to_no_incident_that_is_known_is_passed_over() -> None:
    strangers = (
        IncidentClosed("shop", "other"),
        TriggerJoined("shop", "other", "slow", Severity.WARNING),
        decided("paused", "other"),
        started(incident="other"),
        DaemonStopped("SIGTERM"),
    )

    assert only(opened(), *strangers) == only(opened())
