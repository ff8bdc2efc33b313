import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.errors import ConfigError
from watchdog.domain.sidecar import Sidecar

ARMED = f"{MINIMAL}\nmode: auto\narmed_by: ann\n"


def sidecar(files: Files, entry: str, target: str = MINIMAL) -> Sidecar | None:
    files.write("daemon.yaml", f"sidecar: {entry}")
    files.write("a.yaml", target)
    return files.load("daemon.yaml", "a.yaml").daemon.sidecar


def test_without_a_word_it_is_alone(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    assert files.load("a.yaml").daemon.sidecar is None


def test_it_has_a_lease_and_a_journal_and_says_how_the_cluster_is_reached(files: Files) -> None:
    entry = "{lease: shop-watchdog, journal: shop-journal, namespace: shop, context: prod}"

    found = sidecar(files, entry, ARMED)

    assert found == Sidecar(
        "shop-watchdog", "shop-journal", {"namespace": "shop", "context": "prod"}
    )


@pytest.mark.parametrize("entry", ["{}", "{lease: shop-watchdog}"])
def test_what_acts_nowhere_needs_neither(files: Files, entry: str) -> None:
    assert sidecar(files, entry) is not None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{}", "there is no lease and journal: each pod's watchdog would act"),
        ("{lease: shop-watchdog}", "there is no journal: each pod's watchdog would act"),
        ("{journal: shop-journal}", "`journal` needs a `lease`"),
        ("{lease: Shop Watchdog, journal: j}", "sidecar.lease"),
        ("{leese: shop}", "unknown key"),
    ],
)
def test_what_would_act_in_each_pod_is_refused(files: Files, entry: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        sidecar(files, entry, ARMED)

    assert "daemon.yaml:1" in str(refused.value)
