from dataclasses import replace

import pytest

from tests.builders import EPOCH, at
from watchdog.domain.claims import Claim, SignalReceived, Voice, Word
from watchdog.domain.inbound import FORGET, MOST, Asked, Board
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Sample, Unknown

BURNS = Asked("ShopBurns", alert=True, labels={"service": "shop"})
FRAUD = Asked("fraud")
NO, YES = "active", "none"


def a_claim(status: Word = Word.FIRING, began: str = "0s", **more: object) -> Claim:
    labels = {"alertname": "ShopBurns", "service": "shop", "route": "/a"}
    claim = Claim(
        name="ShopBurns",
        how=Voice.ALERTMANAGER,
        status=status,
        fingerprint="f1",
        valid_for=390.0,
        starts_at=at(began).wall,
        labels=labels,
        max_age=900.0,
    )
    return replace(claim, **more)  # type: ignore[arg-type]


def a_word(status: Word = Word.FIRING, how: Voice = Voice.CLI, **more: object) -> Claim:
    claim = Claim("fraud", how, status, "shop/fraud", 3600.0, target="shop", lapses=True)
    return replace(claim, **more)  # type: ignore[arg-type]


class Desk:
    """A board, and what is recorded of claims at certain times."""

    def __init__(self) -> None:
        self.board = Board()
        self.recorded: list[tuple[Moment, SignalReceived]] = []

    def hears(self, when: str, claim: Claim) -> bool:
        """Whether it had to be recorded."""
        event = self.board.recorded(claim, at(when))
        if event is None:
            return False
        self.recorded.append((at(when), event))
        self.board.take(len(self.recorded), at(when), event)
        return True

    def says(self, when: str, asked: Asked = BURNS, target: str = "shop") -> str:
        """`active`, `none`, or why it is unknown."""
        seen = self.board.of(target).heard(asked, at(when))
        if isinstance(seen, Gap):
            return seen.reason.value
        return {0.0: NO, 1.0: YES}[seen.values[0]]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nothing_was_said(desk: Desk) -> None:
    assert desk.says("0s") == YES


def test_an_alert_is_active_from_its_first_word(desk: Desk) -> None:
    assert desk.hears("10s", a_claim())

    assert desk.says("10s") == NO


def test_only_the_alert_that_was_asked_for_counts(desk: Desk) -> None:
    desk.hears("10s", a_claim())

    assert desk.says("10s", Asked("ShopBurns", alert=True, labels={"service": "basket"})) == YES
    assert desk.says("10s", Asked("Other", alert=True)) == YES
    assert desk.says("10s", Asked("ShopBurns")) == YES


def test_a_repeat_is_recorded_once_a_minute_and_keeps_it_fresh(desk: Desk) -> None:
    desk.hears("10s", a_claim())

    assert [desk.hears(when, a_claim()) for when in ("11s", "69s", "71s", "72s")] == [
        False,
        False,
        True,
        False,
    ]
    assert desk.says("7m30s") == NO


def test_without_a_repeat_it_is_unknown_and_never_resolved(desk: Desk) -> None:
    desk.hears("10s", a_claim())

    assert desk.says("6m40s") == NO
    assert desk.says("6m41s") == Unknown.STALE
    assert desk.says("20h") == Unknown.STALE


def test_a_resolved_alert_proves_nothing_and_is_none_after_a_while(desk: Desk) -> None:
    desk.hears("10s", a_claim())

    assert desk.hears("20s", a_claim(Word.RESOLVED))
    assert desk.says("20s") == Unknown.RETRACTED
    assert desk.says("6m50s") == Unknown.RETRACTED
    assert desk.says("6m51s") == YES


def test_an_episode_that_was_resolved_never_is_active_again(desk: Desk) -> None:
    desk.hears("10s", a_claim())
    desk.hears("20s", a_claim(Word.RESOLVED))

    assert desk.hears("30s", a_claim())
    assert desk.says("30s") == Unknown.AMBIGUOUS
    assert not desk.hears("31s", a_claim())
    assert desk.says("10m") == YES


def test_two_voices_that_disagree_agree_again(desk: Desk) -> None:
    desk.hears("10s", a_claim())
    desk.hears("20s", a_claim(Word.RESOLVED))
    desk.hears("30s", a_claim())

    assert desk.hears("40s", a_claim(Word.RESOLVED))
    assert desk.says("40s") == Unknown.RETRACTED


def test_a_new_episode_is_active_again(desk: Desk) -> None:
    desk.hears("10s", a_claim())
    desk.hears("20s", a_claim(Word.RESOLVED))

    assert desk.hears("40s", a_claim(began="30s"))
    assert desk.says("40s") == NO


def test_an_earlier_start_of_the_same_firing_is_the_same_episode(desk: Desk) -> None:
    desk.hears("40s", a_claim(began="30s"))
    desk.hears("2m", a_claim(began="20s"))

    assert desk.recorded[-1][1].starts_at == at("20s").wall
    assert desk.says("8m") == NO
    desk.hears("8m", a_claim(Word.RESOLVED, began="20s"))
    assert desk.says("8m") == Unknown.RETRACTED


def test_a_resolved_word_that_comes_before_the_firing_one_wins(desk: Desk) -> None:
    desk.hears("20s", a_claim(Word.RESOLVED))
    desk.hears("21s", a_claim())

    assert desk.says("21s") == Unknown.AMBIGUOUS


def test_what_is_first_heard_of_too_late_is_not_acted_on(desk: Desk) -> None:
    desk.hears("15m1s", a_claim())
    desk.hears("17m", a_claim())

    assert desk.says("17m") == Unknown.STALE
    desk.hears("18m", a_claim(began="17m30s"))
    assert desk.says("18m") == NO


def test_what_was_heard_of_in_time_may_grow_old(desk: Desk) -> None:
    for minute in range(1, 30):
        desk.hears(f"{minute}m", a_claim())

    assert desk.says("29m") == NO


def test_a_start_in_the_future_makes_no_later_one_look_old(desk: Desk) -> None:
    desk.hears("10s", a_claim(began="9h"))
    desk.hears("20s", a_claim(Word.RESOLVED, began="9h"))
    desk.hears("30s", a_claim(began="25s"))

    assert desk.says("30s") == NO


def test_a_repeat_of_a_start_in_the_future_is_no_new_episode(desk: Desk) -> None:
    ahead = a_claim(began="5m")
    desk.hears("0s", ahead)
    assert desk.hears("60s", replace(ahead, status=Word.RESOLVED))
    desk.hears("61s", ahead)

    assert desk.says("62s") == Unknown.AMBIGUOUS.value
    desk.hears("2m", a_claim(began="2m"))
    assert desk.says("2m") == NO


def test_a_step_of_the_wall_clock_makes_nothing_stale(desk: Desk) -> None:
    desk.hears("10s", a_claim())
    later = Moment(at("20s").elapsed, EPOCH + 3600)
    seen = desk.board.of("shop").heard(BURNS, later)

    assert isinstance(seen, Sample)
    assert seen.values == (0.0,)


def test_a_persons_word_is_over_when_its_time_is(desk: Desk) -> None:
    desk.hears("10s", a_word())

    assert desk.says("1h", FRAUD) == NO
    assert desk.says("1h11s", FRAUD) == YES


def test_a_persons_word_is_for_the_target_that_it_names(desk: Desk) -> None:
    desk.hears("10s", a_word())

    assert desk.says("10s", FRAUD, target="basket") == YES
    desk.hears("20s", a_word(target="", fingerprint="/fraud"))
    assert desk.says("20s", FRAUD, target="basket") == NO


def test_a_word_given_again_is_a_new_episode(desk: Desk) -> None:
    desk.hears("10s", a_word())
    desk.hears("20s", a_word(Word.RESOLVED))

    assert desk.says("20s", FRAUD) == YES
    desk.hears("30s", a_word())
    assert desk.says("30s", FRAUD) == NO


def test_a_person_takes_back_what_a_webhook_said_but_no_alert(desk: Desk) -> None:
    desk.hears("10s", a_word(how=Voice.WEBHOOK, fingerprint="fraud"))
    desk.hears("11s", a_claim(name="fraud", fingerprint="f2", labels={"alertname": "fraud"}))

    desk.hears("20s", a_word(Word.RESOLVED))

    assert desk.says("20s", FRAUD) == YES
    assert desk.says("20s", Asked("fraud", alert=True)) == NO


def test_a_record_counts_once_however_often_it_is_told(desk: Desk) -> None:
    desk.hears("10s", a_claim())
    desk.hears("20s", a_claim(Word.RESOLVED))

    desk.board.take(1, *desk.recorded[0])

    assert desk.says("20s") == Unknown.RETRACTED


def test_the_journal_alone_gives_the_same_board(desk: Desk) -> None:
    for when, claim in [
        ("10s", a_claim()),
        ("20s", a_claim(Word.RESOLVED)),
        ("30s", a_claim()),
        ("40s", a_word()),
        ("20m", a_claim(fingerprint="f3")),
    ]:
        desk.hears(when, claim)
    replayed = Board()

    for seq, (moment, event) in enumerate(desk.recorded, 1):
        replayed.take(seq, moment, event)

    assert replayed.entries == desk.board.entries


def test_the_heart_beats_while_its_alert_is_said_again_however_old(desk: Desk) -> None:
    desk.hears("9h", a_claim(name="Watchdog", labels={"alertname": "Watchdog"}))

    heard = desk.board.of("shop")
    assert heard.beats("Watchdog", at("9h6m"))
    assert not heard.beats("Watchdog", at("9h7m"))
    assert not heard.beats("ShopBurns", at("9h"))


def test_what_has_not_counted_for_a_day_is_forgotten(desk: Desk) -> None:
    desk.hears("10s", a_claim())
    desk.board.forget(at(10 + 390 + FORGET))
    assert desk.board.entries
    desk.board.forget(at(11 + 390 + FORGET))

    assert not desk.board.entries
    assert desk.says("30h") == YES


def test_the_board_holds_so_much_and_no_more(desk: Desk) -> None:
    for number in range(MOST):
        desk.hears("10s", a_claim(fingerprint=f"{number:x}"))

    known, new = (Voice.ALERTMANAGER, "0"), (Voice.ALERTMANAGER, "new")
    assert desk.board.has_room(at("20s"), [known])
    assert not desk.board.has_room(at("20s"), [known, new])
    assert desk.board.has_room(at("30h"), [known, new])
