import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import a_plan, a_target, at, started
from tests.process import Process, a_world
from watchdog.adapters.metrics import Metrics
from watchdog.domain.decision import Reason
from watchdog.domain.decision_table import Then
from watchdog.domain.events import (
    BreakerOpened,
    ClockStepped,
    CommandReceived,
    CommandRefused,
    ConfigRefused,
    Decided,
    Event,
    NotificationDelivered,
    NotificationGivenUp,
    Outcome,
    OutcomeEscalated,
    Proof,
    Record,
    RunEnded,
    Stage,
    WatchEnded,
)
from watchdog.domain.recent import Recent
from watchdog.domain.trigger import Severity
from watchdog.engine.self_watch import SelfSeen
from watchdog.engine.service import Service
from watchdog.engine.status import Vitals, snapshot
from watchdog.testing.virtual_time import virtually

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
_ROW = re.compile(r"^\| `(watchdog_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)

ITSELF = SelfSeen(
    waiting={"log": 0.0}, heartbeat={"sent": 1, "failed": 0, "last_unix": 1.0, "pace_seconds": 60.0}
)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def ended(outcome: Outcome = Outcome.SUCCEEDED, elapsed: float = 12.0) -> RunEnded:
    return RunEnded("r1", "shop", outcome, "", elapsed)


def decided(refusal: str = "") -> Decided:
    return Decided("shop", "i1", "undo", "errors", Severity.WARNING, "e", refusal)


class Bench:
    """Metrics over the status of a process in memory."""

    def __init__(self, process: Process, **vitals: Any) -> None:  # noqa: ANN401
        async def reload() -> None:
            """Nothing changes here."""

        self.process = process
        self.service = Service(process.shared, process.lanes, Path("/nowhere/KILL"), 1.0, reload)
        self.vitals = Vitals("1.0", 1, **{"ready": True, "journal": "/j.db", **vitals})
        self.metrics = Metrics(self.status)

    def status(self) -> dict[str, Any]:
        self.service.watchers = self.process.watchers
        return snapshot(self.service, Recent(), self.vitals)

    def count(self, *events: Event) -> None:
        self.metrics.count([Record(n, at(0), event) for n, event in enumerate(events, 1)])

    def samples(self) -> Samples:
        families = text_string_to_metric_families(self.metrics.render().decode())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples().get((name, tuple(sorted(labels.items()))))


@virtually
async def test_the_state_of_a_trigger_is_one_of_three() -> None:
    async with Process(a_world()).running() as process:
        bench = Bench(process)
        await process.see(errors="ob")

        states = {
            state: bench.value(
                "watchdog_trigger_state", target="shop", trigger="errors", state=state
            )
            for state in ("inactive", "pending", "firing")
        }
        assert states == {"inactive": 0, "pending": 1, "firing": 0}


@virtually
async def test_every_look_is_counted_by_its_verdict() -> None:
    async with Process(a_world()).running() as process:
        bench = Bench(process)
        await process.see(errors="oob?")

        counted = {
            verdict: bench.value("watchdog_evaluations_total", target="shop", verdict=verdict)
            for verdict in ("ok", "breach", "unknown")
        }
        assert counted == {"ok": 2, "breach": 1, "unknown": 1}


@virtually
async def test_a_round_leaves_its_time() -> None:
    async with Process(a_world()).running() as process:
        bench = Bench(process)
        await process.slots(2)

        last = bench.value(
            "watchdog_last_round_timestamp_seconds", target="shop", source="prometheus"
        )
        assert last is not None
        assert 0 <= process.clock.now().wall - last < 15


@virtually
async def test_a_target_that_would_not_act_says_why() -> None:
    async with Process(a_world()).running() as process:
        bench = Bench(process)
        assert bench.value("watchdog_target_would_act", target="shop") == 1

        process.journal.fault = "disk full"
        await process.see(errors="obb")

        assert bench.value("watchdog_target_would_act", target="shop") == 0
        why = bench.value(
            "watchdog_target_refused", target="shop", reason=Reason.JOURNAL_UNWRITABLE
        )
        assert why == 1
        assert bench.value("watchdog_journal_healthy") == 0
        assert bench.value("watchdog_ready") == 0


async def test_runs_are_counted_by_outcome_and_measured() -> None:
    bench = Bench(Process(a_world()))

    bench.count(started(), ended(elapsed=12.0), started(), ended(Outcome.FAILED, 400.0))

    def count(outcome: str) -> float | None:
        name = "watchdog_rollbacks_total"
        return bench.value(name, target="shop", plan="undo", outcome=outcome)

    def took_at_most(limit: str) -> float | None:
        name = "watchdog_run_duration_seconds_bucket"
        return bench.value(name, target="shop", plan="undo", le=limit)

    assert (count("succeeded"), count("failed"), count("stopped")) == (1, 1, 0)
    assert (took_at_most("5.0"), took_at_most("15.0"), took_at_most("+Inf")) == (0, 1, 2)
    sums = bench.value("watchdog_run_duration_seconds_sum", target="shop", plan="undo")
    assert sums == 412


async def test_a_run_found_open_at_the_start_is_counted_under_its_plan() -> None:
    bench = Bench(Process(a_world()))
    bench.metrics.remember("r1", "undo")

    bench.count(ended(Outcome.INTERRUPTED))

    name = "watchdog_rollbacks_total"
    assert bench.value(name, target="shop", plan="undo", outcome="interrupted") == 1


async def test_decisions_are_counted_by_why_they_refuse() -> None:
    bench = Bench(Process(a_world()))

    bench.count(decided(), decided(), decided("cooling_down"))

    name = "watchdog_decisions_total"
    assert bench.value(name, target="shop", refusal="none") == 2
    assert bench.value(name, target="shop", refusal="cooling_down") == 1
    assert bench.value(name, target="shop", refusal="paused") == 0


@pytest.mark.parametrize(
    ("event", "name", "labels"),
    [
        (
            WatchEnded("r1", "shop", Stage.WATCH_SHORT, Proof.FAILED),
            "watchdog_watches_total",
            {"target": "shop", "tier": "short", "result": "failed"},
        ),
        (
            NotificationDelivered("slack", 3, 1),
            "watchdog_notifications_total",
            {"channel": "slack", "result": "delivered"},
        ),
        (
            NotificationGivenUp("slack", 3, 9, "gone"),
            "watchdog_notifications_total",
            {"channel": "slack", "result": "given_up"},
        ),
        (
            ConfigRefused("t.yaml", "wrong"),
            "watchdog_config_reloads_total",
            {"result": "refused"},
        ),
        (CommandReceived("kill", 0, "ann", ""), "watchdog_commands_total", {"command": "kill"}),
        (
            CommandRefused("kill", "ben", 403, "no"),
            "watchdog_commands_refused_total",
            {"status": "403"},
        ),
        (ClockStepped(60.0), "watchdog_clock_steps_total", {}),
    ],
)
async def test_what_is_journalled_is_counted(
    event: Event, name: str, labels: dict[str, str]
) -> None:
    bench = Bench(Process(a_world()))

    bench.count(event)

    assert bench.value(name, **labels) == 1


async def test_a_counter_that_nothing_moved_yet_is_there_with_zero() -> None:
    target = a_target(plans=[a_plan(), a_plan(name="other")])
    samples = Bench(Process(a_world(), target)).samples()

    zeros = {name for (name, _), value in samples.items() if value == 0}
    assert {
        "watchdog_rollbacks_total",
        "watchdog_decisions_total",
        "watchdog_incidents_total",
        "watchdog_config_reloads_total",
        "watchdog_clock_steps_total",
        "watchdog_missed_slots_total",
    } <= zeros


@virtually
async def test_every_metric_has_its_row_on_the_page_and_every_row_its_metric() -> None:
    async with Process(a_world()).running() as process:
        bench = Bench(process, itself=ITSELF)
        await process.slots(2)
        bench.count(
            *(started(), ended(), decided()),
            WatchEnded("r1", "shop", Stage.WATCH_LONG, Proof.PASSED),
            NotificationDelivered("log", 1, 1),
            CommandReceived("pause", 0, "ann", ""),
            CommandRefused("pause", "ben", 422, "no reason"),
        )
        families = list(text_string_to_metric_families(bench.metrics.render().decode()))

    shown = {
        (
            family.name + ("_total" if family.type == "counter" else ""),
            family.type,
            labels_of(family.samples),
        )
        for family in families
    }
    rows = {
        (name, kind, tuple(sorted(re.findall(r"`(\w+)`", labels))))
        for name, kind, labels in _ROW.findall(PAGE.read_text())
    }
    assert shown == rows


@virtually
async def test_the_breaker_and_what_nobody_decided_are_shown() -> None:
    async with Process(a_world()).running() as process:
        bench = Bench(process)
        assert bench.value("watchdog_breaker_open") == 0
        assert bench.value("watchdog_escalations_total", target="shop") == 0

        await process.journal.append(BreakerOpened("2 plans failed within 24h"))
        bench.count(OutcomeEscalated("shop", "i1", "latency", Then.MONITOR, 0.0, "it still holds"))
        assert bench.value("watchdog_breaker_open") == 1
        assert bench.value("watchdog_escalations_total", target="shop") == 1


def labels_of(samples: list[Any]) -> tuple[str, ...]:
    """The names of the labels, but for the one that Prometheus itself gives a histogram."""
    return tuple(sorted({name for sample in samples for name in sample.labels} - {"le"}))


def test_every_alert_on_the_page_names_metrics_that_exist() -> None:
    text = PAGE.read_text()
    rows = {name for name, _, _ in _ROW.findall(text)}
    alerts = text.partition("```yaml")[2]

    assert set(re.findall(r"watchdog_\w+", alerts)) <= rows
