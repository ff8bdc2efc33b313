import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.bed.patience import until
from watchdog.adapters.processes import run_process
from watchdog.domain.errors import InDoubtError, PermanentError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def gone(pid: int) -> None:
    await until(lambda: not is_alive(pid), f"process {pid} is gone")


async def written_in(path: Path) -> list[int]:
    def is_written() -> bool:
        return path.exists() and path.read_text().endswith("\n")

    await until(is_written, f"{path} is written")
    return [int(word) for word in path.read_text().split()]


def stand_still_until_written(path: Path) -> None:
    """Keep the event loop from running meanwhile, so that the program is ahead of it."""
    deadline = time.monotonic() + 0.1
    while not (path.exists() and path.read_text().endswith("\n")) and time.monotonic() < deadline:
        time.sleep(0.001)


def children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


async def test_both_outputs_and_the_exit_code_come_back() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"

    finished = await run_process(python(code), timeout=20)

    assert (finished.code, finished.stdout, finished.stderr) == (3, b"out\n", b"err\n")
    assert not finished.truncated


async def test_a_program_ended_by_a_signal_has_a_negative_code() -> None:
    finished = await run_process(python("import os; os.kill(os.getpid(), 15)"), timeout=20)

    assert finished.code == -15


async def test_input_environment_and_folder_are_the_callers(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdin.read(), os.environ.get('MINE'), os.getcwd())"

    finished = await run_process(
        python(code), timeout=20, stdin=b"hello", env={"MINE": "1"}, cwd=str(tmp_path)
    )

    assert finished.stdout.decode() == f"hello 1 {tmp_path}\n"


async def test_without_input_the_program_reads_an_end_at_once() -> None:
    finished = await run_process(python("import sys; print(repr(sys.stdin.read()))"), timeout=20)

    assert finished.stdout == b"''\n"


async def test_a_program_that_does_not_read_its_input_is_no_problem() -> None:
    finished = await run_process(["/bin/true"], timeout=20, stdin=b"x" * 1_000_000)

    assert finished.code == 0


async def test_no_shell_reads_the_arguments() -> None:
    finished = await run_process(["/bin/echo", "$HOME; echo two"], timeout=20)

    assert finished.stdout == b"$HOME; echo two\n"


async def test_long_output_is_cut_and_the_program_still_ends_by_itself() -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('done')"

    finished = await run_process(python(code), timeout=20, max_output=1_000)

    assert (len(finished.stdout), finished.stderr) == (1_000, b"done")
    assert (finished.code, finished.truncated) == (0, True)


async def test_output_of_just_the_allowed_length_is_not_cut() -> None:
    finished = await run_process(["/bin/echo", "-n", "12345"], timeout=20, max_output=5)

    assert (finished.stdout, finished.truncated) == (b"12345", False)


async def test_a_time_out_kills_the_whole_group_and_is_in_doubt(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $$ $! > {pids}; wait"

    with pytest.raises(InDoubtError, match=r"/bin/sh: did not end within 0\.5 s") as caught:
        await run_process(["/bin/sh", "-c", script], timeout=0.5)

    assert "sleep" not in str(caught.value)
    for pid in await written_in(pids):
        await gone(pid)


async def test_cancelling_kills_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $$ $! > {pids}; wait"

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run_process(["/bin/sh", "-c", script], timeout=60))
        started = await written_in(pids)
        running.cancel()

    assert running.cancelled()
    for pid in started:
        await gone(pid)


@pytest.mark.parametrize("turns", range(12))
async def test_cancelling_while_the_program_starts_kills_the_whole_group(
    tmp_path: Path, turns: int
) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $$ $! > {pids}; wait"

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run_process(["/bin/sh", "-c", script], timeout=60))
        for _ in range(turns):
            await asyncio.sleep(0)
        stand_still_until_written(pids)
        running.cancel()

    assert running.cancelled()
    for pid in pids.read_text().split() if pids.exists() else []:
        await gone(int(pid))


async def test_what_a_program_leaves_running_is_killed_when_it_ends(tmp_path: Path) -> None:
    finished = await run_process(["/bin/sh", "-c", "sleep 60 & echo $!"], timeout=20)

    assert finished.code == 0
    await gone(int(finished.stdout))


async def test_a_grandchild_that_left_the_group_does_not_hold_up_the_answer() -> None:
    code = (
        "import os, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.setsid()\n"
        "    time.sleep(60)\n"
        "print(pid)"
    )

    finished = await run_process(python(code), timeout=50)

    os.kill(int(finished.stdout), signal.SIGKILL)


@pytest.mark.parametrize(
    "argv", [["/nowhere/program"], ["no-such-program"], ["/etc/passwd"], ["/bin/echo", "a\0b"]]
)
async def test_a_program_that_cannot_be_started_is_a_permanent_error(argv: list[str]) -> None:
    with pytest.raises(PermanentError, match=argv[0]):
        await run_process(argv, timeout=20)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="nowhere"):
        await run_process(["/bin/true"], timeout=20, cwd=str(tmp_path / "nowhere"))


async def test_arguments_never_stand_in_an_error() -> None:
    with pytest.raises(PermanentError) as caught:
        await run_process(["/nowhere/program", "--token=hush"], timeout=20)

    assert "hush" not in str(caught.value)


async def test_many_programs_run_at_once_and_none_stays() -> None:
    # A server that a fixture started for a whole session may be among them.
    before = set(children())
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(run_process(["/bin/sh", "-c", f"echo {n}"], timeout=20))
            for n in range(20)
        ]

    assert [int(task.result().stdout) for task in running] == list(range(20))
    assert set(children()) <= before
