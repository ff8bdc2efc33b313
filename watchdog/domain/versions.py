"""The versions of each target: what runs, what ran before, what was good, what is quarantined."""

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from watchdog.domain.change import (
    ChangeKind,
    ChangeSeen,
    VersionEvent,
    VersionGood,
    VersionQuarantined,
    VersionReleased,
)
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Outcome, Proof, RunEnded, RunStarted, Stage, WatchEnded
from watchdog.domain.words import utc

# What a change is told by that a run of ours made.
ROLLBACK = "rollback"
# Of versions, and of all else: more than any window and any source reach back to.
KEPT = 200


class Standing(StrEnum):
    """What is known of one version, in the words that CI is told."""

    QUARANTINED = "quarantined"
    GOOD = "good"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a version must not come back. `at`: Unix seconds."""

    run: str
    why: str
    at: float

    def __str__(self) -> str:
        return f"since {utc(self.at)}, by run {self.run}: {self.why}"


@dataclass(frozen=True, slots=True)
class Versions:
    """What is known of one target's versions.

    `changes` in the order in which they happened. `good`: since when (Unix seconds), and `proven`:
    up to when it was watched before that was said. `runs`: which automatic run each version had,
    by version; `fired`: the same by trigger and version.
    `returned`: the Unix second at which the last run began that was to return to a version.
    """

    changes: tuple[ChangeSeen, ...] = ()
    good: dict[str, float] = field(default_factory=dict)
    proven: dict[str, float] = field(default_factory=dict)
    quarantined: dict[str, Quarantine] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    fired: dict[tuple[str, str], str] = field(default_factory=dict)
    returned: dict[str, float] = field(default_factory=dict)

    @property
    def current(self) -> ChangeSeen | None:
        """The newest change of the version that runs, as far as anybody told."""
        return next(self._deployed(), None)

    @property
    def running(self) -> str:
        """The version that runs, as far as anybody told; empty where nobody did."""
        return self.current.version if self.current else ""

    @property
    def running_since(self) -> float | None:
        """Unix seconds since when no other version ran."""
        since = None
        for change in self._deployed():
            if change.version != self.running:
                break
            since = change.at
        return since

    @property
    def previous(self) -> str:
        """The version that ran right before the one that runs; empty where nobody told."""
        current = self.current
        if current is None:
            return ""
        for change in self._deployed():
            if change.version != current.version:
                return change.version
            if change.previous not in ("", current.version):
                return change.previous
        return ""

    @property
    def last_good(self) -> str:
        """The newest version that was good, is not quarantined, and does not run; or empty."""
        fit = (v for v in self._history() if v in self.good and v not in self.quarantined)
        return next((version for version in fit if version != self.running), "")

    def at(self, wall: float) -> str:
        """The version that ran at Unix second `wall`; empty where nobody told."""
        return next((one.version for one in self._deployed() if one.at <= wall), "")

    def since(self, wall: float, kinds: frozenset[ChangeKind]) -> list[ChangeSeen]:
        """The changes of `kinds` that began at Unix second `wall` or later, oldest first."""
        return [one for one in self.changes if one.at >= wall and one.kind in kinds]

    def newest(self, kind: ChangeKind) -> str:
        """The version of the newest change of `kind`; empty where there was none."""
        return next((one.version for one in reversed(self.changes) if one.kind is kind), "")

    def knows(self, version: str, at: float, kind: ChangeKind = ChangeKind.APP) -> bool:
        """Whether this change is known already."""
        return any((o.version, o.at, o.kind) == (version, at, kind) for o in self.changes)

    def has_room_for(self, at: float, kind: ChangeKind = ChangeKind.APP) -> bool:
        """Whether a change of that Unix second would be kept: one from too long ago is not."""
        alike = _alike(self.changes, kind)
        return len(alike) < KEPT or at > alike[0].at

    def is_rollback(self, change: ChangeSeen) -> bool:
        """Whether `change` is what a run of ours did, whoever else tells of it, and when."""
        back = self.returned.get(change.version)
        if change.source == ROLLBACK or back is None or change.kind is not ChangeKind.APP:
            return change.source == ROLLBACK
        first, last = min(back, change.at), max(back, change.at)
        return not any(
            first < one.at <= last for one in self._deployed() if one.version != change.version
        )

    def standing(self, version: str) -> tuple[Standing, str]:
        """What is known of `version`, and why."""
        held = self.quarantined.get(version)
        if held is not None:
            return Standing.QUARANTINED, str(held)
        if version in self.good:
            return Standing.GOOD, f"it stayed healthy, watched since {utc(self.good[version])}"
        if version and version == self.running:
            return Standing.RUNNING, "it runs, and has not been watched for long enough yet"
        if version in self._history():
            return Standing.UNKNOWN, "it ran, and was not seen to stay healthy"
        return Standing.UNKNOWN, "nobody told of this version"

    @property
    def names(self) -> list[str]:
        """Every version that anything is known of, the newest first."""
        return list(dict.fromkeys([*self._history(), *self.quarantined, *self.good]))

    def _deployed(self) -> Iterator[ChangeSeen]:
        """The changes that say which version runs, newest first."""
        return (one for one in reversed(self.changes) if one.kind is ChangeKind.APP)

    def _history(self) -> list[str]:
        found: list[str] = []
        for change in self._deployed():
            found += [change.version, *([change.previous] if change.previous else [])]
        return list(dict.fromkeys(found))


@dataclass(slots=True)
class VersionBook:
    """The versions of every target, folded from the journal. Changed by `apply` alone."""

    KINDS = (
        ChangeSeen,
        VersionGood,
        VersionQuarantined,
        VersionReleased,
        RunStarted,
        RunEnded,
        WatchEnded,
    )

    _of: dict[str, Versions] = field(default_factory=dict)
    _under_way: dict[str, RunStarted] = field(default_factory=dict)

    @property
    def targets(self) -> list[str]:
        """Every target of which something was told."""
        return list(self._of)

    def of(self, target: str) -> Versions:
        """What is known of the versions of `target`."""
        return self._of.get(target, Versions())

    def apply(self, event: object, at: Moment) -> None:
        """Take one journalled fact into account."""
        match event:
            case ChangeSeen() | VersionGood() | VersionQuarantined() | VersionReleased():
                self._of[event.target] = _after(self.of(event.target), event, at.wall)
            case RunStarted():
                self._started(event, at.wall)
            case RunEnded(run=run, outcome=outcome):
                self._ended(run, outcome, at.wall)
            case WatchEnded(run=run, stage=Stage.WATCH_SHORT, proof=Proof.PASSED):
                self._watched(run, at.wall)
            case _:
                pass

    def _started(self, event: RunStarted, wall: float) -> None:
        target = event.target
        if event.to_version:
            versions = self.of(target)
            returned = {**versions.returned, event.to_version: wall}
            self._of[target] = replace(versions, returned=returned)
            # Only one run a target at a time: what is left of an earlier one is over.
            mine = {run: one for run, one in self._under_way.items() if one.target != target}
            self._under_way = {**mine, event.run: event}
        if event.by or not event.from_version:
            return
        versions, version = self.of(target), event.from_version
        runs = versions.runs
        if event.plan.judges_version:
            runs = {version: event.run, **runs}
        # Whichever value of its label it was: of one trigger, one run.
        trigger = event.trigger.partition("{")[0]
        fired = {(trigger, version): event.run, **versions.fired}
        self._of[target] = replace(versions, runs=runs, fired=fired)

    def _ended(self, run: str, outcome: Outcome, wall: float) -> None:
        """From a proven rollback on, the version that it returned to is what runs."""
        start = self._under_way.get(run)
        if start is None or outcome is not Outcome.SUCCEEDED:
            return
        back = ChangeSeen(
            target=start.target,
            version=start.to_version,
            previous=start.from_version,
            at=wall,
            source=ROLLBACK,
            by=start.by,
            reference=run,
        )
        self._of[start.target] = _with(self.of(start.target), back)

    def _watched(self, run: str, wall: float) -> None:
        start = self._under_way.pop(run, None)
        if start is None:
            return
        versions = self.of(start.target)
        # Another version may have come since, and then it is that one which was watched.
        if versions.running == start.to_version and start.to_version not in versions.quarantined:
            good = {**versions.good, start.to_version: wall}
            self._of[start.target] = replace(versions, good=good)


def _after(versions: Versions, event: VersionEvent, wall: float) -> Versions:
    match event:
        case ChangeSeen():
            return _with(versions, event)
        case VersionGood(version=version, since=since):
            if version in versions.quarantined:
                return versions
            proven = {**versions.proven, version: wall}
            return replace(versions, good={**versions.good, version: since}, proven=proven)
        case VersionQuarantined(version=version, by_run=run, why=why):
            good = {name: since for name, since in versions.good.items() if name != version}
            held = {**versions.quarantined, version: Quarantine(run, why, wall)}
            return replace(versions, good=good, quarantined=held)
        case VersionReleased(version=version):
            held = {name: one for name, one in versions.quarantined.items() if name != version}
            return replace(versions, quarantined=held)


def _with(versions: Versions, change: ChangeSeen) -> Versions:
    """`versions` with one more change, which may be told later than others that came after it."""
    if versions.knows(change.version, change.at, change.kind):
        return versions
    changes = list(versions.changes)
    insort(changes, change, key=lambda one: one.at)
    alike = _alike(changes, change.kind)
    if len(alike) > KEPT:
        changes.remove(alike[0])
    good = {
        version: since
        for version, since in versions.good.items()
        if not _was_another(change, version, since, versions.proven.get(version, since))
    }
    return replace(versions, changes=tuple(changes), good=good)


def _was_another(change: ChangeSeen, version: str, since: float, until: float) -> bool:
    """Whether, as is told only now, not `version` ran while it seemed to prove itself."""
    other = change.kind is ChangeKind.APP and change.version != version
    return other and since < change.at < until


def _alike(changes: Sequence[ChangeSeen], kind: ChangeKind) -> list[ChangeSeen]:
    """Those that say which version runs, or all others: a flood of flags must hide no release."""
    deployed = kind is ChangeKind.APP
    return [one for one in changes if (one.kind is ChangeKind.APP) is deployed]
