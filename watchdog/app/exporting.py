"""The triggers of targets as a rule file of Prometheus, and what is lost on the way."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watchdog.adapters.promql import QueryError
from watchdog.adapters.promql_of_triggers import NotExpressibleError, promql_of
from watchdog.app.target_text import target_text, written
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger

Json = dict[str, Any]
_WORD = re.compile(r"[A-Za-z0-9]+")
# What an alert's labels say here: a series must not say it, too.
_OURS = frozenset({"target", "trigger", "severity", "alertname"})
_HEAD = ("Written by `rollback-watchdog export prometheus-rules`.",)
_OF_ALL = (
    "every alert: no data and a failed query look like good news, so that nothing is blind and a "
    "pending alert begins anew; coverage, max_gap, max_staleness, on_warnings and blind_after "
    "do not apply; infinity is a number, and each of several series fires by itself"
)


@dataclass(slots=True)
class Exported:
    """A rule file. `missing`: what has no words in it; `lost`: what alerts in it do not say."""

    alerts: int = 0
    missing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    groups: list[Json] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The file."""
        remarks = [f"missing: {one}" for one in self.missing] + [f"lost: {x}" for x in self.lost]
        return target_text({"groups": self.groups}, comments=(*_HEAD, *remarks))


def export_rules(targets: Sequence[Target]) -> Exported:
    """One group for each target and interval, one alert for each trigger that has words."""
    exported = Exported()
    names: set[str] = set()
    servers: dict[str, str] = {}
    for target in targets:
        by_interval: dict[float, list[Json]] = {}
        for trigger in target.triggers:
            where = f"{target.name}: trigger {trigger.name}"
            try:
                rule = _rule(target, trigger, names)
            except (NotExpressibleError, QueryError) as error:
                exported.missing.append(f"{where}: {error}")
                continue
            by_interval.setdefault(trigger.every, []).append(rule)
            exported.lost += [f"{where}: {what}" for what in _lost(target, trigger)]
            exported.alerts += 1
            servers[where] = next(iter(_servers(target, trigger)))
        exported.groups += [
            {
                "name": f"{target.name}-{written(every)}",
                "interval": written(every),
                "rules": rules,
            }
            for every, rules in sorted(by_interval.items())
        ]
        if target.decisions:
            exported.lost.append(f"{target.name}: its decision table: which alerts ask for a plan")
    exported.lost += _elsewhere(servers)
    if exported.alerts:
        exported.lost.insert(0, _OF_ALL)
    return exported


def _rule(target: Target, trigger: Trigger, names: set[str]) -> Json:
    _refuse_what_counts_looks(trigger)
    if trigger.for_each in _OURS:
        raise NotExpressibleError(f"its label {trigger.for_each!r}, which the alert has itself")
    expr = promql_of(trigger.watches, target)
    if len(_servers(target, trigger)) > 1:
        raise NotExpressibleError("series of several servers, which no ruler has together")
    # Prometheus would fire on the first look, which proves too little.
    hold = max(trigger.hold, (trigger.confirm - 1) * trigger.every)
    rule: Json = {"alert": _name(target, trigger, names), "expr": expr, "for": written(hold)}
    rule["keep_firing_for"] = written(trigger.keep_firing_for)
    rule["labels"] = {
        "target": target.name,
        "trigger": trigger.name,
        "severity": trigger.severity.name.lower(),
    }
    rule["annotations"] = {"summary": f"{target.name}: {trigger.watches}"}
    if trigger.plan:
        rule["annotations"]["plan"] = trigger.plan
    return rule


def _servers(target: Target, trigger: Trigger) -> dict[str, None]:
    """The addresses that it asks."""
    sources = (target.sources[term.signal.source] for term in trigger.terms)
    return dict.fromkeys(str(source.options.get("url", "")).rstrip("/") for source in sources)


def _elsewhere(servers: Mapping[str, str]) -> Iterator[str]:
    """Which alerts are about series of another server than the first one."""
    first = next(iter(servers.values()), "")
    for where, url in servers.items():
        if url != first:
            yield f"{where}: that it asks another server than the first alert: load it there"


def _refuse_what_counts_looks(trigger: Trigger) -> None:
    if trigger.looks:
        raise NotExpressibleError(f"{trigger.fails} bad looks of the last {trigger.looks}")
    if trigger.fails:
        raise NotExpressibleError(f"{trigger.fails} failed looks with no good one between")


def _name(target: Target, trigger: Trigger, names: set[str]) -> str:
    """Such as ShopErrorsHigh; with a number where another one is called so already."""
    words = _WORD.findall(f"{target.name} {trigger.name}")
    name = "".join(word[0].upper() + word[1:] for word in words)
    number, unique = 2, name
    while unique in names:
        unique, number = f"{name}{number}", number + 1
    names.add(unique)
    return unique


def _lost(target: Target, trigger: Trigger) -> Iterator[str]:
    """What the alert does not say, though the trigger does."""
    if trigger.clear_when is not None:
        yield f"that it is over only when {trigger.clear_when}"
    if trigger.once_per_version:
        yield "that it acts once for each version"
    for source in dict.fromkeys(term.signal.source for term in trigger.terms):
        offset = target.sources[source].options.get("query_offset")
        if offset:
            yield f"the query_offset of its source, {offset}"
