"""A Prometheus rule file as read: its alerts in order, and what is wrong with each, and where."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from watchdog.config.problems import Path, Problem, did_you_mean
from watchdog.config.reading import Document
from watchdog.domain.units import parse_duration

_OF_A_GROUP = frozenset(
    {"name", "interval", "query_offset", "evaluation_delay", "limit", "labels", "rules"}
    # Of a Thanos and of a Mimir; they change nothing that is read here.
    | {"partial_response_strategy", "source_tenants", "align_evaluation_time_on_interval"}
)
_OF_A_RULE = frozenset(
    {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
)
_YEARS = re.compile(r"(\d+)y")
_TEMPLATE = "{{"


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """One alert. Times in seconds; None where the file says nothing. `path`: where it stands."""

    path: Path
    name: str
    group: str
    expr: str
    hold: float
    keep_firing_for: float | None
    interval: float | None
    query_offset: float
    labels: Mapping[str, str]


@dataclass(slots=True)
class RuleFile:
    """What was found. `wrong` holds one problem for each rule that cannot be read."""

    document: Document
    rules: list[AlertingRule] = field(default_factory=list)
    wrong: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, rule: AlertingRule, key: str, why: str) -> None:
        """`rule` cannot be imported, because of what stands at `key`."""
        text = f"alert {rule.name!r} of group {rule.group!r}: {why}"
        self.wrong.append(self.document.problem((*rule.path, key), text))


class _WrongError(Exception):
    """What stands at `path` cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path


def read_rule_file(document: Document) -> RuleFile:
    """Every alert of `document`: a rule file, or a PrometheusRule of Kubernetes around one."""
    found = RuleFile(document)
    root: Path = ("spec",) if document.content.get("kind") == "PrometheusRule" else ()
    content = document.content.get("spec") if root else document.content
    groups = content.get("groups") if isinstance(content, Mapping) else None
    if not isinstance(groups, list):
        text = "is no rule file: it has no list `groups`"
        found.wrong.append(document.problem((*root, "groups"), text))
        return found
    for index, group in enumerate(groups):
        path = (*root, "groups", index)
        try:
            _group(found, path, group)
        except _WrongError as error:
            found.wrong.append(document.problem(error.path, str(error)))
    return found


def _group(found: RuleFile, path: Path, content: object) -> None:
    group = _mapping(path, content, _OF_A_GROUP)
    name = _text(path, group, "name")
    interval = _seconds(path, group, "interval")
    offset = _seconds(path, group, "query_offset") or _seconds(path, group, "evaluation_delay")
    labels = _labels(path, group)
    rules = group.get("rules") or []
    if not isinstance(rules, list):
        raise _WrongError((*path, "rules"), "should be a list of rules")
    recorded = 0
    for index, rule in enumerate(rules):
        where = (*path, "rules", index)
        if isinstance(rule, Mapping) and "record" in rule and "alert" not in rule:
            recorded += 1
            continue
        try:
            found.rules.append(_rule(where, rule, name, interval, offset or 0.0, labels))
        except _WrongError as error:
            called = rule.get("alert") if isinstance(rule, Mapping) else None
            one = f"rule {index + 1}" if called is None else f"alert {called!r}"
            text = f"{one} of group {name!r}: {error}"
            found.wrong.append(found.document.problem(error.path, text))
    if recorded:
        plural = "" if recorded == 1 else "s"
        text = f"group {name!r}: {recorded} recording rule{plural} left to Prometheus"
        found.notes.append(text)
    if group.get("limit"):
        found.notes.append(f"group {name!r}: its limit of alerts is not imported")


def _rule(  # noqa: PLR0917 -- each is one of a kind
    path: Path,
    content: object,
    group: str,
    interval: float | None,
    offset: float,
    labels: Mapping[str, str],
) -> AlertingRule:
    rule = _mapping(path, content, _OF_A_RULE)
    return AlertingRule(
        path=path,
        name=_text(path, rule, "alert"),
        group=group,
        expr=_text(path, rule, "expr"),
        hold=_seconds(path, rule, "for") or 0.0,
        keep_firing_for=_seconds(path, rule, "keep_firing_for"),
        interval=interval,
        query_offset=offset,
        labels={**labels, **_labels(path, rule)},
    )


def templates(labels: Mapping[str, str]) -> Iterator[str]:
    """The labels whose values Prometheus makes of a Go template."""
    return (name for name, value in labels.items() if _TEMPLATE in value)


def _mapping(path: Path, content: object, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise _WrongError(path, "should be keys and values")
    for key in content:
        if key not in known:
            raise _WrongError((*path, key), f"unknown key; {did_you_mean(str(key), known)}")
    return content


def _text(path: Path, content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    # An expression may be a bare number, and a name be written without quotes.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise _WrongError((*path, key), f"`{key}` is missing, or no text")
    return value.strip()


def _labels(path: Path, content: Mapping[str, Any]) -> dict[str, str]:
    labels = content.get("labels") or {}
    if not isinstance(labels, Mapping):
        raise _WrongError((*path, "labels"), "should be names and values")
    for name, value in labels.items():
        if not isinstance(value, str):
            raise _WrongError((*path, "labels", name), "should be text: put it in quotes")
    return dict(labels)


def _seconds(path: Path, content: Mapping[str, Any], key: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    text = _YEARS.sub(lambda found: f"{365 * int(found[1])}d", str(value))
    try:
        # Prometheus takes weeks and days in any number, and so does this; years become days.
        return _in_any_order(text)
    except ValueError:
        raise _WrongError((*path, key), f"{str(value)[:40]!r} is no duration") from None


def _in_any_order(text: str) -> float:
    days = re.fullmatch(r"(\d+d)?(\d+w)?(.*)", text)
    if days and days[1] and days[2]:
        return parse_duration(days[1]) + parse_duration(f"{days[2]}{days[3]}")
    return parse_duration(text)
