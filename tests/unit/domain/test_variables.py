import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.domain.variables import NAMES, Json, Value, fill, mentioned

VALUES: dict[str, Value] = {
    **dict.fromkeys(NAMES, ""),
    "run.id": "r1",
    "run.duration_seconds": 42,
    "run.status": "completed",
}


def test_a_variable_alone_keeps_its_own_type() -> None:
    assert fill({"duration": "{{ run.duration_seconds }}"}, VALUES) == {"duration": 42}


def test_a_variable_within_text_becomes_text() -> None:
    filled = fill({"text": "{{run.id}} took {{ run.duration_seconds }} s"}, VALUES)

    assert filled == {"text": "r1 took 42 s"}


def test_variables_are_found_at_any_depth() -> None:
    options: dict[str, Json] = {"a": [{"b": "{{ run.id }}"}, 1, None, True], "c": ("{{ run.id }}",)}

    assert fill(options, VALUES) == {"a": [{"b": "r1"}, 1, None, True], "c": ["r1"]}


def test_what_is_no_variable_stays_as_it_is() -> None:
    options: dict[str, Json] = {"a": "{{ }} {run.id} }} {{ 1 + 1 }}", "b": 1.5}

    assert fill(options, VALUES) == options


def test_a_filled_value_is_not_looked_at_again() -> None:
    values = VALUES | {"run.id": "{{ run.status }}"}

    assert fill({"a": "<{{ run.id }}>"}, values) == {"a": "<{{ run.status }}>"}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"a": "{{ run.id }}"}, []),
        ({"a": "{{ run.idd }}", "b": ["{{ env.HOME }}"]}, ["run.idd", "env.HOME"]),
        (5, []),
        (None, []),
    ],
)
def test_unknown_variables_are_named(options: Json, names: list[str]) -> None:
    assert mentioned(options) - set(NAMES) == set(names)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON))
def test_whatever_has_no_unknown_name_can_be_filled(options: dict[str, Json]) -> None:
    if mentioned(options) <= set(NAMES):
        assert fill(options, VALUES).keys() == options.keys()
