"""Bugs of what speaks to a cluster: what is changed, which test on a real one sees it."""

from tests.mutants.planted import Bug

_LEASE, _SHARED = (
    "watchdog/adapters/leases/kubernetes.py",
    "watchdog/adapters/kubernetes/shared_journal.py",
)
_JOURNAL = "watchdog/adapters/journals/sqlite.py"
_OF_LEASE = "tests/adapters/leases/test_kubernetes_lease.py"
_OF_SHARED = "tests/adapters/kubernetes/test_shared_journal.py"
_BY_OWN_CLOCK = "test_what_nobody_renews_is_taken_when_its_time_is_over_by_the_others_own_clock"

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
        "        if self.copied is not None and (mine.drafts or _is_probe(mine)):\n",
        "        if self.copied is not None and _is_probe(mine):\n",
        (f"{_OF_SHARED}::test_what_no_object_holds_was_never_recorded",),
    ),
    Bug(
        "a file of before is believed more than the objects",
        _SHARED,
        "        path = self._path\n        for ending",
        "        path = self._path\n"
        "        if path.exists():\n            return\n        for ending",
        (f"{_OF_SHARED}::test_what_no_object_holds_was_never_recorded",),
    ),
)
