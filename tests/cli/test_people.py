"""A person's side: pause, resume, clear, kill, rollback, report, with a daemon and without."""

import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.bed.command_line import called, daemon
from tests.bed.shop import Shop, a_shop, wait_until, write_files


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def bodies(folder: Path, kind: str) -> list[str]:
    """The events of one kind as the journal holds them, in JSON."""
    path = folder / "state/journal.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT body FROM events WHERE kind = ? ORDER BY seq", (kind,))
        return [body for (body,) in found]


def test_a_pause_and_its_end_are_on_record_with_the_user_and_the_name(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file) as running:
        paused = called("pause", file, "--target", "shop", "--reason", "a release", "--by", "Ann")
        assert (paused.code, paused.out) == (0, "target shop is paused until somebody resumes\n")
        assert running.target["paused"] == {"by": "Ann", "reason": "a release", "until": None}

        shop.bad = True
        assert running.wait_for("decision")["refusal"] == "paused"

        resumed = called("resume", file, "--target", "shop", "--json")
        assert resumed.json["done"] == "target shop is resumed"
        running.wait_for("run_ended")

    pause, resume = bodies(tmp_path, "CommandReceived")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert '"by":"Ann","command":"pause","detail":"shop: a release"' in pause
    assert f'"uid":{os.getuid()},"user":"","via":"socket"' in pause
    assert f'"by":"{user}","command":"resume"' in resume


def test_a_pause_of_all_ends_by_itself_when_it_was_told_to(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file) as running:
        said = called("pause", file, "--reason", "a drill", "--for", "2s")
        assert said.out.startswith("all targets are paused until 2")
        assert [one["reason"] for one in running.target["refusals"]] == ["paused"]

        wait_until(lambda: running.target["would_act"], "the pause is over")


def test_a_pause_stops_no_run_and_says_so_and_the_kill_switch_does(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop)
    shop.hold()
    with daemon(file) as running:
        shop.bad = True
        wait_until(lambda: shop.undone == 1, "the step is under way")

        paused = called("pause", file, "--reason", "stop!")
        assert "is under way and goes on: a pause stops no run, the kill switch" in paused.out
        assert running.target["run"]["stopping"] == ""

        killed = called("kill", file, "--on", "--reason", "stop!")
        assert "starts no further step" in killed.out
        shop.released.set()
        assert running.wait_for("run_ended")["outcome"] == "stopped"


def test_a_failed_run_latches_until_a_named_person_says_what_they_found(
    shop: Shop, tmp_path: Path
) -> None:
    shop.cures = False
    file = write_files(tmp_path, shop)
    with daemon(file) as running:
        shop.bad = True
        assert running.wait_for("run_ended")["outcome"] == "failed"
        assert "latched" in [one["reason"] for one in running.target["refusals"]]

        nameless = called("clear", file, "--target", "shop", "--assessment", "fine")
        assert nameless.code == 2

        cleared = called(
            *("clear", file, "--target", "shop", "--by", "Ann"),
            *("--assessment", "the release was pulled"),
        )
        assert cleared.code == 0
        assert cleared.out.startswith("target shop: the latch (run shop-")
        assert "target_limit" in cleared.out
        assert running.target["latched"] == ""

        again = called(
            *("clear", file, "--target", "shop", "--by", "Ann"), *("--assessment", "once more")
        )
        assert again.code == 6
        assert "nothing to clear" in again.err

    (body,) = bodies(tmp_path, "LatchCleared")
    assert '"assessment":"the release was pulled"' in body


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("pause", "--reason", " "), 2, "pause: reason: must not be empty"),
        (("pause", "--reason", "x", "--target", "shopp"), 2, "did you mean 'shop'?"),
        (("pause", "--reason", "x", "--for", "soon"), 2, "--for: 'soon' is not a duration"),
        (("resume",), 6, "there is no pause of all targets"),
        (("resume", "--target", "shop"), 6, "target shop is not paused"),
        (("kill", "--off", "--reason", "x"), 6, "the kill switch is not on"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(
    at_work: Path, words: tuple[str, ...], code: int, text: str
) -> None:
    said = called(words[0], at_work, *words[1:])

    assert said.code == code
    assert text in said.err


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a daemon that runs, for tests that change nothing."""
    with a_shop() as shop:
        file = write_files(tmp_path_factory.mktemp("at-work"), shop)
        with daemon(file):
            yield file


def test_a_rollback_by_hand_goes_through_the_daemon_and_is_followed_to_its_end(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop, mode="alert-only")
    with daemon(file) as running:
        said = called("rollback", file, "undo", "--reason", "a bad release", "--by", "Ann", "-y")

        assert said.code == 0, said.err
        assert "POST" in said.out.partition("began")[0], "the plan is shown first"
        for part in (
            "began, by Ann: a bad release",
            "step 1: Undo the release",
            "check healthy is ok: ok",
            "verification: passed",
            "report: ",
            "verified: the checks prove that it helped",
        ):
            assert part in said.out
        assert shop.undone == 1
        assert running.status["incidents"][0]["runs"][0]["by"] == "Ann"


def test_a_rollback_that_does_not_help_is_not_zero(shop: Shop, tmp_path: Path) -> None:
    shop.bad, shop.cures = True, False
    file = write_files(tmp_path, shop, mode="alert-only")
    with daemon(file):
        said = called("rollback", file, "undo", "--reason", "x", "--yes", "--json")

    assert said.code == 1
    assert said.json["outcome"] in ("failed", "partially_applied")


def test_nobody_to_ask_and_no_yes_sends_nothing(shop: Shop, tmp_path: Path) -> None:
    said = called("rollback", write_files(tmp_path, shop), "undo", "--reason", "x")

    assert said.code == 2
    assert "give --yes" in said.err
    assert shop.asked == []


def test_only_the_plan_that_was_shown_is_carried_out(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file):
        said = called("rollback", file, "undo", "--reason", "x", "--yes", "--speed", "2")

    assert said.code == 6
    assert "is another one" in said.err
    assert shop.undone == 0


def test_a_rollback_while_the_kill_switch_is_on_is_refused(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file):
        called("kill", file, "--on", "--reason", "a drill")
        with_daemon = called("rollback", file, "undo", "--reason", "x", "--yes")
    without = called("rollback", file, "undo", "--reason", "x", "--yes")

    assert (with_daemon.code, without.code) == (6, 6)
    assert "the kill switch is on: command of" in with_daemon.err
    assert "the kill switch is on: command of" in without.err
    assert shop.undone == 0


def test_without_a_daemon_it_is_the_same_run_with_the_same_journal_and_report(
    shop: Shop, tmp_path: Path
) -> None:
    shop.bad = True
    file = write_files(tmp_path, shop, mode="alert-only")

    said = called("rollback", file, "undo", "--reason", "no daemon", "--by", "Ann", "--yes")

    assert said.code == 0, said.err
    assert "no daemon is running: the plan is carried out by this process" in said.out
    assert shop.undone == 1
    (report,) = (tmp_path / "state/reports").glob("*.md")
    assert "Ann" in report.read_text()
    (received, *_) = bodies(tmp_path, "CommandReceived")
    assert '"command":"rollback","detail":"shop/undo: no daemon"' in received
    assert f'"uid":{os.getuid()}' in received

    printed = called("report", "last", file)
    assert printed.code == 0
    assert printed.out.partition("\n")[0] == report.read_text().partition("\n")[0]
    assert report.stem in printed.out

    with daemon(file) as running:
        wait_until(lambda: running.target["watch"], "the daemon takes the watch up")


def test_what_a_crash_left_half_done_comes_first_and_instead(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    shop.hold()
    with daemon(file) as running:
        shop.bad = True
        wait_until(lambda: shop.undone == 1, "the step is under way")
        running.process.kill()
        running.end()
    shop.released.set()
    wait_until(lambda: not shop.bad, "the step had its effect")

    said = called("rollback", file, "undo", "--reason", "the daemon died", "--yes")

    assert said.code == 0, said.err
    assert "is taken up again" in said.out
    assert shop.undone == 1
    assert len(bodies(tmp_path, "RunStarted")) == 1


def test_a_daemon_that_holds_the_journal_but_does_not_answer_is_not_worked_around(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file):
        (tmp_path / "state/journal.sock").unlink()
        said = called("rollback", file, "undo", "--reason", "x", "--yes")

    assert said.code == 4
    assert "is using it" in said.err
    assert shop.undone == 0


def test_the_report_of_an_unknown_run_names_those_there_are(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    called("rollback", file, "undo", "--reason", "x", "--yes")

    said = called("report", "none", file)

    assert said.code == 2
    assert "knows no run 'none'; the last ones: shop-" in said.err
    folder = tmp_path / "out"
    assert called("report", "last", file, "--to", folder).code == 0
    assert sorted(path.suffix for path in folder.iterdir()) == [".md", ".svg"]
