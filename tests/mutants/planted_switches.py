"""Bugs of the annotations that stop the watchdog: what is changed, which test sees it."""

from tests.mutants.planted import Bug

_BOARD, _NOTES = "watchdog/engine/switchboard.py", "watchdog/adapters/kubernetes/notes.py"
_RUNS = "watchdog/engine/target_runs.py"
_OF_BOARD = "tests/unit/engine/test_switchboard.py"
_OF_NOTES = "tests/adapters/kubernetes/test_notes.py"
_AT_WORK = "tests/faults/test_annotations.py"

SWITCH_BUGS = (
    Bug(
        "an annotation is seen and throws nothing",
        _BOARD,
        "            self._service.throw(on=True, how=notes.how)\n",
        "            pass\n",
        (f"{_OF_BOARD}::test_the_kill_switch_is_as_they_say_before_anything_is_recorded",),
    ),
    Bug(
        "an annotation that goes releases whatever is thrown",
        _BOARD,
        "        elif not notes.how and notes.threw(killed):\n",
        "        elif not notes.how and killed:\n",
        (f"{_OF_BOARD}::test_what_somebody_else_threw_stays_when_it_goes",),
    ),
    Bug(
        "a person releases what an annotation holds",
        _BOARD,
        "        self._service.annotation = notes.how\n",
        "",
        (f"{_OF_BOARD}::test_no_word_of_a_person_releases_it_while_it_is_there",),
    ),
    Bug(
        "the first look counts before its pauses are recorded",
        _BOARD,
        "        self._notes = notes\n        self._changed.set()\n",
        "        self._notes = notes\n        self._seen.set()\n        self._changed.set()\n",
        (f"{_OF_BOARD}::test_the_first_look_counts_once_its_pauses_are_on_the_disk",),
    ),
    Bug(
        "an annotation that goes lifts the pause of a person",
        "watchdog/domain/ledger.py",
        "            self._change(event.target, noted=paused)\n",
        "            self._change(event.target, noted=paused, paused=paused)\n",
        (f"{_OF_BOARD}::test_the_pause_of_a_person_and_that_of_an_annotation_are_two",),
    ),
    Bug(
        "a pause that has ended hides that of an annotation",
        "watchdog/domain/account.py",
        "        return self.noted\n",
        "        return self.noted if self.paused is None else None\n",
        (f"{_OF_BOARD}::test_an_annotation_outlasts_the_pause_that_ends_by_itself",),
    ),
    Bug(
        "an annotation that says false is none",
        _NOTES,
        "            kill = note\n",
        '            kill = note if note.reason != "false" else None\n',
        (f"{_OF_NOTES}::test_that_it_is_there_is_what_counts",),
    ),
    Bug(
        "an annotation may hold a secret",
        _NOTES,
        "_short(redact(str(said)))",
        "_short(str(said))",
        (f"{_OF_NOTES}::test_what_is_said_is_one_line_without_secrets",),
    ),
    Bug(
        "an object that is not there bears no annotation",
        _NOTES,
        '            lost("there is no such object")\n',
        '            take({"metadata": {}})\n',
        (f"{_AT_WORK}::test_an_object_that_is_deleted_releases_nothing",),
    ),
    Bug(
        "annotations are asked for now and then",
        _NOTES,
        "                    take(found)\n",
        "                    pass\n",
        (f"{_AT_WORK}::test_a_plan_at_full_speed_takes_no_step_once_it_is_seen",),
    ),
    Bug(
        "a silent watch is believed",
        _NOTES,
        "_SILENCE = 10.0\n",
        "_SILENCE = 1000.0\n",
        (f"{_AT_WORK}::test_a_watch_that_fell_silent_is_not_believed_for_long",),
    ),
    Bug(
        "a run is taken up before the annotations were seen",
        _RUNS,
        "        if self._shared.unseen() and run.stage not in WATCHES:\n",
        "        if not run.id:\n",
        (f"{_AT_WORK}::test_no_run_is_taken_up_before_they_were_seen",),
    ),
    Bug(
        "a person starts a run before the annotations were seen",
        _RUNS,
        "            raise WatchdogError(self._shared.unseen())\n",
        "            pass\n",
        (f"{_AT_WORK}::test_nothing_begins_before_they_were_seen",),
    ),
)
