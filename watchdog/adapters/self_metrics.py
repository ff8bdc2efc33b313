"""Metrics of the watchdog's own health: beats, loop lag, stuck runs, what waits for whom."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Status = Mapping[str, Any]


def of_itself(daemon: Status, targets: Sequence[Status]) -> Iterator[Metric]:
    """Every family of it. Those of the heartbeat have no samples where none is configured."""
    itself = daemon["itself"]
    lag = GaugeMetricFamily(
        "watchdog_event_loop_lag_seconds", "How late the loop was at worst in the last minute"
    )
    lag.add_metric((), itself["loop_lag_seconds"])
    yield lag
    yield from _heartbeat(itself["heartbeat"])
    waiting = GaugeMetricFamily(
        "watchdog_undelivered_message_seconds",
        "How long the oldest message to a channel has been under way",
        labels=["channel"],
    )
    for channel, seconds in itself["waiting"].items():
        waiting.add_metric((channel,), seconds)
    yield waiting
    yield from _runs(itself["stuck"], targets)


def _heartbeat(heartbeat: Status | None) -> Iterator[Metric]:
    beats = CounterMetricFamily(
        "watchdog_heartbeats", "Beats to the dead-man address", labels=["result"]
    )
    last = GaugeMetricFamily("watchdog_heartbeat_timestamp_seconds", "When the last beat was taken")
    pace = GaugeMetricFamily(
        "watchdog_heartbeat_interval_seconds", "Between two beats, as the files have it"
    )
    if heartbeat is not None:
        pace.add_metric((), heartbeat["pace_seconds"])
        beats.add_metric(("sent",), heartbeat["sent"])
        beats.add_metric(("failed",), heartbeat["failed"])
        last.add_metric((), heartbeat["last_unix"] or 0)
    yield from (beats, last, pace)


def _runs(stuck: Sequence[str], targets: Sequence[Status]) -> Iterator[Metric]:
    still = GaugeMetricFamily(
        "watchdog_run_stuck", "1 while a run makes no progress", labels=["target"]
    )
    late = GaugeMetricFamily(
        "watchdog_run_over_budget", "1 while a run is over its budget", labels=["target"]
    )
    asked = GaugeMetricFamily(
        "watchdog_approvals_waiting", "Requests that wait for people", labels=["target"]
    )
    for target in targets:
        name, run = target["target"], target["run"]
        asked.add_metric((name,), sum(bool(one["needs"]) for one in target["requests"]))
        still.add_metric((name,), name in stuck)
        # Once the watch goes on, what it took is past mending.
        over = run is not None and target["watch"] is None and run["over_budget"]
        late.add_metric((name,), over)
    yield from (still, late, asked)
