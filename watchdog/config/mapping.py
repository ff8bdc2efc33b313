"""From what is written to what the rest of the program works with; nothing can fail here."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from watchdog.config.approval_schema import approval_of
from watchdog.config.changes import change_rules
from watchdog.config.checks import CheckMapper
from watchdog.config.composite import each_once, of_part, parts_of, reversing
from watchdog.config.decision_schema import rows_of
from watchdog.config.lint_inbound import INBOUND
from watchdog.config.options import Options, knows_volume
from watchdog.config.plan_schema import (
    ActEntry,
    CheckStepEntry,
    PlanEntry,
    SaveStepEntry,
    StepEntry,
)
from watchdog.config.problems import Path
from watchdog.config.reading import Document
from watchdog.config.schema import LimitsEntry, NotifyEntry, SignalEntry, TargetFile
from watchdog.config.settings import DefaultLimitsEntry, Defaults
from watchdog.config.trigger_schema import TriggerEntry
from watchdog.config.watched import clearing, counting, watched
from watchdog.config.window_schema import windows_of
from watchdog.domain.approval import ChecklistItem
from watchdog.domain.expression import terms_of
from watchdog.domain.ladder import OnFailure
from watchdog.domain.plan import Check, Plan, Repeat, Scalar, Step, WatchPlan, When
from watchdog.domain.plan import Options as Json
from watchdog.domain.signal import Across, Signal
from watchdog.domain.target import Limits, NotifyRule, SignalSpec, SourceSpec, Target, Veto
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity, Trigger
from watchdog.domain.variables import SAVED

LOG_CHANNEL = "log"
_SHOWN = 100
_ABOUT = ("url", "workload", "service", "name")
_MORE_OFTEN = 3


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything known of one target's file once nothing in it is wrong."""

    document: Document
    file: TargetFile
    defaults: Defaults
    options: Options
    units: Mapping[str, str]


def target_of(parts: Parts) -> Target:
    """The target that `parts` describe."""
    file, defaults = parts.file, parts.defaults
    sources = {
        name: SourceSpec(
            name,
            source.use,
            parts.options.plain["sources", name],
            _own(source.every, _every(source.use, defaults)),
        )
        for name, source in file.sources.items()
    }
    signals = {
        name: _signal(parts, name, signal, sources[signal.from_])
        for name, signal in file.signals.items()
    }
    plans = _Plans(CheckMapper(parts.options, sources, signals), parts)
    return Target(
        name=file.target,
        file=parts.document.file,
        hash=_hash(parts),
        mode=file.mode,
        sources=sources,
        signals=signals,
        triggers=tuple(
            _trigger(parts, name, trigger, signals, sources)
            for name, trigger in file.triggers.items()
        ),
        plans={name: plans.plan(name, plan) for name, plan in file.plans.items()},
        armed_by=file.armed_by or "",
        limits=_limits(file.limits, defaults.limits),
        notify=_notify(defaults.notify if file.notify is None else file.notify),
        vetoes=tuple(Veto(one.signal, one.on_unknown == "refuse") for one in file.veto),
        report_to=(file if "report" in file.model_fields_set else defaults).report.to,
        arming=file.arming.bar,
        changes=change_rules(file.changes, parts.options),
        decisions=rows_of(file.decisions),
        windows=windows_of(file.freeze, file.maintenance),
    )


def _every(use: str, defaults: Defaults) -> float:
    # What others say is at hand: to ask for it costs nothing, and to be late may.
    return defaults.every / _MORE_OFTEN if use == INBOUND else defaults.every


def _own(value: float | None, default: float) -> float:
    return default if value is None else value


def _hash(parts: Parts) -> str:
    defaults = parts.defaults.model_dump_json(by_alias=True)
    return hashlib.sha256(f"{parts.document.text}\n{defaults}".encode()).hexdigest()


def _signal(parts: Parts, name: str, entry: SignalEntry, source: SourceSpec) -> SignalSpec:
    ask = parts.options.plain["signals", name]
    signal = Signal(
        name=name,
        source=source.name,
        unit=parts.units[name],
        has_volume=knows_volume(*parts.options.asks["signals", name]),
        min_volume=_own(entry.min_volume, parts.defaults.min_volume),
        max_staleness=_own(entry.max_staleness, parts.defaults.max_staleness),
        nodata_is_ok=entry.on_nodata == "ok",
        inf_counts=entry.on_inf == "compare",
        warnings_accepted=entry.on_warnings == "accept",
        across=Across(entry.series or ""),
        counting=counting(entry, parts.units[name]),
        for_each=str(ask.get("for_each") or ""),
        hearsay=parts.options.asks["signals", name][0].is_hearsay,
        confidence=entry.confidence or 0.0,
    )
    return SignalSpec(signal, ask, _question(ask, source.options))


def _question(ask: Json, source: Json) -> str:
    """What is asked, for a person: a query as it is, an address with what it must show."""
    if isinstance(ask.get("query"), str):
        return str(ask["query"])
    address = str(source.get("url", ""))
    return f"{address} {json.dumps(ask)}".strip() if ask else address


def _trigger(
    parts: Parts,
    name: str,
    entry: TriggerEntry,
    signals: Mapping[str, SignalSpec],
    sources: Mapping[str, SourceSpec],
) -> Trigger:
    watches = watched(entry, signals)
    looked_at = list(dict.fromkeys(term.signal.source for term in terms_of(watches)))
    slowest = max(looked_at, key=lambda source: sources[source].every)
    fails, looks = entry.counted
    return Trigger(
        name=name,
        watches=watches,
        plan=entry.plan or "",
        every=sources[slowest].every,
        severity=Severity[entry.severity.upper()],
        hold=entry.for_,
        fails=fails,
        confirm=entry.confirm,
        keep_firing_for=_own(entry.keep_firing_for, parts.defaults.keep_firing_for),
        coverage=entry.coverage,
        max_gap=entry.max_gap,
        blind_after=_own(entry.blind_after, parts.defaults.blind_after),
        looks=looks,
        clear_when=clearing(entry, watches),
        once_per_version=entry.once_per == "version",
        cause=entry.cause or "",
        paced_by=slowest if len(looked_at) > 1 else "",
    )


def _limits(own: LimitsEntry, defaults: DefaultLimitsEntry) -> Limits:
    return Limits(**{**defaults.model_dump(), **own.model_dump(exclude_none=True)})


def _notify(entries: list[NotifyEntry] | None) -> tuple[NotifyRule, ...]:
    rules = tuple(
        NotifyRule(
            on=tuple(topic.value for topic in entry.on),
            to=tuple(entry.to),
            severity=Severity[entry.severity.upper()],
        )
        for entry in entries or ()
    )
    if any(LOG_CHANNEL in rule.to for rule in rules):
        return rules
    # The log hears of everything, unless somebody said what it is to hear.
    return (NotifyRule(on=tuple(topic.value for topic in Topic), to=(LOG_CHANNEL,)), *rules)


class _Plans:
    """Makes plans, whose checks may read the signals of the file."""

    def __init__(self, checks: CheckMapper, parts: Parts) -> None:
        self._checks = checks
        self._parts = parts

    def plan(self, name: str, entry: PlanEntry) -> Plan:
        path: Path = ("plans", name)
        watch = entry.watch
        plans = self._parts.file.plans
        made_of = [plans[one] for one in parts_of(name, plans)]
        return Plan(
            name=name,
            steps=tuple(self._steps(name, entry)),
            verify=each_once(
                self._checks.check(
                    ("plans", part, "verify", index), each, within=entry.verify_within
                )
                for part in parts_of(name, plans)
                for index, each in enumerate(plans[part].verify)
            ),
            final=tuple(
                self._step((*path, "finally", index), each, entry)
                for index, each in enumerate(entry.finally_)
            ),
            watch=WatchPlan(
                short=watch.short,
                long=watch.long,
                every=_own(watch.every, self._parts.defaults.every),
                relapse_after=watch.relapse_after,
                coverage=watch.coverage,
            ),
            title=entry.title or "",
            level=entry.level,
            kind=entry.kind,
            within=entry.within,
            verify_within=entry.verify_within,
            resume_within=entry.resume_within,
            verify_trigger=entry.verify_trigger,
            returns_to=entry.returns_to,
            requires_change=any(one.requires_change for one in made_of),
            approval=approval_of(
                entry.approval, (ChecklistItem(one.name, one.by or "") for one in entry.checklist)
            ),
            checklist=tuple(self._items(path, entry)),
            loses_data=any(one.loses_data for one in made_of),
            on_failure=OnFailure(entry.on_failure.then, tuple(entry.on_failure.plans)),
            reverses=entry.reverses or "",
            reversed_by=reversing(name, plans),
        )

    def _steps(self, name: str, entry: PlanEntry) -> Iterator[Step | Check]:
        """The steps of the plans that it includes, then its own."""
        plans = self._parts.file.plans
        for part in parts_of(name, plans):
            for index, each in enumerate(plans[part].steps):
                member = self._member(("plans", part, "steps", index), each, entry)
                yield member if part == name else of_part(member, part)

    def _items(self, path: Path, plan: PlanEntry) -> Iterator[Check]:
        """The looks that answer the checklist, by the names of its items."""
        for index, item in enumerate(plan.checklist):
            if item.check is not None:
                where = (*path, "checklist", index, "check")
                check = self._checks.check(where, item.check, within=plan.verify_within)
                yield replace(check, name=item.name)

    def _member(
        self, path: Path, entry: StepEntry | CheckStepEntry | SaveStepEntry, plan: PlanEntry
    ) -> Step | Check:
        if isinstance(entry, StepEntry):
            return self._step(path, entry, plan)
        if isinstance(entry, SaveStepEntry):
            return self._checks.saving(path, entry)
        check = self._checks.check(
            (*path, "check"), entry.check, within=plan.verify_within, name=entry.name or ""
        )
        return replace(check, on_error=entry.on_error)

    def _step(self, path: Path, entry: StepEntry, plan: PlanEntry) -> Step:
        act = self._act(path, entry, plan)
        undo = self._act((*path, "undo"), entry.undo, plan) if entry.undo else None
        return replace(
            act,
            on_error=entry.on_error,
            undo=undo,
            look_first=entry.look_first,
            expires=entry.expires.expiry if entry.expires else None,
        )

    def _act(self, path: Path, entry: ActEntry, plan: PlanEntry) -> Step:
        options = self._parts.options.plain[*path, "with"]
        done_when = None
        if entry.done_when is not None:
            done_when = self._checks.check(
                (*path, "done_when"), entry.done_when, within=plan.verify_within
            )
        seen = done_when is not None or path in self._parts.options.inspecting
        return Step(
            name=entry.name or _in_words(entry.use, options),
            use=entry.use,
            options=options,
            timeout=entry.timeout,
            done_when=done_when,
            when=_when(entry),
            repeat=entry.repeat or (Repeat.OBSERVABLE if seen else Repeat.ONCE),
            retries=entry.retries,
            settle=entry.settle,
        )


def _when(entry: ActEntry) -> tuple[When, ...]:
    return tuple(
        When(
            variable=f"{SAVED}{one.saved}" if one.saved else f"run.{one.run}",
            values=tuple(_listed(one.is_ if one.is_not is None else one.is_not)),
            negated=one.is_not is not None,
        )
        for one in (entry.if_ if isinstance(entry.if_, list) else [entry.if_])
    )


def _listed(value: Scalar | list[Scalar] | None) -> list[Scalar]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _in_words(use: str, options: Json) -> str:
    """A name for a step that has none: the words of its command, or what it is about."""
    argv = options.get("argv")
    if isinstance(argv, list):
        return shlex.join(str(word) for word in argv)[:_SHOWN]
    about = next((options[key] for key in _ABOUT if isinstance(options.get(key), str)), "")
    return f"{use} {about}"[:_SHOWN] if about else use
