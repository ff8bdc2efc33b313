import pytest

from tests.config.small_plugins import Files
from watchdog.domain.decision_table import Cell, Row, Then
from watchdog.domain.trigger import Severity

HEAD = """
target: checkout
sources: {metrics: {use: prometheus, url: "http://m"}, health: {use: http, url: "http://h"}}
signals:
  {errors: {from: metrics, query: q}, p95: {from: metrics, query: p}, healthy: {from: health}}
triggers:
  down: {signal: healthy, fails: 3, plan: undo}
  high: {signal: errors, above: 1%, for: 5m}
  slow: {signal: p95, above: 3s, for: 5m}
plans:
  undo: {steps: [{use: command, with: {argv: [undo]}, repeat: once}]}
"""
DEFAULT = "{otherwise: investigate, within: 5m}"
BOTH = "{when: {high: firing, slow: firing}, then: rollback, plan: undo}"


def table(*rows: str) -> str:
    return "\n".join(["decisions:", *(f"  - {row}" for row in rows)])


def test_a_table_is_read_as_it_is_written(files: Files) -> None:
    target = files.target(
        HEAD,
        table(
            "{name: both, when: {high: firing, slow: any}, then: rollback, plan: undo,"
            " decide_within: 2m, severity: critical}",
            "{when: {slow: firing, high: quiet}, then: monitor, within: 10m}",
            DEFAULT,
        ),
    )

    assert target.decisions == (
        Row(
            "both",
            Then.ROLLBACK,
            (("high", Cell.FIRING), ("slow", Cell.ANY)),
            "undo",
            Severity.CRITICAL,
            120.0,
        ),
        Row(
            "row 2: slow firing, high quiet",
            Then.MONITOR,
            (("slow", Cell.FIRING), ("high", Cell.QUIET)),
            within=600.0,
        ),
        Row("row 3: otherwise", Then.INVESTIGATE, within=300.0),
    )


def test_a_speed_divides_its_deadlines(files: Files) -> None:
    target = files.target(HEAD, table(BOTH, DEFAULT), speed=10)

    assert [row.within for row in target.decisions] == [30.0, 30.0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "{when: {hihg: firing}, then: monitor, within: 1m}",
            "decisions[0].when.hihg: there is no trigger 'hihg'; did you mean 'high'?",
        ),
        (
            "{when: {high: firing}, then: rollback, plan: unod}",
            "decisions[0].plan: there is no plan 'unod'; did you mean 'undo'?",
        ),
        (
            "{when: {high: firring}, then: monitor}",
            "decisions[0].when.high: 'firring' is not known here; write 'firing', 'quiet' or 'any'",
        ),
        (
            "{when: {high: quiet}, then: rollback, plan: undo}",
            "decisions[0]: `then: rollback` needs a trigger that is `firing`",
        ),
        (
            "{when: {high: firing}, then: rollback}",
            "decisions[0]: `then: rollback` goes with the `plan` that it starts, and no other",
        ),
        (
            "{when: {high: firing}, then: monitor, plan: undo}",
            "decisions[0]: `then: rollback` goes with the `plan` that it starts, and no other",
        ),
        (
            "{when: {high: firing}, then: monitor, decide_within: 1m}",
            "decisions[0]: `decide_within` means nothing here; write `within`",
        ),
        (
            "{when: {high: firing}, then: rollback, plan: undo, within: 1m}",
            "decisions[0]: `within` means nothing here; write `decide_within`",
        ),
        (
            "{when: {high: firing}, then: monitor, within: 0s}",
            "decisions[0]: people need some time: write it like 5m",
        ),
        (
            "{when: {high: firing}}",
            "decisions[0]: `when` goes with `then`; `otherwise` says it all by itself",
        ),
        (
            "{then: monitor}",
            "decisions[0]: a row has `when`, or is the last one and has `otherwise`",
        ),
        (
            "{when: {high: firing}, otherwise: monitor}",
            "decisions[0]: a row has `when`, or is the last one and has `otherwise`",
        ),
    ],
)
def test_a_row_that_is_wrong_says_where_and_what_would_be_right(
    files: Files, row: str, said: str
) -> None:
    (problem,) = files.problems(HEAD, table(row))

    assert problem == f"a.yaml:12: {said}"


def test_two_rows_of_one_name_cannot_be_told_apart(files: Files) -> None:
    row = "{name: one, when: {high: firing}, then: monitor, within: 1m}"

    (problem,) = files.problems(HEAD, table(row, row))
    assert problem == "a.yaml:13: decisions[1].name: row 1 has this name, too: give each its own"


# -- lint


def test_a_table_that_decides_everything_has_no_warning(files: Files) -> None:
    assert files.warnings(HEAD, table(BOTH, DEFAULT)) == []


def test_cells_that_no_row_covers_are_listed(files: Files) -> None:
    assert files.warnings(HEAD, table(BOTH)) == [
        (
            "a.yaml:11: decisions: no row decides when only high fires; only slow fires, nor when "
            "a trigger is unknown: end with `{otherwise: investigate, within: 5m}`"
        )
    ]


def test_a_table_without_a_default_row_leaves_the_unknown_open(files: Files) -> None:
    every = [
        "{when: {high: firing}, then: monitor, within: 1m}",
        "{when: {slow: firing}, then: monitor, within: 1m}",
    ]

    (warning,) = files.warnings(HEAD, table(*every))
    assert warning.startswith("a.yaml:11: decisions: no row decides when a trigger is unknown")


def test_a_row_that_an_earlier_one_covers_never_decides(files: Files) -> None:
    wide = "{when: {high: firing, slow: any}, then: monitor, within: 1m}"

    assert files.warnings(HEAD, table(wide, BOTH, DEFAULT)) == [
        "a.yaml:13: decisions[1]: never decides: whenever it holds, row 1 (row 1: high firing) does"
    ]
    (warning,) = files.warnings(HEAD, table(DEFAULT, BOTH))
    assert "never decides: whenever it holds, row 1 (row 1: otherwise) does" in warning


def test_a_row_for_people_without_a_deadline_is_noted(files: Files) -> None:
    row = "{when: {high: firing, slow: firing}, then: monitor}"

    assert files.warnings(HEAD, table(row, DEFAULT)) == [
        "a.yaml:12: decisions[0]: has no deadline: say `within`, or it is 300 s"
    ]


def test_a_trigger_with_a_plan_of_its_own_does_not_wait_for_the_table(files: Files) -> None:
    row = "{when: {high: firing, slow: firing, down: quiet}, then: monitor, within: 1m}"

    assert files.warnings(HEAD, table(row, DEFAULT)) == [
        (
            "a.yaml:6: triggers.down.plan: starts its plan by itself, whatever the decision table "
            "says: remove the plan, or the trigger from `decisions`"
        )
    ]


def test_a_plan_that_only_a_row_starts_is_used(files: Files) -> None:
    more = "\n  more: {steps: [{use: command, with: {argv: [more]}, repeat: once}]}\n"
    row = BOTH.replace("plan: undo", "plan: more")

    assert files.warnings(HEAD.rstrip() + more, table(row, DEFAULT)) == []
