"""What is valid and hardly ever meant."""

import pytest

from watchdog.adapters.promql_lint import longest_window, query_remarks


def said(query: str, *, scraped: float = 15.0, unit: str = "") -> str:
    return "; ".join(query_remarks(query, scraped, unit))


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("sum(a)", None),
        ("rate(a[5m]) / rate(b[1h])", 3600),
        ("max_over_time(rate(a[5m])[1d:1m])", 86400),
        ("not promql(", None),
    ],
)
def test_the_longest_window_of_a_query(query: str, seconds: float | None) -> None:
    assert longest_window(query) == seconds


def test_a_window_shorter_than_four_scrapes_is_named() -> None:
    assert said("sum(rate(a_total[59s]))") == (
        "the window of 59 s holds fewer than 4 scrapes, 15 s apart, so that one that fails may "
        "leave none: make it 60 s or more, or tell the source its `scrape_interval`"
    )
    assert said("sum(rate(a_total[1m]))") == ""
    assert said("sum(rate(a_total[1m]))", scraped=30) != ""
    # The steps of a subquery are its own.
    assert said("max_over_time(sum(a)[30s:1s])") == ""


@pytest.mark.parametrize(
    "query",
    [
        "rate(node_memory_free[5m])",
        "increase(up[5m])",
        "sum(rate(pool_connections[5m]))",
    ],
)
def test_a_gauge_in_a_function_of_counters_is_named(query: str) -> None:
    assert "looks like a gauge" in said(query)


@pytest.mark.parametrize(
    "query",
    ["http_requests_total", "sum(http_requests_total) / 2", "max_over_time((a_total)[5m:1m])"],
)
def test_a_counter_that_is_taken_for_a_level_is_named(query: str) -> None:
    assert "looks like a counter" in said(query)


@pytest.mark.parametrize(
    "query",
    [
        "rate(http_requests_total[5m])",
        "absent(http_requests_total)",
        "count(http_requests_total)",
        "time() - timestamp(http_requests_total)",
        "rate(http_requests_total[1h:1m])",
        "deriv(queue_length[5m])",
        "rate(jobs[5m])",
        "up",
    ],
)
def test_what_is_meant_is_not(query: str) -> None:
    assert said(query) == ""


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("histogram_quantile(0.95, sum by (le) (rate(d_seconds_bucket[5m])))", "ms"),
        ("sum(rate(d_seconds_sum[5m])) / sum(rate(d_seconds_count[5m]))", "ms"),
        ("max(wait_ms)", "s"),
        ("avg(memory_bytes)", "s"),
        ("max_over_time(error_ratio[5m])", "%"),
        ("sum(cpu_percent)", "ratio"),
    ],
)
def test_a_unit_that_is_not_that_of_the_series_is_named(query: str, unit: str) -> None:
    assert f"the signal says {unit!r}: write" in said(query, unit=unit)


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("histogram_quantile(0.95, sum by (le) (rate(d_seconds_bucket[5m])))", "s"),
        ("1000 * max(wait_seconds)", "ms"),
        ("rate(busy_seconds_total[5m])", "ratio"),
        ("max(memory_bytes) / max(limit_bytes)", "ratio"),
        ("max(wait_seconds)", ""),
        ("max(wait_seconds)", "requests"),
        ("count(wait_seconds)", "ratio"),
    ],
)
def test_a_unit_that_may_be_right_is_not(query: str, unit: str) -> None:
    assert said(query, unit=unit) == ""
