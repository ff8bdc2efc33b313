from dataclasses import replace

from tests.bed.story import RUN, helped
from watchdog.adapters.report.proof import unchecked
from watchdog.domain.incident import Incident, incident_of
from watchdog.domain.relation import related

WHAT = "whether a change preceded the breach"


def an_incident(*, asked: tuple[str, ...] = (), returns: str = "none", **start: str) -> Incident:
    found = incident_of(related(helped().records, RUN))
    assert found.decided is not None
    began = replace(found.run.start, plan=replace(found.run.start.plan, returns_to=returns))
    run = replace(found.run, start=replace(began, **start))  # type: ignore[arg-type]
    return replace(found, run=run, decided=replace(found.decided, unchecked=asked))


def of_changes(incident: Incident) -> list[str]:
    return [line.removeprefix(f"{WHAT}") for line in unchecked(incident) if line.startswith(WHAT)]


def test_where_nobody_tells_of_changes_the_report_says_so() -> None:
    assert of_changes(an_incident()) == [": the target declares no source of changes"]


def test_what_was_not_asked_is_named() -> None:
    assert of_changes(an_incident(asked=("no_recent_change", "no_good_version"))) == [
        " (no_recent_change, no_good_version): the target declares no source of changes"
    ]


def test_a_run_by_hand_and_a_plan_that_asks_for_no_change_are_said_to_be_so() -> None:
    assert of_changes(an_incident(from_version="v2", by="ann")) == [": ann started the run"]
    assert of_changes(an_incident(from_version="v2")) == [
        ": the plan has neither `returns_to` nor `requires_change`"
    ]


def test_what_was_checked_is_not_listed() -> None:
    assert of_changes(an_incident(from_version="v2", returns="previous")) == []
