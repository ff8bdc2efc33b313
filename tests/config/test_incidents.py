from pathlib import Path

import pytest

from watchdog.config.incidents import read_incidents, unix
from watchdog.config.problems import ConfigProblems
from watchdog.domain.backtest import Labelled

NEW_YEAR = 1_767_225_600.0


def read(folder: Path, text: str) -> tuple[Labelled, ...]:
    path = folder / "incidents.yaml"
    path.write_text(text)
    return read_incidents(path)


def test_incidents_come_in_order_of_time(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
incidents:
  - {start: 2026-01-01T02:00:00Z, end: "2026-01-01T03:00:00+00:00", rollback: false}
  - {start: 2026-01-01 00:00, end: 1767227400, name: new year}
""",
    )

    assert found == (
        Labelled(NEW_YEAR, NEW_YEAR + 1800, "new year"),
        Labelled(NEW_YEAR + 7200, NEW_YEAR + 10800, rollback=False),
    )


@pytest.mark.parametrize(
    ("entry", "place", "text"),
    [
        ("{end: 2026-01-01T00:00:00Z}", "incidents[0]", "start: is missing"),
        ("{start: yesterday, end: 9}", "incidents[0].start", "'yesterday' is no time"),
        ("{start: 9, end: 8}", "incidents[0].end", "the end comes after the start"),
        ("{start: 8, end: 9, rolback: true}", "incidents[0].rolback", "not known here"),
        ("{start: 8, end: 9, rollback: maybe}", "incidents[0].rollback", "write true"),
        ("{start: 8, end: 9, name: 7}", "incidents[0].name", "a name is text"),
        ("5", "incidents[0]", "an incident is {start: TIME"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, entry: str, place: str, text: str
) -> None:
    with pytest.raises(ConfigProblems) as error:
        read(tmp_path, f"incidents:\n  - {entry}\n")

    [problem] = error.value.problems
    assert problem.key == place
    assert text in problem.text
    assert problem.line == 2


@pytest.mark.parametrize("text", ["incidents: 5", "{}", "incident: []"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigProblems, match="incidents:"):
        read(tmp_path, text)


@pytest.mark.parametrize("value", [True, float("inf"), None, "2026-13-01", [], "10:00"])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write a time like"):
        unix(value)
