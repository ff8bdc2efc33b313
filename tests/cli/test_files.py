"""Commands that only read files: check, plan, schema, audit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bed.command_line import called, command
from tests.bed.journals import execute, written
from tests.bed.shop import Shop, write_files
from watchdog.config.json_schema import json_schemas
from watchdog.domain.events import DaemonStarted, DaemonStopped

NOWHERE = Shop(url="http://127.0.0.1:9")


def said(*words: object) -> tuple[int, str]:
    """The command's exit code and what it printed."""
    done = called(*words)
    return done.code, done.out


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_files(tmp_path, NOWHERE)


# -- check


def test_a_file_without_mistakes_is_ok(file: Path) -> None:
    assert said("check", file) == (0, "ok: target shop (auto, armed by ann): 1 trigger, 1 plan\n")


def test_every_mistake_is_said_with_its_place(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "shop.yaml"
    target.write_text(target.read_text().replace("plan: undo", "plan: undoo") + "modus: auto\n")

    code, text = said("check", file)

    assert code == 2
    assert f"error: {target}:9: triggers.down.plan: there is no plan 'undoo'; did you" in text
    assert f"error: {target}:20: modus: unknown key; did you mean 'mode'?" in text
    assert text.endswith("2 errors; nothing was started\n")


def test_mistakes_are_json_for_a_machine(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "shop.yaml"
    target.write_text(target.read_text() + "modus: auto\n")

    code, text = said("check", file, "--json")

    (problem,) = json.loads(text)["problems"]
    assert (code, problem["line"], problem["key"]) == (2, 20, "modus")


def test_warnings_are_listed_and_stop_only_the_strict(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "shop.yaml"
    # Nothing watches whether the service is there at all.
    ratio = target.read_text().replace(
        "down: {signal: healthy, fails: 3, plan: undo}",
        "slow: {signal: latency, above: 3s, for: 5m, plan: undo}",
    )
    latency = '  latency: {from: metrics, query: "a_metric", unit: s}\n'
    ratio = ratio.replace("signals:\n", f"signals:\n{latency}").replace(
        "sources:\n", 'sources:\n  metrics: {use: prometheus, url: "http://127.0.0.1:9"}\n'
    )
    target.write_text(ratio)

    code, text = said("check", file)

    assert code == 0
    assert text.startswith(f"warning: {target}:")
    assert said("check", file, "--strict")[0] == 1


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    code, text = said("check", tmp_path / "none.yaml")

    assert code == 2
    assert "none.yaml: cannot be read" in text


# -- plan


def test_a_plan_is_what_would_be_sent_in_order_with_its_hash(file: Path) -> None:
    code, text = said("plan", file, "undo")

    assert code == 0
    assert text.index("POST http://127.0.0.1:9/undo") < text.index("healthy is ok")
    assert "trigger down no longer breaches" in text
    assert text.splitlines()[-1].startswith("hash ")


def test_a_plan_shows_all_that_decides_what_is_done(file: Path, tmp_path: Path) -> None:
    undo = "{use: command, with: {argv: [back]}, if: {run: cause, is_not: security}, repeat: once}"
    steps = f"""
  other:
    steps:
      - name: divert
        use: command
        with: {{argv: [divert]}}
        look_first: true
        done_when: {{run: [diverted]}}
        expires: {{after: 60m}}
        undo: {undo}
      - {{check: {{run: [good], wait: 5m, fails_after: 3}}, on_error: undo_last}}
    finally: [{{use: command, with: {{argv: [tell]}}}}]
"""
    target = tmp_path / "shop.yaml"
    target.write_text(target.read_text().replace("plans:\n", f"plans:{steps}"))

    code, text = said("plan", file, "other")

    assert code == 0, text
    assert "taken back by command: back; only if: run.cause is not security" in text
    assert "done when: diverted succeeds; looked at first, and not sent where it is done" in text
    assert "lapses after 1h; warned of 10m before; renewed 1 time while still needed" in text
    assert "first look after 5m" in text
    assert "fails at 3 bad looks in a row" in text
    assert "always at last" not in text
    assert "at last, unless it was stopped" in text


def test_the_hash_is_of_what_would_be_sent_alone(file: Path, tmp_path: Path) -> None:
    def hash_of() -> str:
        plan_hash: str = json.loads(said("plan", file, "undo", "--json")[1])["hash"]
        return plan_hash

    before = hash_of()
    target = tmp_path / "shop.yaml"
    target.write_text("# a remark\n" + target.read_text())
    assert hash_of() == before

    target.write_text(target.read_text().replace("/undo", "/redo"))
    assert hash_of() != before


def test_a_plan_that_does_not_exist_names_those_that_do(file: Path) -> None:
    done = called("plan", file, "redo")

    assert done.code == 2
    assert "target shop has no plan 'redo'; there are: undo" in done.err


def test_among_several_targets_one_must_be_named(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text((tmp_path / "shop.yaml").read_text().replace("target: shop", "target: other"))

    done = called("plan", file, other, "undo")
    assert (done.code, "choose with --target: other, shop" in done.err) == (2, True)

    assert said("plan", file, other, "undo", "--target", "other")[0] == 0


# -- schema


@pytest.mark.parametrize("kind", ["target", "daemon"])
def test_the_schema_is_that_of_the_files(kind: str) -> None:
    assert said("schema", kind) == (0, json_schemas()[f"{kind}.schema.json"])


# -- audit


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    written(path, DaemonStarted("1.0", 1, ("shop",)), DaemonStopped("a"), DaemonStopped("b"))
    return path


def test_an_untouched_journal_is_intact_and_gives_its_head(journal: Path) -> None:
    code, text = said("audit", "verify", "--journal", journal)

    assert code == 0
    assert text.startswith(f"ok: 3 records of {journal} are as they were written\n")
    assert "head: 3:" in text


def test_a_touched_record_is_found(journal: Path) -> None:
    execute(journal, "UPDATE events SET body = replace(body, '1.0', '1.1') WHERE seq = 1")

    code, text = said("audit", "verify", "--journal", journal)

    assert code == 1
    assert "NOT INTACT" in text
    assert "record 1" in text


def test_a_journal_cut_off_is_found_with_an_anchor_alone(journal: Path) -> None:
    head = json.loads(said("audit", "verify", "--journal", journal, "--json")[1])["head"]
    execute(journal, "DELETE FROM events WHERE seq = 3")

    assert said("audit", "verify", "--journal", journal)[0] == 0
    code, text = said("audit", "verify", "--journal", journal, "--anchor", head)
    assert code == 1
    assert "record 3 is missing" in text


# -- the command itself


def test_mistakes_are_a_line_and_an_exit_code_and_never_a_traceback(tmp_path: Path) -> None:
    wrong_file = command("plan", tmp_path / "none.yaml", "undo")
    no_journal = command("audit", "verify", "--journal", tmp_path / "none.db")
    no_daemon = command("resume", "--socket", tmp_path / "none.sock")
    wrong_word = command("undo")

    assert [said.code for said in (wrong_file, no_journal, no_daemon, wrong_word)] == [2, 4, 5, 2]
    assert wrong_file.err.startswith("rollback-watchdog: ")
    assert no_journal.err.startswith("rollback-watchdog: there is no journal")
    assert "there is no such socket" in no_daemon.err
    for each in (wrong_file, no_journal, no_daemon, wrong_word):
        assert "Traceback" not in each.err


def test_help_and_version_come_quickly_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; sys.argv = ['rollback-watchdog', '--help']\n"
        "from watchdog.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'aiohttp', 'pydantic', 'apscheduler', 'rich', 'jinja2', 'asyncio', 'yaml'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "rollback" in done.stdout


def test_the_version_is_printed() -> None:
    code, text = said("--version")

    assert code == 0
    assert text.startswith("rollback-watchdog ")
