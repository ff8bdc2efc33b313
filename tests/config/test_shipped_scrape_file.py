from pathlib import Path

from watchdog import catalog
from watchdog.config.loading import load_files
from watchdog.domain.target import Target

FOLDER = Path(__file__).parents[2] / "config/hybrid-routing"
ENVIRON = {"BASE_URL": "http://127.0.0.1:8080", "PROMETHEUS_URL": "http://127.0.0.1:9090"}
FROM_HERE_ON = "  budget: {from: cost"


def load(name: str) -> Target:
    return load_files([FOLDER / name], catalog, environ=ENVIRON).targets[0]


def test_the_file_without_prometheus_differs_in_where_two_numbers_come_from_alone() -> None:
    ours = (FOLDER / "watchdog-scrape.yaml").read_text()
    other = (FOLDER / "watchdog.yaml").read_text()

    assert ours[ours.index(FROM_HERE_ON) :] == other[other.index(FROM_HERE_ON) :]
    assert {
        name: (source.use, source.every) for name, source in load("watchdog.yaml").sources.items()
    } | {"metrics": ("scrape", 15.0)} == {
        name: (source.use, source.every)
        for name, source in load("watchdog-scrape.yaml").sources.items()
    }


def test_its_numbers_say_how_much_traffic_stands_behind_them() -> None:
    signals = load("watchdog-scrape.yaml").signals

    assert all(signals[name].signal.has_volume for name in ("error_rate", "p95"))
    assert not signals["budget"].signal.has_volume
