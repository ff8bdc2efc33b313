"""The rules by which Hypothesis plays with the engine and its model."""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.model.pair import ANSWERS, BY_HAND, PEOPLE, WORLD, Pair
from tests.model.spec import SECOND, SIGNALS, TARGETS
from tests.storms.daemon import Parts

NAMES = [target.name for target in TARGETS]
PLANS = [(target.name, plan) for target in TARGETS for plan in target.plans]
TRIGGERS = [f"{target.name} {one.name}" for target in TARGETS for one in target.triggers]
ANSWERS_THERE_ARE = ("ok", "refused", "denied", "lost", "lost and done")
INTERRUPTIONS = ("denied", "kill", "kill", "outage", "late")
# The most answers that one run waits for.
ALL_STEPS = 4
Move = tuple[Any, ...]
# What may be done, the more often the likelier: the first word is a method of the machine.
MOVES: tuple[Move, ...] = (
    *(("see", signal, seen) for signal in SIGNALS for seen in ("bad", "good", "dark")),
    *(("break_down", trigger) for trigger in TRIGGERS for _ in range(7)),
    *(("heal", where, flares_up) for where in NAMES for flares_up in (True, True, False, False)),
    *(("glimpse", seen) for seen in ("good", "dark") for _ in range(3)),
    *(
        ("half_way", then)
        for then in ("denied", "kill", "kill", "outage", "late")
        for _ in range(2)
    ),
    *(("wait", rounds) for rounds in (1, 1, 1, 2, 4, 7, 13)),
    *(("answer", how, last) for how in ANSWERS_THERE_ARE for last in (True, False)),
    *(
        ("answer_all", last, healthy, rounds)
        for last in (True, False)
        for healthy in ("", "", "good", "bad", "dark")
        for rounds in (0, 3, 9)
    ),
    *(("land_late",) for _ in range(4)),
    *(("ask", "pause", where) for where in ("", *NAMES)),
    *(("ask", "clear", where) for where in NAMES for _ in range(6)),
    *(("ask", "kill", "") for _ in range(3)),
    *(("lift_all",) for _ in range(10)),
    *(("by_hand", *chosen) for chosen in PLANS for _ in range(2)),
    *(("trouble", "blind", 0, 0) for _ in range(3)),
    *(("trouble", "clock", seconds, 0) for seconds in (-4003, -33, 47, 5003)),
    *(("trouble", "disk", 0, rounds) for rounds in (1, 2, 5)),
    *(("restart", downtime, False) for downtime in (1, 2, 40, 250, 4000, 90_000)),
    *(("restart", downtime, True) for downtime in (1, 100)),
    *(("crash_within", boundaries, "", 1) for boundaries in range(10)),
    *(("crash_within", boundaries, "ok", 1) for boundaries in range(8)),
    *(("crash_within", boundaries, "lost", 3) for boundaries in range(4)),
)


class EngineAgainstModel(RuleBasedStateMachine):
    """Each move does something to both, lets a moment go by, and compares."""

    parts: ClassVar[Parts | None] = None
    counts: ClassVar[Counter[str]] = Counter()
    on_disk: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.parts, on_disk=self.on_disk)
        self.counts["sequences"] += 1

    def teardown(self) -> None:
        for target in self.pair.of.values():
            self.counts.update(map(_general, target.log))
        self.pair.close()

    @rule(move=st.sampled_from(MOVES))
    def do(self, move: Move) -> None:
        """Hypothesis chooses."""
        self.make(move)

    def make(self, move: Move) -> None:
        """One move. Where it is one that cannot be made now, something breaks instead."""
        self.counts["steps"] += 1
        name, *words = move
        needed = self._needed.get(name)
        if needed is not None and not needed():
            name, words = "break_down", [TRIGGERS[-1]]
        getattr(self, name)(*words)

    @property
    def _needed(self) -> dict[str, Callable[[], object]]:
        world = self.pair.system.world
        return {
            "answer": lambda: world.open,
            "answer_all": lambda: world.open,
            "land_late": lambda: world.limbo,
        }

    def _did(self, what: str) -> None:
        self.counts[f"rule: {what}"] += 1

    # -- what is seen

    def see(self, signal: str, seen: str) -> None:
        self.pair.second(WORLD)
        if self.pair.system.signals[signal] != seen:
            self._did(f"a signal turns {seen}")
        self.pair.system.says(signal, seen)
        self.pair.compare()

    def break_down(self, trigger: str) -> None:
        """What a trigger needs to fire."""
        self._did("a target breaks")
        self.pair.second(WORLD)
        self.pair.system.says(trigger, "bad")
        self._wait(2)

    def heal(self, where: str, flares_up: bool) -> None:
        """All is well again, perhaps for some looks alone."""
        self._did("a target is well for a moment" if flares_up else "a target is well again")
        self.pair.second(WORLD)
        for signal in SIGNALS:
            if signal.startswith(where):
                self.pair.system.says(signal, "good")
        self._wait(3 if flares_up else 1)
        if flares_up:
            self.pair.second(WORLD)
            self.pair.system.says(f"{where} errors", "bad")
            self._wait(2)

    def glimpse(self, then: str) -> None:
        """Something is bad for one look, and then good, or nobody can tell."""
        self._did("something is bad for one look")
        for seen, rounds in (("good", 4), ("bad", 1), (then, 4)):
            self.pair.second(WORLD)
            self.pair.system.says("mail errors", seen)
            self._wait(rounds)

    def wait(self, rounds: int) -> None:
        self._did("time goes by")
        self._wait(rounds)

    def _wait(self, rounds: int) -> None:
        for _ in range(rounds):
            self.pair.second(0)
            self.pair.to(self.pair.now + 9 * SECOND)
            self.pair.compare()

    # -- executors

    def answer(self, how: str, last: bool) -> None:
        self._did(f"an answer: {how}")
        self._answer(how, last=last)
        self.pair.compare()

    def answer_all(self, last: bool, healthy: str, rounds: int) -> None:
        """Every step works; whether it helped is another matter."""
        self._did("all answers")
        if healthy:
            self.pair.second(WORLD)
            for where in NAMES:
                self.pair.system.says(f"{where} healthy", healthy)
        for _ in range(ALL_STEPS):
            if self.pair.system.world.open:
                self._answer("ok", last=last)
                self.pair.compare()
        self._wait(rounds)

    def _answer(self, how: str, *, last: bool) -> None:
        self.pair.second(ANSWERS)
        waiting = sorted(self.pair.system.world.open)
        if not waiting:
            return
        target = waiting[-1 if last else 0]
        word, _, done = how.partition(" ")
        self.pair.system.world.answer(target, word, acts=bool(done))
        self.pair.of[target].answered(word)

    def half_way(self, then: str) -> None:
        """A run begins and does its first step, and then something comes in between."""
        self._did("something comes in between")
        self.lift_all()
        self.ask("clear", "shop")
        self.by_hand("shop", "undo")
        if not self.pair.system.world.open:
            return
        if then == "late":
            self.pair.crash(250)
            self.land_late()
            return
        self._answer("ok", last=True)
        if then == "kill":
            self.ask("kill", "")
        if then == "outage":
            self.break_down("shop outage")
        if self.pair.system.world.open:
            self._answer("denied" if then == "denied" else "ok", last=True)
        self.pair.compare()

    def land_late(self) -> None:
        self._did("an effect comes late")
        self.pair.second(WORLD)
        late = self.pair.system.world.limbo.pop()
        self.pair.system.world.land(late.key, late.name)
        self.pair.compare()

    # -- people

    def ask(self, what: str, where: str) -> None:
        """Somebody pauses or resumes, clears, throws or lifts the kill switch, closes."""
        self.pair.second(PEOPLE)
        self._did(self.pair.ask(what, where))
        self.pair.compare()

    def lift_all(self) -> None:
        """Nothing that a person did, or has to undo, keeps anything back any longer."""
        model = self.pair.model
        held = [("pause", name) for name, one in self.pair.of.items() if one.paused]
        held += [("pause", "")] if model.paused else []
        held += [("kill", "")] if model.killed else []
        held += [("close", "")] if model.breaker else []
        for what, where in held:
            self.ask(what, where)
        self._wait(1)

    def by_hand(self, where: str, plan: str) -> None:
        self.pair.second(BY_HAND)
        self._did("by hand" if self.pair.by_hand(where, plan) else "by hand, refused")
        self.pair.compare()

    # -- the machine

    def trouble(self, what: str, seconds: int, rounds: int) -> None:
        """Nobody can look at steps, the wall clock steps, or the disk is full for a while."""
        if what == "disk":
            self._fill_the_disk(rounds)
            return
        self.pair.second(WORLD)
        if what == "clock":
            self._did("the clock steps")
            self.pair.step_clock(seconds)
        else:
            self._did("looks at steps fail, or work again")
            world = self.pair.system.world
            world.blind = not world.blind
        self.pair.compare()

    def _fill_the_disk(self, rounds: int) -> None:
        if self.pair.breaker_is_due:
            # When the guard would notice that it cannot even stop itself, only it knows.
            return
        self.pair.second(WORLD)
        self.pair.fill_disk(full=True)
        self.pair.to(self.pair.now + rounds * 10 * SECOND)
        lost = any(target.lost for target in self.pair.of.values())
        self._did("the disk is full, and a run is lost" if lost else "the disk is full")
        self.pair.fill_disk(full=False)
        self.pair.compare()

    def restart(self, downtime: int, orderly: bool) -> None:
        if orderly:
            self._did("an orderly stop")
            self.pair.stop(downtime)
        else:
            self._did(f"a crash, {downtime} s")
            self.pair.crash(downtime)

    def crash_within(self, boundaries: int, how: str, rounds: int) -> None:
        """A crash at any boundary of what is done meanwhile."""
        self.pair.loom(boundaries)
        if how and self.pair.system.world.open:
            self._answer(how, last=False)
        self.pair.second(0)
        self.pair.to(self.pair.now + rounds * 10 * SECOND)
        self.pair.compare()
        if self.pair.was_torn():
            self._did("a crash at an answer" if how else "a crash in a round")


def _general(entry: str) -> str:
    """An entry of a log without the names of steps."""
    words = entry.split(" ")
    return f"{words[0]} {words[-1]}" if words[0] in ("intended", "step") else entry
