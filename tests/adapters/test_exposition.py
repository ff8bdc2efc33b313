import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watchdog.adapters.exposition import Reading, UnreadableError, read_page

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PAGE = rb"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a}b\"c"} 10
http_requests_total{code="500"} 3 1700000000500
# TYPE seconds histogram
seconds_bucket{le="0.1"} 3
seconds_bucket{le="+Inf"} 5
seconds_sum 3.5
seconds_count 5

# TYPE requests counter
requests 7
temperature -1.5e1
broken NaN
"""
OPEN_PAGE = b"""# HELP requests Requests.
# TYPE requests counter
requests_total{code="200"} 10 # {trace="}"} 0.5
requests_created{code="200"} 1700000000
# TYPE seconds histogram
seconds_bucket{le="0.1"} 3
seconds_bucket{le="+Inf"} 5
seconds_sum 3.5
seconds_count 5
# TYPE up gauge
up 1 1700000000.5
# EOF
"""


def read(body: bytes, *names: str, kind: str = "text/plain") -> dict[str, list[Reading]]:
    return read_page(body, kind, names)


def test_labels_values_and_times_are_those_of_the_page() -> None:
    assert read(PAGE, "http_requests_total", "temperature") == {
        "http_requests_total": [
            Reading({"code": "200", "path": '/a}b"c'}, 10.0, None),
            Reading({"code": "500"}, 3.0, 1_700_000_000.5),
        ],
        "temperature": [Reading({}, -15.0, None)],
    }


def test_names_are_those_of_the_page_whatever_its_types_say() -> None:
    assert read(PAGE, "requests", "requests_total") == {
        "requests": [Reading({}, 7.0, None)],
        "requests_total": [],
    }


def test_open_metrics_is_read_when_the_content_type_says_so() -> None:
    found = read(OPEN_PAGE, "requests_total", "seconds_bucket", "up", kind=OPEN_METRICS)

    assert found == {
        "requests_total": [Reading({"code": "200"}, 10.0, None)],
        "seconds_bucket": [Reading({"le": "0.1"}, 3.0, None), Reading({"le": "+Inf"}, 5.0, None)],
        "up": [Reading({}, 1.0, 1_700_000_000.5)],
    }


@pytest.mark.parametrize("name", ["seconds_count", "seconds_sum", "requests_created"])
def test_one_series_of_a_family_of_open_metrics_can_be_read_alone(name: str) -> None:
    assert len(read(OPEN_PAGE, name, kind=OPEN_METRICS)[name]) == 1


def test_open_metrics_without_its_end_is_cut() -> None:
    with pytest.raises(UnreadableError, match="EOF"):
        read(OPEN_PAGE.removesuffix(b"# EOF\n"), "up", kind=OPEN_METRICS)


def test_of_a_series_that_stands_there_twice_the_first_counts() -> None:
    assert read(b'x{a="1"} 5\nx{a="1"} 2\n', "x") == {"x": [Reading({"a": "1"}, 5.0, None)]}


def test_windows_line_ends_and_a_missing_last_one_are_no_problem() -> None:
    assert read(b"x 1\r\n\r\ny 2\r\nz 3", "y", "z") == {
        "y": [Reading({}, 2.0, None)],
        "z": [Reading({}, 3.0, None)],
    }


def test_an_empty_page_has_no_series() -> None:
    assert read(b"", "x") == {"x": []}


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome</body></html>",
        b'{"status": "ok", "x": 1}',
        b'{"x": 1}\nx 1\n',
        b"OK",
        b"Service Unavailable\n",
        b"x\n",
        b"x 1\ny one\n",
        b"x 1 2 3\n",
        b"x{a=1} 1\n",
        b'x{a="1} 1\n',
        b"x 1_000\n",
        b"x 0x10\n",
        b"x 1.2.3\n",
        b"\xff\xfe",
        b'x{a="\xff"} 1\n',
        b"\x1f\x8b\x08 gzip",
        b"x " + b"1" * 400 + b"\n",
        b"x 1 " + b"1" * 400 + b"\n",
        b"x 1 nan\n",
        b'x{a="' + b'\\"' * 5_000 + b'"} 1\n',
    ],
)
def test_what_is_no_metrics_page_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"line|UTF-8") as caught:
        read(body, "x")

    assert len(str(caught.value)) < 200


def test_a_bad_line_spoils_the_page_though_nobody_asked_for_it() -> None:
    with pytest.raises(UnreadableError, match="line 2 is no metric: '<html>'"):
        read(b"x 1\n<html>\n", "x")


@given(body=st.binary(max_size=300), is_open=st.booleans())
def test_any_bytes_are_a_page_or_unreadable(body: bytes, is_open: bool) -> None:
    check_total(body, OPEN_METRICS if is_open else "text/plain")


PIECES = [
    *PAGE.splitlines(),
    *OPEN_PAGE.splitlines(),
    *(b"# TYPE seconds summary", b"# TYPE up stateset", b"# TYPE", b"# UNIT up s", b"up{up=1} 1"),
    *(b"{", b"}", b'"', b"\\", b"\n", b" ", b"#", b"NaN", b"\x00", b"\xc2\x85", b"1" * 400),
    *(b"seconds {count:1,sum:2,schema:1,zero_threshold:0,zero_count:0}", b'seconds_bucket{le="x"}'),
]


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=12),
    glue=st.sampled_from([b"\n", b"", b" "]),
    is_open=st.booleans(),
)
@example(pieces=PIECES, glue=b"\n", is_open=True)
def test_any_mixture_of_lines_is_a_page_or_unreadable(
    pieces: list[bytes], glue: bytes, is_open: bool
) -> None:
    check_total(glue.join(pieces), OPEN_METRICS if is_open else "text/plain")


@pytest.mark.parametrize(("page", "kind"), [(PAGE, "text/plain"), (OPEN_PAGE, OPEN_METRICS)])
def test_a_page_cut_or_changed_anywhere_is_a_page_or_unreadable(page: bytes, kind: str) -> None:
    for place, other in itertools.product(range(len(page)), (b"", b"{", b'"', b"\n", b"\xff")):
        check_total(page[:place] + other + page[place + 1 :], kind)
        check_total(page[:place], kind)


def check_total(body: bytes, kind: str) -> None:
    names = ("requests_total", "http_requests_total", "seconds_bucket", "seconds", "up", "x")
    try:
        found = read(body, *names, kind=kind)
    except UnreadableError:
        return
    assert set(found) == set(names)
