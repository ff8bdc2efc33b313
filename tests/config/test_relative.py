import pytest

from tests.config.small_plugins import Files
from watchdog.config.problems import ConfigProblems
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Tally, Term
from watchdog.domain.relative import Against, Move, Relative
from watchdog.domain.trigger import Trigger

FILE = """
target: shop
sources:
  metrics: {{use: prometheus, url: "http://prometheus:9090", every: {every}}}
signals:
  rps: {{from: metrics, query: "sum(rate(x[1m]))"{signal}}}
triggers:
  moved: {{signal: rps, {trigger}, for: 2m}}
{more}
"""


def written(trigger: str, *, signal: str = "", every: str = "15s", more: str = "") -> str:
    return FILE.format(trigger=trigger, signal=signal, every=every, more=more)


def loaded(files: Files, text: str) -> Trigger:
    files.write("a.yaml", text)
    (target,) = files.load("a.yaml").targets
    return target.triggers[0]


def term(files: Files, trigger: str, *, signal: str = "") -> Term:
    plain = loaded(files, written(trigger, signal=signal)).plain
    assert plain is not None
    return plain


@pytest.mark.parametrize(
    ("text", "relative", "condition"),
    [
        ("drop: 60%", Relative(Move.DROP), Condition(Op.AT_LEAST, 0.6)),
        ("drop: 1", Relative(Move.DROP), Condition(Op.AT_LEAST, 1.0)),
        ("rise: 150%, over: 1h", Relative(Move.RISE, 3600.0), Condition(Op.AT_LEAST, 1.5)),
        ("spike: 3", Relative(Move.SPIKE), Condition(Op.ABOVE, 3.0)),
        (
            "rise: 50%, against: yesterday",
            Relative(Move.RISE, against=Against.YESTERDAY),
            Condition(Op.AT_LEAST, 0.5),
        ),
        (
            "drop: 50%, against: last-week",
            Relative(Move.DROP, against=Against.LAST_WEEK),
            Condition(Op.AT_LEAST, 0.5),
        ),
        (
            "grows: 5, per: 1h, over: 30m",
            Relative(Move.GROWS, 1800.0, per=3600.0),
            Condition(Op.AT_LEAST, 5.0),
        ),
        ("falls: 5", Relative(Move.FALLS), Condition(Op.AT_LEAST, 5.0)),
    ],
)
def test_every_comparison_with_before_is_what_it_says(
    files: Files, text: str, relative: Relative, condition: Condition
) -> None:
    found = term(files, text)

    assert (found.relative, found.breach_when) == (relative, condition)


def test_a_rate_is_in_the_unit_of_its_signal_and_a_share_in_none(files: Files) -> None:
    assert term(files, "grows: 100MB", signal=", unit: B").breach_when.limit == 1e8
    undeclared = term(files, "grows: 100MB")
    assert (undeclared.signal.unit, undeclared.breach_when.limit) == ("B", 1e8)
    assert term(files, "drop: 60%", signal=", unit: B").breach_when.limit == 0.6


def test_a_group_may_compare_one_signal_with_before(files: Files) -> None:
    text = written("drop: 60%").replace(
        "signal: rps, drop: 60%",
        "all: [{signal: rps, drop: 60%, over: 5m}, {signal: rps, above: 3}]",
    )

    watches = loaded(files, text).watches

    assert isinstance(watches, Tally)
    first, second = watches.of
    assert isinstance(first, Term)
    assert first.relative == Relative(Move.DROP, 300.0)
    assert isinstance(second, Term)
    assert second.relative is None


def test_speed_divides_the_window_and_the_time_a_rate_is_for(files: Files) -> None:
    files.write("a.yaml", written("grows: 5, per: 1h, over: 30m"))

    (target,) = files.load("a.yaml", speed=60).targets

    plain = target.triggers[0].plain
    assert plain is not None
    assert plain.relative == Relative(Move.GROWS, 30.0, per=60.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("drop: 60%, above: 3", "a trigger has one condition"),
        ("drop: 60%, rise: 3%", "a trigger has one condition"),
        ("drop: 160%", "drop: is '160%'; it should be less than or equal to 1"),
        ("drop: 3s", "drop: is no share; write it like 60%"),
        ("rise: 0", "rise: is 0"),
        ("spike: 1", "spike: is 1; it should be greater than 1"),
        ("grows: 0", "a rate of nothing is always there"),
        ("grows: 5, over: 0s", "`over` is longer than nothing"),
        ("above: 3, over: 5m", "`over` is for a comparison with before"),
        ("above: 3, against: yesterday", "`against` is for a comparison with before"),
        ("drop: 60%, per: 1m", "`per` is for a rate"),
        ("grows: 5, against: yesterday", "a rate is measured within `over`"),
        ("drop: 60%, against: yesterday, over: 5m", "compares with that whole hour"),
        ("drop: 60%, against: tuesday", "against: 'tuesday' is not known here; write"),
        ("drop: 60%, clear: {below: 5}", "`clear` compares a value with a limit"),
        ("drop: 60%, against: before-change", "nothing says what is changed"),
    ],
)
def test_a_comparison_with_before_that_makes_no_sense_is_refused(
    files: Files, text: str, says: str
) -> None:
    files.write("a.yaml", written(text))

    with pytest.raises(ConfigProblems) as caught:
        files.load("a.yaml")

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        (", series: any", "moved.drop: compares one number with before"),
        (", confidence: 95%", "moved.drop: is no share of requests"),
    ],
)
def test_a_signal_that_is_not_one_number_cannot_be_compared_with_before(
    files: Files, signal: str, says: str
) -> None:
    files.write("a.yaml", written("drop: 60%", signal=signal))

    with pytest.raises(ConfigProblems) as caught:
        files.load("a.yaml")

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("every", "over", "says"),
    [
        ("5m", "10m", "is 2 looks, and 4 are taken"),
        ("5s", "4h", "is 2880 looks, and the last 1440"),
    ],
)
def test_a_window_of_too_few_or_too_many_looks_is_warned_of(
    files: Files, every: str, over: str, says: str
) -> None:
    files.write("a.yaml", written(f"drop: 60%, over: {over}", every=every))

    warnings = [str(one) for one in files.load("a.yaml").warnings]

    assert [one for one in warnings if says in one]
