"""The program's own metrics: counted from journalled events, and gauges read from the status."""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from watchdog.adapters.self_metrics import of_itself
from watchdog.domain.change import ChangeKind
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    ChangeSeen,
    ClockStepped,
    CommandReceived,
    CommandRefused,
    ConfigLoaded,
    ConfigRefused,
    Decided,
    Event,
    IncidentOpened,
    NotificationDelivered,
    NotificationGivenUp,
    Outcome,
    OutcomeEscalated,
    Record,
    RunEnded,
    RunStarted,
    WatchEnded,
)
from watchdog.domain.signal import Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ACTED = "none"
STATES = ("inactive", "pending", "firing")
DURATION_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

Status = Mapping[str, Any]
Labels = tuple[str, ...]


class Metrics:
    """Counts since the start of the process; `snapshot` is asked at each scrape."""

    def __init__(self, snapshot: Callable[[], Status]) -> None:
        self._snapshot = snapshot
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name in _COUNTED}
        self._durations: dict[Labels, list[float]] = {}
        self._plans: dict[str, str] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """The page at /metrics, in Prometheus' text format."""
        return generate_latest(self._registry)

    def remember(self, run: str, plan: str) -> None:
        """A run that was found open at the start is one of `plan`."""
        self._plans[run] = plan

    def count(self, records: Sequence[Record]) -> None:
        """Take what was just journalled into account."""
        for record in records:
            match record.event:
                case RunStarted(run=run, plan=plan):
                    self.remember(run, plan.name)
                case RunEnded() as ended:
                    self._ended(ended)
                case event:
                    self._one(event)

    def _one(self, event: Event) -> None:
        counted = _labels(event)
        if counted is not None:
            name, labels = counted
            self._counts[name][labels] += 1

    def _ended(self, event: RunEnded) -> None:
        plan = self._plans.pop(event.run, "")
        self._counts["watchdog_rollbacks"][event.target, plan, event.outcome.value] += 1
        self._durations.setdefault((event.target, plan), []).append(event.elapsed)

    # -- a scrape

    def collect(self) -> Iterator[Metric]:
        """Every family, as prometheus-client asks for them."""
        status = self._snapshot()
        yield from _of_daemon(status["daemon"])
        yield from _of_targets(status["targets"])
        yield from of_itself(status["daemon"], status["targets"])
        yield from self._counters(status["targets"], status["daemon"]["itself"]["waiting"])
        yield self._histogram()

    def _counters(self, targets: Sequence[Status], channels: Iterable[str]) -> Iterator[Metric]:
        for name, (text, labels) in _COUNTED.items():
            family = CounterMetricFamily(name, text, labels=labels)
            # A counter that begins at 0 shows its first step to `increase`.
            known = {*_expected(name, targets), *_expected_of_channels(name, channels)}
            for values in sorted({*known, *self._counts[name]}):
                family.add_metric(values, self._counts[name][values])
            yield family

    def _histogram(self) -> Metric:
        family = HistogramMetricFamily(
            "watchdog_run_duration_seconds",
            "From the decision to the end of verification and the final stage",
            labels=["target", "plan"],
        )
        for labels, seconds in sorted(self._durations.items()):
            buckets = [
                (str(limit), float(sum(each <= limit for each in seconds)))
                for limit in DURATION_BUCKETS
            ]
            family.add_metric(labels, [*buckets, ("+Inf", float(len(seconds)))], sum(seconds))
        return family


_COUNTED: Mapping[str, tuple[str, list[str]]] = {
    "watchdog_rollbacks": ("Runs that are over", ["target", "plan", "outcome"]),
    "watchdog_decisions": ("Decisions about firing triggers", ["target", "refusal"]),
    "watchdog_watches": ("Watches after a run that are over", ["target", "tier", "result"]),
    "watchdog_changes": ("Changes of targets that were told", ["target", "kind"]),
    "watchdog_incidents": ("Incidents opened", ["target"]),
    "watchdog_escalations": ("Decisions that nobody took in time", ["target"]),
    "watchdog_notifications": ("Messages to channels", ["channel", "result"]),
    "watchdog_config_reloads": ("Target files taken over or refused", ["result"]),
    "watchdog_commands": ("Commands of people", ["command"]),
    "watchdog_commands_refused": ("Commands refused before they were taken", ["status"]),
    "watchdog_clock_steps": ("Steps of the wall clock", []),
}


def _labels(event: Event) -> tuple[str, Labels] | None:  # noqa: C901, PLR0912 -- one case an event
    """Which counter `event` moves, and its labels; None: it moves none."""
    match event:
        case Decided(target=target, refusal=refusal):
            return "watchdog_decisions", (target, refusal or ACTED)
        case WatchEnded(target=target, stage=stage, proof=proof):
            tier = stage.value.removeprefix("watch_")
            return "watchdog_watches", (target, tier, proof.value)
        case ChangeSeen(target=target, kind=kind):
            return "watchdog_changes", (target, kind.value)
        case IncidentOpened(target=target):
            return "watchdog_incidents", (target,)
        case OutcomeEscalated(target=target):
            return "watchdog_escalations", (target,)
        case NotificationDelivered(channel=channel):
            return "watchdog_notifications", (channel, "delivered")
        case NotificationGivenUp(channel=channel):
            return "watchdog_notifications", (channel, "given_up")
        case ConfigLoaded():
            return "watchdog_config_reloads", ("loaded",)
        case ConfigRefused():
            return "watchdog_config_reloads", ("refused",)
        case CommandReceived(command=command):
            return "watchdog_commands", (command,)
        case CommandRefused(status=status):
            return "watchdog_commands_refused", (str(status),)
        case ClockStepped():
            return "watchdog_clock_steps", ()
        case _:
            return None


def _expected(name: str, targets: Sequence[Status]) -> Iterator[Labels]:  # noqa: C901 -- as above
    """The label values that are known before anything has happened."""
    match name:
        case "watchdog_rollbacks":
            for target in targets:
                for plan in target["plans"]:
                    yield from ((target["target"], plan, each.value) for each in Outcome)
        case "watchdog_decisions":
            for target in targets:
                yield from ((target["target"], each) for each in (ACTED, *Reason))
        case "watchdog_changes":
            for target in targets:
                yield from ((target["target"], each.value) for each in ChangeKind)
        case "watchdog_incidents" | "watchdog_escalations":
            yield from ((target["target"],) for target in targets)
        case "watchdog_config_reloads":
            yield from (("loaded",), ("refused",))
        case "watchdog_clock_steps":
            yield ()


def _expected_of_channels(name: str, channels: Iterable[str]) -> Iterator[Labels]:
    if name == "watchdog_notifications":
        for channel in channels:
            yield from ((channel, result) for result in ("delivered", "given_up"))


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric((), value)
    return family


def _of_daemon(daemon: Status) -> Iterator[Metric]:
    info = GaugeMetricFamily("watchdog_build_info", "Always 1", labels=["version", "python"])
    info.add_metric((daemon["version"], platform.python_version()), 1)
    yield info
    yield _gauge("watchdog_uptime_seconds", "Since the start", daemon["uptime_seconds"])
    yield _gauge("watchdog_ready", "1 when it could act", not daemon["unable"])
    yield _gauge("watchdog_journal_healthy", "1 when it is writable", daemon["journal_healthy"])
    yield _gauge("watchdog_kill_switch", "1 while it is on", bool(daemon["kill_switch"]))
    yield _gauge("watchdog_breaker_open", "1 while it is open", bool(daemon["breaker"]))
    yield _gauge("watchdog_stalled_sources", "Sources without rounds", len(daemon["stalled"]))
    missed = CounterMetricFamily("watchdog_missed_slots", "Rounds skipped: the last still ran")
    missed.add_metric((), daemon["skipped_slots"])
    yield missed


def _of_targets(targets: Sequence[Status]) -> Iterator[Metric]:
    yield from _would_act(targets)
    yield from _of_triggers(targets)
    rounds = GaugeMetricFamily(
        "watchdog_last_round_timestamp_seconds",
        "When a round of a source was last evaluated",
        labels=["target", "source"],
    )
    interval = GaugeMetricFamily(
        "watchdog_source_interval_seconds",
        "Between two rounds of a source",
        labels=["target", "source"],
    )
    blind = GaugeMetricFamily(
        "watchdog_source_blind", "1 while nothing can be decided", labels=["target", "source"]
    )
    for target in targets:
        for source in target["sources"]:
            labels = (target["target"], source["source"])
            rounds.add_metric(labels, source["last_round_unix"] or 0)
            interval.add_metric(labels, source["every_seconds"])
            blind.add_metric(labels, source["blind_since"] is not None)
    yield from (rounds, interval, blind)


def _would_act(targets: Sequence[Status]) -> Iterator[Metric]:
    would = GaugeMetricFamily(
        "watchdog_target_would_act", "1 when a firing trigger would be acted on", labels=["target"]
    )
    refused = GaugeMetricFamily(
        "watchdog_target_refused", "1 for each reason why not", labels=["target", "reason"]
    )
    info = GaugeMetricFamily("watchdog_target_info", "Always 1", labels=["target", "mode"])
    for target in targets:
        name = target["target"]
        would.add_metric((name,), target["would_act"])
        info.add_metric((name, target["mode"]), 1)
        holding = {refusal["reason"] for refusal in target["refusals"]}
        for reason in Reason:
            refused.add_metric((name, reason.value), reason.value in holding)
    yield from (would, refused, info)


def _of_triggers(targets: Sequence[Status]) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "watchdog_trigger_state",
        "1 for the state that a trigger is in",
        labels=["target", "trigger", "state"],
    )
    evaluations = CounterMetricFamily(
        "watchdog_evaluations", "Looks judged", labels=["target", "verdict"]
    )
    for target in targets:
        name = target["target"]
        for trigger in target["triggers"]:
            for state in STATES:
                states.add_metric((name, trigger["trigger"], state), trigger["state"] == state)
        for verdict in Verdict:
            evaluations.add_metric((name, verdict.value), target["evaluations"].get(verdict, 0))
    yield from (states, evaluations)
