import itertools
from pathlib import Path

import pytest

from watchdog.config.composing import Place
from watchdog.config.problems import ConfigProblems
from watchdog.config.reading import read, read_file


def refusal(text: str) -> str:
    with pytest.raises(ConfigProblems) as refused:
        read("a.yaml", text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-5", -5),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2.0", 2.0),
        ("2026-11-22", "2026-11-22"),
        ("~", None),
        ("", None),
        ("null", None),
        ("10%", "10%"),
        ("'3'", "3"),
        ("!!str 3", "3"),
        ("!!float 3", 3),
        ("=", "="),
    ],
)
def test_a_word_means_what_yaml_1_2_says(written: str, meant: object) -> None:
    value = read("a.yaml", f"key: {written}\n").content["key"]

    assert value == meant
    assert type(value) is type(meant)


def test_a_key_is_always_text() -> None:
    assert read("a.yaml", "on: 1\n2: 3\ntrue: 4\n").content == {"on": 1, "2": 3, "true": 4}


def test_every_value_knows_where_its_name_stands() -> None:
    document = read("a.yaml", "one: 1\ntwo:\n  three:\n    - 4\n    - {five: 6}\n")

    assert document.places == {
        (): Place(1, 1),
        ("one",): Place(1, 1),
        ("two",): Place(2, 1),
        ("two", "three"): Place(3, 3),
        ("two", "three", 0): Place(4, 7),
        ("two", "three", 1): Place(5, 7),
        ("two", "three", 1, "five"): Place(5, 8),
    }


def test_merged_keys_yield_to_what_is_written_out() -> None:
    document = read(
        "a.yaml",
        "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 5}\nd: {x: 6, <<: *b}\n",
    )

    assert document.content["c"] == {"x": 5, "y": 2, "z": 4}
    assert document.content["d"] == {"x": 6, "y": 3, "z": 4}
    assert document.places["c", "z"] == Place(2, 14)


def test_a_key_that_stands_twice_is_refused_with_both_places() -> None:
    assert refusal("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\na: 5\n") == (
        "a.yaml:5: b.c: the key stands here twice, first on line 3\n"
        "a.yaml:6: a: the key stands here twice, first on line 1"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.yaml:1: is empty; `rollback-watchdog init` prints a first one"),
        ("# nothing\n", "a.yaml:1: is empty; `rollback-watchdog init` prints a first one"),
        (
            "- a\n",
            "a.yaml:1: a file holds keys and values; begin a target with `target: NAME`",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "a.yaml:3: a file holds one document; remove the line '---'",
        ),
        (
            "a: b: c\n",
            (
                "a.yaml:1: not valid YAML: mapping values are not allowed in this context; "
                "put text that contains ': ' in quotes"
            ),
        ),
        (
            "a: %\n",
            (
                "a.yaml:1: not valid YAML: found character that cannot start any token; "
                "put text that begins with '%' in quotes"
            ),
        ),
        (
            "a:\n\t- b\n",
            (
                "a.yaml:2: not valid YAML: found character that cannot start any token; "
                "indent with spaces, not tabs"
            ),
        ),
        (
            "a:\n  - [b, c\n\n",
            (
                "a.yaml:2: not valid YAML: did not find expected ',' or ']'; "
                "compare the indentation, quotes and brackets here with the lines before"
            ),
        ),
        (
            'a: "b\n\n\n',
            (
                "a.yaml:1: not valid YAML: found unexpected end of stream; "
                "close the quote or bracket that was opened here"
            ),
        ),
        ("a: b\x07c\n", "a.yaml:1: character '\\x07' is no text; remove it"),
        ("a: *b\n", "a.yaml:1: a: no '&b' stands before this '*'"),
        ("a: &a [*a]\n", "a.yaml:1: a[0]: no '&a' stands before this '*'"),
        ("a: {<<: 3}\n", "a.yaml:1: a.<<: '<<' takes a mapping, or a list of them"),
        ("? [a]\n: b\n", "a.yaml:1: a key is one piece of text"),
        ("a: !secret b\n", "a.yaml:1: a: the tag '!secret' means nothing here; remove it"),
        (
            "a: !!int b\n",
            "a.yaml:1: a: 'b' is not what its tag !!int says; remove the tag",
        ),
        (
            "a: .inf\n",
            "a.yaml:1: a: '.inf' is not a finite number; quote it if it is text",
        ),
        (
            "a: 1e999\n",
            "a.yaml:1: a: '1e999' is not a finite number; quote it if it is text",
        ),
    ],
)
def test_what_is_no_file_of_ours_is_refused_with_its_place(text: str, said: str) -> None:
    assert refusal(text) == said


def test_a_hundred_thousand_brackets_are_refused_and_end_nothing() -> None:
    assert refusal("[" * 100_000) == "a.yaml:1: is nested deeper than 40 levels"


def test_aliases_that_multiply_without_end_are_refused() -> None:
    names = "abcdefgh"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [" + ", ".join([f"*{before}"] * 10) + "]"
        for before, name in itertools.pairwise(names)
    ]

    assert refusal("\n".join(lines)).endswith(
        "aliases make this file endless; write the values out"
    )


def test_merges_that_multiply_are_read_at_once() -> None:
    lines = ["k0: &k0 {a: 1}"]
    lines += [f"k{n}: &k{n} {{<<: [*k{n - 1}, *k{max(0, n - 2)}]}}" for n in range(1, 60)]

    assert read("a.yaml", "\n".join(lines)).content["k59"] == {"a": 1}


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("a: 1\nb: \xe9\n".encode("latin-1"))
    (tmp_path / "long.yaml").write_bytes(b"#" * (2 << 20))

    said = {}
    for name in (".", "absent.yaml", "latin.yaml", "long.yaml"):
        with pytest.raises(ConfigProblems) as refused:
            read_file(tmp_path / name)
        said[name] = str(refused.value).removeprefix(f"{tmp_path}").removeprefix("/")

    assert said == {
        ".": ": cannot be read: is a directory; name a readable YAML file",
        "absent.yaml": "absent.yaml: cannot be read: no such file or directory; "
        "name a readable YAML file",
        "latin.yaml": "latin.yaml:2: is not UTF-8 text; save the file as UTF-8",
        "long.yaml": "long.yaml: is longer than 1 MiB; split it",
    }


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read("a.yaml", "\ufeffa: 1\n").content == {"a": 1}
