import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.config.problems import ConfigProblems
from watchdog.domain.arming import Bar


def test_a_target_without_a_bar_has_the_usual_one(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    (target,) = files.load("a.yaml").targets

    assert target.arming == Bar(decisions=3, right=0.9, days=14)


def test_the_owner_sets_the_bar(files: Files) -> None:
    files.write("a.yaml", MINIMAL + "\narming: {decisions: 0, right: 100%, days: 2.5}\n")

    (target,) = files.load("a.yaml").targets

    assert target.arming == Bar(decisions=0, right=1.0, days=2.5)


@pytest.mark.parametrize(
    ("bar", "says"),
    [
        ("{right: 3s}", "arming.right: is no share; write it like 90%"),
        ("{right: 120%}", "arming.right: "),
        ("{decisions: -1}", "arming.decisions: "),
        ("{weeks: 2}", "arming.weeks: "),
    ],
)
def test_a_bar_that_makes_no_sense_is_refused(files: Files, bar: str, says: str) -> None:
    files.write("a.yaml", f"{MINIMAL}\narming: {bar}\n")

    with pytest.raises(ConfigProblems, match=says):
        files.load("a.yaml")
