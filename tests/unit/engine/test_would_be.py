from collections.abc import Sequence

from tests.builders import a_plan, a_target, a_trigger, a_watch
from watchdog.domain.backtest import ACT, Ruling
from watchdog.domain.grid import Grid
from watchdog.domain.plan import Plan
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.trigger import Firing, Severity, Trigger
from watchdog.engine.replay import Held
from watchdog.engine.would_be import Assumed, Fired, by_episode, rulings

EVERY = 15.0
GRID = Grid(0, EVERY, 20_000)
QUICK = Assumed(run_takes=60.0, global_per_hour=99)
PLAN = a_plan(watch=a_watch(short="1m", long=0))


def fires(trigger: Trigger, *spells: tuple[int, int]) -> Fired:
    """It fires from the first to the last slot of each spell, in breach all the time."""
    held = [Held(first, last, Firing(GRID.moment(first))) for first, last in spells]
    return Fired(trigger, GRID, held)


def target_of(
    *triggers: Trigger, limits: Limits | None = None, plans: Sequence[Plan] = (PLAN,)
) -> Target:
    return a_target(*triggers, plans=plans, mode=Mode.ALERT_ONLY, limits=limits)


def ruled(
    target: Target, *fired: Fired, assumed: Assumed = QUICK
) -> dict[tuple[str, int], tuple[Ruling, ...]]:
    """The rulings by trigger and the slot in which it began to fire."""
    found = rulings([(target, fired)], assumed, GRID.start)
    return {
        (one.trigger.name, held.first): by_episode(
            found, target.name, one.trigger.name, held.state.since.wall
        )
        for one in fired
        for held in one.held
    }


def outcomes(told: tuple[Ruling, ...]) -> list[tuple[str, float]]:
    return [(one.outcome, one.at / EVERY) for one in told]


def test_a_firing_is_acted_on_at_once_as_if_the_target_were_armed() -> None:
    errors = a_trigger()
    told = ruled(target_of(errors), fires(errors, (100, 120)))

    assert outcomes(told["errors", 100]) == [(ACT, 100)]


def test_the_next_one_is_refused_while_it_is_too_soon_and_acted_on_afterwards() -> None:
    errors = a_trigger()
    limits = Limits(per_hour=9, per_day=9, cooldown=900.0)
    told = ruled(target_of(errors, limits=limits), fires(errors, (100, 105), (120, 400)))

    # The run of one minute ended in slot 104; its watch of one minute in slot 108.
    cooling, acts = told["errors", 120]
    assert (cooling.outcome, cooling.until) == ("cooling_down", (104 + 60) * EVERY)
    assert (acts.outcome, acts.at / EVERY) == (ACT, 164)


def test_what_fires_while_a_run_holds_the_target_joins_it() -> None:
    errors, slow = a_trigger(), a_trigger("slow")
    told = ruled(target_of(errors, slow), fires(errors, (100, 105)), fires(slow, (102, 103)))

    assert outcomes(told["slow", 102]) == [("run_in_progress", 102)]


def test_two_that_fire_at_once_make_one_run_of_the_graver() -> None:
    errors = a_trigger()
    dead = a_trigger("dead", severity=Severity.CRITICAL)
    told = ruled(target_of(errors, dead), fires(errors, (100, 101)), fires(dead, (100, 101)))

    assert outcomes(told["dead", 100]) == [(ACT, 100)]
    assert outcomes(told["errors", 100]) == [("run_in_progress", 100)]


def test_a_graver_one_takes_the_place_of_a_run_under_way() -> None:
    errors = a_trigger()
    dead = a_trigger("dead", severity=Severity.CRITICAL)
    told = ruled(target_of(errors, dead), fires(errors, (100, 110)), fires(dead, (102, 110)))

    assert outcomes(told["errors", 100]) == [(ACT, 100)]
    assert outcomes(told["dead", 102]) == [(ACT, 102)]


def test_the_limit_of_a_day_counts_would_be_runs() -> None:
    errors = a_trigger()
    limits = Limits(per_hour=99, per_day=2, cooldown=0.0)
    hour = 240
    spells = [(hour * n, hour * n + 4) for n in range(1, 4)]
    told = ruled(target_of(errors, limits=limits), fires(errors, *spells))

    assert [told["errors", hour * n][0].outcome for n in range(1, 4)] == [ACT, ACT, "target_limit"]


def test_the_limit_of_all_targets_counts_those_of_others() -> None:
    one, other = a_trigger(), a_trigger()
    shop, bank = target_of(one), a_target(other, plans=[PLAN], name="bank")
    pairs = [(shop, [fires(one, (100, 103))]), (bank, [fires(other, (110, 113))])]

    found = rulings(pairs, Assumed(60.0, global_per_hour=1), GRID.start)

    assert [each.outcome for each in found["bank", "errors@1650.000"]] == ["global_limit"]


def test_a_trigger_without_a_plan_tells_people_only() -> None:
    errors = a_trigger(plan="")
    told = ruled(target_of(errors), fires(errors, (100, 120)))

    assert outcomes(told["errors", 100]) == [("no_plan", 100)]


def test_without_a_time_given_a_run_takes_what_its_plan_may() -> None:
    errors, slow = a_trigger(), a_trigger("slow", plan="other")
    plans = [PLAN, a_plan(name="other", watch=a_watch(short=0, long=0))]
    target = target_of(errors, slow, limits=Limits(9, 9, 0.0), plans=plans)
    # Five minutes are twenty slots, and the watch is another four.
    told = ruled(
        target,
        fires(errors, (100, 101)),
        fires(slow, (119, 119), (123, 123), (124, 124)),
        assumed=Assumed(None, 99),
    )

    assert [told["slow", slot][0].outcome for slot in (119, 123, 124)] == [
        "run_in_progress",
        "run_in_progress",
        ACT,
    ]


def test_what_is_firing_but_not_in_breach_is_not_decided_about() -> None:
    errors = a_trigger()
    clearing = Firing(GRID.moment(100), clear_since=1500.0, breaching=False)
    told = ruled(target_of(errors), Fired(errors, GRID, [Held(100, 105, clearing)]))

    assert told["errors", 100] == ()
