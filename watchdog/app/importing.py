"""Alerts of Prometheus as the triggers of a target: what can be taken over, and what cannot."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from watchdog.adapters.promql import QueryError, check_query
from watchdog.adapters.promql_split import Opaque, Shape, shape_of
from watchdog.app.imported_conditions import UnmatchedError, watched
from watchdog.app.rule_files import AlertingRule, RuleFile, templates
from watchdog.app.target_text import written
from watchdog.domain.trigger import Severity

Json = dict[str, Any]
_SEVERITIES = {
    **{severity.name.lower(): severity for severity in Severity},
    **dict.fromkeys(("page", "error", "emergency", "fatal"), Severity.CRITICAL),
    **dict.fromkeys(("warn", "ticket"), Severity.WARNING),
    **dict.fromkeys(("none", "notice"), Severity.INFO),
}
_KEPT_LABELS = frozenset({"severity", "target", "trigger"})
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME = 63
_RULES = "rules"
# Seconds: how often a source is asked that does not say.
_EVERY = 15.0


class Way(StrEnum):
    """How an alert becomes a trigger."""

    SPLIT = "split"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to import. `freshness`: by alert ("" for all), what shows that an opaque one is fed."""

    url: str
    way: Way = Way.SPLIT
    freshness: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Imported:
    """Parts of a target's file, as plain JSON values."""

    sources: dict[str, Json] = field(default_factory=dict)
    signals: dict[str, Json] = field(default_factory=dict)
    triggers: dict[str, Json] = field(default_factory=dict)


class _RefusedError(Exception):
    """A rule that cannot be imported, because of what stands at `key`."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


def import_rules(found: RuleFile, wanted: Wanted) -> Imported:
    """Every alert of `found` that can be imported; the others join `found.wrong`."""
    importer = _Importer(found, wanted)
    for rule in found.rules:
        try:
            importer.add(rule)
        except _RefusedError as error:
            found.refuse(rule, error.key, str(error))
    if wanted.way is Way.SPLIT:
        left = sorted({label for rule in found.rules for label in rule.labels} - _KEPT_LABELS)
        if left:
            text = f"labels are not imported: {', '.join(left)}; say under `notify` who is told"
            found.notes.append(text)
    return importer.made


class _Importer:
    """Makes the parts one rule at a time; a rule that is refused leaves nothing behind."""

    def __init__(self, found: RuleFile, wanted: Wanted) -> None:
        self.made = Imported()
        self._found = found
        self._wanted = wanted
        self._named = [rule.name for rule in found.rules]

    def add(self, rule: AlertingRule) -> None:
        for label in templates(rule.labels):
            if self._wanted.way is Way.SPLIT or label == "severity":
                text = (
                    f"the label {label!r} comes from a template, so nobody can tell here where "
                    "its alerts go; write a value, or import it --as state"
                )
                raise _RefusedError("labels", text)
        name = self._name(rule)
        if self._wanted.way is Way.STATE:
            condition = self._state(rule, name)
        else:
            condition = self._split(rule, name)
        times = _times(rule, condition)
        self.made.triggers[name] = {**condition, **self._severity(rule), **times}

    # -- by its state

    def _state(self, rule: AlertingRule, name: str) -> Json:
        ask: Json = {"from": _RULES, "alert": rule.name}
        if self._named.count(rule.name) > 1:
            ask["group"] = rule.group
            own = {key: rule.labels[key] for key in rule.labels.keys() - {*templates(rule.labels)}}
            ask |= {"labels": dict(sorted(own.items()))} if own else {}
        self.made.sources.setdefault(_RULES, {"use": "prometheus_rules", "url": self._wanted.url})
        self.made.signals[name] = ask
        return {"signal": name, "fails": 2}

    # -- by its expression

    def _split(self, rule: AlertingRule, name: str) -> Json:
        try:
            shape: Shape = shape_of(rule.expr)
        except QueryError as error:
            raise _RefusedError("expr", str(error)) from None
        if isinstance(shape, Opaque):
            return self._opaque(rule, name, shape)
        signals: dict[str, Json] = {}
        try:
            trigger = watched(shape, name, signals)
        except UnmatchedError as error:
            raise _RefusedError("expr", str(error)) from None
        for signal in signals.values():
            _check_query(signal["query"])
        source = self._source(rule)
        self.made.signals |= {key: {"from": source, **ask} for key, ask in signals.items()}
        return trigger

    def _opaque(self, rule: AlertingRule, name: str, shape: Opaque) -> Json:
        """Silence is no answer, unless something beside it shows that there are numbers."""
        freshness = self._wanted.freshness
        fresh = freshness.get(rule.name, freshness.get(""))
        if fresh is None:
            text = (
                f"{shape.why}, so that no answer may mean no data; give a --freshness query that "
                "shows that there is data, or import it --as state"
            )
            raise _RefusedError("expr", text)
        # A comment at its end must not take the bracket with it.
        query = f"count({rule.expr}\n)" if "#" in rule.expr else f"count({rule.expr})"
        _check_query(query)
        signal = {"query": query, "on_nodata": "ok", "volume": fresh, "min_volume": 1}
        self.made.signals[name] = {"from": self._source(rule), **signal}
        return {"signal": name, "at_least": 1}

    def _source(self, rule: AlertingRule) -> str:
        """The name of a source with the pace of the rule's group."""
        every, offset = rule.interval, rule.query_offset
        name = "prometheus" + (f"-{written(every)}" if every else "")
        name += f"-offset-{written(offset)}" if offset else ""
        source: Json = {"use": "prometheus", "url": self._wanted.url}
        source |= {"every": written(every)} if every else {}
        source |= {"query_offset": written(offset)} if offset else {}
        self.made.sources.setdefault(name, source)
        return name

    # -- what both have

    def _name(self, rule: AlertingRule) -> str:
        """That of the rule, as a name here; a file that was exported says it in a label."""
        wished = rule.labels.get("trigger") or rule.name
        name = _NO_NAME.sub("-", wished).strip("-._")[:_LONGEST_NAME] or "alert"
        if name not in self.made.triggers:
            return name
        severity = _NO_NAME.sub("-", rule.labels.get("severity", ""))
        wished = f"{name[:40]}-{severity}"[:_LONGEST_NAME].rstrip("-")
        if severity and wished not in self.made.triggers:
            return wished
        number = 2
        while (numbered := f"{name[:55]}-{number}") in self.made.triggers:
            number += 1
        return numbered

    def _severity(self, rule: AlertingRule) -> Json:
        word = rule.labels.get("severity", "")
        severity = _SEVERITIES.get(word.lower())
        if severity is None and word:
            self._found.notes.append(
                f"alert {rule.name!r}: severity {word!r} is not known here; it becomes warning"
            )
        return {"severity": (severity or Severity.WARNING).name.lower()}


def _check_query(query: str) -> None:
    for problem in check_query(query):
        if problem.fatal:
            raise _RefusedError("expr", problem.text)


def _times(rule: AlertingRule, condition: Json) -> Json:
    # Prometheus' own times are in its state already.
    if "fails" in condition:
        return {}
    times: Json = {}
    # Two looks have to show it anyway.
    if rule.hold > (rule.interval or _EVERY):
        times["for"] = written(rule.hold)
    if rule.keep_firing_for is not None:
        times["keep_firing_for"] = written(rule.keep_firing_for)
    return times
