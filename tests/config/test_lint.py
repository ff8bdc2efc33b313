from tests.config.small_plugins import MINIMAL, Files

HEAD = """
target: checkout
sources: {metrics: {use: prometheus, url: "http://m"}, health: {use: http, url: "http://h"}}
signals:
  {errors: {from: metrics, query: q}, p95: {from: metrics, query: p}, healthy: {from: health}}
"""
USE_IT = "remove it, or name it where it belongs"
PLANS = """
plans:
  undo: {steps: [{use: command, with: {argv: [undo]}, repeat: once}]}
  more: {steps: [{use: command, with: {argv: [more]}, repeat: once}]}
"""
DOWN = "down: {signal: healthy, fails: 3, plan: undo}"
HIGH = "high: {signal: errors, above: 1%, for: 5m, plan: more}"
SLOW = "slow: {signal: p95, above: 3s, for: 5m, plan: more}"


def triggers(*entries: str) -> str:
    return "triggers: {" + ", ".join(entries) + "}"


def test_a_file_that_is_well_meant_has_no_warning(files: Files) -> None:
    assert files.warnings(MINIMAL) == []
    assert files.warnings(HEAD, triggers(DOWN, HIGH, SLOW), PLANS) == []


def test_numbers_alone_do_not_see_a_service_die(files: Files) -> None:
    said = (
        "a.yaml:5: triggers: a service that dies sends no numbers, and no number is no breach: "
        "add a trigger with `fails` on a health signal"
    )
    undo = HIGH.replace("more", "undo")
    alive = "alive: {signal: healthy, below: 1, plan: undo}"

    assert said in files.warnings(HEAD, triggers(undo, SLOW), PLANS)
    assert said in files.warnings(
        HEAD, triggers("fast: {signal: p95, below: 1s, plan: undo}"), PLANS
    )
    assert said not in files.warnings(HEAD, triggers(undo, SLOW, alive), PLANS)


def test_a_file_without_triggers_watches_nothing(files: Files) -> None:
    assert "a.yaml:1: target: nothing is watched: there are no triggers" in files.warnings(
        HEAD, PLANS
    )


def test_a_hold_shorter_than_two_looks_is_hardly_one(files: Files) -> None:
    short = SLOW.replace("5m", "29s")

    assert files.warnings(HEAD, triggers(DOWN, HIGH, short), PLANS) == [
        (
            "a.yaml:5: triggers.slow.for: is shorter than two looks, 15 s apart; give it more "
            "time, or the source a shorter `every`"
        )
    ]
    assert files.warnings(HEAD, triggers(DOWN, HIGH, short.replace("29s", "30s")), PLANS) == []


def test_speed_changes_no_warning(files: Files) -> None:
    files.write("a.yaml", HEAD, triggers(DOWN, HIGH, SLOW.replace("5m", "30s")), PLANS)

    assert files.load("a.yaml", speed=30).warnings == ()


def test_a_trigger_that_another_forestalls_has_no_effect(files: Files) -> None:
    higher = "higher: {signal: errors, above: 5%, for: 6m, plan: more}"
    said = (
        "a.yaml:5: triggers.higher: has no effect: whenever it fires, 'high' has started the "
        "same plan"
    )

    assert files.warnings(HEAD, triggers(DOWN, SLOW, HIGH, higher), PLANS) == [said]
    for other in (
        higher.replace("6m", "4m"),
        higher.replace("5%", "0.5%"),
        higher.replace("more", "undo"),
        higher.replace("plan:", "severity: critical, plan:"),
        higher.replace("above", "below"),
        higher.replace("errors", "p95").replace("5%", "5s"),
    ):
        assert said not in files.warnings(HEAD, triggers(DOWN, SLOW, HIGH, other), PLANS), other


def test_what_nobody_uses_is_named(files: Files) -> None:
    assert files.warnings(
        HEAD,
        triggers(DOWN),
        PLANS,
        "auth: {admin: {bearer: {env: ADMIN_TOKEN}}}",
    ) == [
        f"a.yaml:4: signals.errors: no trigger or check reads it; {USE_IT}",
        f"a.yaml:4: signals.p95: no trigger or check reads it; {USE_IT}",
        f"a.yaml:8: plans.more: no trigger starts it; {USE_IT}",
        f"a.yaml:9: auth.admin: no request uses it; {USE_IT}",
    ]


def test_a_source_without_signals_is_named(files: Files) -> None:
    unused = HEAD.replace("health: {use", "spare: {use: http, url: 'http://x'}, health: {use")

    assert files.warnings(unused, triggers(DOWN, HIGH, SLOW), PLANS) == [
        f"a.yaml:2: sources.spare: no signal asks it; {USE_IT}"
    ]


def test_a_step_that_nobody_can_look_at_is_named_unless_somebody_says_so(files: Files) -> None:
    blind = PLANS.replace(", repeat: once}]}\n  more", "}]}\n  more")

    assert files.warnings(HEAD, triggers(DOWN, HIGH, SLOW), blind) == [
        (
            "a.yaml:7: plans.undo.steps[0]: when its answer is lost, nobody can tell whether it "
            "happened, and the run stops; give it `done_when`, or say `repeat: idempotent` or "
            "`repeat: once`"
        )
    ]


def test_a_slow_step_that_is_looked_at_says_how_long_its_effect_may_take(files: Files) -> None:
    slow = "{use: command, with: {argv: [undo]}, done_when: {get: 'http://h'}"
    said = [
        (
            "a.yaml:7: plans.undo.steps[0]: may take 30 s, and what done_when does not see 5 s "
            "later is done again; give it a `settle` longer than the slowest effect"
        )
    ]

    for more, warnings in (
        ("", said),
        (", timeout: 10s", []),
        (", settle: 5s", []),
        (", repeat: idempotent", []),
    ):
        plans = PLANS.replace("{use: command, with: {argv: [undo]}, repeat: once", slow + more)
        assert files.warnings(HEAD, triggers(DOWN, HIGH, SLOW), plans) == warnings, more


def test_a_share_without_a_volume_is_named(files: Files) -> None:
    share = HEAD.replace("query: q", "query: q, unit: ratio")

    assert files.warnings(share, triggers(DOWN, HIGH, SLOW), PLANS) == [
        (
            "a.yaml:4: signals.errors: one failed request of one is 100 %: give it a `volume`, so "
            "that little traffic is unknown"
        )
    ]
    counted = share.replace("query: q", "query: q, volume: v")
    assert files.warnings(counted, triggers(DOWN, HIGH, SLOW), PLANS) == []


def test_a_plugin_says_what_it_thinks_of_a_question(files: Files) -> None:
    asked = HEAD.replace("query: q", "query: 'q > 1'")

    assert files.warnings(asked, triggers(DOWN, HIGH, SLOW), PLANS) == [
        "a.yaml:4: signals.errors: the comparison hides what is missing"
    ]
