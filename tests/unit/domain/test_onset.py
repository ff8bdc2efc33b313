from tests.builders import a_trigger, at
from watchdog.domain.moment import Moment
from watchdog.domain.onset import Onset, loaded, saved, seen
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import INACTIVE, Firing, Pending, TriggerState

LOOKS = {"o": Verdict.OK, "b": Verdict.BREACH, "?": Verdict.UNKNOWN}


def after(looks: str, state: TriggerState | None = None) -> Onset:
    """One look each 15 s; `state` is where each look left the trigger (None: as is natural)."""
    onset = Onset()
    for slot, letter in enumerate(looks):
        natural = INACTIVE if letter == "o" else Pending(at(15 * slot))
        onset = seen(onset, LOOKS[letter], state or natural, at(15 * slot))
    return onset


def test_a_breach_begins_at_the_first_bad_look_after_a_good_one() -> None:
    assert after("ooobbb").earliest(a_trigger()) == at(45)


def test_a_good_look_ends_it_and_the_next_one_is_another() -> None:
    assert after("obbobb").earliest(a_trigger()) == at(60)


def test_looks_that_told_nothing_do_not_begin_it_anew() -> None:
    assert after("ob????????b").earliest(a_trigger()) == at(15)


def test_a_few_looks_that_told_nothing_before_it_are_borne() -> None:
    assert after("o??b").earliest(a_trigger()) == at(45)


def test_behind_more_of_them_it_may_have_begun_right_after_the_last_good_look() -> None:
    assert after("o???b").earliest(a_trigger()) == at(0)


def test_what_was_never_seen_good_began_nobody_knows_when() -> None:
    assert after("bbbb").earliest(a_trigger()) is None
    assert after("").earliest(a_trigger()) is None


def test_a_good_look_while_it_still_fires_does_not_end_it() -> None:
    fired = after("obb")

    still = seen(fired, Verdict.OK, Firing(at(30)), at(45))

    assert seen(still, Verdict.BREACH, Firing(at(30)), at(60)).earliest(a_trigger()) == at(15)


def test_it_survives_a_restart_and_a_boot_as_it_was() -> None:
    onset = after("oobb")

    assert loaded(saved(onset), 0.0) == onset
    assert loaded(saved(onset), 100.0).bad == Moment(130.0, at(30).wall)
    assert loaded(None, 0.0) == Onset()
