import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.adapters.prometheus_answer import Numbers, Refused, read_answer
from watchdog.domain.observation import Gap, Unknown
from watchdog.ports import Answer


def said(
    document: object, *, status: int = 200, truncated: bool = False, kind: str = "application/json"
) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {"Content-Type": kind}, body, 0.0, truncated)


def vector(*series: dict[str, Any], **beside: object) -> dict[str, Any]:
    return {
        "status": "success",
        "data": {"resultType": "vector", "result": list(series)},
        **beside,
    }


def series(member: str, value: object, **labels: str) -> dict[str, Any]:
    return {"metric": {"__trigger__": member, **labels}, "value": [1763800000.5, value]}


def test_the_values_come_back_by_member() -> None:
    answer = said(
        vector(series("0", "1.5"), series("1", "+Inf"), series("0", "2", code="500")),
    )

    assert read_answer(answer) == Numbers(
        {"0": [1.5, 2.0], "1": [float("inf")]},
        labelled={"0": [({"__trigger__": "0", "code": "500"}, 2.0)]},
    )


def test_warnings_come_with_the_values_and_infos_do_not() -> None:
    answer = said(vector(warnings=["a store is\n missing"], infos=["not a counter"]))

    assert read_answer(answer) == Numbers({}, ("a store is missing",))


@pytest.mark.parametrize("status", [200, 400, 422, 500, 503])
def test_an_error_of_prometheus_is_told_with_its_type(status: int) -> None:
    error = {"status": "error", "errorType": "execution", "error": "many-to-many\nmatching"}

    got = read_answer(said(error, status=status))

    assert got == Refused(Gap(Unknown.ERROR, "execution: many-to-many matching"))


def test_a_long_error_is_cut() -> None:
    error = {"status": "error", "errorType": "bad_data", "error": "x" * 100_000}

    got = read_answer(said(error, status=400))

    assert isinstance(got, Refused)
    assert len(got.gap.note) == 300


def test_an_answer_longer_than_allowed_names_the_limit() -> None:
    got = read_answer(said(b"[" * 1_000, truncated=True))

    assert isinstance(got, Refused)
    assert got.gap.reason is Unknown.PARSE
    assert "longer than 1000 bytes (max_bytes)" in got.gap.note


@pytest.mark.parametrize("status", [301, 401, 404, 502, 503])
@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"{}", b"", b"null"])
def test_a_bad_status_without_an_error_of_prometheus_is_an_http_error(
    status: int, body: bytes
) -> None:
    got = read_answer(said(body, status=status))

    assert isinstance(got, Gap)
    if body != b"null":
        assert got == Gap(Unknown.HTTP, f"HTTP {status}")


def test_html_instead_of_json_is_told_by_its_type_and_is_not_quoted() -> None:
    got = read_answer(said(b"<html>token=hush</html>", kind="text/html; charset=utf-8"))

    assert isinstance(got, Gap)
    assert got.reason is Unknown.PARSE
    assert "text/html" in got.note
    assert "hush" not in got.note


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"null",
        b"1" * 5_000,
        b"[" * 100_000,
        b"\xff\xfe",
        {"status": "success"},
        {"status": "success", "data": None},
        {"status": "success", "data": {"resultType": "matrix", "result": []}},
        {"status": "success", "data": {"resultType": "string", "result": [1, "a"]}},
        {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}},
        {"status": "success", "data": {"resultType": "vector", "result": None}},
        {"status": "partial", "data": {"resultType": "vector", "result": []}},
        vector(warnings=5),
    ],
)
def test_whatever_is_no_answer_of_prometheus_is_a_gap(document: object) -> None:
    got = read_answer(said(document))

    assert isinstance(got, Gap)
    assert got.reason is Unknown.PARSE


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success", "data": {"resultType": "vector", "result": {"a": 1}}},
        vector({"metric": {}, "value": [1, "1"]}),
        vector({"metric": {"__trigger__": ["0"]}, "value": [1, "1"]}),
        vector({"metric": {"__trigger__": "0"}, "histogram": [1, {}]}),
        vector(series("0", 1.5)),
        vector(series("0", None)),
        vector(series("0", "one")),
        vector(series("0", value=True)),
        vector({"metric": {"__trigger__": "0"}, "value": "ab"}),
        vector({"metric": {"__trigger__": "0"}, "value": [1, "1", "1"]}),
    ],
)
def test_one_malformed_series_is_refused_so_that_the_others_can_be_asked_without_it(
    document: object,
) -> None:
    got = read_answer(said(document))

    assert isinstance(got, Refused)
    assert got.gap.reason is Unknown.PARSE


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "data", "resultType", "result", "metric", "value", "error"]),
            inner,
            max_size=4,
        )
    ),
)


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_bytes_become_an_answer_of_ours(body: bytes, status: int) -> None:
    assert isinstance(read_answer(said(body, status=status)), Numbers | Refused | Gap)


@given(
    json_values,
    json_values,
    st.sampled_from(["success", "error"]),
    st.sampled_from(["vector", "scalar"]),
)
def test_any_json_becomes_an_answer_of_ours(
    result: object, beside: object, status: str, kind: str
) -> None:
    document = {
        "status": status,
        "errorType": beside,
        "data": {"resultType": kind, "result": result},
        "warnings": beside,
    }
    for answer in (document, result):
        assert isinstance(read_answer(said(answer)), Numbers | Refused | Gap)
