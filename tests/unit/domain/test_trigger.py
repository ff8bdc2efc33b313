"""Triggers, driven by one letter a slot: b BREACH, o OK, ? UNKNOWN, ~ low volume, - missed."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import BREACH, EPOCH, OK, UNKNOWN, a_trigger, at
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Unknown
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.trigger import (
    Change,
    Firing,
    Inactive,
    Pending,
    Trigger,
    TriggerStatus,
    evaluate,
    reset_pending,
    restore,
)

LETTERS = {
    "b": BREACH,
    "o": OK,
    "?": UNKNOWN,
    "~": Judgement(Verdict.UNKNOWN, None, Unknown.LOW_VOLUME),
    "p": Judgement(Verdict.UNKNOWN, None, Unknown.PAUSED),
}


@dataclass
class Watched:
    """A trigger and what happened to it: `story` holds (slot, change)."""

    trigger: Trigger
    status: TriggerStatus = field(default_factory=TriggerStatus)
    slot: int = 0
    story: list[tuple[int, Change]] = field(default_factory=list)

    def see(self, letters: str) -> "Watched":
        for letter in letters.replace(" ", ""):
            if letter != "-":
                start = self.slot * self.trigger.every
                now = Moment(start, EPOCH + start)
                judgement = LETTERS[letter]
                before = self.status
                self.status, changes = evaluate(self.trigger, before, judgement, now, self.slot)
                self.story += [(self.slot, change) for change in changes]
            self.slot += 1
        return self

    def restart(self, slots: int, *, at_slot: int | None = None) -> "Watched":
        """Die right after the last slot seen; `slots` are missed."""
        died = (self.slot if at_slot is None else at_slot) - 1
        self.slot += slots
        downtime = slots * self.trigger.every
        now = at(died * self.trigger.every + downtime)
        self.status = restore(self.trigger, self.status, downtime, now)
        return self

    @property
    def changes(self) -> list[Change]:
        return [change for _, change in self.story]

    @property
    def fired(self) -> list[int]:
        return [slot for slot, change in self.story if change is Change.FIRING]


def watched(letters: str, trigger: Trigger | None = None) -> Watched:
    return Watched(trigger or a_trigger(hold="2m")).see(letters)


# -- hold


def test_it_fires_once_the_breach_was_watched_for_as_long_as_it_must_hold() -> None:
    assert watched("o bbbbbbbb").fired == []
    assert watched("o bbbbbbbbb").story == [(1, Change.PENDING), (9, Change.FIRING)]


def test_one_ok_starts_the_hold_over() -> None:
    seen = watched("o bbbbbbb o bbbbbbbb")

    assert seen.changes == [Change.PENDING, Change.PENDING_CLEARED, Change.PENDING]
    assert seen.see("b").fired == [17]


def test_it_never_fires_on_a_look_that_is_not_a_breach() -> None:
    seen = watched("o bbbbbbbb ?")

    assert isinstance(seen.status.state, Pending)
    assert seen.see("b").fired == [10]


def test_a_hold_that_is_no_multiple_of_the_interval_ends_at_the_next_slot() -> None:
    trigger = a_trigger(hold="100s", every="15s")

    assert watched("o bbbbbbbb", trigger).fired == [8]


def test_rounding_of_slot_times_costs_no_slot() -> None:
    trigger = a_trigger(hold=0.3, every=0.1)

    assert watched("o bbbb", trigger).fired == [4]


def test_without_a_hold_two_breaches_confirm_it() -> None:
    trigger = a_trigger(hold=0)

    assert watched("o b", trigger).fired == []
    assert watched("o bb", trigger).fired == [2]


def test_a_confirmation_of_one_fires_at_the_first_breach_and_says_so_once() -> None:
    assert watched("o b", a_trigger(hold=0, confirm=1)).story == [(1, Change.FIRING)]


def test_the_first_look_after_a_start_never_fires() -> None:
    assert watched("b", a_trigger(hold=0, confirm=1)).fired == []
    assert watched("b", a_trigger(fails=1)).fired == []
    assert watched("bb", a_trigger(hold=0, confirm=1)).fired == [1]


def test_a_look_that_learned_nothing_is_no_first_look() -> None:
    assert watched("??b", a_trigger(hold=0, confirm=1)).fired == []


# -- coverage of the sliding window, and gaps


def test_too_few_decided_slots_in_the_window_do_not_fire() -> None:
    # Nine slots in the window, so eight must be decided.
    assert watched("o bbbbbbbb ? b").fired == [10]
    assert watched("o bbb?b?bbb").fired == []
    assert watched("o bbb?b?bbb b").fired == []


def test_an_early_gap_slides_out_of_the_window() -> None:
    seen = watched("o b??b b??b")

    # The gaps leave the window one by one: at its last nine slots only one is left.
    assert seen.fired == []
    assert seen.see("bbbbbb").fired == []
    assert seen.see("b").fired == [15]


def test_coverage_is_exactly_the_share_asked_for() -> None:
    # Ten slots in the window, eight of them are exactly four fifths.
    trigger = a_trigger(hold="135s", coverage=0.8)

    assert watched("o bb?bb?bbbb", trigger).fired == [10]
    assert watched("o bb?b?b?bbb", trigger).fired == []


@pytest.mark.parametrize("coverage", [0.55, 0.56, 0.57, 0.7, 1.0])
def test_rounding_of_the_share_costs_no_slot(coverage: float) -> None:
    trigger = a_trigger(hold=99, every=1, coverage=coverage)
    allowed = round(100 * (1 - coverage))

    letters = "b" + "?b" * allowed + "b" * (99 - 2 * allowed)

    assert watched("o" + letters, trigger).fired == [100]


def test_more_unknowns_in_a_row_than_allowed_lose_a_pending_trigger() -> None:
    assert watched("o bb ?? b").changes == [Change.PENDING]
    assert watched("o bb ???").changes == [Change.PENDING, Change.PENDING_LOST]


def test_a_lost_trigger_starts_over() -> None:
    assert watched("o bbbbbbbb ??? bbbbbbbb").fired == []
    assert watched("o bbbbbbbb ??? bbbbbbbbb").fired == [20]


def test_missed_slots_count_as_unknown() -> None:
    assert watched("o bb -- b").changes == [Change.PENDING]
    assert watched("o bb --- b").changes == [Change.PENDING, Change.PENDING_LOST, Change.PENDING]
    assert watched("o bb -? b").changes == [Change.PENDING]
    assert watched("o bb -?- b").changes == [Change.PENDING, Change.PENDING_LOST, Change.PENDING]
    assert watched("o bb" + "-" * 100_000 + "o").changes == [Change.PENDING, Change.PENDING_LOST]


def test_missed_slots_are_gaps_in_the_window() -> None:
    assert watched("o bbb-b-bbb").fired == []


def test_missed_slots_before_a_breach_change_nothing() -> None:
    assert watched("o ---- b").changes == [Change.PENDING]


def test_a_source_that_answers_now_and_then_never_fires_a_hold() -> None:
    # What Prometheus does with "for": one true answer at each end, and errors between.
    assert watched("o b ??????? b").fired == []


# -- consecutive failures


def test_so_many_failures_in_a_row_fire() -> None:
    trigger = a_trigger(fails=3)

    assert watched("o bb", trigger).fired == []
    assert watched("o bbb", trigger).fired == [3]


def test_an_ok_between_failures_counts_from_the_start() -> None:
    assert watched("o bb o bb", a_trigger(fails=3)).fired == []


def test_an_unknown_between_failures_leaves_the_count() -> None:
    assert watched("o bb ????? b", a_trigger(fails=3)).fired == [8]
    assert watched("o bb ----- b", a_trigger(fails=3)).fired == [8]
    assert watched("o bb ?????", a_trigger(fails=3)).changes == [Change.PENDING]


# -- firing and resolving


def test_it_resolves_after_ok_for_as_long_as_it_keeps_firing() -> None:
    seen = watched("o bb ooooooooo", a_trigger(hold=0))

    assert seen.story[-1] == (11, Change.RESOLVED)
    assert [slot for slot, change in seen.story if change is Change.RESOLVED] == [11]


def test_a_breach_starts_the_resolving_over() -> None:
    seen = watched("o bb oooooooo b oooooooo", a_trigger(hold=0))

    assert Change.RESOLVED not in seen.changes
    assert seen.see("o").changes[-1] is Change.RESOLVED


def test_without_keeping_it_resolves_at_once() -> None:
    trigger = a_trigger(hold=0, keep_firing_for=0)

    assert watched("o bb o", trigger).changes[-1] is Change.RESOLVED


def test_unknown_never_resolves() -> None:
    seen = watched("o bb" + "?" * 1000, a_trigger(hold=0, blind_after="1d"))

    assert isinstance(seen.status.state, Firing)
    assert Change.RESOLVED not in seen.changes


def test_unknown_at_the_end_of_the_resolving_does_not_resolve() -> None:
    seen = watched("o bb ooooooo ??", a_trigger(hold=0))

    assert isinstance(seen.status.state, Firing)
    assert seen.see("o").changes[-1] is Change.RESOLVED


@pytest.mark.parametrize("gap", ["???", "---", "?-?"])
def test_a_long_gap_starts_the_resolving_over(gap: str) -> None:
    seen = watched(f"o bb oooooooo {gap} oooooooo", a_trigger(hold=0))

    assert Change.RESOLVED not in seen.changes
    assert seen.see("o").changes[-1] is Change.RESOLVED


def test_a_resolved_trigger_fires_again_as_a_new_episode() -> None:
    seen = watched("o bb ooooooooo bb", a_trigger(hold=0))

    assert seen.fired == [2, 13]
    assert isinstance(seen.status.state, Firing)
    assert seen.status.state.since == at(13 * 15)


# -- blindness


def test_nothing_decided_for_too_long_is_blindness_told_once() -> None:
    seen = watched("o" + "?" * 21)

    assert seen.story == [(21, Change.BLIND)]
    assert seen.see("?" * 100).story == [(21, Change.BLIND)]


def test_sight_ends_blindness() -> None:
    assert watched("o" + "?" * 21 + "o").changes == [Change.BLIND, Change.SEEING]
    assert watched("o" + "?" * 21 + "b").changes[-1] is Change.SEEING


def test_one_look_in_between_starts_the_darkness_over() -> None:
    assert watched("o" + "?" * 20 + "o" + "?" * 20).changes == []


@pytest.mark.parametrize("letter", ["~", "p"])
def test_a_quiet_night_is_not_blindness(letter: str) -> None:
    assert watched("o" + letter * 1000).changes == []
    assert watched("o" + "?" * 21 + letter).changes == [Change.BLIND, Change.SEEING]
    assert watched("o" + "?" * 20 + letter + "?" * 20).changes == []


def test_blindness_never_fires_and_never_clears() -> None:
    assert watched("o bb" + "?" * 100, a_trigger(hold=0)).changes == [
        Change.PENDING,
        Change.FIRING,
        Change.BLIND,
    ]


# -- the clock, and restarts


def test_a_step_of_the_clock_starts_what_was_pending_over() -> None:
    seen = watched("o bbbbbbbb")
    seen.status = reset_pending(seen.status)

    assert seen.status.state == Inactive()
    assert seen.see("bbbbbbbb").fired == []


def test_a_step_of_the_clock_leaves_a_firing_trigger_firing() -> None:
    seen = watched("o bb", a_trigger(hold=0))

    assert reset_pending(seen.status) == seen.status


def test_downtime_does_not_count_toward_the_hold() -> None:
    seen = watched("o bbbbb").restart(slots=4)

    # 60 of 120 seconds were watched; four slots later 60 more must be.
    assert seen.see("bbb").fired == []
    assert seen.see("b").fired == [13]


def test_a_long_downtime_starts_what_was_pending_over() -> None:
    assert isinstance(watched("o bbbbb").restart(slots=8).status.state, Pending)
    assert isinstance(watched("o bbbbb").restart(slots=9).status.state, Inactive)


def test_ten_minutes_of_downtime_are_never_bridged() -> None:
    trigger = a_trigger(hold="1h", every="1m")

    assert isinstance(watched("o bb", trigger).restart(slots=10).status.state, Pending)
    assert isinstance(watched("o bb", trigger).restart(slots=11).status.state, Inactive)


def test_two_decided_looks_are_needed_after_a_restart() -> None:
    almost = watched("o bbbbbbbb").restart(slots=0)

    assert almost.see("b").fired == []
    assert almost.see("b").fired == [10]


def test_a_firing_trigger_is_restored_as_firing_until_a_fresh_breach_confirms_it() -> None:
    seen = watched("o bb", a_trigger(hold=0)).restart(slots=1000)
    assert seen.status.state == Firing(at(30), confirmed=False, began=at(15))

    seen.see("?o")
    assert isinstance(seen.status.state, Firing)
    assert not seen.status.state.confirmed

    seen.see("b")
    assert seen.status.state == Firing(at(30), confirmed=True, began=at(15))


def test_an_inactive_trigger_is_restored_as_inactive() -> None:
    assert watched("ooo").restart(slots=3).status.state == Inactive()


def test_the_time_in_the_dark_before_a_restart_is_not_counted_but_blindness_is_kept() -> None:
    seen = watched("o" + "?" * 20).restart(slots=1)
    assert seen.see("?" * 19).changes == []
    assert seen.see("?").changes == [Change.BLIND]

    seen.restart(slots=1)
    assert seen.see("?" * 100).changes == [Change.BLIND]
    assert seen.see("o").changes == [Change.BLIND, Change.SEEING]


# -- properties

TRIGGERS = st.builds(
    a_trigger,
    hold=st.sampled_from([0, 15, 40, 120, 300]),
    keep_firing_for=st.sampled_from([0, 15, 100]),
    coverage=st.sampled_from([0.5, 0.8, 1.0]),
    max_gap=st.integers(0, 4),
    fails=st.sampled_from([0, 0, 0, 1, 3]),
    blind_after=st.sampled_from([0, 60, 300]),
)
LOOKS = st.text("bo?~-", max_size=60)


def prometheus(hold: int, every: int, letters: str) -> list[int]:
    """Where Prometheus' rule would begin to fire, on a series without gaps.

    As its manual tells: pending from the first true evaluation, firing once that is `for` ago,
    inactive at the first evaluation that is not true.
    """
    fired, active_at, firing = [], None, False
    for slot, letter in enumerate(letters):
        if letter == "o":
            active_at, firing = None, False
            continue
        active_at = slot * every if active_at is None else active_at
        if not firing and slot * every - active_at >= hold:
            firing = True
            fired.append(slot)
    return fired


@settings(max_examples=400)
@given(
    hold=st.integers(1, 40).map(lambda n: n * 5),
    every=st.sampled_from([5, 10, 15, 60]),
    letters=st.text("bbbo", max_size=80),
)
def test_without_gaps_it_fires_exactly_where_prometheus_would(
    hold: int, every: int, letters: str
) -> None:
    trigger = a_trigger(hold=hold, every=every, keep_firing_for=0)
    letters = "o" + letters

    assert watched(letters, trigger).fired == prometheus(hold, every, letters)


@given(TRIGGERS, LOOKS)
def test_it_changes_to_firing_only_on_a_breach_and_to_resolved_only_on_an_ok(
    trigger: Trigger, letters: str
) -> None:
    for slot, change in watched(letters, trigger).story:
        if change is Change.FIRING:
            assert letters[slot] == "b"
        if change in (Change.RESOLVED, Change.PENDING_CLEARED):
            assert letters[slot] == "o"


@given(TRIGGERS.filter(lambda one: not one.fails), LOOKS)
def test_it_fires_only_after_a_breach_that_was_watched(trigger: Trigger, letters: str) -> None:
    letters = letters.replace("~", "?").replace("-", "?")
    for slot in watched(letters, trigger).fired:
        window = letters[max(0, slot - int(trigger.hold / trigger.every)) : slot + 1]
        since_ok = letters[:slot].rpartition("o")[2]
        lost = "?" * (trigger.max_gap + 1)
        since_lost = since_ok.rpartition(lost)[2]
        breaching_for = len(since_lost) - (len(since_lost) - len(since_lost.lstrip("?")))

        assert "o" not in window
        assert lost not in window.strip("?")
        assert breaching_for * trigger.every >= trigger.hold
        assert window.count("b") >= trigger.coverage * trigger.window_slots - 1e-9


@given(TRIGGERS, LOOKS)
def test_its_changes_follow_one_another_as_its_states_do(trigger: Trigger, letters: str) -> None:
    state = "inactive"
    for change in watched(letters, trigger).changes:
        match change:
            case Change.PENDING:
                assert state == "inactive"
                state = "pending"
            case Change.PENDING_CLEARED | Change.PENDING_LOST:
                assert state == "pending"
                state = "inactive"
            case Change.FIRING:
                assert state in ("inactive", "pending")
                state = "firing"
            case Change.RESOLVED:
                assert state == "firing"
                state = "inactive"
            case Change.BLIND | Change.SEEING:
                pass


@settings(max_examples=400)
@given(TRIGGERS, st.text("bbbo?", max_size=30), st.integers(0, 50), st.text("bb?o", max_size=30))
def test_a_restart_never_makes_it_fire_earlier(
    trigger: Trigger, before: str, downtime: int, later: str
) -> None:
    # The worst case: what nobody saw during the downtime was a breach throughout.
    uninterrupted = watched(before + "b" * downtime + later, trigger)
    restarted = watched(before, trigger)
    already_firing = isinstance(restarted.status.state, Firing)
    restarted.restart(downtime).see(later)

    if not already_firing:
        first = [slot for slot in restarted.fired if slot >= len(before)][:1]
        could = [slot for slot in uninterrupted.fired if slot >= len(before)][:1]
        assert not first or (could and could[0] <= first[0])


@given(st.integers(0, 8), st.sampled_from([60, 120]), st.integers(0, 20))
def test_a_restart_makes_it_fire_later_by_no_more_than_the_downtime_and_two_intervals(
    downtime: int, hold: int, died: int
) -> None:
    trigger = a_trigger(hold=hold)
    restarted = watched("o" + "b" * died, trigger)
    if isinstance(restarted.status.state, Firing) or downtime * 15 > trigger.outage_tolerance:
        return
    (fired,) = restarted.restart(downtime).see("b" * 100).fired

    assert fired <= 1 + hold / 15 + downtime + 2


# -- so many among the last looks


THREE_OF_FIVE = a_trigger(fails=3, looks=5)


def test_three_bad_looks_of_the_last_five_fire_whatever_lies_between() -> None:
    assert watched("o bobob", THREE_OF_FIVE).fired == [5]
    assert watched("o bbb", THREE_OF_FIVE).fired == [3]
    assert watched("o boobob", THREE_OF_FIVE).fired == []
    assert watched("o b??b", THREE_OF_FIVE).fired == []
    assert watched("o b?b?b", THREE_OF_FIVE).fired == [5]


def test_looks_that_are_too_long_ago_count_no_longer() -> None:
    assert watched("o bb ooo b", THREE_OF_FIVE).fired == []
    assert watched("o bb ooo bbb", THREE_OF_FIVE).fired == [8]


def test_among_the_last_looks_pending_ends_once_none_of_them_was_bad() -> None:
    seen = watched("o b oooo", THREE_OF_FIVE)
    assert seen.changes == [Change.PENDING]

    assert seen.see("o").changes == [Change.PENDING, Change.PENDING_CLEARED]


def test_among_the_last_looks_a_long_gap_starts_over_too() -> None:
    seen = watched("o bb ??? b", THREE_OF_FIVE)

    assert seen.fired == []
    assert Change.PENDING_LOST in seen.changes
    assert watched("o bb -- b", THREE_OF_FIVE).fired == [5]
    assert watched("o bb --- b", THREE_OF_FIVE).fired == []


def test_looks_that_a_restart_missed_are_among_the_last_looks_too() -> None:
    assert watched("o bb", THREE_OF_FIVE).restart(slots=2).see("obb").fired == []
    assert watched("o bb", THREE_OF_FIVE).restart(slots=2).see("bb").fired == [6]
    assert isinstance(watched("o booo", THREE_OF_FIVE).restart(slots=2).status.state, Inactive)


def test_one_bad_look_seen_twice_is_one_among_the_last_looks() -> None:
    trigger = a_trigger(fails=2, looks=5)
    _, pending = _twice(trigger)

    assert isinstance(pending, Pending)
    assert pending.breached.bit_count() == 1


def _twice(trigger: Trigger) -> tuple[TriggerStatus, object]:
    status = TriggerStatus(fresh=5, slot=0)
    for slot in (1, 2):
        status, _ = evaluate(trigger, status, BREACH, at(slot * 15), slot, at(20))
    return status, status.state


# -- over only once it is clearly well


def test_between_the_limit_and_the_clear_limit_it_goes_on_firing() -> None:
    trigger = a_trigger(keep_firing_for="1m")
    nearly = Judgement(Verdict.OK, 0.9, clears=False)
    seen = watched("o bb", trigger)
    LETTERS["n"] = nearly
    try:
        between = seen.see("n" * 20).status.state
        assert isinstance(between, Firing)
        assert not between.breaching
        # A minute of clearly well looks, and none that is not among them.
        assert isinstance(seen.see("oooo n oooo").status.state, Firing)
        assert isinstance(seen.see("o").status.state, Inactive)
    finally:
        del LETTERS["n"]
