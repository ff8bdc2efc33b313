"""Reads a file of cases against the target that they are about."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from pydantic import ValidationError

from watchdog.config.case_schema import (
    CaseEntry,
    CaseFile,
    DecisionEntry,
    ExpectedEntry,
    InputEntry,
    RestartEntry,
)
from watchdog.config.explaining import explained
from watchdog.config.problems import ConfigProblems, Path, Problem, did_you_mean, one_a_key
from watchdog.config.reading import Document, read_file
from watchdog.domain.case import (
    ACT,
    NOTHING,
    Case,
    Changed,
    ClockStep,
    Expected,
    Restart,
    Told,
)
from watchdog.domain.change import VERSION_FORM, is_version
from watchdog.domain.decision import Reason
from watchdog.domain.tape import MOST
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.domain.words import duration

_SERIES = re.compile(r"([^{}/]+)(?:\{([^{}]*)\})?(/volume)?")
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"([^"]*)"\s*')
_DECISIONS = [ACT, NOTHING, *(r.value for r in Reason if r is not Reason.ALREADY_HANDLED)]


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one file, and the target as they look at it."""

    file: str
    target: Target
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class CaseDocument:
    """A file whose shape is right; which names it may use is up to the target."""

    document: Document
    file: CaseFile

    @property
    def target(self) -> str:
        """The target that it names; empty where it names none."""
        return self.file.target or ""

    def chosen(self, targets: Sequence[Target]) -> Target:
        """The target that it is about. Raises ConfigProblems where it is none of `targets`."""
        found = [one for one in targets if self.target in ("", one.name)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(one.name for one in targets) or "none"
        text = f"there is no target {self.target!r}; there are: {names}"
        if not self.target:
            text = f"does not say which target it is about; add `target:`, one of: {names}"
        raise ConfigProblems([self.document.problem(("target",) if self.target else (), text)])

    def of(self, target: Target) -> Cases:
        """Its cases, of `target`. Raises ConfigProblems."""
        return _Crossing(self.document, self.file, _paced(target, self.file)).cases()


def read_cases(path: FilePath) -> CaseDocument:
    """The file at `path`. Raises ConfigProblems."""
    document = read_file(path)
    try:
        return CaseDocument(document, CaseFile.model_validate(document.content))
    except ValidationError as error:
        raise ConfigProblems(one_a_key(explained(document, error, CaseFile))) from None


def _paced(target: Target, file: CaseFile) -> Target:
    every = file.evaluation_interval
    if every is None:
        return target
    return replace(
        target,
        sources={name: replace(spec, every=every) for name, spec in target.sources.items()},
        triggers=tuple(replace(trigger, every=every) for trigger in target.triggers),
    )


@dataclass(slots=True)
class _Crossing:
    """Brings the names in the file together with those of the target."""

    document: Document
    file: CaseFile
    target: Target
    problems: list[Problem] = field(default_factory=list)

    def cases(self) -> Cases:
        found = tuple(
            self._case(("tests", index), entry) for index, entry in enumerate(self.file.tests)
        )
        if self.problems:
            raise ConfigProblems(self.problems)
        return Cases(self.document.file, self.target, found)

    def _problem(self, path: Path, text: str) -> None:
        self.problems.append(self.document.problem(path, text))

    def _line(self, path: Path) -> int:
        return self.document.problem(path, "").line

    def _case(self, path: Path, entry: CaseEntry) -> Case:
        told = [self._told((*path, "input", index), one) for index, one in enumerate(entry.input)]
        case = Case(
            name=entry.name,
            told=tuple(one for one in told if one is not None),
            expected=tuple(self._all_expected(path, entry)),
            interval=entry.interval,
            mode=entry.mode or self.file.mode,
            restarts=tuple(self._restarts(path, entry)),
            clock_steps=tuple(ClockStep(one.at, one.by) for one in entry.clock_step),
            changes=tuple(self._changes(path, entry)),
            line=self._line(path),
        )
        self._check_length(path, case)
        return case

    def _check_length(self, path: Path, case: Case) -> None:
        sources = {name: self.target.signals[name].signal.source for name in case.signals}
        every = {name: self.target.sources[source].every for name, source in sources.items()}
        fastest = min(every.values(), default=1.0)
        if case.ends(every) > MOST * fastest:
            text = f"takes more than {MOST} looks to play; end it earlier, or look less often"
            self._problem(path, f"{text} (evaluation_interval)")

    def _restarts(self, path: Path, entry: CaseEntry) -> Iterator[Restart]:
        found = [
            (
                Restart(one.at, one.downtime) if isinstance(one, RestartEntry) else Restart(one),
                index,
            )
            for index, one in enumerate(entry.restart_at)
        ]
        back = 0.0
        for restart, index in sorted(found, key=lambda one: one[0].at):
            if restart.at < back:
                text = f"it is down until {duration(back)} already; let it die after that"
                self._problem((*path, "restart_at", index), text)
            back = max(back, restart.at + restart.downtime)
            yield restart

    def _changes(self, path: Path, entry: CaseEntry) -> Iterator[Changed]:
        if entry.changes and self.target.changes is None:
            text = "the target declares no `changes`, so that nothing depends on them; remove this"
            self._problem((*path, "changes"), text)
        for index, one in enumerate(entry.changes):
            if not is_version(one.version):
                text = f"{one.version!r} is no version; write {VERSION_FORM}"
                self._problem((*path, "changes", index, "version"), text)
            yield Changed(one.at, one.version, one.previous or "", one.kind, one.good)

    def _told(self, path: Path, entry: InputEntry) -> Told | None:
        at = (*path, "signal")
        found = _SERIES.fullmatch(entry.signal)
        labels = _labels(found[2] or "") if found else None
        if found is None or labels is None:
            text = 'write NAME, NAME/volume or NAME{label="value"}'
            self._problem(at, f"{entry.signal!r} names no signal; {text}")
            return None
        name, volume = found[1], found[3] is not None
        spec = self.target.signals.get(name)
        if spec is None:
            known = did_you_mean(name, self.target.signals)
            self._problem(at, f"there is no signal {name!r}; {known}")
            return None
        if volume and not spec.signal.has_volume:
            self._problem(at, f"signal {name!r} has no volume; remove this, or give it a `volume`")
        label = spec.signal.for_each
        if label and label not in labels and not volume:
            self._problem(at, f'write {name}{{{label}="…"}}: each {label} has a state of its own')
        return Told(name, entry.values, labels, volume)

    def _all_expected(self, path: Path, entry: CaseEntry) -> Iterator[Expected]:
        signals = {one.signal.partition("{")[0].partition("/")[0] for one in entry.input}
        for index, state in enumerate(entry.expect):
            yield self._state((*path, "expect", index), state, signals)
        for index, decision in enumerate(entry.decisions):
            yield self._decision((*path, "decisions", index), decision, signals)

    def _state(self, path: Path, entry: ExpectedEntry, signals: set[str]) -> Expected:
        self._trigger(path, entry.trigger, signals)
        return Expected(
            at=entry.at,
            trigger=entry.trigger,
            state=entry.state,
            verdict=entry.verdict,
            reason=entry.reason.value if entry.reason else None,
            blind=entry.blind,
            line=self._line(path),
        )

    def _decision(self, path: Path, entry: DecisionEntry, signals: set[str]) -> Expected:
        self._trigger(path, entry.trigger, signals)
        if entry.decision not in _DECISIONS:
            text = did_you_mean(entry.decision, _DECISIONS)
            self._problem((*path, "decision"), f"{entry.decision!r} is no decision; {text}")
        if entry.plan is not None and entry.plan not in self.target.plans:
            text = did_you_mean(entry.plan, self.target.plans)
            self._problem((*path, "plan"), f"there is no plan {entry.plan!r}; {text}")
        return Expected(
            at=entry.at,
            trigger=entry.trigger,
            decision=entry.decision,
            plan=entry.plan,
            line=self._line(path),
        )

    def _trigger(self, path: Path, name: str, signals: set[str]) -> None:
        trigger = self.target.trigger(name)
        if trigger is None:
            known = did_you_mean(name, (one.name for one in self.target.triggers))
            self._problem((*path, "trigger"), f"there is no trigger {name!r}; {known}")
        elif not signals.intersection(_signals(trigger)):
            needed = " or ".join(_signals(trigger))
            text = f"the case has no input for trigger {name!r}; add one for signal {needed}"
            self._problem((*path, "trigger"), text)


def _signals(trigger: Trigger) -> Iterable[str]:
    return dict.fromkeys(term.signal.name for term in trigger.terms)


def _labels(text: str) -> dict[str, str] | None:
    if not text.strip():
        return {}
    found = [_LABEL.fullmatch(part) for part in text.split(",")]
    labels = {one[1]: one[2] for one in found if one is not None}
    return labels if len(labels) == len(found) else None
