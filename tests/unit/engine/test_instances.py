"""Triggers with a state for each value of a label, and triggers that rest on several sources."""

import re
from collections.abc import Mapping

import pytest
from yarl import URL

from tests.builders import a_signal, a_target, a_trigger, above, at
from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import Event, SourceSeesAgain, SourceWentBlind, TriggerChanged
from watchdog.domain.expression import Term, all_of
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import Change, Firing, Inactive, Pending
from watchdog.domain.variables import fill
from watchdog.engine.evaluator import Evaluator, Looked
from watchdog.engine.instances import MAX_VALUES, instance

ERRORS = a_signal("errors", for_each="route")
BY_ROUTE = a_target(a_trigger("errors", signal=ERRORS, hold="30s"))
LOST = Gap(Unknown.ERROR, "connection refused")


def routes(**values: float) -> Sample:
    parts = {name: Sample((value,)) for name, value in values.items()}
    return Sample(tuple(values.values()), parts=parts)


class Rounds:
    """An evaluator that is shown one observation a slot of 15 seconds."""

    def __init__(self, target: Target = BY_ROUTE) -> None:
        self.evaluator = Evaluator(target)
        self.slot = 0
        self.events: list[Event] = []

    def see(self, *observations: Observation) -> "Rounds":
        for one in observations:
            self.slot += 1
            self.look("prometheus", errors=one)
        return self

    def look(self, source: str, **seen: Observation) -> None:
        looked = Looked(source, self.slot, at(self.slot * 15), seen)
        self.events += self.evaluator.take(looked)

    @property
    def states(self) -> Mapping[str, object]:
        return {name: type(one.state) for name, one in self.evaluator.statuses.items()}

    def changes(self, change: Change) -> list[str]:
        return [
            one.trigger
            for one in self.events
            if isinstance(one, TriggerChanged) and one.change is change
        ]


def test_every_value_of_the_label_has_a_state_of_its_own() -> None:
    rounds = Rounds().see(*[routes(a=0.0, b=0.9)] * 4)

    assert rounds.states == {
        "errors": Inactive,
        'errors{route="a"}': Inactive,
        'errors{route="b"}': Firing,
    }
    assert rounds.changes(Change.FIRING) == ['errors{route="b"}']
    (proposal,) = rounds.evaluator.proposals()
    assert (proposal.trigger, proposal.plan) == ('errors{route="b"}', "undo")


def test_one_well_route_does_not_clear_another() -> None:
    rounds = Rounds().see(*[routes(a=0.9, b=0.9)] * 2, *[routes(a=0.0, b=0.9)] * 2)

    assert rounds.states['errors{route="a"}'] is Inactive
    assert rounds.states['errors{route="b"}'] is Firing


def test_a_value_that_vanishes_is_not_known_and_nothing_is_cleared() -> None:
    rounds = Rounds().see(*[routes(a=0.0, b=0.9)] * 4, *[routes(a=0.0)] * 40)

    assert rounds.states['errors{route="b"}'] is Firing
    assert not rounds.evaluator.proposals()[0].breaching


def test_a_value_that_vanishes_while_all_was_well_is_forgotten() -> None:
    rounds = Rounds().see(routes(a=0.0, b=0.0), routes(a=0.0))

    assert set(rounds.states) == {"errors", 'errors{route="a"}'}
    assert rounds.see(routes(a=0.0, b=0.9)).states['errors{route="b"}'] is Pending


def test_a_pending_value_that_vanishes_is_lost_after_a_gap() -> None:
    rounds = Rounds().see(routes(a=0.0, b=0.0), routes(a=0.0, b=0.9), *[routes(a=0.0)] * 3)

    assert rounds.changes(Change.PENDING_LOST) == ['errors{route="b"}']
    assert set(rounds.states) == {"errors", 'errors{route="a"}'}


def test_an_outage_is_told_once_and_fires_nothing() -> None:
    rounds = Rounds().see(*[routes(a=0.0, b=0.9)] * 2, *[LOST] * 40)

    blind = [one for one in rounds.events if isinstance(one, SourceWentBlind)]
    assert [one.source for one in blind] == ["prometheus"]
    assert rounds.changes(Change.FIRING) == []


def test_without_any_value_the_trigger_itself_goes_blind() -> None:
    rounds = Rounds().see(*[Sample(())] * 30)

    blind = [one for one in rounds.events if isinstance(one, SourceWentBlind)]
    assert [one.triggers for one in blind] == [("errors",)]
    assert rounds.evaluator.judgements["errors"].note == "no series has the label route"


def test_a_label_with_too_many_values_says_so_and_keeps_to_its_bound() -> None:
    many = routes(**{f"r{number}": 0.0 for number in range(3 * MAX_VALUES)})
    rounds = Rounds().see(many, many)

    assert len(rounds.states) == MAX_VALUES + 1
    judgement = rounds.evaluator.judgements["errors"]
    assert judgement.reason is Unknown.AMBIGUOUS
    assert f"{3 * MAX_VALUES} values of route" in judgement.note


def test_values_that_come_and_go_beyond_the_bound_do_not_pile_up() -> None:
    rounds = Rounds()
    for number in range(20):
        values = {f"r{number}-{one}": 0.9 for one in range(2 * MAX_VALUES)}
        rounds.see(routes(**values))

    assert len(rounds.states) <= 4 * MAX_VALUES


def test_values_that_are_known_keep_their_state_when_there_are_too_many() -> None:
    many = {f"r{number}": 0.0 for number in range(2 * MAX_VALUES)}
    rounds = Rounds().see(*[routes(b=0.9)] * 4, *[routes(**many, b=0.0)] * 20)

    assert rounds.changes(Change.RESOLVED) == ['errors{route="b"}']


def test_a_pending_value_that_vanishes_is_lost_also_where_looks_are_counted() -> None:
    rounds = Rounds(a_target(a_trigger("errors", signal=ERRORS, fails=3)))
    rounds.see(routes(a=0.0, b=0.0), routes(a=0.0, b=0.9), *[routes(a=0.0)] * 3)

    assert rounds.changes(Change.PENDING_LOST) == ['errors{route="b"}']
    assert set(rounds.states) == {"errors", 'errors{route="a"}'}


def test_an_outage_of_the_source_loses_no_value_where_looks_are_counted() -> None:
    rounds = Rounds(a_target(a_trigger("errors", signal=ERRORS, fails=3)))
    rounds.see(routes(b=0.0), *[routes(b=0.9)] * 2, *[LOST] * 9, routes(b=0.9))

    assert rounds.states['errors{route="b"}'] is Firing


def test_a_value_that_vanished_while_it_fired_does_not_hide_a_later_outage() -> None:
    rounds = Rounds().see(*[routes(a=0.0, b=0.9)] * 4, *[routes(a=0.0)] * 40)
    assert [one for one in rounds.events if isinstance(one, SourceWentBlind)] == []

    rounds.see(*[LOST] * 30)
    blind = [one for one in rounds.events if isinstance(one, SourceWentBlind)]
    assert [one.triggers for one in blind] == [("errors", 'errors{route="a"}')]

    rounds.see(routes(a=0.0))
    assert isinstance(rounds.events[-1], SourceSeesAgain)


def of_traffic(**values: float | None) -> Sample:
    """As a source answers that knows of the traffic of every route, and of the errors of some."""
    parts = {
        name: Sample(() if one is None else (one,), volume=500.0) for name, one in values.items()
    }
    known = tuple(one for one in values.values() if one is not None)
    return Sample(known, volume=500.0, parts=parts)


def where_silence_is(good: bool) -> Target:
    signal = a_signal("errors", for_each="route", has_volume=True, nodata_is_ok=good)
    return a_target(a_trigger("errors", signal=signal, keep_firing_for="30s"))


def test_a_value_with_traffic_and_no_series_is_good_where_the_owner_says_so() -> None:
    rounds = Rounds(where_silence_is(good=True))
    rounds.see(*[of_traffic(a=None, b=0.9)] * 3)
    assert rounds.changes(Change.FIRING) == ['errors{route="b"}']

    rounds.see(*[of_traffic(a=None, b=None)] * 40)
    assert rounds.changes(Change.RESOLVED) == ['errors{route="b"}']
    assert not any(isinstance(one, SourceWentBlind) for one in rounds.events)


def test_a_value_with_traffic_and_no_series_is_not_known_otherwise() -> None:
    rounds = Rounds(where_silence_is(good=False))
    rounds.see(*[of_traffic(a=None, b=0.9)] * 3, *[of_traffic(a=None, b=None)] * 40)

    assert set(rounds.states) == {"errors", 'errors{route="b"}'}
    assert rounds.states['errors{route="b"}'] is Firing
    blind = [one for one in rounds.events if isinstance(one, SourceWentBlind)]
    assert [one.triggers for one in blind] == [("errors", 'errors{route="b"}')]


ODD = '/users/{id}/"orders"/' + "x" * 60


def test_values_that_look_alike_have_states_of_their_own() -> None:
    alike = (ODD + "a", ODD + "b")
    rounds = Rounds().see(*[routes(**dict(zip(alike, (0.0, 0.9), strict=True)))] * 4)

    assert sorted(type(one.state).__name__ for one in rounds.evaluator.statuses.values()) == [
        "Firing",
        "Inactive",
        "Inactive",
    ]


def test_a_value_that_cannot_be_shown_as_it_is_goes_on_after_a_restart() -> None:
    before = Rounds().see(*[routes(**{ODD: 0.9})] * 4)
    kept = before.evaluator.checkpoint(at(60))
    assert kept is not None
    after = Rounds()
    after.slot = 5
    after.evaluator.restore(kept, at(60), at(75))
    after.see(routes(**{ODD: 0.9}))

    (proposal,) = after.evaluator.proposals()
    assert proposal.confirmed


def test_a_value_that_cannot_be_shown_as_it_is_goes_on_after_a_reload() -> None:
    before, after = Rounds().see(*[routes(**{ODD: 0.9})] * 4), Rounds()
    after.slot = 5
    after.evaluator.adopt(before.evaluator)
    after.see(routes(**{ODD: 0.9}))

    (proposal,) = after.evaluator.proposals()
    assert proposal.confirmed


def test_a_value_is_shown_on_one_line_and_no_longer_than_fits() -> None:
    rounds = Rounds().see(routes(**{'x\n"}' + "y" * 100: 0.0}))

    name = next(name for name in rounds.states if name != "errors")
    # What is left of it may be left of another one, too.
    assert re.fullmatch('errors{route="x___' + "y" * 56 + '~[0-9a-f]{6}"}', name)


def test_the_state_of_a_value_survives_a_restart() -> None:
    before = Rounds().see(*[routes(a=0.0, b=0.9)] * 4)
    kept = before.evaluator.checkpoint(at(60))
    assert kept is not None
    after = Rounds()
    after.evaluator.restore(kept, at(60), at(75))

    state = after.evaluator.statuses['errors{route="b"}'].state
    assert isinstance(state, Firing)
    assert (state.since, state.began, state.confirmed) == (at(45), at(15), False)


def test_a_reload_keeps_the_state_of_a_value_only_where_the_trigger_is_the_same() -> None:
    before = Rounds().see(*[routes(b=0.9)] * 4)
    same, other = Rounds(), Rounds(a_target(a_trigger("errors", signal=ERRORS, hold="45s")))
    same.evaluator.adopt(before.evaluator)
    other.evaluator.adopt(before.evaluator)

    assert same.states == {"errors": Inactive, 'errors{route="b"}': Firing}
    assert other.states == {"errors": Inactive}


def test_a_trigger_of_a_value_is_found_in_the_file_by_its_name() -> None:
    trigger = BY_ROUTE.trigger('errors{route="b"}')

    assert trigger is not None
    assert trigger.name == "errors"


# -- several sources


HEALTH = Term(a_signal("health", "http"), Condition(Op.FAILING))
BOTH = a_trigger("both", watches=all_of(Term(a_signal("errors"), above(0.1)), HEALTH), every="15s")
TWO = a_target(BOTH)
NO, YES = Sample((0.0,)), Sample((1.0,))


def two(health: Observation | None, errors: Observation) -> Verdict:
    rounds = Rounds(TWO)
    rounds.slot = 2
    if health is not None:
        rounds.look("http", health=health)
    rounds.look("prometheus", errors=errors)
    return rounds.evaluator.judgements["both"].verdict


@pytest.mark.parametrize(
    ("health", "errors", "expected"),
    [
        (NO, Sample((0.9,)), Verdict.BREACH),
        (YES, Sample((0.9,)), Verdict.OK),
        (NO, Sample((0.0,)), Verdict.OK),
        (LOST, Sample((0.9,)), Verdict.UNKNOWN),
        (None, Sample((0.9,)), Verdict.UNKNOWN),
        (None, Sample((0.0,)), Verdict.OK),
    ],
)
def test_conditions_of_two_sources_are_weighed_together(
    health: Observation | None, errors: Observation, expected: Verdict
) -> None:
    assert two(health, errors) is expected


def test_what_another_source_saw_long_ago_is_not_known_any_longer() -> None:
    rounds = Rounds(TWO)
    rounds.look("http", health=NO)
    for slot, expected in ((2, Verdict.BREACH), (3, Verdict.UNKNOWN)):
        rounds.slot = slot
        rounds.look("prometheus", errors=Sample((0.9,)))
        assert rounds.evaluator.judgements["both"].verdict is expected
    assert "http was looked at 45 s ago" in rounds.evaluator.judgements["both"].note


def test_it_is_evaluated_once_a_round_of_the_source_that_paces_it() -> None:
    rounds = Rounds(TWO)
    for _ in range(3):
        rounds.slot += 1
        rounds.look("http", health=NO)
    assert rounds.evaluator.evaluations == {}

    rounds.look("prometheus", errors=Sample((0.9,)))
    assert rounds.evaluator.evaluations == {"breach": 1}


@pytest.mark.parametrize(
    "value", ["/../../admin/drop?all=1#", "$(reboot)", "`id`;id|id&", "a'b\\c", "%2e%2e/x", "x\ny"]
)
def test_a_label_leads_no_address_or_command_elsewhere(value: str) -> None:
    name = instance(BY_ROUTE.triggers[0], value).trigger.name
    shown = name.partition('="')[2].removesuffix('"}')
    options = {"url": "http://deploy/hook/{{ run.trigger }}/ok"}
    filled = str(fill(options, {"run.trigger": name})["url"])

    assert str(URL(filled).path).startswith("/hook/")
    assert URL(filled).query_string == URL(filled).fragment == ""
    assert not set(shown) & set("\"'`$;|&()<>?#%\\*\n")
