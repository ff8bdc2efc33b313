"""A case is played with all that the daemon knows: labels, volumes, vetoes, changes, restarts."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import a_check, a_plan, a_signal, a_target, a_trigger, a_watch, seconds
from watchdog.app.rehearsing import rehearse
from watchdog.domain.case import Case, Changed, Expected, Restart, Told
from watchdog.domain.case_outcome import CaseOutcome
from watchdog.domain.condition import Condition, Op
from watchdog.domain.signal import Across, Verdict
from watchdog.domain.tape import tape
from watchdog.domain.target import ChangeRules, Mode, Target, Veto
from watchdog.domain.trigger import Trigger

PLAN = a_plan(verify=[a_check("errors")], watch=a_watch(short="1m"))
TARGET = a_target(a_trigger(hold="1m"), plans=[PLAN])


def told(signal: str, values: str, *, volume: bool = False, **labels: str) -> Told:
    return Told(signal, tape(values), labels, volume)


def expect(at: str, trigger: str = "errors", **what: Any) -> Expected:  # noqa: ANN401
    return Expected(seconds(at), trigger, **what)


def play(target: Target, *said: Told, expected: list[Expected], **more: Any) -> CaseOutcome:  # noqa: ANN401
    return rehearse(target, Case("a case", said, tuple(expected), **more))


def watching(trigger: Trigger, **more: Any) -> Target:  # noqa: ANN401
    return replace(a_target(trigger, plans=[PLAN]), **more)


def text(outcome: CaseOutcome) -> str:
    return "\n".join(map(str, (*outcome.missed, *outcome.timeline)))


def test_each_value_of_a_label_has_a_state_of_its_own() -> None:
    trigger = a_trigger("errors", signal=a_signal("errors", for_each="route"), hold="1m")

    outcome = play(
        watching(trigger),
        told("errors", "0 1x20", route="/a"),
        told("errors", "0x21", route="/b"),
        expected=[
            expect("1m15s", 'errors{route="/a"}', state="firing", decision="act"),
            expect("1m15s", 'errors{route="/b"}', state="inactive", decision="none"),
        ],
    )

    assert outcome.passed, text(outcome)


@pytest.mark.parametrize(
    ("across", "state"),
    [(Across.ANY, "firing"), (Across.ALL, "inactive"), (Across.ONE, "inactive")],
)
def test_several_series_are_what_the_signal_makes_of_them(across: Across, state: str) -> None:
    trigger = a_trigger("errors", signal=a_signal("errors", across=across), hold="1m")

    outcome = play(
        watching(trigger),
        told("errors", "0 1x10", pod="a"),
        told("errors", "0x11", pod="b"),
        expected=[expect("1m15s", state=state)],
    )

    assert outcome.passed, text(outcome)


def test_a_ratio_has_traffic_unless_the_case_says_how_much() -> None:
    trigger = a_trigger("errors", signal=a_signal("errors", has_volume=True), hold="1m")
    ratio = told("errors", "0 1x10")

    with_plenty = play(watching(trigger), ratio, expected=[expect("1m15s", state="firing")])
    with_little = play(
        watching(trigger),
        ratio,
        told("errors", "3x11", volume=True),
        expected=[expect("1m15s", state="inactive", reason="low_volume")],
    )

    assert with_plenty.passed, text(with_plenty)
    assert with_little.passed, text(with_little)


def test_after_the_last_value_nothing_is_known() -> None:
    outcome = play(
        TARGET,
        told("errors", "0x3"),
        expected=[
            expect("45s", verdict=Verdict.OK),
            expect("1m", verdict=Verdict.UNKNOWN, reason="nodata"),
        ],
    )

    assert outcome.passed, text(outcome)


def test_a_case_may_have_a_pace_of_its_own() -> None:
    outcome = play(
        TARGET,
        told("errors", "0 1x2 0x2"),
        interval=60.0,
        expected=[expect("2m", state="firing"), expect("3m45s", verdict=Verdict.BREACH)],
    )

    assert outcome.passed, text(outcome)


@pytest.mark.parametrize(
    ("veto", "decision"), [("1x10", "vetoed"), ("0x10", "act"), ("err", "vetoed")]
)
def test_a_veto_is_heeded_when_the_case_speaks_of_it(veto: str, decision: str) -> None:
    guarded = a_target(a_trigger(hold="1m"), a_trigger("freeze", plan=""), plans=[PLAN])
    target = replace(guarded, triggers=guarded.triggers[:1], vetoes=(Veto("freeze"),))
    breach = told("errors", "0 1x10")

    outcome = play(
        target,
        breach,
        told("freeze", veto),
        expected=[expect("1m15s", state="firing", decision=decision)],
    )
    without = play(target, breach, expected=[expect("1m15s", decision="act")])

    assert outcome.passed, text(outcome)
    assert without.passed, text(without)


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ([], "no_recent_change"),
        ([Changed(-600.0, "v42", "v41")], "act"),
        ([Changed(60.0, "v42", "v41")], "breach_before_change"),
        ([Changed(-86_400.0, "v42", "v41")], "no_recent_change"),
    ],
)
def test_a_plan_that_needs_a_change_asks_for_one(changes: list[Changed], decision: str) -> None:
    plan = replace(PLAN, requires_change=True)
    target = replace(a_target(a_trigger(hold="1m"), plans=[plan]), changes=ChangeRules())

    outcome = play(
        target,
        told("errors", "0 1x10"),
        changes=tuple(changes),
        expected=[expect("1m15s", state="firing", decision=decision)],
    )

    assert outcome.passed, text(outcome)


def test_a_rollback_that_helps_is_followed_by_its_cool_down() -> None:
    outcome = play(
        TARGET,
        told("errors", "0 1x6 0x120 1x10"),
        expected=[
            expect("1m15s", decision="act", plan="undo"),
            expect("20m", decision="none", state="inactive"),
            expect("33m30s", state="firing", decision="cooling_down"),
        ],
    )

    assert outcome.passed, text(outcome)
    assert "run ends succeeded" in text(outcome)


def test_a_breach_that_goes_on_ends_in_a_latch() -> None:
    outcome = play(
        TARGET,
        told("errors", "0 1x100 0x20 1x10"),
        expected=[expect("32m15s", state="firing", decision="latched")],
    )

    assert outcome.passed, text(outcome)
    assert "run ends failed" in text(outcome)


def test_what_fired_before_a_restart_waits_for_a_fresh_breach() -> None:
    target = replace(TARGET, mode=Mode.ALERT_ONLY, armed_by="")

    outcome = play(
        target,
        told("errors", "0 1x4 err 1x4"),
        restarts=(Restart(85.0),),
        expected=[
            expect("1m15s", state="firing", decision="alert_only"),
            expect("1m30s", state="firing", decision="unconfirmed"),
            expect("1m45s", state="firing", decision="alert_only"),
        ],
    )

    assert outcome.passed, text(outcome)
    assert text(outcome).index("the process dies") < text(outcome).index("it is started again")


def test_when_nearly_all_is_dark_the_breaker_opens_and_holds() -> None:
    names = ("errors", "latency", "up", "cost")
    target = a_target(*(a_trigger(name, hold="1m") for name in names), plans=[PLAN])

    outcome = play(
        target,
        *(told(name, "0x1 errx40") for name in names[1:]),
        told("errors", "0x30 1x10"),
        expected=[expect("8m45s", state="firing", decision="breaker_open")],
    )

    assert outcome.passed, text(outcome)


def test_what_was_expected_and_is_not_is_said_with_what_was_seen() -> None:
    outcome = play(
        TARGET,
        told("errors", "0 1x10"),
        expected=[expect("1m", state="firing", blind=True, decision="act", plan="undo")],
    )

    assert [str(one) for one in outcome.missed] == [
        "at 1m errors: state is pending, expected firing",
        "at 1m errors: blind is no, expected yes",
        "at 1m errors: decision is none, expected act",
        "at 1m errors: plan is none, expected undo",
    ]


def test_the_same_case_comes_out_the_same_every_time() -> None:
    def once() -> CaseOutcome:
        return play(
            TARGET, told("errors", "0 1x6 0x40"), expected=[expect("1m15s", decision="act")]
        )

    assert once() == once()


def test_a_count_of_series_is_a_number_like_any_other() -> None:
    healthy = a_signal("errors", across=Across.COUNT, counting=Condition(Op.AT_LEAST, 1.0))
    trigger = a_trigger("errors", signal=healthy, breach_when=Condition(Op.BELOW, 1.0), hold="1m")

    outcome = play(
        watching(trigger),
        told("errors", "1 0x10", pod="a"),
        told("errors", "1 0x10", pod="b"),
        expected=[expect("0s", verdict=Verdict.OK), expect("1m15s", state="firing")],
    )

    assert outcome.passed, text(outcome)
