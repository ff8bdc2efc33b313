from pathlib import Path
from typing import Any

import pytest

from tests.config.small_plugins import Files
from watchdog import catalog
from watchdog.config.loading import Loaded, load_files
from watchdog.domain.condition import Condition, Op
from watchdog.domain.plan import Check, Plan, Repeat, Step
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity

ROOT = Path(__file__).parents[2] / "config"
ENVIRON = {
    "BASE_URL": "http://127.0.0.1:8080",
    "PROMETHEUS_URL": "http://127.0.0.1:9090",
    "SERVICE_URL": "http://127.0.0.1:8080",
    "ROLLBACK_URL": "http://127.0.0.1:8090/rollback",
    "INTERNAL_URL": "http://127.0.0.1:8081",
    "PUBLIC_URL": "http://127.0.0.1:8080",
}
# As a user first meets it, to the letter.
SKETCH = """
target: checkout
sources:
  metrics: {use: prometheus, url: "http://prometheus:9090"}
  health:  {use: http, url: "http://checkout:8080/health"}
signals:
  errors:  {from: metrics, query: 'sum(rate(http_requests_total{app="checkout",code=~"5.."}[5m])) / sum(rate(http_requests_total{app="checkout"}[5m]))'}
  healthy: {from: health}
triggers:
  errors-high: {signal: errors, above: 1%, for: 5m, plan: undo}
  down:        {signal: healthy, fails: 3, plan: undo}
plans:
  undo:
    steps:
      - {use: command, with: {argv: [kubectl, rollout, undo, deployment/checkout]}}
    verify: [{signal: errors, below: 1%, samples: 3}]
"""  # noqa: E501 (as it is shown to people)


def load(*names: str, speed: float = 1.0) -> Loaded:
    return load_files([ROOT / name for name in names], catalog, speed=speed, environ=ENVIRON)


@pytest.fixture(scope="module")
def hybrid() -> Target:
    return load("hybrid-routing/watchdog.yaml").targets[0]


# What they must do is played by tests/cli/test_cases.py.
SHIPPED = sorted(
    str(path.relative_to(ROOT)) for path in ROOT.rglob("*.yaml") if path.name != "cases.yaml"
)


@pytest.mark.parametrize("speed", [1, 30])
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_loads_without_a_warning(name: str, speed: float) -> None:
    loaded = load(name, speed=speed)

    assert loaded.targets
    assert loaded.warnings == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_file_acts_by_itself(name: str) -> None:
    assert {target.mode for target in load(name).targets} == {Mode.ALERT_ONLY}


@pytest.mark.parametrize("speed", [1, 30])
@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_kept_of_options_is_read_back_by_their_plugins(name: str, speed: float) -> None:
    for target in load(name, speed=speed).targets:
        for source in target.sources.values():
            catalog.source(source.use).options.model_validate(source.options)
        for signal in target.signals.values():
            kind = target.sources[signal.signal.source].use
            catalog.source(kind).ask.model_validate(signal.ask)
        for plan in target.plans.values():
            for step in steps(plan):
                catalog.executor(step.use).options.model_validate(step.options)
            for check in checks(plan):
                plugin = catalog.source(check.look.use)
                plugin.options.model_validate(check.look.source)
                plugin.ask.model_validate(check.look.ask)


def test_the_first_file_of_a_user_works_and_says_what_to_think_of(files: Files) -> None:
    files.write("a.yaml", SKETCH)

    loaded = load_files([files.folder / "a.yaml"], catalog, environ={})

    assert [trigger.name for trigger in loaded.targets[0].triggers] == ["errors-high", "down"]
    assert [files.short(warning) for warning in loaded.warnings] == [
        (
            "a.yaml:14: plans.undo.steps[0]: when its answer is lost, nobody can tell whether it "
            "happened, and the run stops; give it `done_when`, or say `repeat: idempotent` or "
            "`repeat: once`"
        )
    ]


def test_a_query_that_hides_what_is_missing_is_a_warning(files: Files) -> None:
    files.write("a.yaml", SKETCH.replace("[5m]))'}", "[5m])) > 0.01'}"))

    warnings = load_files([files.folder / "a.yaml"], catalog, environ={}).warnings

    assert files.short(warnings[0]).startswith(
        "a.yaml:6: signals.errors: query '>' at the top returns nothing both when it does not hold"
    )


def test_the_minimal_file_is_that_first_file() -> None:
    shipped = [
        line
        for line in (ROOT / "minimal.yaml").read_text().splitlines()
        if not line.lstrip().startswith("#")
    ]

    assert "\n".join(shipped).replace(", repeat: once}", "}") == SKETCH.strip()


def test_the_default_file_has_the_usual_four_triggers() -> None:
    triggers = {trigger.name: trigger for trigger in load("default.yaml").targets[0].triggers}

    assert triggers["down"].fails == 3
    assert triggers["errors-high"].terms[0].breach_when == Condition(Op.ABOVE, 0.01)
    assert triggers["slow"].terms[0].breach_when == Condition(Op.ABOVE, 3.0)
    assert triggers["budget-spent"].terms[0].breach_when == Condition(Op.ABOVE, 0.95)
    assert {name: trigger.hold for name, trigger in triggers.items()} == {
        "down": 0.0,
        "errors-high": 300.0,
        "slow": 300.0,
        "budget-spent": 0.0,
    }


def test_hybrid_routing_fires_when_the_runbook_says(hybrid: Target) -> None:
    said = {
        trigger.name: (
            trigger.plan,
            trigger.severity,
            trigger.fails or trigger.terms[0].breach_when,
            trigger.hold,
            trigger.terms[0].signal.unit,
        )
        for trigger in hybrid.triggers
    }

    critical, warning = Severity.CRITICAL, Severity.WARNING
    assert said == {
        "down": ("immediate", critical, 3, 0.0, ""),
        "mostly-errors": ("immediate", critical, Condition(Op.ABOVE, 0.5), 30.0, "ratio"),
        "errors-high": ("immediate", critical, Condition(Op.ABOVE, 0.1), 120.0, "ratio"),
        "slow": ("immediate", critical, Condition(Op.ABOVE, 3.0), 300.0, "s"),
        "getting-slow": ("latency", warning, Condition(Op.ABOVE, 2.0), 600.0, "s"),
        "over-budget": ("cost", warning, Condition(Op.ABOVE, 95.0), 0.0, "%"),
        "security": ("immediate", critical, 2, 0.0, ""),
        "declared": ("immediate", critical, 2, 0.0, ""),
        "direct-trouble": ("isolate", warning, 2, 0.0, ""),
        "routing-trouble": ("bypass", warning, 2, 0.0, ""),
        "several-parts": ("full", critical, Condition(Op.AT_LEAST, 2), 45.0, ""),
        "systematic": ("full", critical, 2, 0.0, ""),
        "data-integrity": ("full", critical, 2, 0.0, ""),
        "compliance": ("full", critical, 2, 0.0, ""),
    }


def test_hybrid_routing_asks_nobody_where_the_runbook_asks_nobody(hybrid: Target) -> None:
    asked = hybrid.plans["full"].approval
    causes = {trigger.name: trigger.cause for trigger in hybrid.triggers if trigger.cause}

    assert asked.any_of == ("devops-lead", "ai-architecture-lead", "cto", "vp-engineering")
    assert asked.exempt == ("outage", "security", "data-integrity")
    assert set(asked.exempt) <= set(causes.values())
    assert hybrid.plans["immediate"].approval.any_of == ()


POSTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "immediate": [
        (
            "/admin/emergency/disable-hybrid-routing",
            {"emergency": True, "reason": "immediate_rollback"},
        ),
        ("/admin/config/routing-override", {"routing_mode": "mcp_only", "emergency": True}),
        (
            "/admin/notifications/emergency",
            {
                "type": "emergency_rollback",
                "message": "Emergency rollback executed for hybrid routing",
                "timestamp": "{{ run.now }}",
                "status": "{{ run.status }}",
            },
        ),
    ],
    "latency": [
        (
            "/admin/config/cache-optimization",
            {"cache_ttl_multiplier": 2.0, "cache_aggressive_mode": True},
        ),
        (
            "/admin/config/routing-optimization",
            {"routing_complexity": "low", "fallback_threshold_ms": 1000},
        ),
    ],
    "cost": [
        (
            "/admin/config/cost-controls",
            {"cost_control_mode": "aggressive", "budget_limit_percent": 95},
        ),
        (
            "/admin/config/cache-preference",
            {"cache_preference": "aggressive", "cache_ttl_hours": 24},
        ),
        (
            "/admin/config/operation-throttling",
            {"throttle_background_tasks": True, "priority_operations_only": True},
        ),
    ],
    "isolate": [
        (
            "/admin/feature-flags/bedrock/update",
            {"flag": "ENABLE_DIRECT_BEDROCK_FALLBACK", "enabled": False},
        ),
        (
            "/admin/config/routing-override",
            {"route_override": "mcp_only", "duration_minutes": 60},
        ),
    ],
    "bypass": [
        (
            "/admin/feature-flags/bedrock/update",
            {"flag": "ENABLE_INTELLIGENT_ROUTING", "enabled": False},
        ),
        ("/admin/config/routing-mode", {"routing_mode": "simple", "default_route": "mcp"}),
    ],
    "full": [
        ("/admin/emergency/disable-all-bedrock-features", {}),
        ("/admin/config/restore-backup", {"config": "pre_hybrid_routing", "restore_backup": True}),
        (
            "/admin/services/restart",
            {"services": ["ai-orchestrator", "mcp-router"], "restart_mode": "rolling"},
        ),
        ("/admin/validation/full-system-check", {}),
        (
            "/admin/reports/rollback",
            {
                "type": "full_rollback",
                "duration_seconds": "{{ run.duration_seconds }}",
                "timestamp": "{{ run.now }}",
                "status": "{{ run.status }}",
            },
        ),
    ],
}


@pytest.mark.parametrize("name", POSTS)
def test_hybrid_routing_sends_what_the_runbook_sends(hybrid: Target, name: str) -> None:
    sent = [step.options for step in steps(hybrid.plans[name])]

    assert [
        (options["url"].removeprefix(ENVIRON["BASE_URL"]), options.get("json", {}))
        for options in sent
    ] == POSTS[name]
    assert {options["method"] for options in sent} == {"POST"}
    assert all(options["auth"] == {"bearer": {"env": "ADMIN_TOKEN"}} for options in sent)
    # Numbers go out as numbers of the same kind: 2.0 is not 2.
    assert [types(options.get("json", {})) for options in sent] == [
        types(json) for _, json in POSTS[name]
    ]


def types(body: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in body.items()}


def test_hybrid_routing_is_proven_as_the_runbook_demands(hybrid: Target) -> None:
    immediate, latency, cost = (hybrid.plans[name] for name in ("immediate", "latency", "cost"))

    assert [plan.within for plan in (immediate, latency, cost)] == [300.0, 600.0, 600.0]
    assert [(plan.watch.short, plan.watch.long) for plan in (immediate, latency, cost)] == [
        (900.0, 14400.0)
    ] * 3
    assert [step.repeat for step in steps(immediate)] == [
        Repeat.OBSERVABLE,
        Repeat.OBSERVABLE,
        Repeat.IDEMPOTENT,
    ]
    assert [check.name for check in immediate.verify] == [
        "All hybrid flags are off",
        "All traffic takes the MCP route",
        "error_rate below 1%",
        "p95 below 2000ms",
        "System health answers",
        "Error summary answers",
    ]
    health, p95 = immediate.steps[2], latency.steps[2]
    assert isinstance(health, Check)
    assert isinstance(p95, Check)
    assert (health.tries, health.pause, health.within) == (12, 5.0, 60.0)
    assert "auth" not in health.look.source
    assert (p95.tries, p95.pause, p95.expect) == (6, 30.0, Condition(Op.BELOW, 1500.0))
    assert p95.within >= 6 * 30
    assert not cost.verify_trigger
    assert cost.verify


def steps(plan: Plan) -> list[Step]:
    return [each for each in (*plan.steps, *plan.final) if isinstance(each, Step)]


def checks(plan: Plan) -> list[Check]:
    looked = [step.done_when for step in steps(plan)]
    return [each for each in (*plan.steps, *plan.verify, *looked) if isinstance(each, Check)]
