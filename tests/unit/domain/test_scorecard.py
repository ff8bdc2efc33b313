from dataclasses import replace

import pytest

from tests.builders import EPOCH, a_target, a_trigger, above, at
from watchdog.domain.armed import changes
from watchdog.domain.arming import ArmedEarly, Bar, ModeChanged, TriggersDefined
from watchdog.domain.decision_table import Cell, Row, Then
from watchdog.domain.definition import definition, definitions
from watchdog.domain.events import ConfigLoaded, Decided, Ending, Event, Record
from watchdog.domain.scorecard import DAY, Score, Scorecard
from watchdog.domain.shadow import DecisionJudged, ShadowOutcome
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity

TARGET = a_target(a_trigger("errors"), a_trigger("slow"), mode=Mode.ALERT_ONLY)


def loaded(target: Target = TARGET) -> list[Event]:
    return [
        ConfigLoaded(target.name, target.file, target.hash, target.mode.value, target.armed_by),
        TriggersDefined(target.name, definitions(target)),
    ]


def decided(episode: str, trigger: str = "errors") -> Decided:
    return Decided("shop", "i1", "undo", trigger, Severity.WARNING, episode, "alert_only")


def ended(episode: str, what: Ending) -> ShadowOutcome:
    return ShadowOutcome("shop", "i1", "errors", "undo", episode, what, 3600.0)


def judged(episode: str, *, right: bool) -> DecisionJudged:
    return DecisionJudged("shop", "i1", "errors", episode, right, "ann", "I was there")


def a_card(*events: Event, days: float = 20.0) -> Scorecard:
    """Loaded at the epoch; `events` are spread over that many days, the first at half a day."""
    pace = days * DAY / (len(events) or 1)
    records = [Record(n, at(0), event) for n, event in enumerate(loaded(), 1)]
    records += [Record(9 + n, at(DAY / 2 + n * pace), one) for n, one in enumerate(events)]
    return Scorecard().replay(records)


def now(days: float = 20.0) -> float:
    return EPOCH + days * DAY


def test_what_a_person_had_to_mend_or_what_stayed_bad_was_right_and_what_mended_itself_wrong() -> (
    None
):
    events = [
        event
        for number, what in enumerate(Ending)
        for event in (decided(f"e{number}"), ended(f"e{number}", what))
    ]

    score = a_card(*events).score("shop", "errors", now())

    assert score == Score(right=2, wrong=1, unknown=1, open=0, days=20.0)
    assert score.decisions == 4
    assert score.share == pytest.approx(2 / 3)
    assert score.a_week == pytest.approx(4 * 7 / 20)


def test_a_person_has_the_last_word_whatever_it_looked_like() -> None:
    card = a_card(
        *(decided("e1"), ended("e1", Ending.RECOVERED), judged("e1", right=True)),
        *(decided("e2"), ended("e2", Ending.STILL_BAD), judged("e2", right=True)),
        *(decided("e3"), judged("e3", right=True), judged("e3", right=False)),
    )

    score = card.score("shop", "errors", now())

    assert (score.right, score.wrong, score.open) == (2, 1, 0)


def test_a_decision_is_open_for_a_while_and_then_nobody_can_tell() -> None:
    card = a_card(decided("e1"))

    assert card.score("shop", "errors", now(0.55)).open == 1
    assert card.score("shop", "errors", now(2)).unknown == 1


def test_a_decision_that_is_told_twice_counts_once() -> None:
    card = a_card(decided("e1"), ended("e1", Ending.STILL_BAD), decided("e1"))

    assert card.score("shop", "errors", now()) == Score(right=1, days=20.0)


def test_label_values_are_their_triggers_decisions() -> None:
    card = a_card(decided("e1", 'errors{route="/a"}'), decided("e2", 'errors{route="/b"}'))

    assert card.score("shop", "errors", now()).decisions == 2


def test_an_older_decision_is_out_of_the_window_and_so_are_the_days_before_it() -> None:
    card = a_card(decided("e1"), decided("e2"))

    assert card.score("shop", "errors", now(), since=now(5)) == Score(unknown=1, days=15.0)


def test_the_record_of_a_trigger_that_was_changed_begins_anew() -> None:
    card = a_card(decided("e1"), ended("e1", Ending.STILL_BAD))
    other = replace(TARGET, triggers=(a_trigger("errors", hold="5m"), TARGET.triggers[1]))
    later = at(15 * DAY)

    (defined,) = changes(other, card, later)
    card.apply(Record(99, later, defined))

    assert isinstance(defined, TriggersDefined)
    assert list(defined.definitions) == ["errors"]
    assert card.score("shop", "errors", now()) == Score(days=5.0)
    assert card.score("shop", "slow", now()) == Score(days=20.0)


def test_only_time_in_alert_only_mode_counts() -> None:
    armed = ConfigLoaded("shop", "shop.yaml", "2", "auto", "ann")
    back = ConfigLoaded("shop", "shop.yaml", "3", "alert-only")
    card = a_card()
    card.apply(Record(10, at(4 * DAY), armed))
    card.apply(Record(11, at(10 * DAY), back))

    assert card.score("shop", "errors", now()).days == pytest.approx(14)


@pytest.mark.parametrize(
    ("score", "reasons"),
    [
        (Score(right=9, wrong=1, days=14), ()),
        (Score(right=3, days=14), ()),
        (Score(right=2, unknown=5, open=3, days=14), ("2 of 3 decisions",)),
        (Score(right=8, wrong=1, days=14), ("88.8% right, not 90%",)),
        (Score(right=3, days=13.9), ("watched 13.9 of 14 days",)),
        (Score(wrong=1), ("1 of 3", "0% right", "watched 0.0")),
    ],
)
def test_a_bar_that_is_not_met_says_why(score: Score, reasons: tuple[str, ...]) -> None:
    short = score.short_of(Bar())

    assert len(short) == len(reasons)
    assert all(text.startswith(reason) for text, reason in zip(short, reasons, strict=True))


def test_a_bar_without_decisions_is_one_of_days_alone() -> None:
    assert Score(days=2).short_of(Bar(decisions=0, days=1)) == ()


# -- what is recorded of a load


def test_a_first_load_in_alert_only_mode_changes_no_mode() -> None:
    (defined,) = changes(TARGET, Scorecard(), at(0))

    assert defined == TriggersDefined("shop", definitions(TARGET))


def test_a_second_load_of_the_same_says_nothing() -> None:
    assert changes(TARGET, a_card(), at(DAY)) == []


def test_to_arm_a_target_is_on_record_with_its_name_and_what_it_falls_short_of() -> None:
    armed = replace(TARGET, mode=Mode.AUTO, armed_by="ann", hash="2")

    mode, early = changes(armed, a_card(), at(DAY))

    assert mode == ModeChanged("shop", "alert-only", "auto", "ann", "shop.yaml", "2")
    reasons = "0 of 3 decisions known to be right or wrong, watched 1.0 of 14 days"
    assert early == ArmedEarly("shop", "ann", (f"errors: {reasons}", f"slow: {reasons}"))


def test_to_arm_a_target_whose_bar_is_met_warns_nobody() -> None:
    bar = Bar(decisions=1, days=14)
    trigger = TARGET.triggers[0]
    proven = replace(TARGET, triggers=(trigger, replace(TARGET.triggers[1], plan="")), arming=bar)
    card = a_card(decided("e1"), ended("e1", Ending.PERSON_ROLLED_BACK))

    found = changes(replace(proven, mode=Mode.AUTO, armed_by="ann"), card, at(20 * DAY))

    # The other trigger only tells people: there is nothing to arm in it.
    assert [type(event) for event in found] == [ModeChanged]


def test_an_armed_target_is_warned_of_once_and_again_for_a_trigger_that_is_changed() -> None:
    armed = replace(TARGET, mode=Mode.AUTO, armed_by="ann")
    card = a_card()
    card.apply(Record(10, at(DAY), ConfigLoaded("shop", "shop.yaml", "1", "auto", "ann")))
    assert changes(armed, card, at(2 * DAY)) == []

    other = replace(armed, triggers=(a_trigger("errors", breach_when=above(7)), armed.triggers[1]))
    defined, early = changes(other, card, at(2 * DAY))

    assert isinstance(defined, TriggersDefined)
    assert isinstance(early, ArmedEarly)
    assert [line.partition(":")[0] for line in early.short] == ["errors"]


def test_a_trigger_that_is_gone_and_comes_back_begins_anew() -> None:
    card = a_card()
    without = replace(TARGET, triggers=TARGET.triggers[:1])
    (gone,) = changes(without, card, at(DAY))
    assert gone == TriggersDefined("shop", {"slow": ""})
    card.apply(Record(10, at(DAY), gone))
    assert changes(without, card, at(2 * DAY)) == []

    (back,) = changes(TARGET, card, at(3 * DAY))

    assert back == TriggersDefined("shop", {"slow": definition(TARGET, TARGET.triggers[1])})


# -- definitions


def test_a_definition_depends_on_all_that_makes_it_fire_and_on_nothing_else() -> None:
    trigger = TARGET.triggers[0]
    same = replace(trigger, plan="other", severity=Severity.CRITICAL, blind_after=1.0)
    others = [
        replace(trigger, hold=60.0),
        replace(trigger, keep_firing_for=600.0),
        a_trigger("errors", breach_when=above(0.2)),
    ]

    assert definition(TARGET, same) == definition(TARGET, trigger)
    assert definition(TARGET, trigger) not in [definition(TARGET, one) for one in others]


def test_a_definition_depends_on_the_question_and_on_the_source() -> None:
    trigger = TARGET.triggers[0]
    asks_more = a_target(trigger, asks={"errors": {"signal": "other"}})
    spec = TARGET.sources["prometheus"]
    elsewhere = replace(TARGET, sources={"prometheus": replace(spec, options={"url": "x"})})

    found = {definition(one, trigger) for one in (TARGET, asks_more, elsewhere)}

    assert len(found) == 3


def test_what_is_as_it_is_by_default_says_nothing() -> None:
    # So that a setting that a newer version adds does not make every trigger another one.
    assert definition(TARGET, TARGET.triggers[0]) == "616012b1d9248127"


def test_what_falls_short_by_little_is_not_rounded_up_to_the_bar() -> None:
    reasons = Score(right=1790, wrong=200, days=13.99).short_of(Bar(right=0.9, days=14))

    assert reasons == ("89.9% right, not 90%", "watched 13.9 of 14 days")


def test_a_trigger_of_a_decision_table_is_another_one_when_its_rows_are() -> None:
    table = (Row("both", Then.ROLLBACK, (("errors", Cell.FIRING),), plan="undo"),)
    bare = a_target(a_trigger("errors", plan=""), a_trigger("slow", plan=""))
    first = replace(bare, decisions=table)
    cells = (("errors", Cell.FIRING), ("slow", Cell.FIRING))
    other = replace(bare, decisions=(replace(table[0], cells=cells),))

    digests = [definitions(one)["errors"] for one in (bare, first, other)]

    assert len(set(digests)) == len(digests)
    renamed = replace(first, decisions=(replace(table[0], plan="redo", name="x"),))
    assert definitions(renamed) == definitions(first)


def test_who_arms_a_decision_table_early_is_told() -> None:
    table = (Row("both", Then.ROLLBACK, (("errors", Cell.FIRING),), plan="undo"),)
    armed = replace(a_target(a_trigger("errors", plan="")), decisions=table)

    (early,) = (one for one in changes(armed, Scorecard(), at(0)) if isinstance(one, ArmedEarly))

    assert "errors: 0 of 3 decisions known" in "".join(early.short)
