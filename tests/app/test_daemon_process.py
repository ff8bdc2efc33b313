"""The daemon as a process of its own: what it does on signals, on changed files, on faults."""

import os
import signal
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.bed.command_line import Running, command, daemon
from tests.bed.room import no_more_room, room_again
from tests.bed.shop import Shop, a_free_port, a_shop, wait_until, write_files


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def fetched(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 (loopback)
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def kinds(journal: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        return [kind for (kind,) in connection.execute("SELECT kind FROM events ORDER BY seq")]


def test_a_service_that_breaks_is_rolled_back_once_verified_and_reported(
    shop: Shop, tmp_path: Path
) -> None:
    with daemon(write_files(tmp_path, shop)) as running:
        assert running.target["would_act"] is True

        shop.bad = True
        ended = running.wait_for("run_ended")
        report = Path(running.wait_for("report_written")["path"])

    assert ended["outcome"] == "succeeded"
    assert shop.undone == 1
    assert report.read_text().startswith("# ")


def test_an_alert_only_daemon_sends_nothing_and_says_what_it_would(
    shop: Shop, tmp_path: Path
) -> None:
    with daemon(write_files(tmp_path, shop, mode="alert-only")) as running:
        shop.bad = True
        decided = running.wait_for("decision")

        assert decided["refusal"] == "alert_only"
        assert [one["reason"] for one in running.target["refusals"]] == ["alert_only"]

    assert shop.undone == 0


def test_a_second_daemon_on_one_journal_refuses_and_names_the_first(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file) as running:
        said = command("run", file)

        assert said.code == 4
        assert f"process {running.pid} on " in said.err
        assert "is using it; one journal has one daemon" in said.err
        assert running.target["would_act"] is True


def test_sigterm_ends_it_in_order_and_leaves_nothing_behind(shop: Shop, tmp_path: Path) -> None:
    with daemon(write_files(tmp_path, shop)) as running:
        assert (tmp_path / "state/journal.sock").exists()
        running.signal(signal.SIGTERM)

        assert running.end() == 0

    assert not (tmp_path / "state/journal.sock").exists()
    assert "DaemonStopped" in kinds(tmp_path / "state/journal.db")


def test_sigterm_in_a_step_lets_it_finish_and_the_next_start_goes_on(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop)
    shop.hold()
    with daemon(file) as running:
        shop.bad = True
        wait_until(lambda: shop.undone == 1, "the step is under way")
        running.signal(signal.SIGTERM)
        wait_until(lambda: running.status["daemon"]["unable"] == ["it is stopping"], "it stops")
        shop.released.set()

        assert running.end() == 0
        assert running.logged("step_answered")[-1]["ok"] is True
        assert running.logged("run_parked")[-1]["reason"] == "SIGTERM"

    with daemon(file) as running:
        assert running.wait_for("run_ended")["outcome"] == "succeeded"
    assert shop.undone == 1


def test_a_broken_file_is_refused_whole_and_the_old_one_goes_on(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    target = tmp_path / "shop.yaml"
    good = target.read_text()
    with daemon(file) as running:
        target.write_text(good.replace("fails: 3", "fails: 30") + "nonsense: 1\n")
        running.signal(signal.SIGHUP)
        running.wait_for("config_refused")

        status = running.status
        assert "shop.yaml:20: nonsense: unknown key" in status["daemon"]["refused"]
        assert status["targets"][0]["triggers"][0]["condition"] == "fails 3 times"

        target.write_text(good.replace("fails: 3", "fails: 4"))
        running.signal(signal.SIGHUP)
        running.wait_for("config_loaded", 2)

        wait_until(lambda: running.status["daemon"]["refused"] == "", "it is taken over")
        assert running.target["triggers"][0]["condition"] == "fails 4 times"


def test_a_reload_leaves_it_live(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop, listen="127.0.0.1:0")
    with daemon(file) as running:
        url = running.logged("opened")[-1]["pages"]
        target = tmp_path / "shop.yaml"
        target.write_text(target.read_text().replace("fails: 3", "fails: 4"))
        running.signal(signal.SIGHUP)
        running.wait_for("config_loaded", 2)

        assert fetched(f"{url}/livez") == (200, "ok\n")


def test_a_target_that_comes_or_goes_needs_a_restart(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file) as running:
        other = (tmp_path / "shop.yaml").read_text().replace("target: shop", "target: other")
        (tmp_path / "other.yaml").write_text(other)
        file.write_text(file.read_text().replace("[shop.yaml]", "[shop.yaml, other.yaml]"))
        running.signal(signal.SIGHUP)

        refused = running.wait_for("config_refused")
        assert refused["error"] == "targets were added or removed (other): restart the daemon"


def test_the_kill_file_holds_everything_back_for_as_long_as_it_exists(
    shop: Shop, tmp_path: Path
) -> None:
    with daemon(write_files(tmp_path, shop)) as running:
        (tmp_path / "state/KILL").touch()
        running.wait_for("kill_switch_changed")
        shop.bad = True
        decided = running.wait_for("decision")
        assert decided["refusal"] == "kill_switch"

        (tmp_path / "state/KILL").unlink()
        running.wait_for("kill_switch_changed", 2)
        running.wait_for("run_ended")

    assert shop.undone == 1


def test_the_signals_throw_and_release_the_kill_switch(shop: Shop, tmp_path: Path) -> None:
    with daemon(write_files(tmp_path, shop)) as running:
        running.signal(signal.SIGUSR1)
        running.wait_for("kill_switch_changed")
        assert running.status["daemon"]["kill_switch"] == "signal USR1"

        running.signal(signal.SIGUSR2)
        running.wait_for("kill_switch_changed", 2)
        assert running.status["daemon"]["kill_switch"] == ""


def test_a_signal_that_comes_while_it_starts_throws_the_kill_switch(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop)
    text, real = file.read_text(), file.with_suffix(".real")
    file.rename(real)
    os.mkfifo(file)

    def while_it_reads_its_file(running: Running) -> None:
        with file.open("w") as pipe:
            real.rename(file)
            running.signal(signal.SIGUSR1)
            running.signal(signal.SIGUSR2)
            pipe.write(text)

    with daemon(file, while_it_reads_its_file) as running:
        running.wait_for("kill_switch_changed", 2)
        assert running.status["daemon"]["kill_switch"] == "signal USR1"


def test_an_address_in_use_is_a_clear_line_before_anything_has_started(
    shop: Shop, tmp_path: Path
) -> None:
    listen = shop.url.removeprefix("http://")

    said = command("run", write_files(tmp_path, shop, listen=listen))

    assert said.code == 2
    assert f"listen: {listen} cannot be had: address already in use" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err
    assert kinds(tmp_path / "state/journal.db") == []


def test_a_missing_folder_of_the_journal_is_a_clear_line(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    (tmp_path / "state").rmdir()

    said = command("run", file)

    assert said.code == 4
    assert "there is no folder" in said.err
    assert not (tmp_path / "state").exists()


def test_the_pages_of_a_daemon_at_work(shop: Shop, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    url = f"http://{listen}"
    with daemon(write_files(tmp_path, shop, listen=listen)) as running:
        shop.bad = True
        run = running.wait_for("run_ended")["run"]

        assert fetched(f"{url}/livez") == (200, "ok\n")
        assert fetched(f"{url}/readyz") == (200, "ok\n")
        families = {
            family.name: family
            for family in text_string_to_metric_families(fetched(f"{url}/metrics")[1])
        }
        succeeded = [
            sample.value
            for sample in families["watchdog_rollbacks"].samples
            if sample.labels["outcome"] == "succeeded"
        ]
        assert succeeded == [1]
        status, events = fetched(f"{url}/api/v1/runs/{run}")
        assert status == 200
        assert '"kind": "StepIntended"' in events


def test_a_journal_that_cannot_be_written_is_said_everywhere_and_nothing_is_done(
    shop: Shop, tmp_path: Path
) -> None:
    file = write_files(tmp_path, shop, listen=f"127.0.0.1:{a_free_port()}")
    with daemon(file) as running:
        url = running.logged("opened")[-1]["pages"]
        no_more_room(running)
        shop.bad = True
        wait_until(lambda: fetched(f"{url}/readyz")[0] == 503, "it says that it could not act")

        ready = fetched(f"{url}/readyz")[1]
        wait_until(lambda: running.target["triggers"][0]["verdict"] == "breach", "it still sees")
        target = running.target
        paused = command("pause", file, "--reason", "a full disk")
        killed = command("kill", file, "--on", "--reason", "a full disk")

        assert "the journal cannot be written: cannot write to the journal" in ready
        assert "journal_unwritable" in [one["reason"] for one in target["refusals"]]
        assert (paused.code, killed.code) == (4, 0)
        assert running.status["daemon"]["kill_switch"].startswith("command of ")
        assert shop.undone == 0

        room_again(running)
        wait_until(
            lambda: "cannot be written" not in fetched(f"{url}/readyz")[1],
            "the kill switch is all that is in the way",
        )
        assert command("kill", file, "--off", "--reason", "room again").code == 0
        wait_until(lambda: fetched(f"{url}/readyz")[0] == 200, "it can act again")
        running.wait_for("run_ended")

    assert shop.undone == 1


def test_a_run_that_a_crash_left_open_is_taken_up(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    shop.hold()
    with daemon(file) as running:
        shop.bad = True
        wait_until(lambda: shop.undone == 1, "the step is under way")
        os.kill(running.pid, signal.SIGKILL)
        running.end()
    shop.released.set()
    wait_until(lambda: not shop.bad, "the step had its effect")

    with daemon(file) as running:
        assert running.wait_for("run_ended")["outcome"] == "succeeded"
        assert running.logged("run_resumed")

    assert shop.undone == 1
