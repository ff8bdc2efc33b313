"""Row `failpoints`: at every boundary of the journal and of effects the process dies, or fails."""

import random
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.lab.engine_process import KILL_FILE
from tests.lab.failpoints import AFTER, AT_SYNC, AT_WRITE, BEFORE, BIRTH, CROSSED, How
from tests.lab.gang import gang
from tests.lab.judging import wrong
from tests.lab.nursery import Nursery, a_nursery
from tests.lab.row import Row
from tests.lab.rungs import FINISHED, Fate, Rungs, rungs
from tests.lab.sizes import command
from tests.lab.trial import MOST_LIVES, HungError, Trial, a_trial, removed

WHERE = (BEFORE, AT_WRITE, AT_SYNC, AFTER)
# Of so many visits to a boundary, one is a failed call, and the others are deaths.
_FAILS = 4
# How often a boundary that was not reached is looked for again.
TRIES = 8
_MIDDLE = "routing-drain"


@dataclass(frozen=True, slots=True)
class Story:
    """A course of events; in life number `armed` the boundaries are looked for, and fail.

    `lives`: what is different about the first lives.
    """

    name: str
    arrange: Callable[[Trial], None] = lambda _trial: None
    lives: tuple[Mapping[str, object], ...] = ()

    @property
    def armed(self) -> int:
        return len(self.lives)


def _troubled(trial: Trial) -> None:
    fates = {
        "flags-off": Fate.LOST,
        "routing-drain": Fate.LATE,
        "application-restart": Fate.DROPPED,
    }
    trial.room.script = {step: [fate] for step, fate in fates.items()}


def _denied(trial: Trial) -> None:
    trial.room.script = {"application-restore": [Fate.DENIED]}


def _uncured(trial: Trial) -> None:
    trial.room.curable = False


def _relapsing(trial: Trial) -> None:
    _when(trial, FINISHED, lambda: setattr(trial.room, "curable", False))


def _stopped(trial: Trial) -> None:
    _when(trial, _MIDDLE, (trial.folder / KILL_FILE).touch)


def _parked(trial: Trial) -> None:
    def ask_to_end() -> None:
        assert trial.child is not None
        trial.child.send(signal.SIGTERM)
        # The next one is left in peace.
        trial.room.arrived = lambda _step: None

    _when(trial, _MIDDLE, ask_to_end)


def _when(trial: Trial, step: str, call: Callable[[], object]) -> None:
    def arrived(name: str) -> None:
        if name == step:
            call()

    trial.room.arrived = arrived


_DIES = {"boundary": f"POST /do/routing-shift | {BEFORE}"}
STORIES = (
    Story("as it should be"),
    Story("troubled", _troubled),
    Story("denied", _denied),
    Story("uncured", _uncured),
    Story("relapsing", _relapsing),
    Story("stopped", _stopped),
    Story("parked", _parked),
    Story("taken up", lives=(_DIES,)),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One fault: in `story`, when `boundary` is crossed for the `nth` time."""

    boundary: str
    story: Story
    nth: int
    how: How

    def __str__(self) -> str:
        return f"{self.how.value} at {self.boundary} (time {self.nth} of {self.story.name!r})"


@dataclass(slots=True)
class Lab:
    """`found`: how often each story crosses each boundary."""

    service: Rungs
    nursery: Nursery
    folder: Path
    seed: int
    found: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    number: int = 0

    async def record(self, story: Story) -> None:
        """Play it without a fault, and write down which boundaries it crosses."""
        async with self._trial() as trial:
            await _play(trial, story, {})
            problems = wrong(await trial.records(), trial.room)
            assert not problems, f"{story.name}, without a fault: {problems}"
            lives = (trial.folder / CROSSED).read_text().split(f"{BIRTH}\n")
        for name, times in Counter(lives[1 + story.armed].splitlines()).items():
            if name:
                self.found[name][story.name] = times
        removed(trial.folder)

    async def visit(self, visit: Visit, tries: int = TRIES) -> list[str]:
        """What does not hold after a fault at that boundary."""
        where = f"seed {self.seed}, {visit}"
        async with self._trial() as trial:
            try:
                fault = {"boundary": visit.boundary, "nth": visit.nth, "how": visit.how.value}
                await _play(trial, visit.story, fault)
                reached = trial.hits[visit.story.armed :] == [visit.boundary]
                problems = wrong(await trial.records(), trial.room)
            except AssertionError as error:
                reached, problems = True, [str(error)]
        if not problems:
            removed(trial.folder)
        if not reached and not problems:
            # It depends on the moment whether this story crosses it; somewhere it is crossed.
            if tries:
                return await self._elsewhere(visit, tries)
            kin = self._kin(visit.boundary)
            return await self.visit(replace(visit, boundary=kin)) if kin else [f"{where}: missed"]
        return [f"{where}: {problem}" for problem in problems]

    def _kin(self, boundary: str) -> str:
        """The boundary next to one that a single moment made: what is written together varies.

        It shares an event and the place with it, and more stories cross it.
        """
        events, _, place = boundary.partition(" | ")
        words = set(events.removeprefix("append ").split("+"))
        kin = [
            one
            for one in self.found
            if one.partition(" | ")[2] == place
            and len(self.found[one]) > len(self.found[boundary])
            and words & set(one.partition(" | ")[0].removeprefix("append ").split("+"))
        ]
        return max(kin, key=lambda one: len(self.found[one]), default="")

    async def _elsewhere(self, visit: Visit, tries: int) -> list[str]:
        names = sorted(self.found[visit.boundary])
        story = next(one for one in STORIES if one.name == names[tries % len(names)])
        return await self.visit(replace(visit, story=story, nth=1), tries - 1)

    def _trial(self) -> AbstractAsyncContextManager[Trial]:
        self.number += 1
        return a_trial(self.service, self.nursery, self.folder, f"trial-{self.number}", self.seed)


async def _play(trial: Trial, story: Story, fault: Mapping[str, object]) -> None:
    """From the first life to the end of its run.

    What a call that failed left untold is for the life after it, so there is always one more.
    """
    story.arrange(trial)
    for number in range(MOST_LIVES):
        hits = len(trial.hits)
        changes = dict(story.lives[number]) if number < story.armed else {}
        if number == story.armed:
            changes |= fault
        code = await trial.end(await trial.start(**changes))
        untouched = len(trial.hits) == hits
        if code == 0 and number >= story.armed and untouched and await trial.is_over():
            return
    raise HungError(f"{MOST_LIVES} lives did not end it: {trial.folder}\n{trial.log[-3000:]}")


def visits(found: Mapping[str, Mapping[str, int]], each: int, seed: int) -> Iterator[Visit]:
    """So many visits to each boundary, in the stories that cross it, at random times."""
    stories = {story.name: story for story in STORIES}
    for boundary, crossed in sorted(found.items()):
        chance = random.Random(f"{seed}/{boundary}")
        for number in range(each):
            name = sorted(crossed)[number % len(crossed)]
            how = How.FAIL if number % _FAILS == _FAILS - 1 else How.DIE
            yield Visit(boundary, stories[name], chance.randint(1, crossed[name]), how)


def some_of(found: Mapping[str, Mapping[str, int]], count: int, seed: int) -> Iterator[Visit]:
    """One visit each to so many boundaries, chosen at random; for the short form."""
    every = list(visits(found, _FAILS, seed))
    yield from random.Random(seed).sample(every, min(count, len(every)))


async def failpoints(
    folder: Path, each: int, seed: int, together: int, *, only: int = 0, stories: int = 0
) -> Row:
    """The row of the table; with `only`, that many visits in all."""
    row = Row("failpoints", "", command("failpoints", "VISITS", "SEED"), str(seed))
    async with rungs() as service, a_nursery() as nursery:
        lab = Lab(service, nursery, folder, seed)
        await gang(together, STORIES[: stories or None], lab.record)
        wanted = some_of(lab.found, only, seed) if only else visits(lab.found, each, seed)

        async def one(visit: Visit) -> None:
            row.judge(1, await lab.visit(visit), str(visit))

        await gang(together, wanted, one)
    row.what = f"a death or a failed call at each of {len(lab.found)} boundaries"
    row.details = listed(lab.found)
    return row


def listed(found: Mapping[str, object]) -> list[str]:
    """Every boundary, those of one call in one line."""
    calls: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(found):
        call, _, where = name.partition(" | ")
        calls[call].append(where)
    order = {where: number for number, where in enumerate(WHERE)}
    return [
        f"{call}: {', '.join(sorted(wheres, key=order.__getitem__))}"
        for call, wheres in calls.items()
    ]
