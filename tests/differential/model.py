"""Prometheus' alerting rules in a few lines, and what we do otherwise: one switch a deviation."""

import math
from collections.abc import Set as AbstractSet
from enum import StrEnum
from itertools import combinations

from tests.differential.ours import answers
from tests.differential.rules import EVERY, Rule
from watchdog.domain.observation import Observation, Sample

COVERAGE = 0.8
MAX_GAP = 2
BREACH, FALSE, UNKNOWN = "breach", "false", "unknown"


class Deviation(StrEnum):
    """What we do on purpose and Prometheus does not: docs/testing-triggers.md lists them."""

    OLD = "a value older than `max_staleness` is unknown; Prometheus believes it for five minutes"
    EMPTY = "an answer without a series is unknown; to Prometheus the comparison is false"
    NAN = "NaN is unknown; to Prometheus the comparison is false"
    INF = "infinity is unknown; to Prometheus it is a number like any other"
    KEEPS_PENDING = "up to `max_gap` unknown slots keep a trigger pending; Prometheus starts over"
    COVERAGE = "a trigger fires only if most slots of its window are known"
    NEVER_CLEARS = "unknown neither ends a firing nor counts towards its end"
    CLEARS_ANEW = "more than `max_gap` unknown slots start the end of a firing over"
    FIRST_LOOK = "the first known look after a start never fires"
    CONFIRM = "`for: 0s` needs a second look"


OURS = frozenset(Deviation)
PROMETHEUS: frozenset[Deviation] = frozenset()


def firing(rule: Rule, deviations: AbstractSet[Deviation]) -> tuple[bool, ...]:
    """In which slots `rule` fires for a Prometheus with these deviations."""
    alert = _Alert(rule, deviations)
    return tuple(
        alert.evaluate(slot * EVERY, _verdict(rule, seen, deviations))
        for slot, seen in enumerate(answers(rule.words))
    )


def explained(rule: Rule, wanted: tuple[bool, ...]) -> frozenset[Deviation] | None:
    """The deviations without which `rule` would not fire as `wanted`; None: no set of them does.

    Where several could each do without the others, the fewest that suffice.
    """
    if firing(rule, OURS) != wanted:
        return None
    needed = frozenset(one for one in OURS if firing(rule, OURS - {one}) != wanted)
    if firing(rule, needed) == wanted:
        return needed
    for size in range(1, len(OURS) + 1):
        for more in combinations(sorted(OURS - needed), size):
            if firing(rule, needed | set(more)) == wanted:
                return needed | set(more)
    return None


def _verdict(rule: Rule, seen: Observation, deviations: AbstractSet[Deviation]) -> str:
    assert isinstance(seen, Sample)
    if not seen.values:
        return UNKNOWN if Deviation.EMPTY in deviations else FALSE
    value, age = seen.values[0], seen.age or 0.0
    if age > rule.max_staleness and Deviation.OLD in deviations:
        return UNKNOWN
    if math.isnan(value):
        return UNKNOWN if Deviation.NAN in deviations else FALSE
    if math.isinf(value) and Deviation.INF in deviations:
        return UNKNOWN
    return BREACH if rule.condition.holds(value) else FALSE


class _Alert:
    def __init__(self, rule: Rule, deviations: AbstractSet[Deviation]) -> None:
        self._rule = rule
        self._on = deviations
        self._since: int | None = None
        self._known: list[int] = []
        self._breaches = 0
        self._fires = False
        self._good_since: int | None = None
        self._gap = 0
        self._looks = 0

    def evaluate(self, now: int, verdict: str) -> bool:
        """Whether it fires after this evaluation."""
        self._looks += verdict != UNKNOWN
        if self._fires:
            self._while_firing(now, verdict)
        else:
            self._while_quiet(now, verdict)
        return self._fires

    def _while_quiet(self, now: int, verdict: str) -> None:
        if verdict == BREACH:
            if self._since is None:
                self._since, self._known, self._breaches = now, [], 0
            self._gap = 0
            self._known.append(now)
            self._breaches += 1
            self._fires = self._may_fire(now, self._since)
            self._good_since = None
        elif verdict == UNKNOWN and Deviation.KEEPS_PENDING in self._on:
            self._gap += 1
            if self._gap > MAX_GAP:
                self._since = None
        else:
            self._since = None

    def _may_fire(self, now: int, since: int) -> bool:
        if now - since < self._rule.hold:
            return False
        slots = self._rule.hold // EVERY + 1
        known = sum(now - one <= self._rule.hold for one in self._known)
        if Deviation.COVERAGE in self._on and known < COVERAGE * slots - 1e-9:
            return False
        if Deviation.CONFIRM in self._on and self._breaches < self._rule.confirm:
            return False
        return Deviation.FIRST_LOOK not in self._on or self._looks > 1

    def _while_firing(self, now: int, verdict: str) -> None:
        if verdict == BREACH:
            self._good_since, self._gap = None, 0
        elif verdict == UNKNOWN and Deviation.NEVER_CLEARS in self._on:
            self._gap += 1
            if self._gap > MAX_GAP and Deviation.CLEARS_ANEW in self._on:
                self._good_since = None
        else:
            self._gap = 0
            self._good_since = now if self._good_since is None else self._good_since
            if now - self._good_since >= self._rule.keep_firing_for:
                self._fires, self._since = False, None
