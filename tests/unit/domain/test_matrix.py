from tests.builders import a_trigger, at
from watchdog.domain.matrix import proposals
from watchdog.domain.trigger import (
    Firing,
    Inactive,
    Pending,
    Severity,
    TriggerState,
    TriggerStatus,
)

LATENCY = a_trigger("latency", plan="cache", severity=Severity.WARNING)
ERRORS = a_trigger("errors", plan="undo", severity=Severity.CRITICAL)
COST = a_trigger("cost", plan="throttle", severity=Severity.WARNING)
TRIGGERS = (LATENCY, ERRORS, COST)


def statuses(**states: TriggerState) -> dict[str, TriggerStatus]:
    return {one.name: TriggerStatus(states.get(one.name, Inactive())) for one in TRIGGERS}


def test_only_a_firing_trigger_proposes_its_plan() -> None:
    some = proposals(TRIGGERS, statuses(latency=Firing(at(5)), errors=Pending(at(1))))

    assert [(one.plan, one.trigger, one.since) for one in some] == [("cache", "latency", at(5))]


def test_the_gravest_comes_first_and_equals_stand_as_written() -> None:
    firing = Firing(at(5))

    some = proposals(TRIGGERS, statuses(latency=firing, errors=firing, cost=firing))

    assert [one.trigger for one in some] == ["errors", "latency", "cost"]


def test_a_proposal_says_whether_the_last_look_was_a_breach() -> None:
    assert proposals(TRIGGERS, statuses(errors=Firing(at(5))))[0].breaching
    assert not proposals(TRIGGERS, statuses(errors=Firing(at(5), clear_since=9.0)))[0].breaching
    assert not proposals(TRIGGERS, statuses(errors=Firing(at(5), gap=1)))[0].breaching


def test_a_look_of_long_ago_is_no_breach_any_more() -> None:
    seen = statuses() | {"errors": TriggerStatus(Firing(at("5m")), judged_at=at("10m"))}
    never = statuses(errors=Firing(at("5m")))

    assert proposals(TRIGGERS, seen, at("10m30s"))[0].breaching
    assert not proposals(TRIGGERS, seen, at("10m31s"))[0].breaching
    assert not proposals(TRIGGERS, never, at("5m"))[0].breaching


def test_a_proposal_says_whether_it_was_seen_since_the_restart() -> None:
    assert proposals(TRIGGERS, statuses(errors=Firing(at(5))))[0].confirmed
    assert not proposals(TRIGGERS, statuses(errors=Firing(at(5), confirmed=False)))[0].confirmed


def test_an_episode_is_named_by_its_trigger_and_beginning() -> None:
    (one,) = proposals(TRIGGERS, statuses(errors=Firing(at(5))))
    (later,) = proposals(TRIGGERS, statuses(errors=Firing(at(6))))

    assert one.episode == f"errors@{at(5).wall:.3f}"
    assert one.episode != later.episode
