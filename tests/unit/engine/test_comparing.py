"""What a run read before its first change, its checks compare with afterwards."""

from dataclasses import replace
from math import inf

from tests.builders import a_check, a_step
from tests.unit.engine.test_runner import Bench
from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import CheckSampled, Outcome
from watchdog.domain.observation import Sample
from watchdog.testing.virtual_time import virtually

ANYTHING = Condition(Op.AT_LEAST, -inf)
SAVING = replace(a_check("alerts", expect=ANYTHING), save="before")
COMPARING = replace(a_check("alerts", expect=Condition(Op.AT_MOST, 7)), against="before")


@virtually
async def test_a_check_hands_its_source_what_was_saved() -> None:
    bench = Bench(SAVING, a_step(), verify=[COMPARING, a_check("healthy")])
    bench.world.signals["alerts"] = lambda _at: Sample((3.0,), read='["a"]')
    bench.world.says("healthy", 0)

    run = await bench.drive()

    asked = [look.ask for look, _ in bench.eyes.looks]
    assert asked[0] == {"signal": "alerts"}
    assert {"signal": "alerts", "against": '["a"]'} in asked
    assert {"signal": "healthy"} in asked
    assert run.outcome is Outcome.SUCCEEDED


@virtually
async def test_a_number_is_kept_where_nothing_else_was_read() -> None:
    bench = Bench(SAVING, a_step(), verify=[COMPARING])
    bench.world.says("alerts", 0)

    run = await bench.drive()

    assert run.saved == {"before": 0.0}
    assert {"signal": "alerts", "against": 0.0} in [look.ask for look, _ in bench.eyes.looks]
    assert [one.saved for one in bench.told(CheckSampled)] == [0.0, None]


@virtually
async def test_what_was_never_read_is_empty_to_compare_with() -> None:
    bench = Bench(a_step(), verify=[COMPARING])
    bench.world.says("alerts", 0)

    await bench.drive()

    assert [look.ask["against"] for look, _ in bench.eyes.looks] == [""]
