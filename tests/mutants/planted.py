"""Bugs in verdicts and the state machine: what is changed where, and which test must see it."""

from dataclasses import dataclass

_SIGNAL, _TRIGGER = "watchdog/domain/signal.py", "watchdog/domain/trigger.py"
_EXPRESSION, _MATRIX = "watchdog/domain/expression.py", "watchdog/domain/matrix.py"
_OF_SIGNAL, _OF_TRIGGER = "tests/unit/domain/test_signal.py", "tests/unit/domain/test_trigger.py"
_CONFIRMS = "test_a_firing_trigger_is_restored_as_firing_until_a_fresh_breach_confirms_it"
_OF_EXPRESSION = "tests/unit/domain/test_expression.py"
_OF_MATRIX = "tests/unit/domain/test_matrix.py"
_HEARTBEAT = "watchdog/domain/heartbeat.py"
_OF_HEART, _OF_SELF = "tests/unit/engine/test_heart.py", "tests/unit/engine/test_self_watch.py"
_SOAK = "tests/simulation/test_soak.py::test_no_troubled_day_comes_to_a_plan"
_PROMTOOL = "tests/differential/test_promtool.py"
_GAPS = f"{_PROMTOOL}::test_where_both_agree_no_deviation_was_needed"


@dataclass(frozen=True, slots=True)
class Bug:
    """One substitution in one file; `old` stands there exactly once."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


BUGS = (
    # -- verdicts
    Bug(
        "a value at the limit is above it",
        "watchdog/domain/condition.py",
        "Op.ABOVE: operator.gt,",
        "Op.ABOVE: operator.ge,",
        (
            f"{_PROMTOOL}::test_without_gaps_every_trigger_fires_in_the_same_slots_as_prometheus_alert",
        ),
    ),
    Bug(
        "a query that failed is a breach",
        _SIGNAL,
        "return Judgement(_UNKNOWN, None, observation.reason, observation.note)",
        "return Judgement(Verdict.BREACH, 0.0, None, observation.note)",
        (f"{_OF_SIGNAL}::test_a_look_that_learned_nothing_is_unknown_for_its_reason", _SOAK),
    ),
    Bug(
        "no series is no breach",
        _SIGNAL,
        "return None if signal.nodata_is_ok and signal.has_volume else Unknown.NODATA",
        "return None",
        (f"{_OF_SIGNAL}::test_only_one_finite_number_is_judged",),
    ),
    Bug(
        "an answer in part is believed",
        _SIGNAL,
        "if sample.warnings and not signal.warnings_accepted:",
        "if False:",
        (_SOAK,),
    ),
    Bug(
        "an old value is believed",
        _SIGNAL,
        "if sample.age is not None and not sample.age <= signal.max_staleness:",
        "if sample.age is not None and not sample.age >= 0:",
        (_GAPS,),
    ),
    Bug(
        "NaN is a number",
        _SIGNAL,
        "        if math.isfinite(value):\n            continue\n",
        "        if not math.isinf(value):\n            continue\n",
        (_GAPS, f"{_OF_SIGNAL}::test_only_one_finite_number_is_judged"),
    ),
    Bug(
        "infinity is a number",
        _SIGNAL,
        "        if not signal.inf_counts:\n            return Unknown.INF\n",
        "",
        (_SOAK,),
    ),
    Bug(
        "two requests prove a ratio",
        _SIGNAL,
        "sample.volume < signal.min_volume",
        "sample.volume < 0",
        (f"{_OF_SIGNAL}::test_a_ratio_is_believed_only_with_enough_behind_it", _SOAK),
    ),
    Bug(
        "a quiet night is blindness",
        "watchdog/domain/observation.py",
        "return self not in _QUIET",
        "return True",
        ("tests/simulation/test_nights.py",),
    ),
    # -- the state machine
    Bug(
        "it fires a slot early",
        _TRIGGER,
        "if now.since(pending.since) < trigger.hold - ROUNDING:",
        "if now.since(pending.since) < trigger.hold - trigger.every - ROUNDING:",
        (
            f"{_PROMTOOL}::test_without_gaps_every_trigger_fires_in_the_same_slots_as_prometheus_alert",
        ),
    ),
    Bug(
        "the first look after a start fires",
        _TRIGGER,
        "FRESH_LOOKS = 2",
        "FRESH_LOOKS = 1",
        (f"{_OF_TRIGGER}::test_the_first_look_after_a_start_never_fires",),
    ),
    Bug(
        "one good look does not start the hold over",
        _TRIGGER,
        "        return INACTIVE, Change.PENDING_CLEARED\n",
        "        return state, None\n",
        (f"{_OF_TRIGGER}::test_one_ok_starts_the_hold_over", _SOAK),
    ),
    Bug(
        "a gap of any length is bridged",
        _TRIGGER,
        "if gap > trigger.max_gap or (trigger.looks and not breached):",
        "if trigger.looks and not breached:",
        (f"{_OF_TRIGGER}::test_more_unknowns_in_a_row_than_allowed_lose_a_pending_trigger",),
    ),
    Bug(
        "time that nobody watched counts",
        _TRIGGER,
        "return pending.decided.bit_count() >= trigger.coverage * trigger.window_slots - ROUNDING",
        "return True",
        (f"{_OF_TRIGGER}::test_too_few_decided_slots_in_the_window_do_not_fire", _GAPS),
    ),
    Bug(
        "missed slots are not seen",
        _TRIGGER,
        "missed = slot - status.slot - 1 if status.slot >= 0 else 0",
        "missed = 0",
        (f"{_OF_TRIGGER}::test_missed_slots_count_as_unknown",),
    ),
    Bug(
        "unknown clears what fires",
        _TRIGGER,
        "    if judgement.verdict is Verdict.UNKNOWN:\n"
        "        return _not_clearing(trigger, state, 1), None\n",
        "",
        (f"{_OF_TRIGGER}::test_unknown_never_resolves",),
    ),
    Bug(
        "a firing ends before it has been good for long enough",
        _TRIGGER,
        "if now.elapsed - clear_since >= trigger.keep_firing_for:",
        "if now.elapsed - clear_since >= 0:",
        (
            f"{_PROMTOOL}::test_without_gaps_every_trigger_fires_in_the_same_slots_as_prometheus_alert",
        ),
    ),
    Bug(
        "one look seen twice counts as two",
        _TRIGGER,
        "APART = 0.9",
        "APART = 0.0",
        ("tests/unit/engine/test_evaluator.py",),
    ),
    Bug(
        "blindness is told a slot late",
        _TRIGGER,
        "now.elapsed - dark_since < trigger.blind_after",
        "now.elapsed - dark_since <= trigger.blind_after",
        ("tests/simulation/test_detection.py",),
    ),
    # -- restarts and clocks
    Bug(
        "downtime counts toward the hold",
        _TRIGGER,
        "state = replace(state, since=state.since.after(downtime), breached=breached)",
        "state = replace(state, breached=breached)",
        (f"{_OF_TRIGGER}::test_downtime_does_not_count_toward_the_hold",),
    ),
    Bug(
        "any downtime is bridged",
        _TRIGGER,
        "if downtime > trigger.outage_tolerance or not breached:",
        "if not breached:",
        (f"{_OF_TRIGGER}::test_a_long_downtime_starts_what_was_pending_over",),
    ),
    Bug(
        "a restart confirms what fired before it",
        _TRIGGER,
        "state = Firing(state.since, confirmed=False, began=state.began)",
        "state = Firing(state.since, confirmed=True, began=state.began)",
        (f"{_OF_TRIGGER}::{_CONFIRMS}",),
    ),
    Bug(
        "a step of the clock changes nothing",
        _TRIGGER,
        "        return replace(status, state=INACTIVE)\n",
        "        return status\n",
        (f"{_OF_TRIGGER}::test_a_step_of_the_clock_starts_what_was_pending_over",),
    ),
    # -- several conditions, several triggers
    Bug(
        "an unknown member counts as good",
        _EXPRESSION,
        "most = least + verdicts.count(Verdict.UNKNOWN)",
        "most = least",
        (_OF_EXPRESSION,),
    ),
    Bug(
        "a quiet reason hides the dark",
        _EXPRESSION,
        "key=lambda one: one.is_dark)",
        "key=lambda one: not one.is_dark)",
        (f"{_OF_EXPRESSION}::test_being_in_the_dark_is_not_hidden_by_a_quiet_reason",),
    ),
    Bug(
        "the mildest trigger decides",
        _MATRIX,
        "firing.sort(key=lambda pair: -pair[0].severity)",
        "firing.sort(key=lambda pair: pair[0].severity)",
        (f"{_OF_MATRIX}::test_the_gravest_comes_first_and_equals_stand_as_written",),
    ),
    Bug(
        "what was seen long ago still counts",
        _MATRIX,
        "return at is not None and now.since(at) <= _LOOKS_COUNT_FOR * trigger.every",
        "return True",
        (f"{_OF_MATRIX}::test_a_look_of_long_ago_is_no_breach_any_more",),
    ),
    Bug(
        "a value of a label that vanished is good",
        "watchdog/engine/instances.py",
        'else Gap(Unknown.NODATA, "no series with this value any longer")',
        "else Sample((0.0,))",
        ("tests/unit/engine/test_instances.py",),
    ),
    # -- the watcher of the watcher
    Bug(
        "the heartbeat is sent by a timer",
        "watchdog/engine/heart.py",
        "            await self._due.wait()\n",
        "            await asyncio.sleep(self._settings.every)\n",
        (
            f"{_OF_HEART}::test_the_beat_stops_within_three_intervals_when_one_lane_hangs",
            f"{_OF_HEART}::test_the_beat_stops_at_once_when_the_ticker_stops",
        ),
    ),
    Bug(
        "rounds of one source are enough for a beat",
        _HEARTBEAT,
        "        if at is None or at.elapsed <= since.elapsed:\n",
        "        if not taken:\n",
        (_OF_HEART,),
    ),
    Bug(
        "a source that stopped between two beats is no reason to withhold one",
        _HEARTBEAT,
        "    if lifeless:\n",
        "    if lifeless and not watched:\n",
        (_OF_HEART,),
    ),
    Bug(
        "a beat is sent although nothing can be recorded",
        _HEARTBEAT,
        "    if not journal_healthy:\n",
        "    if not journal_healthy and not watched:\n",
        (_OF_HEART,),
    ),
    Bug(
        "that a source was asked counts as a round",
        "watchdog/engine/status_of_triggers.py",
        "_last_round(taken.get(watcher.name), now)",
        "_last_round(watcher.last_round, now)",
        (f"{_OF_SELF}::test_the_last_round_is_one_that_was_evaluated_not_one_that_was_asked",),
    ),
    Bug(
        "systemd hears from a loop whose rounds have stopped",
        "watchdog/engine/standing_by.py",
        "if manager.every and not service.lifeless():",
        "if manager.every:",
        ("tests/unit/engine/test_standing_by.py",),
    ),
    Bug(
        "a run that says nothing any more goes unseen",
        "watchdog/engine/self_watch.py",
        'return silent(run, quiet) if quiet > silence_allowed(run) else ""',
        'return ""',
        (_OF_SELF,),
    ),
    Bug(
        "a run that nobody goes on with goes unseen",
        "watchdog/engine/self_watch.py",
        'return not_driven(quiet) if quiet > SLACK else ""',
        'return ""',
        (_OF_SELF,),
    ),
    Bug(
        "what is wrong with it is told at every look",
        "watchdog/engine/self_watch.py",
        "        self._known |= {one.name: now for one in found}\n",
        "",
        (_OF_SELF,),
    ),
)
# These run with every change; all of them by `make mutants`.
FEW = (
    "a query that failed is a breach",
    "unknown clears what fires",
    "the heartbeat is sent by a timer",
)
