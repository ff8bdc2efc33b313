from typing import Any

import pytest
from pydantic import ValidationError

from tests.bed.scraped import ERROR_RATIO, P95, RATE
from watchdog.adapters.scrape_ask import Ask
from watchdog.adapters.sources.scrape import Options, plugin


@pytest.mark.parametrize(
    "ask",
    [
        {},
        {"gauge": "x", "rate": "x", "window": "1m"},
        {"gauge": "x", "window": "1m"},
        {"rate": "x"},
        {"rate": "x", "window": 0},
        {"rate": "x", "window": 60},
        {"rate": "rate(x[5m])", "window": "1m"},
        {"ratio": {"of": "x"}, "window": "1m"},
        {"ratio": {"of": "x", "to": "x{"}, "window": "1m"},
        {"quantile": {"q": 95, "of": "x"}, "window": "1m"},
        {"quantile": {"q": 0.5, "of": "x_bucket"}, "window": "1m"},
        {"quantile": {"q": 0.5, "of": 'x{le="1"}'}, "window": "1m"},
        {"gauge": "x", "query": "x"},
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(ask: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Ask.model_validate(ask)


def test_a_fast_run_has_a_shorter_window_and_keeps_it_when_written_out() -> None:
    for ask in (RATE, ERROR_RATIO, P95, {"gauge": "x"}):
        fast = Ask.model_validate(ask, context={"speed": 30})

        assert fast.window == (None if "gauge" in ask else 2.0)
        assert Ask.model_validate_json(fast.model_dump_json()) == fast


def test_options_survive_being_written_out() -> None:
    options = Options.model_validate({"url": "http://127.0.0.1:1/metrics", "timeout": "1500ms"})

    assert Options.model_validate_json(options.model_dump_json()) == options
    with pytest.raises(ValidationError):
        Options.model_validate({"url": "ftp://127.0.0.1/"})


def test_shares_and_quantiles_bring_their_volume() -> None:
    assert plugin.brings_volume is not None
    brings = [
        plugin.brings_volume(Ask.model_validate(ask))
        for ask in (ERROR_RATIO, P95, RATE, {"gauge": "x"})
    ]

    assert brings == [True, True, False, False]
