"""Several components in one document: none of them guessed, none of them lost."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.adapters.sources.test_http import answered, deps
from watchdog.adapters.components import Components, read
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Deps

__all__ = ["deps"]

PROVIDERS = {
    "providers": {
        "north": {"status": "healthy", "load": 0.5},
        "south": {"status": "down", "load": 2},
        "west": {"load": "high"},
    }
}
HEALTHY = Components(at="providers", value="status", healthy=["healthy", "up"])


def sample(observation: Observation) -> Sample:
    assert isinstance(observation, Sample)
    return observation


def test_each_component_is_a_yes_a_no_or_not_known() -> None:
    seen = sample(read(PROVIDERS, HEALTHY))

    assert seen.values[:2] == (1.0, 0.0)
    assert math.isnan(seen.values[2])
    assert seen.note == "not healthy: south"
    assert seen.parts is not None
    assert list(seen.parts) == ["north", "south", "west"]
    assert seen.parts["south"] == Sample((0.0,))


def test_without_what_is_healthy_each_is_a_number() -> None:
    seen = sample(read(PROVIDERS, Components(at="providers", value="load")))

    assert seen.values[:2] == (0.5, 2.0)
    assert math.isnan(seen.values[2])


def test_two_of_one_name_do_not_hide_each_other() -> None:
    document = [{"name": "db", "ok": False}, {"name": "db", "ok": True}]
    seen = sample(read({"checks": document}, Components(at="checks", value="ok", healthy=[True])))

    assert seen.values == (0.0, 1.0)
    assert seen.parts == {"db": Sample((0.0, 1.0))}


def test_a_list_goes_by_the_names_in_it() -> None:
    document = [{"name": "db", "ok": True}, {"id": 7, "ok": False}, {"ok": None}]
    asked = Components(at="checks", value="ok", healthy=[True])

    seen = sample(read({"checks": document}, asked))

    assert seen.parts is not None
    assert list(seen.parts) == ["db", "7", "2"]
    assert seen.values[:2] == (1.0, 0.0)


def test_the_components_may_be_the_values_themselves() -> None:
    document = {"redis": "up", "db": "up"}

    seen = read({"parts": document}, Components(at="parts", healthy=["up"]))

    assert sample(seen).values == (1.0, 1.0)


def test_true_is_not_one_and_one_is_not_true() -> None:
    document = {"parts": {"a": True, "b": 1}}

    assert sample(read(document, Components(at="parts", healthy=[1]))).values == (0.0, 1.0)
    assert sample(read(document, Components(at="parts", healthy=[True]))).values == (1.0, 0.0)


@pytest.mark.parametrize("document", [{}, {"providers": {}}, {"providers": 3}, [], None])
def test_no_components_are_no_data(document: object) -> None:
    seen = read(document, HEALTHY)

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.NODATA


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["at", "value", "name", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(document=JSON, numbers=st.booleans())
def test_any_document_is_a_sample_or_a_gap(document: object, numbers: bool) -> None:
    asked = Components(at="..at", value="value", healthy=None if numbers else ["x", 1])

    seen = read({"at": document}, asked)

    assert isinstance(seen, Sample | Gap)


# -- by HTTP


ASK: dict[str, object] = {
    "components": {"at": "providers", "value": "status", "healthy": ["healthy"]}
}
BODY = '{"providers": {"a": {"status": "healthy"}, "b": {"status": "down"}}}'


async def test_a_service_that_answers_503_still_says_which_part_is_not_well(deps: Deps) -> None:
    for status in (200, 503):
        seen = sample(await answered(deps, ASK, BODY, status))
        assert seen.values == (1.0, 0.0)


async def test_a_page_that_is_no_document_is_no_component(deps: Deps) -> None:
    seen = await answered(deps, ASK, "<html>", 502)

    assert isinstance(seen, Gap)


@pytest.mark.parametrize(
    "ask",
    [
        {"components": {"at": "a..."}},
        {"components": {"at": "a"}, "latency": True},
        {"for_each": "provider"},
        {"components": {"at": "a"}, "for_each": "a-b"},
    ],
)
def test_what_asks_for_two_things_or_none_is_refused(ask: dict[str, object]) -> None:
    from watchdog.adapters.sources.http import Ask  # noqa: PLC0415

    with pytest.raises(ValidationError):
        Ask.model_validate(ask)
