"""What the states of Prometheus' own rules mean, by answers written out here."""

import json
import random
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.bed.deps import now, real_deps
from tests.bed.wire import free_port, web_server
from watchdog.adapters.rule_states import NO, YES, RuleStates, read_rules
from watchdog.adapters.sources.prometheus_rules import Ask, Options, plugin
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Answer, Deps, Question

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC).timestamp()


def written(seconds_ago: float) -> str:
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).isoformat().replace("+00:00", "Z")


def an_alert(state: str = "firing", **labels: str) -> dict[str, Any]:
    return {"labels": labels, "state": state, "activeAt": "2026-11-22T11:50:00.123456789Z"}


def a_rule(name: str = "HighErrors", state: str = "inactive", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "name": name,
        "state": state,
        "health": "ok",
        "labels": {},
        "alerts": [],
        "lastEvaluation": written(5),
        "type": "alerting",
        **more,
    }


def a_page(*rules: dict[str, Any], group: str = "shop", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    groups = [{"name": group, "file": "shop.yml", "interval": 15, "rules": list(rules)}]
    return {"status": "success", "data": {"groups": groups}, **more}


def read(page: object, status: int = 200) -> RuleStates | Gap:
    return read_rules(Answer(status, {}, json.dumps(page).encode(), 0.01))


def seen(
    page: object,
    alert: str = "HighErrors",
    labels: Mapping[str, str] | None = None,
    group: str | None = None,
) -> Observation:
    rules = read(page)
    assert isinstance(rules, RuleStates), rules
    return rules.observation(alert, labels or {}, group, NOW)


def number(observation: Observation) -> float:
    assert isinstance(observation, Sample), observation
    return observation.values[0]


def gap(observation: object) -> Gap:
    assert isinstance(observation, Gap), observation
    return observation


@pytest.mark.parametrize(("state", "value"), [("inactive", YES), ("pending", YES), ("firing", NO)])
def test_a_signal_fails_only_while_its_alert_is_firing(state: str, value: float) -> None:
    sample = seen(a_page(a_rule(state=state)))

    assert number(sample) == value
    assert isinstance(sample, Sample)
    assert sample.note == f"HighErrors is {state}"


def test_labels_choose_among_the_alerts_of_a_rule() -> None:
    rule = a_rule(
        state="firing",
        alerts=[an_alert("firing", route="/a", code="500"), an_alert("pending", route="/b")],
    )

    assert number(seen(a_page(rule), labels={"route": "/a"})) == NO
    assert number(seen(a_page(rule), labels={"route": "/b"})) == YES
    assert number(seen(a_page(rule), labels={"route": "/c"})) == YES
    pending = seen(a_page(rule), labels={"route": "/b"})
    assert isinstance(pending, Sample)
    assert pending.note == "HighErrors is pending since 2026-11-22T11:50:00.123456789Z"


@pytest.mark.parametrize("health", ["err", "unknown", ""])
def test_a_rule_that_is_not_healthy_says_nothing_even_while_it_still_fires(health: str) -> None:
    rule = a_rule(state="firing", health=health, lastError="found duplicate series")

    found = gap(seen(a_page(rule)))

    assert found.reason is Unknown.ERROR
    assert "found duplicate series" in found.note


def test_a_rule_that_was_never_evaluated_says_nothing() -> None:
    rule = a_rule(state="unknown", health="unknown", lastEvaluation="0001-01-01T00:00:00Z")

    assert gap(seen(a_page(rule))).note == (
        "rule HighErrors: its health is unknown: it was not evaluated yet"
    )


def test_a_state_older_than_two_intervals_says_nothing() -> None:
    assert number(seen(a_page(a_rule(lastEvaluation=written(30))))) == YES

    old = gap(seen(a_page(a_rule(state="firing", lastEvaluation=written(32)))))

    assert old.reason is Unknown.STALE
    assert old.note == (
        "rule HighErrors: last evaluated 32 s ago, and its group 'shop' is due every 15 s"
    )


def test_a_state_of_the_future_says_nothing() -> None:
    assert gap(seen(a_page(a_rule(lastEvaluation=written(-60))))).reason is Unknown.STALE


def test_the_age_of_a_state_counts_from_when_the_next_one_was_due() -> None:
    fresh, overdue = (seen(a_page(a_rule(lastEvaluation=written(seconds)))) for seconds in (14, 25))

    assert isinstance(fresh, Sample)
    assert isinstance(overdue, Sample)
    assert (fresh.age, overdue.age) == (0, 10)


def test_a_rule_that_is_not_there_is_no_data_and_the_nearest_is_named() -> None:
    found = gap(seen(a_page(a_rule()), alert="HihgErrors"))

    assert found == Gap(Unknown.NODATA, "no alerting rule 'HihgErrors'; did you mean 'HighErrors'?")


def test_a_recording_rule_of_that_name_is_none() -> None:
    page = a_page({"name": "HighErrors", "type": "recording", "health": "ok"})

    assert gap(seen(page)).reason is Unknown.NODATA


def test_two_rules_of_one_name_are_ambiguous_until_labels_or_the_group_tell_them_apart() -> None:
    page, ticket = (
        a_rule(state=state, labels={"severity": severity}, alerts=alerts)
        for state, severity, alerts in (
            ("firing", "page", [an_alert(severity="page")]),
            ("inactive", "ticket", []),
        )
    )
    both = a_page(page, ticket)
    groups = a_page(page)
    groups["data"]["groups"] += a_page(ticket, group="other")["data"]["groups"]

    assert gap(seen(both)) == Gap(
        Unknown.AMBIGUOUS,
        "2 rules 'HighErrors': group 'shop' of shop.yml, group 'shop' of shop.yml; "
        "choose with `labels` or `group`",
    )
    assert number(seen(both, labels={"severity": "page"})) == NO
    assert number(seen(both, labels={"severity": "ticket"})) == YES
    assert gap(seen(both, labels={"severity": "none"})).reason is Unknown.NODATA
    assert gap(seen(groups)).reason is Unknown.AMBIGUOUS
    assert number(seen(groups, group="shop")) == NO
    assert number(seen(groups, group="other")) == YES


def test_a_label_from_a_template_may_be_anything() -> None:
    rule = a_rule(
        state="firing", labels={"team": "{{ $labels.team }}"}, alerts=[an_alert(team="a")]
    )

    assert number(seen(a_page(rule), labels={"team": "a"})) == NO
    assert number(seen(a_page(rule), labels={"team": "b"})) == YES


def test_warnings_of_a_partial_answer_stand_with_the_state() -> None:
    sample = seen(a_page(a_rule(), warnings=["a ruler is missing"]))

    assert isinstance(sample, Sample)
    assert sample.warnings == ("a ruler is missing",)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, {}, b"{}", 0.1, truncated=True), Unknown.PARSE),
        (Answer(200, {}, b"<html>", 0.1), Unknown.PARSE),
        (Answer(404, {}, b"no such page", 0.1), Unknown.HTTP),
        (Answer(503, {}, b"{}", 0.1), Unknown.HTTP),
        (Answer(200, {}, b"[]", 0.1), Unknown.PARSE),
        (Answer(200, {}, b"{}", 0.1), Unknown.PARSE),
        (Answer(200, {}, b'{"status":"success"}', 0.1), Unknown.PARSE),
        (Answer(422, {}, b'{"status":"error","errorType":"x","error":"y"}', 0.1), Unknown.ERROR),
    ],
)
def test_an_answer_that_is_none_is_unknown(answer: Answer, reason: Unknown) -> None:
    assert gap(read_rules(answer)).reason is reason


def test_any_answer_gives_an_observation_and_never_an_exception() -> None:
    chance = random.Random(4)
    page = a_page(a_rule(state="firing", alerts=[an_alert(route="/a")]))
    for _ in range(3_000):
        rules = read(_spoilt(deepcopy(page), chance))
        if isinstance(rules, RuleStates):
            observation = rules.observation("HighErrors", {"route": "/a"}, None, NOW)
            assert isinstance(observation, Sample | Gap)


def _spoilt(value: Any, chance: random.Random) -> Any:  # noqa: ANN401 (any JSON)
    """`value` with one part of it exchanged for something else."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        value[key] = _spoilt(value[key], chance)
        return value
    if isinstance(value, list) and value and chance.random() < 0.85:
        index = chance.randrange(len(value))
        value[index] = _spoilt(value[index], chance)
        return value
    return chance.choice([None, 7, -1.5, "", "firing", [], {}, [[]], {"a": 1}, True, "NaN", 1e300])


# -- over the wire


@dataclass
class FakeRuler:
    """Answers with one page."""

    page: object = field(default_factory=lambda: a_page(a_rule(state="firing")))
    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.path_qs)
        self.headers.append(request.headers)
        date = datetime.fromtimestamp(NOW, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return web.json_response(self.page, headers={"Date": date})


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    async with real_deps(TOKEN="hush") as deps:
        yield deps


@pytest.fixture
async def fake() -> AsyncIterator[FakeRuler]:
    fake = FakeRuler()
    async with web_server(fake.answer) as url:
        fake.url = url
        yield fake


async def observe(
    url: str, deps: Deps, *alerts: str, **options: object
) -> Mapping[str, Observation]:
    source = plugin.build(Options.model_validate({"url": url, **options}), deps)
    found = await source.observe([Question(one, Ask(alert=one)) for one in alerts], now())
    await source.close()
    assert set(found) == set(alerts)
    return found


async def test_all_questions_of_a_round_share_one_request(fake: FakeRuler, deps: Deps) -> None:
    found = await observe(f"{fake.url}/", deps, "HighErrors", "Other")

    assert fake.paths == ["/api/v1/rules?type=alert"]
    # The server's own clock, by which its evaluation is of five seconds ago.
    assert number(found["HighErrors"]) == NO
    assert gap(found["Other"]).reason is Unknown.NODATA
    assert await observe(fake.url, deps) == {}
    assert len(fake.paths) == 1


async def test_a_mimir_has_a_path_and_a_tenant_of_its_own(fake: FakeRuler, deps: Deps) -> None:
    await observe(
        fake.url,
        deps,
        "HighErrors",
        path="/prometheus/api/v1/rules",
        headers={"X-Scope-OrgID": "shop"},
        auth={"bearer": {"env": "TOKEN"}},
    )

    assert fake.paths == ["/prometheus/api/v1/rules?type=alert"]
    assert fake.headers[0]["X-Scope-OrgID"] == "shop"
    assert fake.headers[0]["Authorization"] == "Bearer hush"


async def test_an_answer_longer_than_allowed_is_none(fake: FakeRuler, deps: Deps) -> None:
    fake.page = a_page(*(a_rule(f"Rule{n}") for n in range(50)))

    found = await observe(fake.url, deps, "Rule1", max_bytes=1024)

    assert gap(found["Rule1"]).reason is Unknown.PARSE


async def test_a_server_that_is_not_there_leaves_every_question_unknown(deps: Deps) -> None:
    found = await observe(f"http://127.0.0.1:{await free_port()}", deps, "A", "B")

    assert {gap(one).reason for one in found.values()} == {Unknown.ERROR}


@pytest.mark.parametrize(
    "wrong",
    [{"url": "ftp://x"}, {"url": "http://x", "path": "rules"}, {"url": "http://x", "path": "/a?b"}],
)
def test_a_wrong_address_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


def test_a_question_names_an_alert() -> None:
    with pytest.raises(ValidationError):
        Ask.model_validate({"alert": ""})
