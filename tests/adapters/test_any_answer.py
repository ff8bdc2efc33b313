"""I6: whatever bytes come back, each source gives an observation, and each signal a verdict."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bed.deps import KnownSecrets
from tests.builders import a_signal
from watchdog import catalog
from watchdog.adapters.prometheus_answer import MEMBER_LABEL
from watchdog.domain.condition import Condition, Op
from watchdog.domain.errors import InDoubtError, TransientError
from watchdog.domain.observation import Gap, Observation, Sample
from watchdog.domain.signal import Across, Verdict, judge
from watchdog.ports import Answer, Deps, Question
from watchdog.testing.doubles import ManualClock

URL = "http://127.0.0.1:9"
ASKS: dict[str, list[dict[str, Any]]] = {
    "prometheus": [
        {"query": "up"},
        {"query": "sum(rate(errors[1m])) / sum(rate(all[1m]))", "volume": "sum(increase(all[5m]))"},
        {"query": "sum by (route) (errors)", "for_each": "route"},
    ],
    "prometheus_rules": [{"alert": "High"}, {"alert": "High", "labels": {"a": "b"}}],
    "http": [{}, {"json": "a.b"}, {"expect": {"status": 200, "json": {"a": 1}}}, {"latency": True}],
    "scrape": [
        {"gauge": "up"},
        {"rate": "errors_total", "window": "1m"},
        {"ratio": {"of": "errors_total", "to": "all_total"}, "window": "1m"},
        {"quantile": {"q": 0.95, "of": "seconds"}, "window": "1m"},
    ],
}


DECIDED = ("prometheus", "http")


@dataclass
class AnyHttp:
    """Satisfies `ports.HttpClient`: answers what it is given, or fails with it."""

    answer: Answer | Exception

    async def request(self, method: str, url: str, **_: object) -> Answer:
        """What every request comes to."""
        del method, url
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


words = st.sampled_from(["status", "success", "error", "data", "vector", "a", "b", "up", "1", ""])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
numbers = st.sampled_from(["1", "NaN", "+Inf", "-Inf", "1e308", "-1", "0", "", "x"]) | st.floats()
series = st.fixed_dictionaries(
    {
        "metric": st.fixed_dictionaries(
            {MEMBER_LABEL: st.sampled_from(["0", "1", "2", "3", "4", "00"]) | leaves},
            optional={"route": words, "__name__": words},
        ),
        "value": st.tuples(st.floats() | st.integers(), numbers).map(list) | leaves,
    }
)
vectors = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["success", "error"]),
        "data": st.fixed_dictionaries(
            {
                "resultType": st.sampled_from(["vector", "scalar", "matrix"]),
                "result": st.lists(series, max_size=4) | json_values,
            }
        ),
    },
    optional={"warnings": st.lists(words, max_size=2) | leaves},
)
# Every question of a batch is answered by something, and asked for each route.
whole_vectors = st.lists(
    st.tuples(st.sampled_from(["0.5", "3", "1", "0", "0", "2", "NaN"]), words),
    min_size=14,
    max_size=14,
).map(
    lambda said: {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {"metric": {MEMBER_LABEL: f"{number}", "route": route}, "value": [1, value]}
                for number, (value, route) in enumerate(said)
            ],
        },
    }
)
rule_lists = st.fixed_dictionaries(
    {
        "status": st.just("success"),
        "data": st.fixed_dictionaries(
            {
                "groups": st.lists(
                    st.fixed_dictionaries(
                        {
                            "name": words,
                            "rules": st.lists(
                                st.fixed_dictionaries(
                                    {
                                        "type": st.sampled_from(["alerting", "recording"]),
                                        "name": st.sampled_from(["High", "Low"]),
                                        "state": words | st.sampled_from(["firing", "pending"]),
                                        "health": st.sampled_from(["ok", "err", "unknown", ""]),
                                        "alerts": st.lists(json_values, max_size=2) | leaves,
                                        "lastEvaluation": words
                                        | st.just("2026-01-01T00:00:00.000000000Z"),
                                    }
                                )
                                | json_values,
                                max_size=2,
                            ),
                        }
                    )
                    | json_values,
                    max_size=2,
                )
                | json_values
            }
        ),
    }
)
names = st.sampled_from(
    ["up", "errors_total", "all_total", 'seconds_bucket{le="1"}', 'seconds_bucket{le="+Inf"}', "#"]
)
pages = st.lists(st.tuples(names, numbers.map(str)).map(" ".join), max_size=6).map(
    lambda lines: "\n".join([*lines, ""]).encode()
)
bodies = (
    st.binary(max_size=120)
    | pages
    | (vectors | whole_vectors | rule_lists | json_values).map(lambda one: json.dumps(one).encode())
)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "Date", "Location", "Retry-After"]),
    st.text(st.characters(codec="latin-1"), max_size=20)
    | st.sampled_from(["application/json", "text/plain", "Mon, 01 Jan 2026 00:00:00 GMT"]),
    max_size=3,
)
answers: st.SearchStrategy[Answer | Exception] = (
    st.builds(
        Answer,
        status=st.sampled_from([200, 204, 301, 400, 404, 422, 500, 503]) | st.integers(100, 599),
        headers=headers,
        body=bodies,
        elapsed=st.floats(0, 10),
        truncated=st.booleans(),
    )
    # Some are answers like any other, or this would show little.
    | st.builds(
        Answer,
        status=st.just(200),
        headers=st.just({"Content-Type": "application/json"}),
        body=whole_vectors.map(lambda one: json.dumps(one).encode()),
        elapsed=st.floats(0, 10),
    )
    | st.builds(TransientError, st.text(max_size=5))
    | st.builds(InDoubtError, st.text(max_size=5))
)
conditions = st.builds(Condition, st.sampled_from(Op), st.floats(allow_nan=False))
signals: st.SearchStrategy[Mapping[str, Any]] = st.fixed_dictionaries(
    {
        "has_volume": st.booleans(),
        "nodata_is_ok": st.booleans(),
        "inf_counts": st.booleans(),
        "warnings_accepted": st.booleans(),
        "across": st.sampled_from(Across),
        "confidence": st.sampled_from([0.0, 0.95]),
    }
)


@pytest.mark.parametrize("kind", ASKS)
def test_whatever_is_answered_there_is_a_verdict(kind: str) -> None:
    plugin = catalog.source(kind)
    options = plugin.options.model_validate({"url": URL})
    asks = [plugin.ask.model_validate(ask) for ask in ASKS[kind]]
    questions = [Question(str(number), ask) for number, ask in enumerate(asks)]
    verdicts = set()

    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(answers, min_size=1, max_size=3), conditions, signals)
    def any_answers(
        said: list[Answer | Exception], breach_when: Condition, signal: Mapping[str, Any]
    ) -> None:
        for seen in asyncio.run(observed(said)):
            assert set(seen) == {question.id for question in questions}
            for observation in seen.values():
                assert isinstance(observation, Gap | Sample)
                parts = observation.parts if isinstance(observation, Sample) else None
                for each in (observation, *(parts or {}).values()):
                    verdicts.add(judge(a_signal(**signal), breach_when, each).verdict)

    async def observed(said: list[Answer | Exception]) -> list[Mapping[str, Observation]]:
        clock, http = ManualClock(), AnyHttp(said[0])
        source = plugin.build(options, Deps(clock, http, KnownSecrets()))
        seen = []
        for one in said:
            http.answer = one
            clock.advance(15)
            seen.append(await source.observe(questions, clock.now()))
        await source.close()
        return seen

    any_answers()
    assert Verdict.UNKNOWN in verdicts
    assert kind not in DECIDED or len(verdicts) > 1
