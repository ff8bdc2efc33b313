"""A target in alert-only mode, lived through by chance: trouble, blindness, people, crashes."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.builders import a_plan, a_target, a_trigger, a_watch
from tests.process import Parts, Process, a_world
from watchdog.domain.decision import Reason
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Decided, Ending, Record, RunStarted, ShadowOutcome
from watchdog.domain.shadow import JUDGED_AFTER
from watchdog.domain.shadow_book import LOST
from watchdog.domain.target import Mode
from watchdog.engine.lane import Lane
from watchdog.testing.doubles import Crash, MemoryJournal
from watchdog.testing.virtual_time import run_virtually
from watchdog.testing.world import World

EVERY = 15.0
ENDS = 6 * 3600.0
# Nothing new begins so long before the end, so that everything has come to one.
QUIET = 2 * 3600.0
# Of the trigger: what a decision may wait for beyond its hour.
OVERTIME = 300.0
TARGET = a_target(
    a_trigger("errors", every=EVERY),
    mode=Mode.ALERT_ONLY,
    plans=[a_plan(watch=a_watch(short="1m", long=0))],
)
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Story:
    """All that chance decides, in virtual seconds. `lives`: writes until each crash."""

    bad: list[Span]
    dark: list[Span]
    people: list[float]
    lives: list[int]
    downtimes: list[float]


def story(seed: int) -> Story:
    """The story of that seed, always the same."""
    chance = random.Random(seed)

    def spans(count: int, lengths: Sequence[float]) -> list[Span]:
        begins = sorted(chance.uniform(60, ENDS - QUIET) for _ in range(count))
        found: list[Span] = []
        for begin in begins:
            if not found or begin > found[-1][1] + 600:
                found.append((begin, begin + chance.choice(lengths)))
        return found

    bad = spans(chance.randint(1, 3), [120, 600, 3300, 3590, 3700, 5400])
    # People come when it is bad, most of the time.
    people = [begin + chance.uniform(30, 4000) for begin, _ in bad]
    return Story(
        bad=bad,
        dark=spans(chance.choice([0, 0, 1, 2]), [20, 90, 700, 2400]),
        people=chance.sample(people, chance.choice([0, 0, 1])),
        lives=[chance.randint(1, 12) for _ in range(chance.choice([0, 1, 2, 4]))],
        downtimes=[chance.choice([0.0, 5.0, 60.0, 900.0, 4500.0]) for _ in range(6)],
    )


@dataclass(slots=True)
class Lived:
    """What a story left behind. `lives`: from when to when the process was there."""

    story: Story
    records: Sequence[Record]
    lives: list[Span] = field(default_factory=list)


class _Life:
    def __init__(self, told: Story, parts: Parts) -> None:
        self.story = told
        self.parts = parts
        self.world: World = a_world()
        self.left: int | None = None

    async def play(self) -> Lived:
        loop = asyncio.get_running_loop()
        for at in sorted({edge for span in (*self.story.bad, *self.story.dark) for edge in span}):
            loop.call_at(at, self._set)
        self._set()
        lived = Lived(self.story, [])
        journal = MemoryJournal(self.world.clock)
        lives, downtimes = list(self.story.lives), list(self.story.downtimes)
        while loop.time() < ENDS:
            self.left = lives.pop(0) if lives else None
            journal = MemoryJournal(
                self.world.clock,
                survived=journal,
                before_append=self._boundary,
                after_append=self._boundary,
            )
            began = loop.time()
            await self._live(Process(self.world, TARGET, journal=journal, parts=self.parts))
            lived.lives.append((began, loop.time()))
            # The last life is long enough to say all that there is to say.
            away = downtimes.pop(0) if downtimes else 1.0
            await asyncio.sleep(min(away, max(ENDS - 600 - loop.time(), 1.0)))
        lived.records = journal.records
        return lived

    def _set(self) -> None:
        # A timer may go off a rounding error early.
        now = asyncio.get_running_loop().time() + 1e-6
        bad, dark = (
            any(begin <= now < end for begin, end in spans)
            for spans in (self.story.bad, self.story.dark)
        )
        self.world.says("errors", "err" if dark else int(bad))

    def _boundary(self, _: object) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash

    async def _live(self, process: Process) -> None:
        try:
            async with process.running():
                for at in [*sorted(self.story.people), ENDS]:
                    wait = at - asyncio.get_running_loop().time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                        await _by_hand(process) if at < ENDS else None
        except BaseException as error:
            if not _is_crash(error):
                raise


async def _by_hand(process: Process) -> None:
    lane = process.lane
    plan = lane.target.plans["undo"]
    try:
        await lane.order(lambda: lane.start_by_hand(plan, "ann", "drill", lambda: process.hands))
    except WatchdogError:
        # There is a run of hers already.
        return


def _is_crash(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_crash(one) for one in error.exceptions)
    return isinstance(error, Crash)


def play(seed: int, lane: type[Lane] = Lane) -> Lived:
    """Live through the story of `seed`."""
    return run_virtually(_Life(story(seed), Parts(lane=lane)).play())


# -- what must hold of it


def broken(lived: Lived) -> list[str]:
    """Every way in which what is on record is not what happened."""
    decided = {
        record.event.episode: record
        for record in reversed(lived.records)
        if isinstance(record.event, Decided) and record.event.refusal == Reason.ALERT_ONLY
    }
    outcomes: dict[str, list[Record]] = {}
    for record in lived.records:
        if isinstance(record.event, ShadowOutcome):
            outcomes.setdefault(record.event.episode, []).append(record)
    wrong = [f"{episode} was never decided" for episode in outcomes.keys() - decided]
    for episode, record in decided.items():
        found = outcomes.get(episode, [])
        if len(found) != 1:
            wrong.append(f"{episode} has {len(found)} outcomes")
        else:
            wrong += [f"{episode}: {text}" for text in _untrue(lived, record, found[0])]
    return wrong


def _untrue(lived: Lived, decided: Record, ended: Record) -> list[str]:
    outcome = ended.event
    assert isinstance(outcome, ShadowOutcome)
    begin, end = decided.at.elapsed, ended.at.elapsed
    acted = [
        record.at.elapsed
        for record in lived.records
        if isinstance(record.event, RunStarted)
        and decided.seq < record.seq
        and record.at.elapsed <= begin + outcome.after_seconds + 1e-6
    ]
    checks: dict[Ending, Callable[[], str]] = {
        Ending.PERSON_ROLLED_BACK: lambda: "" if _within(acted, begin) else "nobody acted",
        Ending.STILL_BAD: lambda: _still_bad(lived, begin, end),
        Ending.RECOVERED: lambda: _recovered(lived, begin, acted),
        Ending.UNKNOWN: lambda: _unknown(lived, begin, end, outcome),
    }
    text = checks[outcome.what]()
    late = outcome.after_seconds > end - begin + 1e-6
    return [*([text] if text else []), *(["it ended later than on record"] if late else [])]


def _within(acted: Sequence[float], begin: float) -> bool:
    return any(at - begin <= JUDGED_AFTER for at in acted)


def _still_bad(lived: Lived, begin: float, end: float) -> str:
    if not begin + JUDGED_AFTER <= end <= begin + JUDGED_AFTER + OVERTIME + EVERY:
        return f"still bad after {end - begin:.0f} s is no hour"
    # The last look was up to two slots ago.
    return "" if _any_of(lived.story.bad, end - 2 * EVERY, end) else "it was good"


def _recovered(lived: Lived, begin: float, acted: Sequence[float]) -> str:
    if acted:
        return "a person acted"
    good = not all(
        _any_of(lived.story.bad, at, at)
        for at in range(int(begin), int(begin + JUDGED_AFTER), int(EVERY))
    )
    return "" if good else "it was bad for the whole hour"


def _unknown(lived: Lived, begin: float, end: float, outcome: ShadowOutcome) -> str:
    """Nobody can tell only where something was in the way."""
    # A crash at the moment of the decision itself loses what had not been written down.
    away = not any(start < begin and end <= stop for start, stop in lived.lives)
    dark = _any_of(lived.story.dark, begin, end)
    if outcome.note == LOST:
        return "" if away else "nothing was lost"
    return "" if away or dark else "it could be seen"


def _any_of(spans: Sequence[Span], begin: float, end: float) -> bool:
    return any(start <= end and begin < stop for start, stop in spans)
