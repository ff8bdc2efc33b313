"""Warnings about questions and steps, with the real plugins: each with its file, line and key."""

from pathlib import Path

import pytest

from watchdog import catalog
from watchdog.config.lint_destructive import DESTRUCTIVE
from watchdog.config.loading import load_files
from watchdog.config.problems import ConfigProblems, Problem

HEAD = """\
target: shop
sources:
  prom: {use: prometheus, url: "http://p:9090"}
  slow: {use: prometheus, url: "http://p:9090", every: 5s, scrape_interval: 30s}
  page: {use: scrape, url: "http://shop/metrics", every: 30s}
  health: {use: http, url: "http://shop/health"}
"""
LIFE = """\
  healthy: {from: health}
triggers:
  down: {signal: healthy, fails: 3}
"""
P95 = "histogram_quantile(0.95, sum by (le) (rate(d_seconds_bucket[5m])))"
QUERY = "sum(rate(errors_total[5m]))"


def lines(*parts: str) -> str:
    return "".join(f"  {part}\n" for part in parts)


def a_file(signals: tuple[str, ...], triggers: tuple[str, ...], more: str = "") -> str:
    """A target whose signals begin in line 8."""
    return f"{HEAD}signals:\n{lines(*signals)}{LIFE}{lines(*triggers)}{more}"


def warned(folder: Path, text: str, *, speed: float = 1) -> list[str]:
    """The warnings as people see them, by file, line and key."""
    path = folder / "shop.yaml"
    path.write_text(text)
    loaded = load_files([path], catalog, speed=speed)
    said = [str(one).removeprefix(f"{folder}/") for one in loaded.warnings]
    # Each test asks only some of the sources.
    return [one for one in said if "no signal asks it" not in one]


def refused(folder: Path, text: str) -> list[Problem]:
    path = folder / "shop.yaml"
    path.write_text(text)
    with pytest.raises(ConfigProblems) as raised:
        load_files([path], catalog)
    return list(raised.value.problems)


def one(found: list[str], key: str) -> str:
    """What is said of the only thing there is to say something of."""
    assert len(found) == 1, found
    place, _, text = found[0].partition(f": {key}: ")
    assert place.startswith("shop.yaml:")
    assert text
    return text


def test_a_file_that_means_what_it_says_has_no_warning(tmp_path: Path) -> None:
    signals = (
        f'errors: {{from: prom, query: "{QUERY}", unit: per second}}',
        f'p95: {{from: prom, query: "{P95}", unit: s}}',
        'routes: {from: prom, query: "sum by (route) (rate(errors_total[5m]))", for_each: route}',
        "queues: {from: prom, query: queue_length, series: worst}",
        "rate: {from: page, rate: errors_total, window: 2m}",
    )
    triggers = (
        "errors: {signal: errors, above: 1, for: 1m}",
        "p95: {signal: p95, above: 1500ms, for: 1m}",
        "routes: {signal: routes, above: 1, for: 1m}",
        "queues: {signal: queues, above: 1, for: 1m}",
        "rate: {signal: rate, above: 1, for: 2m}",
    )

    assert warned(tmp_path, a_file(signals, triggers)) == []
    assert warned(tmp_path, a_file(signals, triggers), speed=30) == []


def test_a_window_is_measured_by_the_scrapes_it_holds(tmp_path: Path) -> None:
    def text(source: str, window: str) -> str:
        signal = f'errors: {{from: {source}, query: "sum(rate(errors_total[{window}]))"}}'
        return a_file((signal,), ("errors: {signal: errors, above: 1, for: 1m}",))

    said = one(warned(tmp_path, text("prom", "59s")), "signals.errors.query")
    assert said.startswith("the window of 59 s holds fewer than 4 scrapes, 15 s apart")
    assert warned(tmp_path, text("prom", "59s"))[0].startswith("shop.yaml:8: signals.errors.query")
    # The source says how often its Prometheus scrapes.
    assert "30 s apart" in one(warned(tmp_path, text("slow", "1m")), "signals.errors.query")
    assert "unused" not in "".join(warned(tmp_path, text("slow", "2m")))


def test_a_window_of_a_scraped_page_holds_looks_of_our_own(tmp_path: Path) -> None:
    text = a_file(
        ("errors: {from: page, rate: errors_total, window: 1m}",),
        ("errors: {signal: errors, above: 1, for: 2m}",),
    )

    assert "60 s hold fewer than 4 looks, 30 s apart" in one(
        warned(tmp_path, text), "signals.errors.window"
    )


@pytest.mark.parametrize(
    ("signal", "key", "said"),
    [
        ('s: {from: prom, query: "sum(a) > 1"}', "signals.s", "'>' at the top returns nothing"),
        ('s: {from: prom, query: "sum(rate(up[5m]))"}', "signals.s.query", "looks like a gauge"),
        ('s: {from: prom, query: "sum(a_total)"}', "signals.s.query", "looks like a counter"),
        (
            's: {from: prom, query: "max(wait_seconds)", unit: ms}',
            "signals.s.query",
            "wait_seconds is in seconds, and the signal says 'ms': write `unit: 's'`",
        ),
        ('s: {from: prom, query: "a"}', "signals.s", "may return several series"),
    ],
)
def test_a_query_that_is_hardly_meant_is_named(
    tmp_path: Path, signal: str, key: str, said: str
) -> None:
    found = warned(tmp_path, a_file((signal,), ("t: {signal: s, above: 1, for: 1m}",)))

    assert found[0].startswith(f"shop.yaml:8: {key}: ")
    assert said in one(found, key)


def test_times_in_two_units_are_named(tmp_path: Path) -> None:
    text = a_file(
        (
            "p95: {from: prom, query: sum(a), unit: s}",
            "mean: {from: prom, query: sum(b), unit: ms}",
        ),
        (
            "p95: {signal: p95, above: 1s, for: 1m}",
            "mean: {signal: mean, above: 1s, for: 1m}",
        ),
    )

    said = one(warned(tmp_path, text), "signals.mean.unit")
    assert said.startswith("is in 'ms', and signal 'p95' in 's': let all answer in one unit")


def test_looks_faster_than_scrapes_prove_nothing_by_their_number(tmp_path: Path) -> None:
    def text(fails: int) -> str:
        return a_file(
            ("up: {from: slow, query: sum(up)}",), (f"up: {{signal: up, fails: {fails}}}",)
        )

    said = one(warned(tmp_path, text(11)), "triggers.up.fails")
    assert said.startswith("11 looks, 5 s apart, may all see the same scrape")
    assert warned(tmp_path, text(12)) == []


PLAN = """\
plans:
  undo: {steps: [{use: command, with: {argv: [undo]}, repeat: once}]}
"""
BUDGET = "spent: {signal: budget, above: 95%, for: 5m, once_per: version, plan: undo}"
BURN = f'burn: {{from: prom, query: "{QUERY}", volume: sum(a), unit: ratio}}'


def budget_file(*triggers: str, burn: str = BURN) -> str:
    return a_file(
        ('budget: {from: health, json: used, unit: "%"}', burn),
        triggers,
        PLAN,
    )


def test_a_spent_budget_needs_what_shows_that_it_still_burns(tmp_path: Path) -> None:
    def unproven(*triggers: str, burn: str = BURN) -> list[str]:
        found = warned(tmp_path, budget_file(*triggers, burn=burn))
        return [one for one in found if "stays spent whatever is rolled back" in one]

    other = "burn: {signal: burn, above: 1%, for: 1m}"
    assert one(unproven(BUDGET, other), "triggers.spent.once_per").startswith(
        "what it watches stays spent"
    )
    # A burn rate with the same plan, or beside it.
    fast = other.replace("for: 1m", "for: 1m, plan: undo")
    assert unproven(BUDGET, fast) == []
    both = "spent: {all: [{signal: budget, above: 95%}, {signal: burn, above: 1%}], for: 5m, "
    assert unproven(both + "once_per: version, plan: undo}") == []
    # Over a day it says nothing of now.
    assert unproven(BUDGET, fast, burn=BURN.replace("5m", "1d")) != []


# -- what destroys


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ("[npx, prisma, migrate, reset, --force]", "prisma migrate reset"),
        ("[npx, prisma, db, push, --force-reset]", "prisma db push --force-reset"),
        ("[rails, 'db:drop']", "migrate:fresh, migrate:reset, db:drop, db:reset"),
        ("[alembic, downgrade, base]", "alembic downgrade base"),
        ("[python, manage.py, flush]", "manage.py flush, manage.py reset_db"),
        ("[dropdb, shop]", "dropdb"),
        ("[psql, -c, 'DROP DATABASE shop']", "DROP DATABASE, SCHEMA, TABLE, USER"),
        ("[psql, -c, truncate orders]", "TRUNCATE"),
        ("[psql, -c, delete from orders;]", "DELETE FROM without WHERE"),
        ("[redis-cli, FLUSHALL]", "FLUSHALL, FLUSHDB"),
        ("[rm, -r, -f, /data]", "rm -rf"),
        ("[sh, -c, 'cd /x && rm -rf y']", "rm -rf"),
        ("[mkfs.ext4, /dev/sda]", "mkfs, wipefs, dd of="),
        ("[terraform, destroy]", "terraform destroy"),
        ("[kubectl, -n, x, delete, pvc, data]", "kubectl delete namespace, pv, pvc, --all"),
        ("[helm, uninstall, shop]", "helm uninstall"),
        ("[docker, compose, down, -v]", "docker volume rm, docker compose down -v"),
        ("[aws, s3, rm, --recursive, 's3://x']", "aws s3 rb, aws s3 rm --recursive"),
        (
            "[aws, rds, delete-db-instance]",
            "delete-db-instance, delete-db-cluster, delete-table, delete-stack",
        ),
        ("[git, push, --force]", "git push --force, git reset --hard"),
    ],
)
def test_a_command_that_destroys_is_named(tmp_path: Path, argv: str, name: str) -> None:
    text = a_file((), ("up: {signal: healthy, fails: 3, plan: undo}",), PLAN)

    found = warned(tmp_path, text.replace("[undo]", argv))

    assert found[0].startswith("shop.yaml:13: ")
    assert one(found, "plans.undo.steps[0].with.argv") == (
        f"this destroys data that no further step brings back ({name}): take it out of the plan, "
        "or let a person do it by hand"
    )


def test_an_address_or_a_body_that_destroys_is_named(tmp_path: Path) -> None:
    step = '{use: http, with: {url: "http://x/%s"%s}, repeat: once}'

    def text(*words: str) -> str:
        plan = PLAN.replace("{use: command, with: {argv: [undo]}, repeat: once}", step % words)
        return a_file((), ("up: {signal: healthy, fails: 3, plan: undo}",), plan)

    assert "(FLUSHALL, FLUSHDB)" in one(
        warned(tmp_path, text("flushall", "")), "plans.undo.steps[0].with.url"
    )
    assert "(DROP DATABASE" in one(
        warned(tmp_path, text("sql", ", json: {sql: drop table x}")),
        "plans.undo.steps[0].with.json",
    )
    assert warned(tmp_path, text("truncated", ", json: {sql: delete from x where y = 1}")) == []


def test_every_destructive_command_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/lint.md").read_text()
    table = page.partition("## What destroys")[2].partition("\n## ")[0]
    rows = [row.split("|")[1].strip(" `") for row in table.splitlines() if row.startswith("| `")]

    assert rows == list(DESTRUCTIVE)


# -- refused, with a place


@pytest.mark.parametrize(
    ("signal", "trigger", "line", "key", "said"),
    [
        (
            "s: {from: prom, query: sum(a)}",
            "t: {signal: s, for: 1m}",
            12,
            "triggers.t",
            "condition",
        ),
        ("s: {from: prom, query: sum(a)}", "t: {above: 1, for: 1m}", 12, "triggers.t", "`signal`"),
        (
            "s: {from: prom, query: sum(a)}",
            "t: {signal: z, above: 1, for: 1m}",
            12,
            "triggers.t.signal",
            "there is no signal 'z'",
        ),
        (
            "s: {from: nowhere, query: sum(a)}",
            "t: {signal: s, above: 1, for: 1m}",
            8,
            "signals.s.from",
            "there is no source 'nowhere'",
        ),
        (
            "s: {from: prom, query: sum(a)}",
            "t: {signal: s, above: 1, for: 1m, severity: grave}",
            12,
            "triggers.t.severity",
            "'grave' is not known here",
        ),
        (
            "s: {from: prom, query: sum(a), unit: ratio}",
            "t: {signal: s, above: 3s, for: 1m}",
            12,
            "triggers.t.above",
            "'s' does not fit signal 's', which is in 'ratio'",
        ),
        (
            "s: {from: prom, query: sum(a)}",
            "t: {signal: s, above: 3 parsecs, for: 1m}",
            12,
            "triggers.t.above",
            "'parsecs' is no unit that is known here",
        ),
        (
            "s: {from: prom, query: sum(a), for_each: a-b}",
            "t: {signal: s, above: 1, for: 1m}",
            8,
            "signals.s.for_each",
            "",
        ),
        (
            "s: {from: prom, query: sume(a)}",
            "t: {signal: s, above: 1, for: 1m}",
            8,
            "signals.s.query",
            "unknown function",
        ),
        (
            's: {from: prom, query: "rate(a)"}',
            "t: {signal: s, above: 1, for: 1m}",
            8,
            "signals.s.query",
            "not PromQL",
        ),
        (
            's: {from: prom, query: "a[5m]"}',
            "t: {signal: s, above: 1, for: 1m}",
            8,
            "signals.s.query",
            "returns a range vector",
        ),
        (
            "s: {from: prom, query: '\"a\"'}",
            "t: {signal: s, above: 1, for: 1m}",
            8,
            "signals.s.query",
            "returns a string",
        ),
    ],
)
def test_what_can_never_be_decided_is_refused_with_its_place(  # noqa: PLR0917 (a table's row)
    tmp_path: Path, signal: str, trigger: str, line: int, key: str, said: str
) -> None:
    problems = refused(tmp_path, a_file((signal,), (trigger,)))

    found = [problem for problem in problems if problem.key == key]
    assert found, problems
    assert found[0].line == line
    assert said in found[0].text
