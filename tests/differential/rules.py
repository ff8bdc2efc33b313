"""Random alerting rules, and random series for each: with gaps, or without."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from watchdog.domain.condition import Condition, Op

EVERY = 15
SLOTS = 60
LOOK_BACK = 300
OPS = {Op.ABOVE: ">", Op.AT_LEAST: ">=", Op.BELOW: "<", Op.AT_MOST: "<="}
NOTHING, STALE, NAN, INF = "_", "stale", "NaN", "Inf"
_HOLDS = (0, 10, 15, 20, 30, 45, 60, 90, 120, 240)
_KEEPS = (0, 10, 15, 30, 45, 60, 120)
_LIMIT = 5.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert and what its series holds, a word a slot. Times in seconds."""

    number: int
    op: Op
    hold: int
    keep_firing_for: int
    confirm: int
    max_staleness: int
    words: tuple[str, ...]

    @property
    def condition(self) -> Condition:
        return Condition(self.op, _LIMIT)

    def __str__(self) -> str:
        return (
            f"rule {self.number}: {OPS[self.op]} {_LIMIT:g} for {self.hold} s, keep firing for "
            f"{self.keep_firing_for} s, stale after {self.max_staleness} s: {' '.join(self.words)}"
        )


def rules(seed: int, count: int, *, gaps: bool) -> list[Rule]:
    """`count` rules, always the same for the same seed."""
    chance = random.Random(seed)
    return [_rule(chance, number, gaps=gaps) for number in range(count)]


def _rule(chance: random.Random, number: int, *, gaps: bool) -> Rule:
    op = chance.choice(list(OPS))
    hold = chance.choice(_HOLDS)
    words = list(_words(chance, op))
    if gaps:
        words = _with_gaps(chance, words)
    else:
        # The first look of ours never fires. With gaps that is a class of its own.
        words[0] = _word(chance, op, breach=False)
    # `for: 0` asks for two looks of ours; where there are no gaps, one is made to suffice.
    confirm = 2 if hold else chance.choice((1, 2)) if gaps else 1
    return Rule(
        number=number,
        op=op,
        hold=hold,
        keep_firing_for=chance.choice(_KEEPS),
        confirm=confirm,
        max_staleness=chance.choice((20, 60)),
        words=tuple(words),
    )


def _words(chance: random.Random, op: Op) -> Iterator[str]:
    """Streaks of breach and calm, of one slot to longer than any `for`, or pure noise."""
    streak = chance.choice((1.3, 3, 8, 20))
    breach = chance.random() < 0.5
    for _ in range(SLOTS):
        if chance.random() < 1 / streak:
            breach = not breach
        yield _word(chance, op, breach=breach)


def _word(chance: random.Random, op: Op, *, breach: bool) -> str:
    """A number for which the comparison holds, or does not: often the limit itself."""
    near = chance.choice((0.0, 0.1, 1.0, 4.0))
    value = _LIMIT + near if op in (Op.ABOVE, Op.AT_LEAST) else _LIMIT - near
    if Condition(op, _LIMIT).holds(value) is not breach:
        value = _LIMIT - near if op in (Op.ABOVE, Op.AT_LEAST) else _LIMIT + near
    if Condition(op, _LIMIT).holds(value) is not breach:
        inside = 1.0 if breach is (op in (Op.ABOVE, Op.AT_LEAST)) else -1.0
        value = _LIMIT + inside
    return f"{value:g}"


def _with_gaps(chance: random.Random, words: Sequence[str]) -> list[str]:
    holes = list(words)
    for _ in range(chance.randint(1, 5)):
        begin, kind = chance.randrange(SLOTS), chance.choice((NOTHING, NOTHING, STALE, NAN, INF))
        length = chance.choice((1, 1, 2, 3, 4, 7, 25))
        for slot in range(begin, min(begin + length, SLOTS)):
            # A stale marker ends a series; what is not scraped after it stays away.
            holes[slot] = NOTHING if kind == STALE and slot > begin else kind
    return holes
