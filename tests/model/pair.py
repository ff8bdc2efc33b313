"""The engine and the model side by side: the same is done to both, then they are compared."""

from collections.abc import Callable

from tests.model.observing import logs, without_repeats
from tests.model.reference import Everything, Instant, TargetModel
from tests.model.reference_run import Surroundings
from tests.model.spec import EVERY, SECOND, SHOP, TARGETS
from tests.model.system import PatientWorld, System
from tests.storms.daemon import Parts
from watchdog.domain.decision import standing_refusals
from watchdog.domain.events import BreakerOpened

# Hundredths into a second at which things are done. What follows from them comes whole or half
# seconds later, and one hundredth later after each time limit: no two ever happen at once.
ANSWERS, BY_HAND, PEOPLE, BEGINS, CRASHES, WORLD, COMPARED = 7, 13, 19, 26, 33, 42, 90
# When the guard, who looks four times a second from the start on, sees that a disk has room again.
NOTICED = 9
GRACE = 3 * SECOND
# Within these the guard opens the breaker.
BREAKER_NOTICED = 6 * SECOND


class DivergedError(AssertionError):
    """The engine did what the model does not allow, or did not do what it must."""


class Pair:
    """Everything is told in whole seconds; each act takes one, and ends in a comparison."""

    def __init__(self, parts: Parts | None = None, *, on_disk: bool = False) -> None:
        self.system = System(parts, on_disk=on_disk)
        world = Everything(Surroundings(self._landed, self._healthy, lambda: self._world.blind))
        self.model = world
        world.targets = [TargetModel(spec, world) for spec in TARGETS]
        self.of = {target.spec.name: target for target in world.targets}
        self._now = 0
        self._wall = 0
        self._up = False
        self._opened = 0
        self._able_since = 0
        self._torn: dict[str, list[TargetModel]] | None = None
        self.begin()

    @property
    def _world(self) -> PatientWorld:
        return self.system.world

    def close(self) -> None:
        """It is over."""
        self.system.close()

    # -- what the model may see of the world

    def _landed(self, key: str) -> bool:
        run, _, place = key.partition("/")
        target, _, number = run.partition("#")
        names = [
            record.event.run  # type: ignore[union-attr]
            for record in self.system.journal.records
            if type(record.event).__name__ == "RunStarted" and record.event.target == target  # type: ignore[union-attr]
        ]
        if int(number) >= len(names):
            raise DivergedError(f"the engine did not begin run {run}")
        wanted = f"{names[int(number)]}/{place}"
        return any(effect.key == wanted for effect in self._world.effects)

    def _healthy(self, target: str) -> str:
        return self.system.signals[f"{target} healthy"]

    # -- time

    @property
    def up(self) -> bool:
        """Whether the process is there."""
        return self._up

    def second(self, phase: int) -> None:
        """Go on to `phase` hundredths into the next second."""
        self.to((self._now // SECOND + 1) * SECOND + phase)

    def to(self, moment: int) -> None:
        """Let time go by for both."""
        self.system.until(moment)
        if self._up:
            self._advance(moment)
        self._now = moment
        self.model.now = self._instant(moment)

    def _instant(self, moment: int) -> Instant:
        return Instant(moment, moment + self._wall)

    def _advance(self, moment: int) -> None:
        while True:
            upcoming = [(self._next_round(target), target) for target in self.model.targets]
            dues = [
                (target.run.due_at, target)
                for target in self.model.targets
                if target.run is not None and target.run.due_at is not None and not target.lost
            ]
            at = min([one for one, _ in (*upcoming, *dues)])
            self._open_breaker(min(at, moment))
            if at > moment:
                return
            self.model.now = self._instant(max(at, self._now))
            for when, target in upcoming:
                if when == at:
                    target.look(self._seen(target))
                    self._rounds[target.spec.name] = at
            for target in self.model.targets:
                target.work()
            self._now = max(at, self._now)

    def _open_breaker(self, until: int) -> None:
        """The guard opens it some seconds after it must be: when, only the engine knows."""
        openings = [
            round(record.at.elapsed * SECOND)
            for record in self.system.journal.records
            if isinstance(record.event, BreakerOpened)
        ]
        for opened in openings[self._opened :]:
            if opened > until or (opened == until and not self.model.breaker):
                return
            self._opened += 1
            if not self.model.breaker and not self.model.has_failed_too_often:
                self._diverged("the engine stopped itself, and too little had failed")
            self.model.breaker = True

    def _next_round(self, target: TargetModel) -> int:
        last = self._rounds[target.spec.name]
        turn = target.spec.turn
        return ((last - turn) // EVERY + 1) * EVERY + turn

    def _seen(self, target: TargetModel) -> dict[str, str]:
        name = target.spec.name
        return {one: self.system.signals[f"{name} {one}"] for one in target.triggers}

    # -- the process

    def begin(self) -> None:
        """The process begins at the next second."""
        self.second(BEGINS)
        self.system.start()
        self._up = True
        self._able_since = self._now
        self._rounds = dict.fromkeys(self.of, self._now)
        self.model.healthy = True
        for name, target in self.of.items():
            firing, remembered = self.system.checkpoint(name)
            target.restart(firing, remembered=remembered)
        self.compare()

    def crash(self, downtime: int) -> None:
        """`kill -9`, and it is there again after `downtime` seconds."""
        self.second(CRASHES)
        self.system.crash()
        self._down(downtime)

    def _down(self, downtime: int) -> None:
        self._up = False
        self.to(self._now + downtime * SECOND - SECOND)
        self.begin()

    def stop(self, downtime: int) -> None:
        """SIGTERM: a step under way has some seconds to finish, the rest is parked."""
        self.second(CRASHES)
        now = self._now
        self.system.stop()
        for target in self.model.targets:
            self._park(target, now)
        self._up = False
        self.to(now + GRACE + 2 * SECOND)
        self._down(downtime)

    def _park(self, target: TargetModel, now: int) -> None:
        run = target.run
        if run is None:
            return
        if run.waits_for_answer:
            if run.due_at is None or run.due_at > now + GRACE:
                return
            target.record(*run.proceed(self.model.around, run.due_at))
        target.record("parked")

    @property
    def now(self) -> int:
        """Hundredths since the beginning."""
        return self._now

    # -- people and the machine

    def ask(self, what: str, where: str) -> str:
        """A person asks something; returns what became of it, in words."""
        if what == "clear":
            return self._clear(where or SHOP.name)
        if what == "pause":
            return self._pause(where)
        if what == "close":
            if not self.model.breaker:
                return "nothing to close"
            self.system.close_breaker()
            self.model.close_breaker()
            return "the breaker is closed"
        on = not self.model.killed
        self.system.kill(on=on)
        self.kill(on=on)
        return "kill" if on else "release"

    def _clear(self, where: str) -> str:
        latched = self.of[where].latched
        self.system.clear(where)
        self.of[where].clear()
        return "clear" if latched else "nothing to clear"

    def _pause(self, where: str) -> str:
        holder = self.of[where] if where else self.model
        (self.system.resume if holder.paused else self.system.pause)(where)
        holder.paused = not holder.paused
        return "pause" if holder.paused else "resume"

    def by_hand(self, target: str, plan: str) -> bool:
        """A person starts a plan; whether that is taken."""
        its = self.system.by_hand(target, plan)
        mine = self.of[target].by_hand(plan)
        if mine != its:
            self._diverged(f"{target}/{plan} by hand: the model says {mine}, the engine {its}")
        return its

    def kill(self, *, on: bool) -> None:
        """The kill switch, for the model."""
        self.model.killed = on
        for target in self.model.targets if on else ():
            target.killed_since = True
            if target.run is not None:
                target.run.ask_to_stop("stopped")
                target.run.settle(self._now)
                target.work()

    @property
    def breaker_is_due(self) -> bool:
        """Whether the guard will open it within seconds."""
        return self.model.has_failed_too_often and not self.model.breaker

    def step_clock(self, seconds: int) -> None:
        """The wall clock steps, for both."""
        self.system.step_clock(seconds)
        # What failed a day ago may be younger now: the guard needs a moment for that as well.
        self._able_since = self._now
        self._wall += seconds * SECOND
        self.model.now = self._instant(self._now)
        for target in self.model.targets:
            for trigger in target.triggers.values():
                trigger.step_of_clock()

    def fill_disk(self, *, full: bool) -> None:
        """Nothing can be written from now on; or all can again, as soon as somebody notices."""
        self.system.fill_disk(full=full)
        self.model.writable = not full
        self._able_since = self._now
        if full or self.model.healthy:
            return
        self.to(self._now + NOTICED)
        self.model.healthy = True
        for target in self.model.targets:
            if target.lost:
                target.take_up()
            target.decide([])
            target.work()

    # -- a crash in the midst of something

    def loom(self, boundaries: int) -> None:
        """The process will crash after so many more boundaries."""
        self.system.crash_after(boundaries)
        self._torn = {name: [target.snapshot()] for name, target in self.of.items()}
        for name, target in self.of.items():
            target.on_write = self._keeper(name, target)

    def _keeper(self, name: str, target: TargetModel) -> Callable[[], None]:
        def keep() -> None:
            assert self._torn is not None
            self._torn[name].append(target.snapshot())

        return keep

    def was_torn(self) -> bool:
        """Whether it crashed; then the model is what is on record, and both begin anew."""
        torn, self._torn = self._torn, None
        assert torn is not None
        for target in self.of.values():
            target.on_write = lambda: None
        if not self.system.crashed:
            self.system.is_safe()
            return False
        self.second(CRASHES)
        self.system.crash()
        on_record = logs(self.system.journal.records, self.of)
        for place, (name, snapshots) in enumerate(torn.items()):
            found = [one for one in snapshots if without_repeats(one.log) == on_record[name]]
            if not found:
                self._diverged(
                    f"{name}: after a crash the engine has on record {on_record[name][-6:]}, the "
                    f"model can have {[without_repeats(one.log)[-6:] for one in snapshots[-4:]]}"
                )
            found[-1].on_write = lambda: None
            self.model.targets[place] = self.of[name] = found[-1]
        self._open_breaker(self._now + 1)
        self._down(2)
        return True

    # -- comparison

    def compare(self) -> None:
        """Whether both tell the same story. Raises DivergedError."""
        self.to(self._now // SECOND * SECOND + COMPARED)
        self.system.settle()
        if self.system.crashed:
            return
        on_record = logs(self.system.journal.records, self.of)
        for name, target in self.of.items():
            mine, its = without_repeats(target.log), on_record[name]
            if mine != its:
                self._diverged(f"{name}: {_difference(mine, its)}")
            self._compare_state(name, target)

    def _compare_state(self, name: str, target: TargetModel) -> None:
        lane = self.system.daemon.lanes[name]
        now = self.system.clock.now()
        its = {one.reason.value for one in standing_refusals(lane.decider.facts(now), now)}
        mine = target.standing()
        since = max(self.model.failed_at, self._able_since)
        late = self._now - since > BREAKER_NOTICED
        if self.model.has_failed_too_often and late and not self.model.breaker:
            self._diverged("too much has failed, and the engine did not stop itself")
        waits = target.run is not None and target.run.waits_for_answer and not target.lost
        for what, model, engine in (
            ("refusals", mine, its),
            ("latched", target.latched, bool(lane.decider.account.latched)),
            ("waits for an answer", waits, name in self._world.open),
            ("is driven", target.run is not None and not target.lost, lane.runner is not None),
        ):
            if model != engine:
                self._diverged(f"{name}: {what}: the model says {model}, the engine {engine}")

    def _diverged(self, what: str) -> None:
        raise DivergedError(f"at {self._now / SECOND:g} s: {what}")


def _difference(mine: list[str], its: list[str]) -> str:
    same = 0
    while same < min(len(mine), len(its)) and mine[same] == its[same]:
        same += 1
    before, goes_on = mine[max(0, same - 3) : same], mine[same : same + 4]
    return f"after {before} the model goes on {goes_on}, the engine {its[same : same + 4]}"
