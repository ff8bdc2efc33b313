import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.bed.patience import until
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.executors.command import Options, plugin
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.domain.errors import InDoubtError, PermanentError
from watchdog.ports import Deps
from watchdog.testing.contracts_executor import KEY, ExecutorCase, ExecutorContract, refusals

CANARY = "kanarie-7f3a"
TOKEN = {"TOKEN": {"env": "ADMIN_TOKEN"}}


@dataclass
class Bench:
    """A folder of programs that write down under which key they acted, and what they started."""

    folder: Path

    @property
    def keys(self) -> list[str]:
        journal = self.folder / "journal"
        return journal.read_text().splitlines() if journal.exists() else []

    def program(self, name: str, script: str) -> str:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\ncd {self.folder}\necho $ROLLBACK_KEY >> journal\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def alive(self) -> list[int]:
        written = self.folder / "pids"
        pids = written.read_text().split() if written.exists() else []
        return [int(pid) for pid in pids if is_alive(int(pid))]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    clock = SystemClock()
    secrets = EnvAndFileSecrets({"ADMIN_TOKEN": CANARY})
    async with AioHttpClient(clock) as client:
        yield Deps(clock=clock, http=client, secrets=secrets)


def options(*argv: object, **more: object) -> Options:
    words = [str(each) if isinstance(each, Path) else each for each in argv]
    return Options.model_validate({"argv": words, **more})


async def run(deps: Deps, *argv: object, **more: object) -> str:
    return await plugin.build(options(*argv, **more), deps).execute(KEY)


async def preflight(deps: Deps, *argv: object, **more: object) -> list[str]:
    return refusals(await plugin.probe(options(*argv, **more), deps).preflight())


class TestContract(ExecutorContract):
    @pytest.fixture
    def case(self, bench: Bench, deps: Deps) -> ExecutorCase:
        works = bench.program("works", 'echo "done with $TOKEN"')
        plain_file = bench.folder / "plain"
        plain_file.touch()
        return ExecutorCase(
            plugin=plugin,
            deps=deps,
            secret=CANARY,
            works=options(works, "deployment/checkout", env=TOKEN),
            loses=options(bench.program("dies", 'echo "with $TOKEN"; kill -9 $$'), env=TOKEN),
            hangs=options(
                # A child of its own that nobody waits for, and that does not listen to SIGTERM.
                bench.program("hangs", "(trap '' TERM; sleep 60) & echo $$ $! > pids; wait"),
                env=TOKEN,
            ),
            defects={
                "no secret": options(works, env={"TOKEN": {"env": "GONE"}}),
                "no input": options(works, env=TOKEN, stdin={"file": "/nowhere/secret"}),
                "secret in an argument": options(works, f"--token={CANARY}", env=TOKEN),
                "no such program": options("no-such-program", env=TOKEN),
                "not a program": options(str(plain_file), env=TOKEN),
                "relative program": options("./works", env=TOKEN, cwd=str(bench.folder)),
                "no such folder": options(works, env=TOKEN, cwd=f"{bench.folder}/gone"),
            },
            keys=lambda: bench.keys,
            left_over=bench.alive,
        )


async def test_success_tells_the_exit_code_and_the_last_lines(deps: Deps, bench: Bench) -> None:
    program = bench.program("undo", "seq 1 5; echo deployment rolled back")

    told = await run(deps, program)

    assert told.startswith("exit code 0 in ")
    assert told.endswith(" ms: 4 | 5 | deployment rolled back")


async def test_a_silent_program_tells_its_exit_code_alone(deps: Deps) -> None:
    assert (await run(deps, "/bin/true")).endswith(" ms")


async def test_arguments_reach_the_program_as_they_are(deps: Deps) -> None:
    told = await run(deps, "/usr/bin/printf", "%s,", "$HOME; `id` && *", 7, "")

    assert told.endswith(": $HOME; `id` && *,7,,")


async def test_a_program_is_found_on_the_path_that_it_gets(deps: Deps, bench: Bench) -> None:
    bench.program("undo", "echo found")

    told = await run(deps, "undo", env={"PATH": f"{bench.folder}:/usr/bin:/bin"})

    assert told.endswith(": found")


async def test_without_a_path_only_an_absolute_program_is_found(deps: Deps) -> None:
    (problem,) = await preflight(deps, "true", inherit_env=["HOME"])

    assert problem == ("program: there is no program true on the PATH (none) that may be executed")
    assert await preflight(deps, "/bin/true", inherit_env=[]) == []


async def test_the_environment_is_what_was_asked_for_and_no_more(
    deps: Deps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-everybody")
    monkeypatch.setenv("KUBECONFIG", "/etc/kube")
    monkeypatch.setenv("LANG", "C.UTF-8")

    await run(
        deps,
        *("/bin/cp", "/proc/self/environ", tmp_path / "got"),
        env={"REPLICAS": 3, "LANG": "C"},
        inherit_env=["KUBECONFIG", "LANG", "NOT_SET"],
    )

    assert sorted((tmp_path / "got").read_text().rstrip("\0").split("\0")) == [
        "KUBECONFIG=/etc/kube",
        "LANG=C",
        "REPLICAS=3",
        f"ROLLBACK_KEY={KEY}",
    ]


async def test_a_secret_reaches_the_program_by_its_environment(deps: Deps, bench: Bench) -> None:
    await run(deps, bench.program("keep", "printf %s $TOKEN > got"), env=TOKEN)

    assert (bench.folder / "got").read_text() == CANARY


async def test_input_reaches_the_program_even_when_it_is_a_secret(deps: Deps, bench: Bench) -> None:
    program = bench.program("keep", "cat >> got; echo >> got")

    await run(deps, program, stdin="plain é")
    await run(deps, program, stdin={"env": "ADMIN_TOKEN"})
    await run(deps, program)

    assert (bench.folder / "got").read_text() == f"plain é\n{CANARY}\n\n"


async def test_the_folder_is_the_one_that_was_asked_for(deps: Deps, tmp_path: Path) -> None:
    assert (await run(deps, "/bin/pwd", cwd=str(tmp_path))).endswith(f": {tmp_path}")


async def test_another_exit_code_is_a_failure_that_tells_the_last_errors(
    deps: Deps, bench: Bench
) -> None:
    program = bench.program("fails", "echo out; echo 'no such deployment' >&2; exit 3")

    with pytest.raises(PermanentError) as error:
        await run(deps, program)

    assert str(error.value) == "fails ended with exit code 3: no such deployment"


async def test_an_expected_exit_code_is_a_success(deps: Deps, bench: Bench) -> None:
    program = bench.program("nothing-to-do", "exit 4")

    assert (await run(deps, program, expect_exit=[0, 4])).startswith("exit code 4 in ")


async def test_a_program_that_was_killed_is_in_doubt(deps: Deps, bench: Bench) -> None:
    with pytest.raises(InDoubtError, match="dies was ended by SIGTERM, perhaps half-way: 1"):
        await run(deps, bench.program("dies", "echo 1; kill $$; sleep 60"))


async def test_output_is_told_in_one_short_line_without_secrets_and_colours(
    deps: Deps, bench: Bench
) -> None:
    script = r"printf 'a\tb \033[31mred\033[0m %s\n' $TOKEN; exit 1"

    with pytest.raises(PermanentError) as error:
        await run(deps, bench.program("fails", script), env=TOKEN)
    with pytest.raises(PermanentError) as long:
        await run(deps, bench.program("talks", f"echo {'x ' * 300}end; exit 1"))

    assert str(error.value) == "fails ended with exit code 1: a b red [redacted]"
    assert str(long.value).endswith("x x end")
    assert len(str(long.value)) < 250


async def test_half_a_secret_at_the_cap_on_output_is_not_told(deps: Deps, bench: Bench) -> None:
    script = f"printf 'first\\n%{1024 - 6 - 5}s%s and more' ' ' $TOKEN; exit 1"

    with pytest.raises(PermanentError) as error:
        await run(deps, bench.program("talks", script), env=TOKEN, max_output=1024)

    assert str(error.value) == "talks ended with exit code 1: first | (more was not kept)"


async def test_a_cancelled_program_may_put_its_things_in_order(deps: Deps, bench: Bench) -> None:
    script = "trap 'echo tidied > tidied; exit 0' TERM; echo > ready; while :; do sleep 0.01; done"
    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(run(deps, bench.program("tidy", script)))
        await until((bench.folder / "ready").exists, "the program has begun")
        step.cancel()

    assert step.cancelled()
    assert (bench.folder / "tidied").read_text() == "tidied\n"


async def test_several_things_wrong_are_all_named_before_anything_is_started(
    deps: Deps, bench: Bench
) -> None:
    program = bench.program("works", "true")

    with pytest.raises(PermanentError) as error:
        await run(deps, program, "https://me:pw@host/", env={"A": {"env": "GONE"}}, cwd="/nowhere")

    assert str(error.value) == (
        f"{program}: not started: variable A: secret env:GONE: the variable is not set; set it in "
        "the environment of this program; argv[1] holds a secret that every user here could see: "
        "use env or stdin; cwd: there is no folder /nowhere"
    )
    assert bench.keys == []


async def test_a_folder_on_the_path_that_is_relative_is_not_looked_into(
    deps: Deps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bench(tmp_path).program("undo", "true")
    monkeypatch.chdir(tmp_path)

    (problem,) = await preflight(deps, "undo", env={"PATH": "."})

    assert problem.startswith("program: there is no program undo on the PATH .")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"argv": []}, "at least 1 item"),
        ({"argv": "kubectl rollout undo"}, "valid tuple"),
        ({"env": {"BAD NAME": "x"}}, "should match pattern"),
        ({"env": {"ROLLBACK_KEY": "x"}}, "ROLLBACK_KEY holds the step's key"),
        ({"expect_exit": []}, "at least 1 item"),
        ({"expect_exit": [256]}, "less than or equal to 255"),
        ({"max_output": 10}, "greater than or equal to 1024"),
        ({"shell": True}, "Extra inputs are not permitted"),
    ],
)
def test_options_that_make_no_sense_are_refused(more: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Options.model_validate({"argv": ["true"], **more})


def test_a_line_shows_what_would_be_run(deps: Deps) -> None:
    wanted = options(
        "kubectl",
        "a b",
        "$X",
        "two\nlines",
        cwd="/srv/my app",
        env={"REPLICAS": 3, **TOKEN},
        stdin="yes\n",
    )

    assert plugin.probe(wanted, deps).render() == (
        "kubectl 'a b' '$X' \"two\\nlines\" cwd='/srv/my app' REPLICAS=3 TOKEN=env:ADMIN_TOKEN "
        'stdin="yes\\n"'
    )
