import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.adapters.told_changes import moment, told
from watchdog.domain.change import ChangeKind, News, objection

EPOCH = 1_767_225_600.0
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
keys = st.sampled_from(["version", "at", "previous", "by", "kind", "reference"])


@given(st.dictionaries(keys, anything) | anything)
def test_whatever_is_told_is_a_change_or_a_plain_refusal(document: object) -> None:
    try:
        news = told(document, EPOCH)
    except ValueError:
        return

    assert objection(news, EPOCH) or math.isfinite(news.at)


@given(st.text(max_size=40) | st.integers() | st.floats())
def test_whatever_is_meant_as_a_time_is_a_number_or_a_plain_refusal(value: object) -> None:
    try:
        number = moment(value)
    except ValueError:
        return

    assert isinstance(number, float)


def test_every_field_is_taken_as_it_is() -> None:
    document = {
        "version": "v2",
        "at": "2026-01-01T01:00:00+01:00",
        "previous": "v1",
        "by": "ann",
        "kind": "flag",
        "reference": "job 7",
    }

    assert told(document) == News("v2", EPOCH, "v1", "ann", ChangeKind.FLAG, "job 7")


def test_without_a_time_it_began_now_where_there_is_a_now() -> None:
    assert told({"version": "v1"}, EPOCH).at == EPOCH
    with pytest.raises(ValueError, match="at: is missing"):
        told({"version": "v1"})


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (["v1"], "a change is a JSON object"),
        ({"version": 1, "at": 1}, "version: "),
        ({"version": "v1", "at": True}, "at"),
        ({"version": "v1", "at": 10**400}, "at: is no time"),
        ({"version": "v1", "at": "2026-01-01T00:00:00"}, "does not say its zone"),
        ({"version": "v1", "kind": "weather"}, "is none of app, flag, config, migration, other"),
        ({"version": "v1", "by": "x" * 501}, "by: "),
        ({"version": "v1", "vresion": "v2"}, "vresion: "),
    ],
)
def test_what_is_wrong_with_it_is_said(document: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        told(document, EPOCH)


def test_nothing_beyond_json_is_needed_to_write_one() -> None:
    assert told(json.loads('{"version": "v1", "at": 1767225600000}')).at == EPOCH
