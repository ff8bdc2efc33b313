"""What alert-only mode held back of a decision table is followed like any other decision."""

from dataclasses import replace

from tests.builders import a_target, a_trigger
from tests.process import Process
from watchdog.domain.decision_table import Cell, Row, Then
from watchdog.domain.events import Decided, Ending, ShadowOutcome
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Sample
from watchdog.domain.scorecard import acting
from watchdog.domain.target import Mode
from watchdog.domain.trigger import Severity
from watchdog.testing.virtual_time import VirtualClock, virtually
from watchdog.testing.world import World

HOUR = 3600.0
TABLE = (
    Row(
        "both",
        Then.ROLLBACK,
        (("errors", Cell.FIRING), ("slow", Cell.FIRING)),
        plan="undo",
    ),
    Row("default", Then.INVESTIGATE),
)
TARGET = replace(
    a_target(
        a_trigger("errors", plan="", severity=Severity.CRITICAL),
        a_trigger("slow", plan=""),
        mode=Mode.ALERT_ONLY,
    ),
    decisions=TABLE,
)


def bad_between(world: World, signal: str, begin: float, end: float) -> None:
    def said(now: Moment) -> Sample:
        return Sample((1.0 if begin <= now.elapsed < end else 0.0,))

    world.signals[signal] = said


async def lived(slow_until: float) -> list[ShadowOutcome]:
    """Errors first, slow ten minutes later: only then the row holds."""
    world = World(VirtualClock())
    bad_between(world, "errors", 60, 2 * HOUR)
    bad_between(world, "slow", 660, slow_until)
    process = Process(world, TARGET)
    async with process.running():
        await process.slots(int(2.5 * HOUR / 15))
    events = process.journal.events
    held_back = [one for one in events if isinstance(one, Decided) and one.plan == "undo"]
    assert [one.refusal for one in held_back] == ["alert_only"]
    return [one for one in events if isinstance(one, ShadowOutcome)]


@virtually
async def test_what_is_still_bad_after_an_hour_was_right_to_act_on() -> None:
    (outcome,) = await lived(slow_until=2 * HOUR)

    assert (outcome.trigger, outcome.what) == ("errors", Ending.STILL_BAD)
    assert outcome.after_seconds >= HOUR


@virtually
async def test_a_row_that_holds_no_longer_does_not_lose_its_decision() -> None:
    (outcome,) = await lived(slow_until=1200)

    assert (outcome.trigger, outcome.what) == ("errors", Ending.STILL_BAD)


def test_the_gravest_trigger_of_a_row_answers_for_its_plan() -> None:
    assert acting(TARGET) == {"errors": "undo"}


def test_a_trigger_with_a_plan_answers_for_its_own() -> None:
    assert acting(a_target(a_trigger("errors"), a_trigger("tell", plan=""))) == {"errors": "undo"}
