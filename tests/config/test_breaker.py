import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.errors import ConfigError


def test_without_a_word_the_breaker_has_its_defaults(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    assert files.load("a.yaml").daemon.breaker == BreakerLimits(0.5, 3, 120.0, 2, 86_400.0)


def test_the_breaker_is_set_in_the_words_of_its_limits(files: Files) -> None:
    words = "{unknown: 75%, targets_firing: 5 in 10m, failed_plans: 1 in 1h}"
    files.write("daemon.yaml", f"breaker: {words}")

    assert files.load("daemon.yaml").daemon.breaker == BreakerLimits(0.75, 5, 600.0, 1, 3600.0)


def test_the_environment_sets_it_as_well(files: Files) -> None:
    environ = {"ROLLBACK_WATCHDOG_BREAKER__TARGETS_FIRING": "9 in 5m"}
    files.write("a.yaml", MINIMAL)

    limits = files.load("a.yaml", environ=environ).daemon.breaker
    assert (limits.targets, limits.targets_within) == (9, 300.0)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{unknown: 3s}", "breaker.unknown: is no share; write it like 95%"),
        ("{unknown: 0%}", "breaker.unknown: "),
        ("{targets_firing: three}", "is no count in a time; write it like 3 in 2m"),
        ("{targets_firing: 0 in 2m}", "counts from 1 on, in more than no time"),
        ("{failed_plans: 2 in 24}", "'24' is not a duration; write it like 90s"),
        ("{failed: 2 in 24h}", "breaker.failed: unknown key; did you mean 'failed_plans'?"),
    ],
)
def test_what_is_no_limit_is_refused(files: Files, entry: str, said: str) -> None:
    files.write("daemon.yaml", f"breaker: {entry}")

    with pytest.raises(ConfigError) as refused:
        files.load("daemon.yaml")
    assert said in str(refused.value)
