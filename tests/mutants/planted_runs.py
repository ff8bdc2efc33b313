"""Bugs in the run engine, the journal, limits and messages: what is changed, which test sees it."""

from tests.mutants.planted import BUGS, Bug
from tests.mutants.planted_cluster import CLUSTER_BUGS
from tests.mutants.planted_switches import SWITCH_BUGS

_RUNNER, _NEXT = "watchdog/engine/runner.py", "watchdog/domain/next_action.py"
_RUN, _LEDGER = "watchdog/domain/run.py", "watchdog/domain/ledger.py"
_RUNS, _SERVICE = "watchdog/engine/target_runs.py", "watchdog/engine/service.py"
_DECISION, _MESSENGER = "watchdog/domain/decision.py", "watchdog/engine/messenger.py"
_SQLITE, _RECORDS = "watchdog/adapters/journals/sqlite.py", "watchdog/adapters/sqlite_records.py"
_OF_STANDING, _OF_CHANGES = (
    "tests/unit/engine/test_standing.py",
    "tests/unit/engine/test_changes.py",
)
_STILL = "test_a_step_that_did_not_happen_is_sent_again_only_if_that_version_still_runs"
_OF_RUNNER, _OF_NEXT = "tests/unit/engine/test_runner.py", "tests/unit/domain/test_next_action.py"
_OF_RUN, _OF_LEDGER = "tests/unit/domain/test_run.py", "tests/unit/domain/test_ledger.py"
_OF_LANE, _OF_SERVICE = "tests/unit/engine/test_lane.py", "tests/unit/engine/test_service.py"
_OF_DECISION, _TOLD = "tests/unit/domain/test_decision.py", "tests/unit/engine/test_announcer.py"
_OF_AUDIT = "tests/adapters/test_audit.py"
_OF_APPROVALS = "tests/unit/engine/test_approvals.py"
_OF_SILENCE = "tests/unit/engine/test_silent_looks.py"
_FOUND_OUT = "test_a_lost_answer_of_what_happened_is_found_out_and_not_sent_again"
_LONG_ENOUGH = "test_not_done_is_not_believed_before_the_answer_has_been_lost_for_long_enough"
_ONE_ANSWER = "test_what_was_cut_off_may_still_be_worked_on_for_as_long_as_one_answer_may_take"
_OLD_LOOK = "test_a_look_from_before_a_restart_proves_nothing_of_what_was_still_under_way"
_OUTLIVES = "test_a_stop_told_to_a_run_outlives_a_crash_and_the_kill_switch"
_RETOLD = "test_after_a_crash_between_sending_and_recording_it_is_told_again"

RUN_BUGS = (
    # -- intent, effect, result
    Bug(
        "the intent is written after the effect",
        _RUNNER,
        "        await self._record(intended)\n",
        "        await self._send(key, filled)\n        await self._record(intended)\n",
        (f"{_OF_RUNNER}::test_a_step_is_journalled_before_and_after",),
    ),
    Bug(
        "the result is written before the effect",
        _RUNNER,
        "        ok, detail = (False, unseen) if unseen else await self._send(key, filled, stood)\n"
        "        idle = isinstance(detail, NothingSent)\n"
        "        await self._record(StepAnswered(self.run.id, stage, index, ok, detail, idle))\n",
        "        await self._record(StepAnswered(self.run.id, stage, index, True, 'ok'))\n"
        "        await self._send(key, filled)\n",
        (f"{_OF_RUNNER}::test_a_step_is_journalled_before_and_after",),
    ),
    Bug(
        "each attempt goes by how it stands by then",
        "watchdog/domain/run.py",
        "flight=Flight(attempt, at, at, values=values, stood=stood)",
        "flight=Flight(attempt, at, at, values=values)",
        (f"{_OF_STANDING}::test_what_is_deployed_while_a_step_is_in_doubt_is_left_alone",),
    ),
    Bug(
        "what did not happen is sent again whatever runs by then",
        _RUNNER,
        "        why = await self._moved_on(self.run)\n",
        '        why = ""\n',
        (f"{_OF_CHANGES}::{_STILL}",),
    ),
    Bug(
        "what is in doubt is sent again without a look",
        _NEXT,
        "    if step.repeat is Repeat.OBSERVABLE:\n        return _observe",
        "    if step.repeat is Repeat.OBSERVABLE and flight.answered is not None:\n"
        "        return _observe",
        (f"{_OF_NEXT}::test_a_step_whose_intent_is_all_that_is_known_is_looked_at_first",),
    ),
    Bug(
        "no answer to a look is a no",
        _RUNNER,
        "if isinstance(seen, Sample) and seen.silent:",
        "if isinstance(seen, Sample) and seen.silent and step.timeout < 0:",
        (_OF_SILENCE,),
    ),
    Bug(
        "a lost answer is a no",
        _RUNNER,
        "        except InDoubtError as error:\n            return None, str(error)\n",
        "        except InDoubtError as error:\n            return False, str(error)\n",
        (f"{_OF_RUNNER}::{_FOUND_OUT}",),
    ),
    Bug(
        "a step without an answer in time was not done",
        _RUNNER,
        '            return (None, late) if under_way else (False, f"{refused}; {late}")\n',
        "            return False, late\n",
        (f"{_OF_RUNNER}::test_a_step_that_hangs_is_in_doubt_after_its_time_limit",),
    ),
    Bug(
        "the key is another for every attempt",
        _RUN,
        "return step_key(self.id, self.stage, number)",
        "return step_key(self.id, self.stage, number + (100 if self.flight else 0))",
        (f"{_OF_RUN}::test_every_attempt_at_a_step_has_the_same_key_and_every_step_its_own",),
    ),
    Bug(
        "not done is believed at once",
        _NEXT,
        "return looked is not None and looked.since(flight.under_way) >= patience",
        "return looked is not None and patience >= 0",
        (f"{_OF_NEXT}::{_LONG_ENOUGH}",),
    ),
    Bug(
        "what is cut off is given up after settle alone",
        _NEXT,
        "return step.settle if flight.answered else max(step.settle, step.timeout)",
        "return step.settle",
        (f"{_OF_NEXT}::{_ONE_ANSWER}",),
    ),
    Bug(
        "a look from before a restart still counts",
        _RUN,
        "flight = run.flight and replace(run.flight, under_way=at, looked=None, looks=0)",
        "flight = run.flight",
        (
            f"{_OF_NEXT}::{_OLD_LOOK}",
            f"{_OF_RUN}::test_it_may_still_be_under_way_at_the_lost_answer_and_at_a_restart",
        ),
    ),
    Bug(
        "a definite no to a second attempt speaks for the first",
        _NEXT,
        "unknown = step.repeat is Repeat.IDEMPOTENT and flight.attempt > 1",
        "unknown = False",
        (f"{_OF_NEXT}::test_a_definite_no_to_a_second_attempt_says_nothing_of_the_first",),
    ),
    # -- recovery
    Bug(
        "a run is taken up as often as it takes",
        _NEXT,
        "if run.resumes > MAX_RESUMES:",
        "if run.resumes > 1000 * MAX_RESUMES:",
        (f"{_OF_NEXT}::test_a_run_is_taken_up_three_times",),
    ),
    Bug(
        "the count of resumes is not remembered",
        _RUN,
        "return replace(run, resumes=attempt, ",
        "return replace(run, resumes=attempt and 1, ",
        (f"{_OF_NEXT}::test_a_run_is_taken_up_three_times",),
    ),
    Bug(
        "a run of any age is gone on with",
        _NEXT,
        "if run.resumes and age > run.start.plan.resume_within:",
        "if run.resumes and age > 1000 * run.start.plan.resume_within:",
        (f"{_OF_NEXT}::test_a_run_found_too_late_is_interrupted_before_its_next_step",),
    ),
    # -- proof
    Bug(
        "not to know is as good as well",
        "watchdog/domain/sampling.py",
        "good=seen.good + 1 if event.verdict is Verdict.OK else 0",
        "good=seen.good + 1 if not breach else 0",
        (f"{_OF_NEXT}::test_unknown_extends_a_check_and_never_passes_it",),
    ),
    Bug(
        "a plan without a check has helped",
        _NEXT,
        'return Proof.INCONCLUSIVE, "the plan has no check',
        'return Proof.PASSED, "the plan has no check',
        (f"{_OF_NEXT}::test_without_a_check_nothing_is_proven",),
    ),
    Bug(
        "a watch that saw nothing passes",
        _NEXT,
        "needed = run.start.plan.watch.coverage * int(length / every)",
        "return ''",
        (f"{_OF_NEXT}::test_a_watch_with_no_look_at_all_proves_nothing",),
    ),
    # -- stops
    Bug(
        "the kill switch is not looked at after the intent",
        _RUNNER,
        "        if self._stop is not None:\n            # Of an earlier attempt",
        "        if self._stop is not None and index < 0:\n            # Of an earlier attempt",
        (f"{_OF_RUNNER}::test_a_stop_while_the_intent_is_written_sends_nothing",),
    ),
    Bug(
        "the kill file is looked at once in five seconds",
        _SERVICE,
        "KILL_POLL = 0.25",
        "KILL_POLL = 5.0",
        (f"{_OF_SERVICE}::test_a_kill_file_is_heeded_within_a_second",),
    ),
    Bug(
        "the kill switch is forgotten by the next start",
        _RUNS,
        "        if thrown and runner.run.stage not in WATCHES:\n",
        "        if thrown and runner.run.stage in WATCHES:\n",
        (f"tests/unit/engine/test_recovery.py::{_OUTLIVES}",),
    ),
    Bug(
        "that the trigger resolved cancels the run",
        "watchdog/engine/lane.py",
        "        breaching = [one for one in firing if one.breaching]\n        incident",
        "        breaching = [one for one in firing if one.breaching]\n"
        "        if self.runner and not firing:\n"
        "            self.runner.request_stop(Outcome.STOPPED, 'resolved')\n"
        "        incident",
        (_OF_LANE,),
    ),
    Bug(
        "the end of a lane is lost to a full disk",
        "watchdog/engine/lane.py",
        "        except JournalError as error:\n            # What was seen",
        "        except BaseException as error:\n            # What was seen",
        ("tests/unit/engine/test_ending_lanes.py",),
    ),
    # -- limits
    Bug(
        "limits are not kept across a restart",
        "watchdog/domain/recollection.py",
        "        self.ledger.apply(event, record.at)\n",
        "",
        (f"{_OF_LANE}::test_every_limit_holds_across_a_restart",),
    ),
    Bug(
        "a run that failed does not latch",
        _LEDGER,
        '        elif event.outcome is not Outcome.SUCCEEDED:\n            latched = f"run',
        '        elif event.outcome is Outcome.SUCCEEDED:\n            latched = f"run',
        (f"{_OF_LEDGER}::test_a_run_that_did_not_prove_that_it_helped_latches_its_target",),
    ),
    Bug(
        "a relapse does not latch",
        _LEDGER,
        '            latched = f"run {event.run} relapsed in its watch: {event.detail}"\n',
        "",
        (f"{_OF_LEDGER}::test_a_relapse_latches_and_lets_the_target_go",),
    ),
    Bug(
        "a grant that was used is good once more",
        "watchdog/domain/requests.py",
        "replace(one, standing=Standing.USED, run=run) if one.id == name",
        "replace(one, run=run) if one.id == name",
        (_OF_APPROVALS,),
    ),
    # -- the journal
    Bug(
        "records are not chained",
        _RECORDS,
        "        after = Tail(after.seq + 1, link(after.hash, row))\n",
        "        after = Tail(after.seq + 1, link('0' * 64, row))\n",
        (f"{_OF_AUDIT}::test_an_untouched_journal_is_sound",),
    ),
    Bug(
        "a chain that does not fit is read all the same",
        _RECORDS,
        ') != stored:\n        raise BadRecordError(\n            f"record {row[0]} is not what',
        ") == '':\n        raise BadRecordError(\n            f\"record {row[0]} is not what",
        ("tests/adapters/journals/test_sqlite_faults.py",),
    ),
    Bug(
        "a commit need not reach the disk",
        "watchdog/adapters/sqlite_file.py",
        'connection.execute("PRAGMA synchronous=FULL")',
        'connection.execute("PRAGMA synchronous=OFF")',
        ("tests/adapters/journals/test_sqlite.py",),
    ),
    Bug(
        "after a failed write the next is taken",
        _SQLITE,
        "            self._problem = str(error)\n            for each in batch:",
        "            for each in batch:",
        ("tests/adapters/journals/test_sqlite_faults.py",),
    ),
    Bug(
        "what cannot be recorded is done",
        _RUNNER,
        "        await self._record(intended)\n",
        "        try:\n            await self._record(intended)\n"
        "        except WatchdogError:\n            pass\n",
        (f"{_OF_RUNNER}::test_nothing_is_sent_when_the_intent_cannot_be_recorded",),
    ),
    Bug(
        "a status takes what retention removes meanwhile for lost",
        "watchdog/adapters/snapshot.py",
        '    connection.execute("BEGIN")\n    try:\n        return _recalled(connection, journal, '
        'present)\n    finally:\n        connection.execute("ROLLBACK")\n',
        "    return _recalled(connection, journal, present)\n",
        ("tests/adapters/journals/test_snapshots.py",),
    ),
    Bug(
        "retention removes what tells of the newest snapshot",
        "watchdog/domain/retention.py",
        "            case _ if seq in self.kept:\n",
        "            case _ if seq < 0:\n",
        ("tests/app/test_retaining.py",),
    ),
    # -- messages
    Bug(
        "a message is marked delivered before it is sent",
        _MESSENGER,
        "        since = max(record.at.elapsed, self._began)\n",
        "        since = max(record.at.elapsed, self._began)\n"
        "        await self._journal.append(NotificationDelivered(self.name, record.seq, 0))\n",
        (f"{_TOLD}::{_RETOLD}",),
    ),
    Bug(
        "the cursor is moved before the message is sent",
        _MESSENGER,
        "        start = self._cursor\n        for record",
        "        start = self._cursor\n"
        "        await self._journal.keep(self._note, str(10**6))\n        for record",
        (f"{_TOLD}::{_RETOLD}",),
    ),
)
ALL_BUGS = (*BUGS, *RUN_BUGS, *CLUSTER_BUGS, *SWITCH_BUGS)
