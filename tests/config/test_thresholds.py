import pytest

from tests.config.small_plugins import Files
from watchdog.domain.condition import Condition, Op

FILE = """
target: checkout
sources: {{metrics: {{use: prometheus, url: "http://prometheus:9090"}}}}
signals: {{number: {{from: metrics, query: q{unit}}}}}
triggers: {{high: {{signal: number, {condition}, plan: undo}}}}
plans: {{undo: {{steps: [{{use: command, with: {{argv: [undo]}}}}]}}}}
"""


@pytest.mark.parametrize(
    ("unit", "condition", "breach_when", "shown_in"),
    [
        ("ratio", "above: 10%", Condition(Op.ABOVE, 0.1), "ratio"),
        ("ratio", "above: 0.7%", Condition(Op.ABOVE, 0.007), "ratio"),
        ("ratio", "above: 0.1", Condition(Op.ABOVE, 0.1), "ratio"),
        ('"%"', "at_least: 95%", Condition(Op.AT_LEAST, 95), "%"),
        ('"%"', "above: 95", Condition(Op.ABOVE, 95), "%"),
        ('"%"', "above: 0.5 ratio", Condition(Op.ABOVE, 50), "%"),
        ("s", "above: 3s", Condition(Op.ABOVE, 3), "s"),
        ("s", "below: 1500ms", Condition(Op.BELOW, 1.5), "s"),
        ("s", "above: 2m", Condition(Op.ABOVE, 120), "s"),
        ("ms", "above: 3s", Condition(Op.ABOVE, 3000), "ms"),
        ("ms", "at_most: 250", Condition(Op.AT_MOST, 250), "ms"),
        ("B", "above: 2KiB", Condition(Op.ABOVE, 2048), "B"),
        ("EUR", "above: 95 EUR", Condition(Op.ABOVE, 95), "EUR"),
        ("count", "below: 1", Condition(Op.BELOW, 1), "count"),
        ("", "above: 10%", Condition(Op.ABOVE, 0.1), "ratio"),
        ("", "above: 3s", Condition(Op.ABOVE, 3), "s"),
        ("", "above: 250ms", Condition(Op.ABOVE, 0.25), "s"),
        ("", "below: 1", Condition(Op.BELOW, 1), ""),
        ("", "above: -1.5e3", Condition(Op.ABOVE, -1500), ""),
    ],
)
def test_a_limit_is_held_in_the_unit_of_its_signal(
    files: Files, unit: str, condition: str, breach_when: Condition, shown_in: str
) -> None:
    declared = f", unit: {unit}" if unit else ""

    target = files.target(FILE.format(unit=declared, condition=condition))

    assert target.triggers[0].terms[0].breach_when == breach_when
    assert target.signals["number"].signal.unit == shown_in


@pytest.mark.parametrize(
    ("unit", "limit"), [("ratio", "3s"), ("s", "10%"), ("count", "10%"), ("EUR", "95 USD")]
)
def test_a_limit_in_another_unit_is_refused(files: Files, unit: str, limit: str) -> None:
    written = limit.lstrip("0123456789. ")

    assert files.problems(FILE.format(unit=f", unit: {unit}", condition=f"above: {limit}")) == [
        (
            f"a.yaml:4: triggers.high.above: '{written}' does not fit signal 'number', which is in "
            f"'{unit}' as it declares; write the limit in that unit"
        )
    ]


def test_a_limit_in_a_unit_of_ones_own_needs_the_signal_to_declare_it(files: Files) -> None:
    assert files.problems(FILE.format(unit="", condition="above: 95 EUR")) == [
        (
            "a.yaml:4: triggers.high.above: 'EUR' is no unit that is known here; "
            "declare it at signal 'number'"
        )
    ]


def test_two_limits_of_one_signal_must_agree(files: Files) -> None:
    mixed = FILE.format(unit="", condition="above: 10%").replace(
        "plan: undo}}", "plan: undo}, slow: {signal: number, above: 3s, plan: undo}}"
    )

    assert files.problems(mixed) == [
        (
            "a.yaml:4: triggers.slow.above: 's' does not fit signal 'number', which is in 'ratio' "
            "as triggers.high.above says; write the limit in that unit"
        )
    ]


def test_how_sure_a_share_is_cannot_be_told_of_several_at_once(files: Files) -> None:
    (problem,) = files.problems(
        FILE.format(unit=", volume: all, confidence: 95%, series: any", condition="above: 10%")
    )

    assert "signals.number: `confidence` is for one share of one volume" in problem


SURE = ", {unit}volume: all, confidence: 95%"


@pytest.mark.parametrize(("unit", "condition"), [("", "above: 5"), ("unit: s, ", "above: 0.5s")])
def test_how_sure_a_number_is_that_is_no_share_cannot_be_told(
    files: Files, unit: str, condition: str
) -> None:
    (problem,) = files.problems(FILE.format(unit=SURE.format(unit=unit), condition=condition))

    assert "triggers.high.above: is no share" in problem


@pytest.mark.parametrize(
    ("unit", "condition"),
    [
        ("", "above: 5%"),
        ("", "above: 0.05"),
        ("unit: '%', ", "above: 5"),
        ("unit: '%', ", "above: 5%"),
    ],
)
def test_how_sure_a_share_is_can_be_told(files: Files, unit: str, condition: str) -> None:
    target = files.target(FILE.format(unit=SURE.format(unit=unit), condition=condition))

    assert target.signals["number"].signal.confidence == 0.95
