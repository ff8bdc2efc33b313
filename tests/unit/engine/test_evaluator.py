import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import a_signal, a_target, a_trigger, above, at
from watchdog.domain.events import Event, SourceSeesAgain, SourceWentBlind, TriggerChanged
from watchdog.domain.observation import Observation
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import INACTIVE, Change, Firing, Pending, Trigger
from watchdog.engine.evaluator import Evaluator, Looked
from watchdog.testing.world import observation

TOKENS = {"b": "1", "o": "0", "?": "err", "~": "quiet"}


class Watch:
    """An evaluator that is shown one letter a slot of 15 seconds and signal."""

    def __init__(self, target: Target | None = None, slot: int = 0) -> None:
        self.target = target or a_target()
        self.evaluator = Evaluator(self.target)
        self.slot = slot
        self.events: list[Event] = []

    def see(self, source: str = "prometheus", **signals: str) -> "Watch":
        length = max(len(letters) for letters in signals.values())
        for number in range(length):
            self.slot += 1
            seen: Mapping[str, Observation] = {
                name: observation(TOKENS[letters[min(number, len(letters) - 1)]])
                for name, letters in signals.items()
            }
            looked = Looked(source, self.slot, at(self.slot * 15), seen)
            self.events += self.evaluator.take(looked)
        return self

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def next_process(self, slots: int = 1, target: Target | None = None) -> "Watch":
        """A process that starts `slots` later, from this one's checkpoint."""
        died = at(self.slot * 15)
        kept = self.evaluator.checkpoint(died)
        other = Watch(target or self.target, self.slot + slots)
        if kept is not None:
            other.evaluator.restore(kept, died, died.after(slots * 15))
        return other


TWO = a_target(a_trigger("errors"), a_trigger("latency"))


# -- what is told


def test_a_change_is_told_with_the_query_the_condition_and_the_looks_that_led_to_it() -> None:
    signal = a_signal("errors", unit="ratio")
    watch = Watch(a_target(a_trigger("errors", signal=signal, breach_when=above(0.1))))

    pending, firing = watch.see(errors="obb").told(TriggerChanged)

    assert (pending.change, pending.evidence) == (Change.PENDING, ())
    assert (firing.change, firing.since) == (Change.FIRING, at(45).wall)
    assert (firing.query, firing.condition) == ("query of errors", "above 0.1")
    assert (firing.unit, firing.limit) == ("ratio", 0.1)
    assert [(point.verdict, point.at) for point in firing.evidence] == [
        (Verdict.OK, at(15).wall),
        (Verdict.BREACH, at(30).wall),
        (Verdict.BREACH, at(45).wall),
    ]


def test_the_looks_that_are_kept_cover_the_window_and_are_bounded() -> None:
    watch = Watch(a_target(a_trigger("errors", hold="2m")))

    firing = watch.see(errors="o" * 200 + "b" * 9).told(TriggerChanged)[-1]

    assert len(firing.evidence) == 2 * 9 + 20


def test_a_look_that_learned_nothing_says_why() -> None:
    watch = Watch().see(errors="ob???")

    lost = watch.told(TriggerChanged)[-1]

    assert (lost.change, lost.note) == (Change.PENDING_LOST, "connection refused")


def test_a_signal_that_was_not_answered_is_no_data() -> None:
    watch = Watch(TWO).see(errors="o")

    judgement = watch.evaluator.judgements["latency"]

    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.note == "the source did not answer this signal"


def test_a_round_is_judged_by_the_triggers_of_its_own_source() -> None:
    target = a_target(a_trigger("errors"), a_trigger("health", source="http"))
    watch = Watch(target).see(source="http", health="o")

    assert list(watch.evaluator.judgements) == ["health"]
    assert watch.evaluator.evaluations == {"ok": 1}
    assert watch.see(source="unheard of", other="b").events == []


def test_it_is_quiet_while_nothing_fires() -> None:
    watch = Watch().see(errors="ob")
    assert watch.evaluator.quiet

    assert not watch.see(errors="b").evaluator.quiet


# -- blindness


def test_a_source_in_the_dark_is_one_alert_however_many_triggers_it_feeds() -> None:
    watch = Watch(TWO).see(errors="o" + "?" * 100, latency="o" + "?" * 100)

    (blind,) = watch.told(SourceWentBlind)

    assert (blind.source, blind.triggers) == ("prometheus", ("errors", "latency"))
    assert blind.since == at(30).wall
    assert blind.reason == "error: connection refused"


def test_a_source_that_never_answered_is_dark_from_the_first_look() -> None:
    watch = Watch(slot=-1).see(errors="?" * 21)

    (blind,) = watch.told(SourceWentBlind)

    assert blind.since == at(0).wall


def test_sight_is_told_once_all_of_a_source_is_seen_again() -> None:
    watch = Watch(TWO).see(errors="o" + "?" * 25, latency="o" + "?" * 25)

    watch.see(errors="oo", latency="?o").see(errors="o", latency="o")

    (sees,) = watch.told(SourceSeesAgain)
    assert (sees.source, sees.since) == ("prometheus", at(30).wall)


def test_a_single_trigger_in_the_dark_is_told_by_its_name() -> None:
    watch = Watch(TWO).see(errors="o", latency="o" + "?" * 25)

    (blind,) = watch.told(SourceWentBlind)

    assert blind.triggers == ("latency",)


def test_each_source_has_an_alert_of_its_own() -> None:
    target = a_target(a_trigger("errors"), a_trigger("health", source="http"))
    watch = Watch(target).see(errors="?" * 25)
    watch.slot = 0
    watch.see(source="http", health="?" * 25)

    assert [blind.source for blind in watch.told(SourceWentBlind)] == ["prometheus", "http"]


def test_a_quiet_night_is_not_blindness() -> None:
    assert Watch().see(errors="~" * 100).told(SourceWentBlind) == []


def test_a_restart_in_the_dark_tells_nothing_a_second_time() -> None:
    watch = Watch().see(errors="?" * 25).next_process()

    watch.see(errors="?" * 25)
    assert watch.told(SourceWentBlind) == []

    watch.see(errors="o")
    assert len(watch.told(SourceSeesAgain)) == 1


def test_a_reload_in_the_dark_neither_sees_nor_tells_a_second_time() -> None:
    before = Watch().see(errors="?" * 25)
    after = Watch(a_target(a_trigger("errors", breach_when=above(0.2))), before.slot)
    after.evaluator.adopt(before.evaluator)

    after.see(errors="?" * 50)
    assert after.events == []

    after.see(errors="o")
    assert len(after.told(SourceSeesAgain)) == 1


# -- restarts


def test_nothing_is_kept_while_there_is_nothing_to_keep() -> None:
    assert Watch().see(errors="ooo").evaluator.checkpoint(at(60)) is None


@pytest.mark.parametrize("letters", ["ob", "obb", "obbo", "?" * 25])
def test_what_is_pending_firing_or_blind_is_kept(letters: str) -> None:
    assert Watch().see(errors=letters).evaluator.checkpoint(at(60)) is not None


def test_what_is_over_is_forgotten_with_one_more_checkpoint() -> None:
    watch = Watch().see(errors="ob")
    assert watch.evaluator.checkpoint(at(30)) is not None
    watch.evaluator.was_kept()

    watch.see(errors="o")
    gone = watch.evaluator.checkpoint(at(45))
    assert gone is not None
    assert json.loads(gone)["triggers"] == {}
    watch.evaluator.was_kept()
    assert watch.evaluator.checkpoint(at(60)) is None


def test_a_checkpoint_that_could_not_be_written_is_tried_again() -> None:
    watch = Watch().see(errors="ob")
    watch.evaluator.checkpoint(at(30))
    watch.evaluator.was_kept()
    watch.see(errors="o")

    assert watch.evaluator.checkpoint(at(45)) is not None
    assert watch.evaluator.checkpoint(at(60)) is not None


def test_a_stale_checkpoint_is_overwritten_after_a_restart() -> None:
    # Or a second restart would find the trigger pending once more.
    watch = Watch(a_target(a_trigger("errors", hold="2m"))).see(errors="obbbb").next_process()

    watch.see(errors="o")

    gone = watch.evaluator.checkpoint(at(600))
    assert gone is not None
    assert json.loads(gone)["triggers"] == {}


def test_a_stale_checkpoint_is_overwritten_after_a_reload() -> None:
    before = Watch().see(errors="ob")
    before.evaluator.checkpoint(at(30))
    before.evaluator.was_kept()
    after = Watch(a_target(a_trigger("errors", breach_when=above(0.2))))
    after.evaluator.adopt(before.evaluator)

    assert after.evaluator.checkpoint(at(45)) is not None


def test_a_pending_trigger_goes_on_where_it_was() -> None:
    target = a_target(a_trigger("errors", hold="2m"))
    watch = Watch(target).see(errors="obbbbb").next_process(slots=3)

    state = watch.evaluator.statuses["errors"].state

    assert isinstance(state, Pending)
    assert (state.breaches, state.since) == (5, at(30 + 45))


def test_a_firing_trigger_keeps_its_episode_and_needs_a_fresh_breach() -> None:
    watch = Watch().see(errors="obb")
    (before,) = watch.evaluator.proposals()

    restarted = watch.next_process(slots=100)
    (after,) = restarted.evaluator.proposals()

    assert (before.confirmed, after.confirmed) == (True, False)
    assert after.episode == before.episode
    restarted.see(errors="?")
    assert not restarted.evaluator.proposals()[0].confirmed
    restarted.see(errors="b")
    assert restarted.evaluator.proposals()[0].confirmed


def test_times_are_translated_from_the_boot_before() -> None:
    watch = Watch(a_target(a_trigger("errors", hold="2m"))).see(errors="obbb")
    kept = watch.evaluator.checkpoint(at(60))
    assert kept is not None

    # This boot's clock stood at 5 s when the last one's stood at 60 s, 30 s of wall time later.
    saved_at = replace(at(60), elapsed=-25.0)
    now = replace(at(90), elapsed=5.0)
    other = Watch(a_target(a_trigger("errors", hold="2m")))
    other.evaluator.restore(kept, saved_at, now)

    state = other.evaluator.statuses["errors"].state
    assert isinstance(state, Pending)
    assert now.since(state.since) == pytest.approx(30)


CHANGED = {
    "the limit": a_target(a_trigger("errors", breach_when=above(0.2))),
    "the limit's last digit": a_target(a_trigger("errors", breach_when=above(0.1000001))),
    "how long it holds": a_target(a_trigger("errors", hold="1m")),
    "how often it may fail": a_target(a_trigger("errors", fails=3)),
    "the signal": a_target(a_trigger("errors", signal=a_signal("latency"))),
    "how far the signal is trusted": a_target(
        a_trigger("errors", signal=a_signal("errors", inf_counts=True))
    ),
    "the query": a_target(asks={"errors": {"signal": "others"}}),
    "the name": a_target(a_trigger("mistakes", signal=a_signal("errors"))),
}


@pytest.mark.parametrize("target", CHANGED.values(), ids=CHANGED)
def test_a_trigger_that_asks_something_else_starts_over(target: Target) -> None:
    before = Watch().see(errors="obb")

    restarted = before.next_process(target=target).evaluator
    reloaded = Evaluator(target)
    reloaded.adopt(before.evaluator)

    for evaluator in (restarted, reloaded):
        assert [status.state for status in evaluator.statuses.values()] == [INACTIVE]


@pytest.mark.parametrize(
    "changes",
    [{"plan": "other"}, {"keep_firing_for": "5m"}, {"coverage": 0.9}],
    ids=str,
)
def test_a_trigger_that_asks_the_same_goes_on(changes: dict[str, Any]) -> None:
    target = a_target(a_trigger("errors", **changes))
    before = Watch().see(errors="obb")

    restarted = before.next_process(target=target).evaluator
    reloaded = Evaluator(target)
    reloaded.adopt(before.evaluator)

    for evaluator in (restarted, reloaded):
        assert isinstance(evaluator.statuses["errors"].state, Firing)


def test_a_reload_counts_fresh_looks_anew_and_keeps_what_it_saw() -> None:
    before = Watch().see(errors="oooob")
    after = Watch(slot=before.slot)
    after.evaluator.adopt(before.evaluator)

    assert after.evaluator.statuses["errors"].fresh == 0
    assert after.evaluator.evaluations == {"ok": 4, "breach": 1}
    firing = after.see(errors="bb").told(TriggerChanged)[-1]
    assert len(firing.evidence) == 7


def test_a_checkpoint_of_another_version_is_not_understood_and_overwritten() -> None:
    watch = Watch().see(errors="obb")
    kept = watch.evaluator.checkpoint(at(60))
    assert kept is not None
    other = Watch()

    other.evaluator.restore(json.dumps(json.loads(kept) | {"version": 0}), at(60), at(61))

    assert other.evaluator.quiet
    assert other.evaluator.checkpoint(at(75)) is not None


def test_a_step_of_the_clock_starts_pending_triggers_over() -> None:
    watch = Watch(TWO).see(errors="ob", latency="bb")

    watch.evaluator.clock_stepped()

    statuses = watch.evaluator.statuses
    assert statuses["errors"].state == INACTIVE
    assert isinstance(statuses["latency"].state, Firing)


# -- how far looks lie apart, and how long they count


def test_a_firing_trigger_breaches_only_as_long_as_its_own_last_look_is_recent() -> None:
    target = a_target(a_trigger("errors"), a_trigger("health", source="http"))
    watch = Watch(target).see(errors="obb").see(source="http", health="oooo")

    assert watch.evaluator.proposals(at(45 + 29))[0].breaching
    assert not watch.evaluator.proposals(at(45 + 31))[0].breaching
    watch.see(errors="b")
    assert watch.evaluator.proposals(at(watch.slot * 15))[0].breaching


def failed(slot: int, looked: float | None = None) -> Looked:
    moment = None if looked is None else at(looked)
    return Looked("prometheus", slot, at(slot * 15), {"errors": observation("1")}, moment)


@pytest.mark.parametrize(
    "trigger",
    [a_trigger("errors", fails=3), a_trigger("errors", confirm=3)],
    ids=["fails", "confirm"],
)
def test_a_first_look_late_in_its_slot_and_the_next_slots_are_one_failure(
    trigger: Trigger,
) -> None:
    evaluator = Evaluator(a_target(trigger))

    for look in (failed(1, 29.0), failed(2, 30.0), failed(3, 45.0)):
        evaluator.take(look)
    assert not isinstance(evaluator.statuses["errors"].state, Firing)

    evaluator.take(failed(4, 60.0))
    assert isinstance(evaluator.statuses["errors"].state, Firing)


@pytest.mark.parametrize("looked", [None, 40.0], ids=["the slot", "the look"])
def test_a_restart_within_a_slot_counts_no_failure_twice(looked: float | None) -> None:
    target = a_target(a_trigger("errors", fails=3))
    before = Evaluator(target)
    before.take(failed(1))
    before.take(failed(2, 30.0))
    kept = before.checkpoint(at(31))
    assert kept is not None
    after = Evaluator(target)
    after.restore(kept, at(31), at(39))

    after.take(failed(2, looked))
    after.take(failed(2, looked))
    state = after.statuses["errors"].state
    assert isinstance(state, Pending)
    assert state.breaches == 2

    after.take(failed(3, 45.0))
    assert isinstance(after.statuses["errors"].state, Firing)


def test_a_failure_an_interval_after_the_last_one_counts_across_a_restart_and_a_boot() -> None:
    target = a_target(a_trigger("errors", fails=3))
    before = Evaluator(target)
    before.take(failed(1))
    before.take(failed(2))
    kept = before.checkpoint(at(31))
    assert kept is not None
    after = Evaluator(target)
    # This boot's clock stood at 1 s when the last one's stood at 31 s.
    after.restore(kept, replace(at(31), elapsed=1.0), replace(at(40), elapsed=10.0))

    after.take(Looked("prometheus", 1, replace(at(44), elapsed=14.0), failed(3).observations))

    state = after.statuses["errors"].state
    assert isinstance(state, Pending)
    assert state.breaches == 3
