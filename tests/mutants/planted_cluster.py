"""Bugs of what speaks to a cluster: what is changed, which test on a real one sees it."""

from tests.mutants.planted import Bug

_LEASE, _SHARED = (
    "watchdog/adapters/leases/kubernetes.py",
    "watchdog/adapters/kubernetes/shared_journal.py",
)
_JOURNAL = "watchdog/adapters/journals/sqlite.py"
_TURNS = "watchdog/app/cluster_turns.py"
_OF_TURNS = "tests/app/test_taking_turns.py"
_OF_PARTS = "tests/adapters/kubernetes/test_journal_parts.py"
_OF_VERBS = "tests/adapters/executors/test_kubernetes_contract.py"
_OF_SCALE = "tests/adapters/executors/test_kubernetes_scale.py"
_OF_LEASE = "tests/adapters/leases/test_kubernetes_lease.py"
_OF_SHARED = "tests/adapters/kubernetes/test_shared_journal.py"
_BY_OWN_CLOCK = "test_what_nobody_renews_is_taken_when_its_time_is_over_by_the_others_own_clock"
_NOT_WAITED_FOR = (
    "test_an_answer_that_does_not_come_after_a_conflict_is_not_waited_for_beyond_its_time"
)

CLUSTER_BUGS = (
    Bug(
        "a lease is free as soon as it is seen",
        _LEASE,
        "        return now - self._others.since > lasts\n",
        "        return now - self._others.since >= 0\n",
        (f"{_OF_LEASE}::test_whoever_comes_first_has_it_and_nobody_else_while_it_is_renewed",),
    ),
    Bug(
        "a lease is free by what its holder's clock says",
        _LEASE,
        "        return now - self._others.since > lasts\n",
        '        return "2001" in str(spec.get("renewTime")) or now - self._others.since > lasts\n',
        (f"{_OF_LEASE}::{_BY_OWN_CLOCK}",),
    ),
    Bug(
        "whoever slept believes that the lease is theirs",
        _LEASE,
        "        if left <= 0 or self._held is None:\n",
        "        if self._held is None:\n",
        (f"{_OF_LEASE}::test_whoever_slept_too_long_knows_that_it_is_lost_before_it_asks",),
    ),
    Bug(
        "a thief is not noticed",
        _LEASE,
        "        if holder != self.identity or",
        "        if not holder or",
        (f"{_OF_LEASE}::test_whoever_was_replaced_ends",),
    ),
    Bug(
        "the shared journal is replaced whatever its version",
        _SHARED,
        "        if version:\n            meta",
        "        if not version:\n            meta",
        (
            f"{_OF_SHARED}::test_whoever_was_replaced_records_nothing_more_and_its_words_reach_nobody",
        ),
    ),
    Bug(
        "whoever was replaced takes the journal back",
        _SHARED,
        "            if writer != self._identity or now.epoch != wanted.epoch:\n",
        "            if not writer:\n",
        (
            f"{_OF_SHARED}::test_whoever_was_replaced_records_nothing_more_and_its_words_reach_nobody",
        ),
    ),
    Bug(
        "a record counts before others can find it",
        _JOURNAL,
        "        if self.copied is not None and mine.drafts:\n",
        "        if self.copied is None and mine.drafts:\n",
        (f"{_OF_SHARED}::test_what_no_object_holds_was_never_recorded",),
    ),
    Bug(
        "what was deployed while a step was in doubt is overwritten",
        "watchdog/adapters/kubernetes/standing.py",
        '    if stood not in ("", now):\n',
        "    if not now:\n",
        (
            f"{_OF_VERBS}::test_what_somebody_else_makes_of_it_while_a_step_is_in_doubt_is_left_alone",
        ),
    ),
    Bug(
        "a number that somebody has just set is overwritten",
        "watchdog/adapters/executors/kubernetes_scale.py",
        "    lambda found: [_replicas(found), template(found)],\n",
        "    template,\n",
        (f"{_OF_SCALE}::test_a_number_that_somebody_sets_meanwhile_stays",),
    ),
    Bug(
        "a file of before is believed more than the objects",
        _SHARED,
        "        path = self._path\n        for ending",
        "        path = self._path\n"
        "        if path.exists():\n            return\n        for ending",
        (f"{_OF_SHARED}::test_what_no_object_holds_was_never_recorded",),
    ),
    Bug(
        "a lease is believed for as long as an answer takes",
        _LEASE,
        "            async with asyncio.timeout(left):\n",
        "            async with asyncio.timeout(None):\n",
        (f"{_OF_LEASE}::{_NOT_WAITED_FOR}",),
    ),
    Bug(
        "what keeps it from its turn is not said",
        _LEASE,
        "                said(self._no_turn(api, error))\n",
        '                said("")\n',
        (f"{_OF_TURNS}::test_a_right_that_is_missing_is_named_at_once_with_its_place",),
    ),
    Bug(
        "a damaged journal ends one watchdog after the other",
        _TURNS,
        "            except (JournalError, LeaseLostError) as error:\n",
        "            except LeaseLostError as error:\n",
        (f"{_OF_TURNS}::test_a_damaged_journal_leaves_it_alive_and_the_lease_to_the_others",),
    ),
    Bug(
        "whoever cannot have the journal keeps the lease",
        _TURNS,
        "            await self.lease.release()\n            await asyncio.sleep(pause)\n",
        "            await asyncio.sleep(pause)\n",
        (f"{_OF_TURNS}::test_a_damaged_journal_leaves_it_alive_and_the_lease_to_the_others",),
    ),
    Bug(
        "the shared journal is there before what it begins with",
        _SHARED,
        "        rows, gaps, notes = await asyncio.to_thread(self._before)\n",
        "        rows, gaps, notes = [], [], []\n",
        (f"{_OF_PARTS}::test_what_was_there_before_is_there_from_the_first_moment",),
    ),
    Bug(
        "an epoch is below that of a part that is there",
        _SHARED,
        "        if highest >= held.epoch:\n",
        "        if highest < 0:\n",
        (
            f"{_OF_PARTS}::test_where_an_older_head_was_put_back_the_next_one_rises_above_what_is_there",
        ),
    ),
)
