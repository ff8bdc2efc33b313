"""`switches:`: the object of the cluster whose annotations stop the daemon."""

import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.config.problems import ConfigProblems
from watchdog.domain.switches import Switches


def switches(files: Files, entry: str) -> Switches | None:
    files.write("daemon.yaml", f"switches: {entry}")
    files.write("a.yaml", MINIMAL)
    return files.load("daemon.yaml", "a.yaml").daemon.switches


def test_without_a_word_no_annotation_counts(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    assert files.load("a.yaml").daemon.switches is None


def test_an_object_is_enough(files: Files) -> None:
    assert switches(files, "{object: deployment/watchdog}") == Switches("deployment/watchdog")


def test_the_way_there_may_be_named(files: Files) -> None:
    found = switches(files, "{object: configmap/stop, namespace: ops, kubeconfig: k, context: c}")

    assert found == Switches(
        "configmap/stop", {"namespace": "ops", "kubeconfig": "k", "context": "c"}
    )


def test_the_environment_may_name_it(files: Files) -> None:
    environ = {"ROLLBACK_WATCHDOG_SWITCHES__OBJECT": "deployment/watchdog"}
    files.write("a.yaml", MINIMAL)

    found = files.load("a.yaml", environ=environ).daemon.switches

    assert found == Switches("deployment/watchdog")


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{}", "switches.object"),
        ("{object: watchdog}", "switches.object"),
        ("{object: secret/watchdog}", "switches.object"),
        ("{object: deployment/Watch Dog}", "switches.object"),
        ("{object: deployment/watchdog, namespace: Ops}", "switches.namespace"),
        ("{object: deployment/watchdog, lease: x}", "switches.lease"),
    ],
)
def test_what_names_no_object_is_refused(entry: str, complaint: str, files: Files) -> None:
    with pytest.raises(ConfigProblems, match=complaint):
        switches(files, entry)
