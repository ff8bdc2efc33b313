"""What a Prometheus says of its alerting rules, and which one a question is about."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Answer

YES, NO = 1.0, 0.0
INACTIVE, PENDING, FIRING = "inactive", "pending", "firing"
_STATES = (INACTIVE, PENDING, FIRING)
_HEALTHY = "ok"
_TEMPLATE = "{{"
_SUCCESS = range(200, 300)
_LONGEST_TEXT = 300
_SHOWN = 3
# A Date header has whole seconds.
_ROUNDING = 1.0
_Json = Any


@dataclass(frozen=True, slots=True)
class AlertInstance:
    """One alert of a rule, with the labels of its series; `since` as Prometheus writes it."""

    labels: Mapping[str, str]
    state: str
    since: str


@dataclass(frozen=True, slots=True)
class RuleState:
    """One alerting rule. `evaluated` in Unix seconds; `interval`, that of its group, in seconds."""

    name: str
    group: str
    file: str
    labels: Mapping[str, str]
    state: str
    health: str
    error: str
    evaluated: float
    interval: float
    alerts: tuple[AlertInstance, ...]

    def doubt(self, now: float) -> Gap | None:
        """Why its state is not to be believed at `now`, by the server's clock."""
        if self.health != _HEALTHY:
            why = self.error or "it was not evaluated yet"
            return Gap(
                Unknown.ERROR, f"rule {self.name}: its health is {self.health}: {_short(why)}"
            )
        age = now - self.evaluated
        if abs(age) <= 2 * self.interval + _ROUNDING:
            return None
        text = (
            f"rule {self.name}: last evaluated {age:.0f} s ago, and its group "
            f"{self.group!r} is due every {self.interval:g} s"
        )
        return Gap(Unknown.STALE, text)

    def may_have(self, labels: Mapping[str, str]) -> bool:
        """Whether its alerts can have `labels`; only what the rule itself sets is certain."""
        return all(
            _TEMPLATE in own or own == value
            for name, value in labels.items()
            if (own := self.labels.get(name)) is not None
        )


@dataclass(frozen=True, slots=True)
class RuleStates:
    """Every alerting rule that the answer tells of."""

    rules: tuple[RuleState, ...]
    warnings: tuple[str, ...] = ()

    def observation(
        self, alert: str, labels: Mapping[str, str], group: str | None, now: float
    ) -> Observation:
        """NO while an alert of that name and `labels` is firing; `now` by the server's clock."""
        found = self._rule(alert, labels, group)
        if isinstance(found, Gap):
            return found
        if (doubt := found.doubt(now)) is not None:
            return doubt
        age = now - found.evaluated
        # A state holds until the next evaluation is due: what is overdue is its age.
        overdue = max(age - found.interval, 0.0)
        state, since = _state(found, labels)
        note = f"{alert} is {state}" + (f" since {since}" if since else "")
        return Sample((NO if state == FIRING else YES,), overdue, None, self.warnings, note)

    def _rule(self, alert: str, labels: Mapping[str, str], group: str | None) -> RuleState | Gap:
        named = [rule for rule in self.rules if rule.name == alert]
        if not named:
            return Gap(Unknown.NODATA, f"no alerting rule {alert!r}{self._near(alert)}")
        chosen = [rule for rule in named if rule.may_have(labels) and group in (None, rule.group)]
        if len(chosen) == 1:
            return chosen[0]
        places = _places(chosen or named)
        if not chosen:
            text = f"no rule {alert!r} of these labels and group; there is {places}"
            return Gap(Unknown.NODATA, text)
        text = f"{len(chosen)} rules {alert!r}: {places}; choose with `labels` or `group`"
        return Gap(Unknown.AMBIGUOUS, text)

    def _near(self, alert: str) -> str:
        near = difflib.get_close_matches(alert, {rule.name for rule in self.rules}, n=1)
        return f"; did you mean {near[0]!r}?" if near else ""


class _MalformedError(Exception):
    """The answer has not the shape that Prometheus gives it."""


def read_rules(answer: Answer) -> RuleStates | Gap:
    """What `answer` says. Never raises."""
    if answer.truncated:
        text = f"the answer is longer than {len(answer.body)} bytes; raise max_bytes"
        return Gap(Unknown.PARSE, text)
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        if answer.status not in _SUCCESS:
            return Gap(Unknown.HTTP, f"HTTP {answer.status}; are `url` and `path` right?")
        return Gap(Unknown.PARSE, "the answer is not JSON; is this the rules API?")
    try:
        return _read(document, answer.status)
    except _MalformedError as error:
        return Gap(Unknown.PARSE, f"not an answer of the rules API: {error}")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        return Gap(Unknown.PARSE, f"not an answer of the rules API: {type(error).__name__}")


def _read(document: _Json, status: int) -> RuleStates | Gap:
    if not isinstance(document, dict):
        raise _MalformedError("no object")
    if document.get("status") == "error":
        text = f"{document.get('errorType', '')}: {document.get('error', '')}"
        return Gap(Unknown.ERROR, _short(text))
    if status not in _SUCCESS:
        return Gap(Unknown.HTTP, f"HTTP {status}; are `url` and `path` right?")
    if document.get("status") != "success":
        raise _MalformedError("no status")
    rules = [
        _rule(group, rule)
        for group in document["data"]["groups"]
        for rule in group["rules"]
        if rule.get("type") == "alerting"
    ]
    warnings = document.get("warnings") or ()
    return RuleStates(tuple(rules), tuple(_short(str(one)) for one in warnings))


def _rule(group: _Json, rule: _Json) -> RuleState:
    state = rule.get("state", "")
    health = str(rule.get("health", ""))
    if state not in _STATES and health == _HEALTHY:
        raise _MalformedError(f"state {_short(str(state))!r}")
    return RuleState(
        name=str(rule["name"]),
        group=str(group.get("name", "")),
        file=str(group.get("file", "")),
        labels=_labels(rule.get("labels")),
        state=str(state),
        health=health,
        error=str(rule.get("lastError") or ""),
        evaluated=datetime.fromisoformat(rule["lastEvaluation"]).timestamp(),
        interval=float(group["interval"]),
        alerts=tuple(
            AlertInstance(_labels(one["labels"]), str(one["state"]), str(one.get("activeAt", "")))
            for one in rule.get("alerts") or ()
        ),
    )


def _labels(labels: _Json) -> dict[str, str]:
    return {str(name): str(value) for name, value in (labels or {}).items()}


def _state(rule: RuleState, labels: Mapping[str, str]) -> tuple[str, str]:
    """The gravest state of the rule's alerts with `labels`, and since when."""
    if not labels:
        chosen: Sequence[AlertInstance] = rule.alerts
        state = rule.state
    else:
        chosen = [one for one in rule.alerts if labels.items() <= one.labels.items()]
        states = {one.state for one in chosen}
        state = next((each for each in (FIRING, PENDING) if each in states), INACTIVE)
    return state, min((one.since for one in chosen if one.state == state), default="")


def _places(rules: Sequence[RuleState]) -> str:
    shown = [f"group {rule.group!r} of {rule.file}" for rule in rules[:_SHOWN]]
    return ", ".join(shown) + (", …" if len(rules) > _SHOWN else "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
