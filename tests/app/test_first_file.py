"""What `init` makes of a survey: limits with some room, and a file that `check` accepts."""

import math
from typing import Any

import pytest
import yaml

from watchdog.adapters.prometheus_survey import Latency, Requests, Survey
from watchdog.app.first_file import FirstFile, file_for
from watchdog.config.problems import ConfigProblems


def made(
    job: str = "shop",
    *,
    share: float = 0.0,
    came: float = 1000.0,
    latency: Latency | None = None,
    argv: list[str] | None = None,
) -> FirstFile:
    requests = Requests('hits_total{job="shop",code=~"5.."}', "hits_total", share, came)
    return file_for(Survey(job, "up", requests, latency), "http://prom:9090", argv or [])


def content(file: FirstFile) -> Any:  # noqa: ANN401 (what YAML holds)
    return yaml.safe_load(file.text)


def seconds(p95: float, longest: float = 10.0, unit: str = "s") -> Latency:
    return Latency("took_seconds_bucket", unit, p95, longest)


@pytest.mark.parametrize(
    ("share", "limit"),
    [(math.nan, "1%"), (0.0, "1%"), (0.005, "1%"), (0.009, "2%"), (0.02, "5%"), (0.9, "50%")],
)
def test_errors_are_bad_at_twice_what_is_usual_and_never_below_one_percent(
    share: float, limit: str
) -> None:
    assert content(made(share=share))["triggers"]["errors-high"]["above"] == limit


@pytest.mark.parametrize(("came", "least"), [(math.nan, 100), (5000, 100), (200, 50), (3, 10)])
def test_a_quarter_of_the_usual_traffic_is_enough_to_know(came: float, least: int) -> None:
    assert content(made(came=came))["signals"]["errors"]["min_volume"] == least


@pytest.mark.parametrize(
    ("latency", "limit"),
    [
        (seconds(0.09), "200ms"),
        (seconds(0.5), "1s"),
        (seconds(120, 1000, "ms"), "500ms"),
        (seconds(700, 10_000, "ms"), "2s"),
    ],
)
def test_slow_is_twice_the_usual_p95_rounded_up(latency: Latency, limit: str) -> None:
    assert content(made(latency=latency))["triggers"]["slow"]["above"] == limit


@pytest.mark.parametrize(
    ("latency", "told"),
    [
        (seconds(1.5, longest=5.0), "has no bucket above twice its p95"),
        (seconds(math.nan), "had no traffic in the last day"),
        (None, "no histogram of seconds"),
    ],
)
def test_a_limit_that_no_number_could_pass_is_left_out_and_said(
    latency: Latency | None, told: str
) -> None:
    file = made(latency=latency)

    assert set(content(file)["triggers"]) == {"errors-high", "down"}
    assert set(content(file)["signals"]) == {"errors", "up"}
    assert any(told in note for note in file.notes)


def test_any_job_becomes_a_target_and_any_command_a_list_of_words() -> None:
    file = made("Köln's shop/eu: [1]", argv=["it's", "a: #word", '"'])

    assert content(file)["target"] == "K-ln-s-shop-eu---1"
    (step,) = content(file)["plans"]["undo"]["steps"]
    assert step["with"]["argv"] == ["it's", "a: #word", '"']


def test_a_variable_that_is_not_set_is_refused_before_there_is_a_file() -> None:
    with pytest.raises(ConfigProblems, match="argv"):
        made(argv=["undo", "--token=${NO_SUCH_VARIABLE}"])
