"""How often each trigger would have acted in alert-only mode, and how often rightly."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from watchdog.domain.arming import Bar, TriggersDefined
from watchdog.domain.decision import Reason
from watchdog.domain.decision_table import Then
from watchdog.domain.events import ConfigLoaded, Decided, Ending, Record
from watchdog.domain.shadow import JUDGED_AFTER, DecisionJudged, ShadowOutcome
from watchdog.domain.target import Mode, Target

DAY = 86400.0
_RIGHT = {
    Ending.PERSON_ROLLED_BACK: True,
    Ending.STILL_BAD: True,
    Ending.RECOVERED: False,
    Ending.UNKNOWN: None,
}
# Seconds after which nobody will say any more how a decision ended.
_NEVER = 2 * JUDGED_AFTER
# Shares are quotients: 0.9 of ten must not fail by the last digit.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ShadowDecision:
    """A decision that only alert-only mode held back, with what became of it.

    `at`: Unix seconds. `definition`: the digest of its trigger as it was.
    """

    seq: int
    at: float
    target: str
    trigger: str
    plan: str
    incident: str
    episode: str
    definition: str = ""
    outcome: ShadowOutcome | None = None
    judged: DecisionJudged | None = None

    @property
    def right(self) -> bool | None:
        """Whether to act would have been right, a person's word first; None: nobody can tell."""
        if self.judged is not None:
            return self.judged.right
        return None if self.outcome is None else _RIGHT[self.outcome.what]

    def is_open(self, now: float) -> bool:
        """Whether it is too early to tell, as of Unix second `now`."""
        known = self.judged is not None or self.outcome is not None
        return not known and now - self.at < _NEVER


@dataclass(frozen=True, slots=True)
class Score:
    """What one trigger, as it is defined now, would have done. `days`: watched meanwhile."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0
    open: int = 0
    days: float = 0.0

    @property
    def decisions(self) -> int:
        """How often it would have acted."""
        return self.right + self.wrong + self.unknown + self.open

    @property
    def share(self) -> float | None:
        """The share that was right of those known to be either; None where there is none."""
        known = self.right + self.wrong
        return self.right / known if known else None

    @property
    def a_week(self) -> float | None:
        """Decisions a week; None where it was watched for less than a day."""
        return self.decisions * 7 / self.days if self.days >= 1 else None

    def short_of(self, bar: Bar) -> tuple[str, ...]:
        """Why `bar` is not met, in words; nothing where it is."""
        known, share = self.right + self.wrong, self.share
        reasons = []
        if known < bar.decisions:
            reasons.append(f"{known} of {bar.decisions} decisions known to be right or wrong")
        if share is not None and share < bar.right - _ROUNDING:
            reasons.append(f"{_floor(100 * share):g}% right, not {100 * bar.right:g}%")
        if self.days < bar.days - _ROUNDING:
            reasons.append(f"watched {_floor(self.days):.1f} of {bar.days:g} days")
        return tuple(reasons)


@dataclass(slots=True)
class Scorecard:
    """Every shadow decision on record, and since when each trigger is what it is."""

    KINDS = (ConfigLoaded, Decided, DecisionJudged, ShadowOutcome, TriggersDefined)

    decisions: dict[tuple[str, str], ShadowDecision] = field(default_factory=dict)
    defined: dict[tuple[str, str], str] = field(default_factory=dict)
    loaded: dict[str, ConfigLoaded] = field(default_factory=dict)
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _watched: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _watching: dict[str, float] = field(default_factory=dict)

    def replay(self, records: Iterable[Record]) -> "Scorecard":
        """Apply `records` in order; returns itself."""
        for record in records:
            self.apply(record)
        return self

    def apply(self, record: Record) -> None:
        """Take one journalled fact into account."""
        match record.event:
            case ConfigLoaded() as loaded:
                self._loaded(loaded, record.at.wall)
            case TriggersDefined(target=target, definitions=definitions):
                for name, digest in definitions.items():
                    self.defined[target, name] = digest
                    self._since[target, name] = record.at.wall
            case Decided(refusal=Reason.ALERT_ONLY.value) as decided:
                self._decided(decided, record)
            case ShadowOutcome(target=target, episode=episode) as outcome:
                one = self.decisions.get((target, episode))
                if one is not None and one.outcome is None:
                    self.decisions[target, episode] = replace(one, outcome=outcome)
            case DecisionJudged(target=target, episode=episode) as judged:
                one = self.decisions.get((target, episode))
                if one is not None:
                    self.decisions[target, episode] = replace(one, judged=judged)
            case _:
                pass

    def _loaded(self, loaded: ConfigLoaded, at: float) -> None:
        self.loaded[loaded.target] = loaded
        if loaded.mode == Mode.ALERT_ONLY:
            self._watching.setdefault(loaded.target, at)
        elif loaded.target in self._watching:
            began = self._watching.pop(loaded.target)
            self._watched.setdefault(loaded.target, []).append((began, at))

    def _decided(self, decided: Decided, record: Record) -> None:
        key = (decided.target, decided.episode)
        if key in self.decisions:
            return
        self.decisions[key] = ShadowDecision(
            seq=record.seq,
            at=record.at.wall,
            target=decided.target,
            trigger=decided.trigger,
            plan=decided.plan,
            incident=decided.incident,
            episode=decided.episode,
            definition=self.defined.get((decided.target, written(decided.trigger)), ""),
        )

    # -- what it says

    def of(self, target: str, trigger: str) -> list[ShadowDecision]:
        """The decisions of a trigger as it is defined now, all its label values together."""
        return [
            one
            for one in self.decisions.values()
            if (one.target, written(one.trigger)) == (target, trigger) and self.is_current(one)
        ]

    def is_current(self, one: ShadowDecision) -> bool:
        """Whether its trigger still is what it was then."""
        now = self.defined.get((one.target, written(one.trigger)), "")
        return bool(now) and one.definition == now

    def score(self, target: str, trigger: str, now: float, since: float = 0.0) -> Score:
        """Of its decisions from Unix second `since` on, as of `now`."""
        decisions = [one for one in self.of(target, trigger) if one.at >= since]
        open_ones = sum(one.is_open(now) for one in decisions)
        return Score(
            right=sum(one.right is True for one in decisions),
            wrong=sum(one.right is False for one in decisions),
            unknown=sum(one.right is None for one in decisions) - open_ones,
            open=open_ones,
            days=self._seconds(target, trigger, now, since) / DAY,
        )

    def _seconds(self, target: str, trigger: str, now: float, since: float) -> float:
        """How long the target was in alert-only mode since the trigger is what it is."""
        first = max(self._since.get((target, trigger), now), since)
        spans = list(self._watched.get(target, []))
        if target in self._watching:
            spans.append((self._watching[target], now))
        return sum(max(end - max(begin, first), 0.0) for begin, end in spans)


def _floor(number: float) -> float:
    """With one decimal, and never as much as what it falls short of."""
    return math.floor(10 * number + _ROUNDING) / 10


def acting(target: Target) -> dict[str, str]:
    """Each trigger that a decision to act is about, and its plan; in the file's order.

    A row of the decision table speaks through the gravest trigger that must fire.
    """
    severities = {one.name: one.severity for one in target.triggers}
    plans = {one.name: [one.plan] for one in target.triggers if one.plan}
    for row in target.decisions:
        if row.then is Then.ROLLBACK and row.firing:
            gravest = max(row.firing, key=severities.__getitem__)
            plans.setdefault(gravest, []).append(row.plan)
    return {name: ", ".join(dict.fromkeys(plans[name])) for name in severities if name in plans}


def written(trigger: str) -> str:
    """The trigger of the file that `trigger` is a label value of."""
    return trigger.partition("{")[0]
