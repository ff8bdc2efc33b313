import hashlib
from dataclasses import replace

from tests.config.small_plugins import MINIMAL, Files, text
from watchdog.config.settings import Defaults
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Term
from watchdog.domain.plan import Check, Look, OnError, Plan, Repeat, Step, WatchPlan
from watchdog.domain.signal import Signal
from watchdog.domain.target import (
    ChannelSpec,
    Daemon,
    Limits,
    Mode,
    NotifyRule,
    SignalSpec,
    SourceSpec,
    Target,
)
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity, Trigger

HEAD = """
target: checkout
sources:
  metrics: {use: prometheus, url: "http://prometheus:9090", every: 20s}
  health: {use: http, url: "http://checkout:8080/health", auth: admin, every: 10s}
auth:
  admin: {bearer: {env: ADMIN_TOKEN}}
signals:
  errors: {from: metrics, query: "rate(x[60s])", unit: ratio}
  healthy: {from: health, expect: {json: {status: healthy}}}
"""
UNDO = "- {name: Undo, use: command, with: {argv: [undo]}}"


def test_the_smallest_file_has_a_default_for_everything_else(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    loaded = files.load("a.yaml")

    errors = Signal("errors", "metrics", unit="ratio")
    healthy = Signal("healthy", "health")
    metrics = {"url": "http://prometheus:9090"}
    assert loaded.daemon == Daemon(
        journal="var/rollback-watchdog/journal.db",
        socket="var/rollback-watchdog/journal.sock",
        listen="",
        kill_file="var/rollback-watchdog/KILL",
        per_hour=3,
        channels={"log": ChannelSpec("log", "log", {})},
        log_format="json",
        grace=25.0,
    )
    assert loaded.targets == (
        Target(
            name="checkout",
            file=str(files.folder / "a.yaml"),
            hash=loaded.targets[0].hash,
            mode=Mode.ALERT_ONLY,
            sources={
                "metrics": SourceSpec("metrics", "prometheus", metrics, 15.0),
                "health": SourceSpec(
                    "health", "http", {"url": "http://checkout:8080/health"}, 15.0
                ),
            },
            signals={
                "errors": SignalSpec(errors, {"query": "errors"}, "errors"),
                "healthy": SignalSpec(healthy, {}, "http://checkout:8080/health"),
            },
            triggers=(
                Trigger(
                    "errors-high", Term(errors, Condition(Op.ABOVE, 0.01)), "undo", 15.0, hold=300.0
                ),
                Trigger("down", Term(healthy, Condition(Op.FAILING)), "undo", 15.0, fails=3),
            ),
            plans={
                "undo": Plan(
                    "undo",
                    (
                        Step(
                            "kubectl rollout undo",
                            "command",
                            {"argv": ["kubectl", "rollout", "undo"]},
                        ),
                    ),
                    verify=(
                        Check(
                            "errors below 1%",
                            errors,
                            Look("prometheus", metrics, {"query": "errors"}),
                            Condition(Op.BELOW, 0.01),
                            pause=15.0,
                            samples=3,
                        ),
                    ),
                )
            },
            notify=(NotifyRule(on=tuple(Topic), to=("log",)),),
        ),
    )
    assert loaded.warnings == ()


def test_a_trigger_takes_every_word_of_its_own(files: Files) -> None:
    target = files.target(
        HEAD,
        """
        triggers:
          high:
            signal: errors
            at_least: 5%
            for: 2m
            severity: critical
            plan: undo
            keep_firing_for: 3m
            confirm: 4
            coverage: 0.9
            max_gap: 1
            blind_after: 10m
        plans: {undo: {steps: [{use: command, with: {argv: [undo]}}]}}
        """,
    )

    assert target.triggers == (
        Trigger(
            "high",
            Term(target.signals["errors"].signal, Condition(Op.AT_LEAST, 0.05)),
            "undo",
            every=20.0,
            severity=Severity.CRITICAL,
            hold=120.0,
            confirm=4,
            keep_firing_for=180.0,
            coverage=0.9,
            max_gap=1,
            blind_after=600.0,
        ),
    )


def test_a_signal_takes_every_word_of_its_own(files: Files) -> None:
    target = files.target(
        """
        target: checkout
        sources: {metrics: {use: prometheus, url: "http://prometheus:9090"}}
        signals:
          errors:
            from: metrics
            query: q
            volume: v
            unit: ratio
            min_volume: 50
            max_staleness: 30s
            on_nodata: ok
            on_inf: compare
            on_warnings: accept
        """
    )

    assert target.signals["errors"] == SignalSpec(
        Signal(
            "errors",
            "metrics",
            unit="ratio",
            has_volume=True,
            min_volume=50.0,
            max_staleness=30.0,
            nodata_is_ok=True,
            inf_counts=True,
            warnings_accepted=True,
        ),
        {"query": "q", "volume": "v"},
        "q",
    )


def test_silence_is_good_only_where_a_volume_proves_traffic(files: Files) -> None:
    assert files.problems(HEAD.replace("unit: ratio", "on_nodata: ok")) == [
        (
            "a.yaml:8: signals.errors.on_nodata: silence is only good where traffic is proven; "
            "give the signal a `volume`"
        )
    ]


def test_an_auth_profile_stands_in_for_its_name(files: Files) -> None:
    target = files.target(
        HEAD,
        """
        plans:
          undo:
            steps:
              - use: http
                with: {url: "http://checkout/undo", auth: admin}
                done_when: {get: "http://checkout/state", auth: admin, json: {on: false}}
        """,
    )
    profile = {"bearer": {"env": "ADMIN_TOKEN"}}
    step = target.plans["undo"].steps[0]

    assert target.sources["health"].options["auth"] == profile
    assert isinstance(step, Step)
    assert step.options["auth"] == profile
    assert step.done_when
    assert step.done_when.look.source["auth"] == profile


def test_what_a_plugin_says_of_a_profile_is_said_where_it_stands(files: Files) -> None:
    other = HEAD.replace("bearer: {env: ADMIN_TOKEN}", "header: {name: X, value: {env: TOKEN}}")

    # The small plugins know nothing of headers.
    assert files.problems(other) == [
        "a.yaml:6: auth.admin.header: unknown key; did you mean 'bearer'?"
    ]


def test_a_plan_takes_every_word_of_its_own(files: Files) -> None:
    plan = files.target(
        HEAD,
        """
        plans:
          undo:
            title: Undo it
            level: 3
            kind: full
            within: 7m
            resume_within: 8m
            verify_trigger: false
            verify_within: 9m
            steps:
              - name: Undo
                use: command
                with: {argv: [undo, "{{ run.id }}"]}
                timeout: 5s
                on_error: continue
                repeat: idempotent
                retries: 0
                settle: 4s
              - {name: Wait, check: {signal: healthy, is: ok, tries: 12, pause: 5s, within: 60s}}
            verify: [{name: Good, signal: errors, at_most: 1%, samples: 2}]
            finally: [{use: http, with: {url: "http://checkout/told"}}]
            watch: {short: 1m, long: 2m, every: 3s, relapse_after: 4, coverage: 0.5}
        """,
    ).plans["undo"]

    healthy = Signal("healthy", "health")
    errors = Signal("errors", "metrics", unit="ratio")
    profile = {"bearer": {"env": "ADMIN_TOKEN"}}
    assert plan == Plan(
        "undo",
        (
            Step(
                "Undo",
                "command",
                {"argv": ["undo", "{{ run.id }}"]},
                timeout=5.0,
                on_error=OnError.CONTINUE,
                repeat=Repeat.IDEMPOTENT,
                retries=0,
                settle=4.0,
            ),
            Check(
                "Wait",
                healthy,
                Look(
                    "http",
                    {"url": "http://checkout:8080/health", "auth": profile},
                    {"expect": {"json": {"status": "healthy"}}},
                ),
                Condition(Op.PASSING),
                tries=12,
                pause=5.0,
                within=60.0,
            ),
        ),
        verify=(
            Check(
                "Good",
                errors,
                Look("prometheus", {"url": "http://prometheus:9090"}, {"query": "rate(x[60s])"}),
                Condition(Op.AT_MOST, 0.01),
                pause=20.0,
                samples=2,
                within=540.0,
            ),
        ),
        final=(Step("http http://checkout/told", "http", {"url": "http://checkout/told"}),),
        watch=WatchPlan(60.0, 120.0, 3.0, 4, 0.5),
        title="Undo it",
        level=3,
        kind="full",
        within=420.0,
        verify_within=540.0,
        resume_within=480.0,
        verify_trigger=False,
    )


def test_a_check_can_look_by_itself(files: Files) -> None:
    plan = files.target(
        HEAD,
        """
        plans:
          undo:
            steps: [{use: command, with: {argv: [undo]}}]
            verify:
              - {get: "http://checkout/flags", auth: admin, json: {on: false, off: true}}
              - {get: "http://checkout/p95", value: data.value, below: 1500ms, timeout: 2s}
              - {get: "http://checkout/p95", value: data.value, unit: ms, below: 1.5s}
              - {get: "http://checkout/up", status: 204}
              - {run: [systemctl, is-active, "check out"]}
        """,
    ).plans["undo"]

    flags, seconds, milliseconds, up, active = plan.verify
    assert flags.name == "GET /flags shows on = false, off = true"
    assert flags.look == Look(
        "http",
        {"url": "http://checkout/flags", "auth": {"bearer": {"env": "ADMIN_TOKEN"}}},
        {"expect": {"json": {"on": False, "off": True}}},
    )
    assert flags.expect == Condition(Op.PASSING)
    assert flags.signal == Signal(flags.name, "")
    assert seconds.name == "GET /p95 data.value below 1500ms"
    assert seconds.look == Look(
        "http", {"url": "http://checkout/p95", "timeout": "2s"}, {"json": "data.value"}
    )
    assert (seconds.expect, seconds.signal.unit) == (Condition(Op.BELOW, 1.5), "s")
    assert (milliseconds.expect, milliseconds.signal.unit) == (Condition(Op.BELOW, 1500.0), "ms")
    assert (up.name, up.look.ask) == ("GET /up answers", {"expect": {"status": 204}})
    assert active.name == "systemctl is-active 'check out' succeeds"
    assert active.look == Look("command", {"argv": ["systemctl", "is-active", "check out"]}, {})


def test_whoever_counts_tries_gets_the_time_for_them(files: Files) -> None:
    plan = files.target(
        HEAD,
        """
        plans:
          undo:
            steps:
              - {use: command, with: {argv: [undo]}}
              - {check: {get: "http://checkout/health", tries: 40, pause: 30s}}
              - {check: {get: "http://checkout/health", tries: 4, pause: 30s}}
        """,
    ).plans["undo"]

    assert [step.within for step in plan.steps if isinstance(step, Check)] == [2400.0, 600.0]


def test_a_step_that_can_be_looked_at_is_observable(files: Files) -> None:
    plan = files.target(
        HEAD,
        """
        plans:
          undo:
            steps:
              - {use: command, with: {argv: [undo]}, done_when: {signal: healthy, is: ok}}
              - {use: command, with: {argv: [undo]}}
        """,
    ).plans["undo"]

    assert [step.repeat for step in plan.steps if isinstance(step, Step)] == [
        Repeat.OBSERVABLE,
        Repeat.ONCE,
    ]


def test_who_is_told_is_told_beside_the_log(files: Files) -> None:
    files.write("d.yaml", "channels: {team: {use: webhook, url: 'http://team'}}")
    files.write("a.yaml", MINIMAL, "notify: [{on: [failed], severity: warning, to: [team]}]")
    files.write("b.yaml", MINIMAL.replace("checkout", "b"), "notify: [{on: [paged], to: [log]}]")

    first, second = files.load("d.yaml", "a.yaml", "b.yaml").targets

    assert first.notify == (
        NotifyRule(on=tuple(Topic), to=("log",)),
        NotifyRule(on=("failed",), to=("team",), severity=Severity.WARNING),
    )
    assert second.notify == (NotifyRule(on=("paged",), to=("log",)),)


def test_the_hash_is_of_the_text_and_of_what_is_laid_under_it(files: Files) -> None:
    one = files.target(MINIMAL)
    defaults = Defaults().model_dump_json(by_alias=True)
    expected = hashlib.sha256(f"{text(MINIMAL)}\n{defaults}".encode()).hexdigest()
    commented = files.target(MINIMAL, "# a comment")
    files.write("d.yaml", "defaults: {every: 5s}")
    over_others = files.load("d.yaml", "a.yaml").targets[0]

    assert one.hash == expected
    assert len({one.hash, commented.hash, over_others.hash}) == 3


def test_auto_names_who_answers_for_it(files: Files) -> None:
    target = files.target(MINIMAL, "mode: auto", "armed_by: Ada")

    assert (target.mode, target.armed_by) == (Mode.AUTO, "Ada")


def test_speed_divides_what_is_watched_and_no_timeout(files: Files) -> None:
    parts = (
        HEAD,
        """
        triggers: {high: {signal: errors, above: 1%, for: 2m, plan: undo}}
        plans:
          undo:
            steps:
              - {use: command, with: {argv: [undo], timeout: 7s}, timeout: 8s}
              - {check: {get: "http://checkout/health", tries: 3, pause: 30s, timeout: 3s}}
            verify: [{signal: errors, below: 1%}]
            watch: {short: 15m}
        """,
    )

    fast, slow = files.target(*parts, speed=60), files.target(*parts)

    trigger = fast.triggers[0]
    assert (trigger.every, trigger.hold) == (20 / 60, 2.0)
    assert (trigger.keep_firing_for, trigger.blind_after) == (2.0, 5.0)
    assert fast.signals["errors"].ask == {"query": "rate(x[1s])", "window": "1s"}
    assert slow.signals["errors"].ask == {"query": "rate(x[60s])"}
    assert fast.signals["errors"].signal.max_staleness == 1.0
    plan = fast.plans["undo"]
    step, check = plan.steps
    assert isinstance(step, Step)
    assert isinstance(check, Check)
    assert (step.timeout, step.options, step.settle) == (
        8.0,
        {"argv": ["undo"], "timeout": "7s"},
        5.0,
    )
    assert (check.pause, check.within, check.look.source["timeout"]) == (0.5, 10.0, "3s")
    assert plan.verify[0].look.ask == {"query": "rate(x[1s])", "window": "1s"}
    assert (plan.within, plan.resume_within, plan.verify_within) == (5.0, 15.0, 10.0)
    assert plan.watch == WatchPlan(short=15.0, long=240.0, every=0.25)
    assert fast.limits == Limits(cooldown=60.0)
    assert fast.triggers[0].terms[0].breach_when == slow.triggers[0].terms[0].breach_when


def test_a_target_that_is_read_twice_is_the_same(files: Files) -> None:
    first, second = files.target(MINIMAL), files.target(MINIMAL)

    assert first == second
    assert replace(first, hash="") != replace(files.target(MINIMAL, "mode: auto", "armed_by: A"))
