"""How many alerts fire, and which of them did not when a plan looked before."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.adapters.sources.test_prometheus_rules import (
    NOW,
    a_page,
    a_rule,
    an_alert,
    read,
    written,
)
from watchdog.adapters.firing_alerts import firing
from watchdog.adapters.rule_states import RuleStates
from watchdog.adapters.sources.prometheus_rules import Ask
from watchdog.domain.observation import Gap, Observation, Sample, Unknown


def page(*firing_routes: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    alerts = [an_alert("firing", team="shop", route=route) for route in firing_routes]
    pending = an_alert("pending", team="shop", route="/slow")
    rule = a_rule(state="firing", labels={"team": "shop"}, alerts=[*alerts, pending], **more)
    always = a_rule("Watchdog", "firing", labels={"team": "us"}, alerts=[an_alert(team="us")])
    return a_page(rule, always)


def seen(document: object, against: object = None, **labels: str) -> Observation:
    rules = read(document)
    assert isinstance(rules, RuleStates), rules
    return firing(rules, labels, against, NOW)


def sample(observation: Observation) -> Sample:
    assert isinstance(observation, Sample), observation
    return observation


def test_alerts_that_fire_are_counted() -> None:
    every = sample(seen(page("/a", "/b")))
    ours = sample(seen(page("/a", "/b"), team="shop"))

    assert (every.values, every.note) == ((3.0,), "3 fire: HighErrors, HighErrors, Watchdog")
    assert (ours.values, len(json.loads(str(ours.read)))) == ((2.0,), 2)


def test_against_those_of_before_only_new_ones_count() -> None:
    before = sample(seen(page("/a"))).read

    same, fewer, more = (seen(page(*routes), before) for routes in (("/a",), (), ("/a", "/b")))

    assert [sample(one).values for one in (same, fewer, more)] == [(0.0,), (0.0,), (1.0,)]
    assert sample(more).note == "1 of 3 new: HighErrors"


@pytest.mark.parametrize("against", ["", "{}", "[", "null"])
def test_without_what_was_saved_nothing_is_new_or_old(against: str) -> None:
    found = seen(page("/a"), against)

    assert isinstance(found, Gap)
    assert found.reason is Unknown.NODATA


def test_a_rule_that_says_nothing_leaves_it_open() -> None:
    stale = sample(seen(page("/a", lastEvaluation=written(90))))
    sick = sample(seen(page("/a", health="err", lastError="no such label")))

    assert "last evaluated 90 s ago" in stale.warnings[0]
    assert "no such label" in sick.warnings[0]
    # A rule whose alerts have other labels is nobody's business here.
    assert sample(seen(page("/a", health="err"), team="us")).warnings == ()


def test_more_alerts_than_can_be_kept_are_no_answer() -> None:
    found = seen(page(*map(str, range(600))))

    assert isinstance(found, Gap)
    assert found.note == "601 alerts fire; give `firing` more labels"


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        ({}, "one of `alert` and `firing`"),
        ({"alert": "A", "firing": {}}, "one of `alert` and `firing`"),
        ({"firing": {}, "labels": {"a": "b"}}, "has its own labels"),
        ({"alert": "A", "against": "[]"}, "only `firing`"),
    ],
)
def test_what_means_nothing_is_refused(ask: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Ask.model_validate(ask)
