"""The model of a target: what it may do, and what it does. It shares no code with the engine."""

from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace

from tests.model.reference_run import RunModel, Surroundings
from tests.model.reference_triggers import TriggerModel
from tests.model.spec import (
    BREAKER_FAILED,
    COOLDOWN,
    DAY,
    GLOBAL_PER_HOUR,
    HOUR,
    PER_DAY,
    PER_HOUR,
    TargetSpec,
    TriggerSpec,
)

_NO_FAILURE = ("succeeded", "superseded", "stopped")
PERSON = "ann"


@dataclass(frozen=True, slots=True)
class Instant:
    """The same moment on both clocks, in hundredths."""

    elapsed: int
    wall: int

    def since(self, other: "Instant") -> int:
        """What limits take for the time between: the lesser of what both clocks say."""
        return max(0, min(self.elapsed - other.elapsed, self.wall - other.wall))


@dataclass(frozen=True, slots=True)
class Counted:
    """A run that limits count; `ended` None while it goes on, `cleared`: a person looked."""

    incident: int
    severity: int
    began: Instant
    ended: Instant | None = None
    cleared: bool = False
    gave_way: bool = False


@dataclass(slots=True)
class Everything:
    """What holds for all targets, and the clocks."""

    around: Surroundings
    now: Instant = field(default_factory=lambda: Instant(0, 0))
    killed: bool = False
    paused: bool = False
    breaker: bool = False
    failed_at: int = 0
    incidents: int = 0
    runs: int = 0
    writable: bool = True
    healthy: bool = True
    targets: list["TargetModel"] = field(default_factory=list)

    def starts(self) -> int:
        """The automatic runs of all targets in the last hour."""
        return sum(
            self.now.since(one.began) < HOUR for target in self.targets for one in target.counted
        )

    @property
    def has_failed_too_often(self) -> bool:
        """Whether it has to stop itself: before anything begins, or when the guard looks."""
        failures = [at for target in self.targets for at in target.failures]
        return sum(self.now.since(at) < DAY for at in failures) >= BREAKER_FAILED

    def close_breaker(self) -> None:
        """A person has looked at all that failed."""
        self.breaker = False
        for target in self.targets:
            target.failures = []


@dataclass(slots=True)
class TargetModel:
    """One target. `log` is all that goes on record of it; `keeps` snapshots while a crash looms."""

    spec: TargetSpec
    world: Everything
    triggers: dict[str, TriggerModel] = field(default_factory=dict)
    run: RunModel | None = None
    runs: list[RunModel] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    latched: bool = False
    half_way: RunModel | None = None
    paused: bool = False
    incident: int = 0
    handled: set[tuple[str, int]] = field(default_factory=set)
    told: set[tuple[str, int, str]] = field(default_factory=set)
    on_record: set[tuple[str, int, str]] = field(default_factory=set)
    killed_since: bool = False
    lost: bool = False
    busy_with_person: bool = False
    remembered: bool = False
    failures: list[Instant] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    on_write: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.triggers = {one.name: TriggerModel() for one in self.spec.triggers}

    # -- records

    def record(self, *entries: str) -> None:
        """Put on record, all or nothing."""
        for entry in entries:
            word, _, rest = entry.partition(" ")
            trigger, _, why = rest.partition(":")
            if word == "decided" and trigger == "half way" and self.half_way is not None:
                self.on_record.add((self.half_way.name, 0, why))
            elif word == "decided" and why != "go":
                self.on_record.add((trigger, self.triggers[trigger].since, why))
            elif entry == "incident closed":
                # Whatever fires after it is told anew, if only a restart lies between.
                self.on_record.clear()
        if entries:
            self.log += entries
            self.on_write()

    # -- a round

    def look(self, seen: dict[str, str]) -> None:
        """A round of looks, and what is decided on them."""
        changes = []
        for name, trigger in self.triggers.items():
            change = trigger.look(seen[name], self.world.now.elapsed)
            if change:
                changes.append(f"trigger {name} {change}")
        self.decide(changes)

    def decide(self, changes: list[str]) -> None:
        """Decide about every trigger that breaches: gravest first."""
        entries = list(changes)
        breaching = [one for one in self.spec.triggers if self.triggers[one.name].breaching]
        incident = self.incident
        if breaching and not incident:
            self.world.incidents += 1
            incident = self.world.incidents
            entries.append("incident opened")
        chosen: TriggerSpec | None = None
        for one in breaching:
            if chosen is not None:
                entries += self._joined(one)
                continue
            self._relapse(one)
            told, acts = self._considered(one)
            entries += told
            chosen = one if acts else None
        if chosen is not None and self.world.has_failed_too_often:
            # Nothing begins any more; of the gravest trigger people are told.
            if not self._stops_itself(entries, incident):
                return
            entries = self._considered(chosen)[0]
            chosen = None
        if chosen is None:
            entries += self._left_half_way()
        if chosen is None and self._may_close(incident):
            entries.append("incident closed")
            incident = 0
        self._carry_out(chosen, entries, incident)

    def _stops_itself(self, entries: list[str], incident: int) -> bool:
        pending = [*self.unwritten, *entries]
        if not self.world.writable:
            self._cannot_write([*pending, "breaker opened"])
            return False
        self.unwritten, self.incident, self.world.breaker = [], incident, True
        self.record(*pending)
        return True

    def _carry_out(self, chosen: TriggerSpec | None, entries: list[str], incident: int) -> None:
        waits = chosen is not None and self.run is not None
        if waits:
            assert self.run is not None
            self.run.ask_to_stop("superseded")
            self.run.settle(self.world.now.elapsed)
        pending = [*self.unwritten, *entries]
        if not self.world.writable:
            self._cannot_write([*pending, *(["a start"] if chosen and not waits else [])])
            return
        self.unwritten = []
        self.incident = incident
        self.remembered = self._notable
        if chosen is not None and not waits:
            start = self._begin(chosen.plan, chosen.name, chosen.severity, by_hand=False)
            self.record(*pending, f"decided {chosen.name}:go", start)
        else:
            self.record(*pending)

    def _cannot_write(self, pending: list[str]) -> None:
        if pending:
            self.unwritten = [one for one in pending if one.startswith("trigger ")]
            self.told.clear()
        if pending or self._notable or self.remembered:
            self.world.healthy = False

    @property
    def _notable(self) -> bool:
        return any(one.state != "quiet" for one in self.triggers.values())

    def _joined(self, one: TriggerSpec) -> list[str]:
        return self._once(one, "run_in_progress", f"joined {one.name}")

    def _once(self, one: TriggerSpec, why: str, entry: str) -> list[str]:
        key = one.name, self.triggers[one.name].since, why
        if key in self.told:
            return []
        self.told.add(key)
        return [entry]

    def _considered(self, one: TriggerSpec) -> tuple[list[str], bool]:
        why = self.refusal(one)
        if why == "run_in_progress":
            return self._joined(one), False
        if why in ("already_handled", "unconfirmed"):
            return [], False
        if why:
            return self._once(one, why, f"decided {one.name}:{why}"), False
        return [], True

    def _relapse(self, one: TriggerSpec) -> None:
        """A trigger that begins to fire in a watch shows that it did not help."""
        run = self.run
        if run is None or self._supersedes(one) or not run.watching or run.watch_since is None:
            return
        if run.stage == "watch_long" and one.plan != run.plan.name:
            return
        if self.triggers[one.name].since > run.watch_since:
            run.relapsed = True
            run.settle(self.world.now.elapsed)

    def _left_half_way(self) -> list[str]:
        run = self.half_way
        if run is None or (run.name, 0, "latched") in self.told:
            return []
        self.told.add((run.name, 0, "latched"))
        return ["decided half way:latched"]

    def _may_close(self, incident: int) -> bool:
        idle = self.run is None or self.run.stage == "watch_long"
        return bool(incident) and idle and not any(one.firing for one in self.triggers.values())

    # -- may it?

    def refusal(self, one: TriggerSpec) -> str:
        """The first reason not to act on a trigger; empty: there is none."""
        trigger = self.triggers[one.name]
        for why, holds in (
            ("kill_switch", self.world.killed),
            ("breaker_open", self.world.breaker),
            ("journal_unwritable", not self.world.healthy),
            ("paused", self.world.paused or self.paused),
            ("already_handled", (one.name, trigger.since) in self.handled),
            ("latched", self.latched and not (self.half_way and self._same_incident(one))),
            ("unconfirmed", not trigger.confirmed),
            ("run_in_progress", self._holds(one)),
            ("cooling_down", self._cools() and not self._graver(one)),
            ("target_limit", self._is_used_up(one)),
            ("global_limit", self._is_used_up_everywhere() and not self._same_incident(one)),
        ):
            if holds:
                return why
        return ""

    def standing(self) -> set[str]:
        """Every reason why nothing would begin now, whatever fired."""
        found = {
            "kill_switch": self.world.killed,
            "breaker_open": self.world.breaker,
            "journal_unwritable": not self.world.healthy,
            "paused": self.world.paused or self.paused,
            "latched": self.latched,
            "cooling_down": self._cools(),
            "target_limit": self._is_used_up(None),
            "global_limit": self._is_used_up_everywhere(),
        }
        return {why for why, holds in found.items() if holds}

    def _supersedes(self, one: TriggerSpec) -> bool:
        run = self.run
        return run is not None and not run.by_hand and one.severity > run.severity

    def _holds(self, one: TriggerSpec) -> bool:
        if self.run is None or self._supersedes(one):
            return False
        return self.run.stage != "watch_long" or one.plan == self.run.plan.name

    def _same_incident(self, one: TriggerSpec | None) -> bool:
        if one is None:
            return False
        last = self.counted[-1] if self.counted else None
        took_over = (
            last is not None
            and last.gave_way
            and last.incident == self.incident
            and one.severity > last.severity
        )
        return self._supersedes(one) or took_over

    def _graver(self, one: TriggerSpec | None) -> bool:
        if one is None or not self.counted:
            return False
        return self._supersedes(one) or one.severity > self.counted[-1].severity

    def _cools(self) -> bool:
        ended = [one for one in self.counted if one.ended is not None]
        if not ended or ended[-1].cleared:
            return False
        last = ended[-1].ended
        assert last is not None
        return self.world.now.since(last) < COOLDOWN

    def _is_used_up(self, one: TriggerSpec | None) -> bool:
        ages = [self.world.now.since(each.began) for each in self.counted]
        if sum(age < DAY for age in ages) >= PER_DAY and not self._same_incident(one):
            return True
        return sum(age < HOUR for age in ages) >= PER_HOUR and not self._graver(one)

    def _is_used_up_everywhere(self) -> bool:
        return self.world.starts() >= GLOBAL_PER_HOUR

    # -- runs

    def _begin(self, plan: str, trigger: str, severity: int, *, by_hand: bool) -> str:
        world = self.world
        world.runs += 1
        run = RunModel(
            name=f"{self.spec.name}#{len(self.runs)}",
            target=self.spec.name,
            plan=self.spec.plans[plan],
            trigger=trigger,
            severity=severity,
            by_hand=by_hand,
            incident=self.incident,
            began=world.now.elapsed,
        )
        self.counted = [one for one in self.counted if world.now.since(one.began) < DAY]
        if by_hand:
            self.counted = [replace(one, gave_way=False) for one in self.counted]
        else:
            self.handled.add((trigger, self.triggers[trigger].since))
            self._count(run)
            self.latched = self.latched and self.half_way is None
        self.half_way = None
        self.run = run
        self.runs.append(run)
        self.killed_since = False
        run.settle(world.now.elapsed)
        return f"run {plan} {'by hand' if by_hand else trigger}"

    def _count(self, run: RunModel) -> None:
        last = self.counted[-1] if self.counted else None
        takes_over = (
            last is not None
            and last.gave_way
            and last.incident == run.incident
            and run.severity > last.severity
        )
        if last is not None and takes_over:
            self.counted[-1] = Counted(run.incident, run.severity, last.began)
        else:
            self.counted.append(Counted(run.incident, run.severity, self.world.now))

    def by_hand(self, plan: str) -> bool:
        """A person starts a plan; whether that is taken."""
        if self.world.killed or self.lost or (self.run is not None and not self.run.watching):
            return False
        waited = self.run is not None
        if self.run is not None:
            self.run.ask_to_stop("superseded")
            self.run.settle(self.world.now.elapsed)
            self.busy_with_person = True
            self.work()
            self.busy_with_person = False
        entries = []
        if not self.incident:
            self.world.incidents += 1
            self.incident = self.world.incidents
            entries.append("incident opened")
        start = self._begin(plan, "", 2, by_hand=True)
        self.record(*entries, start)
        if waited:
            self.decide([])
        self.work()
        return True

    def clear(self) -> None:
        """A named person looked."""
        now = self.world.now
        self.latched, self.half_way = False, None
        self.counted = [
            replace(
                one,
                cleared=one.ended is not None,
                began=Instant(min(one.began.elapsed, now.elapsed), min(one.began.wall, now.wall)),
            )
            for one in self.counted
        ]
        self.record("cleared")

    def work(self) -> bool:
        """Let the run do all that is due by now; whether anything was."""
        worked = False
        now = self.world.now.elapsed
        while (run := self.run) is not None and not self.lost:
            if run.due_at is None or run.due_at > now:
                break
            worked = True
            if not self._moved(run, deepcopy(run)):
                break
        return worked

    def _moved(self, run: RunModel, before: RunModel) -> bool:
        entries = run.proceed(self.world.around, self.world.now.elapsed)
        if entries and not self.world.writable:
            self._lose(before)
            return False
        for entry in entries:
            self._follow(run, entry)
            self.record(entry)
        run.settle(self.world.now.elapsed)
        if run.over and run.stop and not self.busy_with_person:
            # What superseded it has been waiting for this moment.
            self.decide([])
        return True

    def _lose(self, before: RunModel) -> None:
        self.world.healthy = False
        self.run = before
        self.runs[-1] = before
        self.lost = True

    def answered(self, how: str) -> None:
        """The other side answers the request that is under way."""
        run = self.run
        assert run is not None
        before = deepcopy(run)
        entry = run.answered(how, self.world.now.elapsed)
        if entry is not None and not self.world.writable:
            self._lose(before)
            return
        if entry is not None:
            self.record(entry)
        run.settle(self.world.now.elapsed)
        self.work()

    def _follow(self, run: RunModel, entry: str) -> None:
        """What the target remembers of what its run does."""
        word, _, rest = entry.partition(" ")
        if word == "stop" and rest == "superseded" and not run.by_hand:
            self._last_of(run, gave_way=True)
        elif word == "ended":
            self._ended(run)
        elif word == "watched" and rest.endswith("failed"):
            self.latched = True
            if not run.by_hand:
                self._failed()
        if run.over:
            self.run = None

    def _ended(self, run: RunModel) -> None:
        self._last_of(run, ended=self.world.now, cleared=False)
        self.half_way = run if run.outcome == "superseded" else None
        if run.outcome != "succeeded":
            self.latched = True
        if run.outcome not in _NO_FAILURE and not run.by_hand:
            self._failed()

    def _failed(self) -> None:
        self.failures.append(self.world.now)
        self.world.failed_at = self.world.now.elapsed

    def _last_of(self, run: RunModel, **changes: object) -> None:
        if self.counted and self.counted[-1].incident == run.incident:
            self.counted[-1] = replace(self.counted[-1], **changes)  # type: ignore[arg-type]

    # -- the process

    def snapshot(self) -> "TargetModel":
        """As it is now, whatever becomes of it."""
        kept = copy(self)
        kept.triggers, kept.runs = deepcopy(self.triggers), deepcopy(self.runs)
        kept.run = kept.runs[-1] if self.run is not None else None
        kept.counted, kept.handled = list(self.counted), set(self.handled)
        kept.told, kept.on_record = set(self.told), set(self.on_record)
        kept.failures, kept.unwritten = list(self.failures), list(self.unwritten)
        kept.log = list(self.log)
        return kept

    def restart(self, firing: dict[str, int], *, remembered: bool) -> None:
        """The process is there again; `firing` is what its last checkpoint says."""
        for name, trigger in self.triggers.items():
            trigger.restart()
            trigger.state = "firing" if name in firing else "quiet"
            trigger.since = firing.get(name, trigger.since)
        self.remembered = remembered
        self.told = set(self.on_record)
        self.unwritten = []
        self.lost = False
        if self.run is not None:
            # What nobody put on record nobody asked.
            self.run.asked = ""
        self.take_up()
        self.work()

    def take_up(self) -> None:
        """Go on with a run that nobody drives."""
        run, self.lost = self.run, False
        if run is None:
            return
        if self.killed_since and not run.watching:
            run.ask_to_stop("stopped")
        pending, self.unwritten = self.unwritten, []
        self.record(*pending, run.taken_up(self.world.now.elapsed))
        run.settle(self.world.now.elapsed)
