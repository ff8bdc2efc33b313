"""Whatever stands in a file, it is read or refused, and nothing else happens."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.config.small_plugins import MINIMAL, SmallPlugins
from watchdog.config.loading import load_files
from watchdog.config.problems import ConfigProblems
from watchdog.config.reading import read

# fmt: off
WORDS = st.sampled_from([
    "target", "sources", "signals", "triggers", "plans", "limits", "notify", "report", "auth",
    "mode", "armed_by", "channels", "journal", "targets", "defaults", "listen", "use",
    "every", "from", "unit", "volume", "signal", "above", "below", "fails", "for", "plan",
    "severity", "steps", "verify", "finally", "watch", "check", "done_when", "with", "get",
    "run", "json", "value", "status", "is", "name", "tries", "pause", "within", "samples",
    "url", "query", "argv", "to", "on", "env", "file", "bearer", "basic",
])
# fmt: on
VALUES = st.one_of(
    st.sampled_from(
        ["checkout", "prometheus", "http", "command", "errors", "undo", "metrics", "ok", "log"]
    ),
    st.sampled_from(["5s", "0", "10%", "3s", "${HOME}", "{{ run.id }}", "{{", "http://x", "", "~"]),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
)
PARTS = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(WORDS, st.text()), inner, max_size=4)
    ),
    max_leaves=12,
)


def refusal_of(text: str) -> str | None:
    """What is said of `text`; None where it is a document."""
    try:
        read("a.yaml", text)
    except ConfigProblems as refused:
        return str(refused)
    return None


def refusal_of_target(folder: Path, content: object) -> str | None:
    """What is said of a target file with `content`; None where it is one."""
    path = folder / "any.yaml"
    # JSON is YAML; what is no JSON, such as NaN, is the reader's to refuse.
    path.write_text(json.dumps(content))
    try:
        load_files([path], SmallPlugins(), environ={})
    except ConfigProblems as refused:
        return str(refused)
    return None


@given(text=st.text())
@example(text="a: &a\n- *a\n")
@example(text="? ? ?")
@example(text="<<: [<<, {<<: }]")
@example(text="%TAG ! x\n--- !y z")
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    assert refusal_of(text) != ""


@given(text=st.text(alphabet="ab1 -:,.{}[]&*!|>'\"%@`#?<\n\t~\\", max_size=60))
@settings(deadline=None, max_examples=300)
def test_anything_that_looks_like_yaml_is_read_or_refused(text: str) -> None:
    assert refusal_of(text) != ""


@given(content=st.dictionaries(WORDS, PARTS, max_size=6))
@settings(deadline=None)
def test_any_shape_of_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    folder = tmp_path_factory.getbasetemp()

    assert refusal_of_target(folder, {"target": "checkout", **content}) != ""


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_a_good_file_with_one_part_exchanged_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = read("a.yaml", MINIMAL).content
    path = data.draw(st.sampled_from(sorted(places(content), key=str)))
    holder: Any = content
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = data.draw(PARTS)

    assert refusal_of_target(tmp_path_factory.getbasetemp(), content) != ""


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        inner: list[tuple[str | int, object]] = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        inner = []
    found = [path] if path else []
    for key, each in inner:
        found += places(each, (*path, key))
    return found
