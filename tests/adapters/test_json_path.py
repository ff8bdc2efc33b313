import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.adapters.json_path import find, parse_path

DOCUMENT = {
    "a": {"b": [{"c": 1}, {"c": None}], "0": "zero"},
    "used": 5,
    "deep": {"er": [{"lonely": True}]},
    "": "empty name",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("used", [5]),
        ("a.b.0.c", [1]),
        ("a.b.1.c", [None]),
        ("a.b.2.c", []),
        ("a.0", ["zero"]),
        ("a.b.-1", []),
        ("a.b.c", []),
        ("used.more", []),
        ("..lonely", [True]),
        ("..used", [5]),
        ("..c", [1, None]),
        ("a..c", [1, None]),
        ("deep..c", []),
        ("a..b.0", [{"c": 1}]),
        ("..nowhere", []),
    ],
)
def test_a_path_finds_what_stands_there(path: str, found: list[object]) -> None:
    assert sorted(map(str, find(DOCUMENT, parse_path(path)))) == sorted(map(str, found))


@pytest.mark.parametrize(
    ("path", "found"), [("1.a", [2]), ("0", [{"a": 1}]), ("2", []), ("..a", [1, 2]), ("a", [])]
)
def test_the_document_itself_may_be_a_list(path: str, found: list[object]) -> None:
    seen = find([{"a": 1}, {"a": 2}], parse_path(path))

    assert sorted(map(str, seen)) == sorted(map(str, found))


@pytest.mark.parametrize("path", ["", ".", ".a", "..", "a.", "a..", "...a", "a...b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        parse_path(path)


def test_a_document_may_be_very_deep() -> None:
    deep: object = {"key": 1}
    for _ in range(100_000):
        deep = [deep]

    assert find(deep, parse_path("..key")) == [1]


@given(st.text(alphabet="ab0.", max_size=8), st.sampled_from([DOCUMENT, [], 5, None, "a"]))
def test_any_path_is_refused_or_finds_values(path: str, document: object) -> None:
    try:
        steps = parse_path(path)
    except ValueError:
        return
    json.dumps(find(document, steps))
