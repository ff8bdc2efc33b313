import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.bed.deps import now, real_deps
from tests.bed.patience import until
from watchdog.adapters.sources.command import Ask, Options, plugin
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Deps, Question

CANARY = "kanarie-7f3a"


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    async with real_deps(TOKEN=CANARY) as deps:
        yield deps


def shell(script: str, **more: object) -> Options:
    return Options.model_validate({"argv": ["/bin/sh", "-c", script], **more})


async def ask(deps: Deps, options: Options, **question: object) -> Observation:
    source = plugin.build(options, deps)
    seen = await source.observe([Question("it", Ask.model_validate(question))], now())
    await source.close()
    return seen["it"]


async def test_an_exit_code_of_zero_is_yes_unless_said_otherwise(deps: Deps) -> None:
    assert await ask(deps, shell("exit 0")) == Sample((1.0,), note="exit code 0")


async def test_another_exit_code_is_no_with_what_the_program_said(deps: Deps) -> None:
    seen = await ask(deps, shell("echo checking; echo queue is stuck >&2; exit 2"), exit=0)

    assert seen == Sample((0.0,), note="exit code 2: queue is stuck")


@pytest.mark.parametrize(("wanted", "answer"), [(3, 1.0), ([0, 3], 1.0), ([0, 1], 0.0), (0, 0.0)])
async def test_the_codes_that_mean_yes_are_the_questions(
    deps: Deps, wanted: object, answer: float
) -> None:
    seen = await ask(deps, shell("exit 3"), exit=wanted)

    assert isinstance(seen, Sample)
    assert seen.values == (answer,)


@pytest.mark.parametrize(
    ("printed", "number"),
    [("42", 42.0), ("  -1.5e3 \\n", -1500.0), (".5", 0.5), ("inf", float("inf")), ("7.", 7.0)],
)
async def test_the_one_number_printed_is_the_answer(
    deps: Deps, printed: str, number: float
) -> None:
    assert await ask(deps, shell(f"printf '{printed}'"), number=True) == Sample((number,))


@pytest.mark.parametrize(
    "printed", ["", "n/a", "1 2", "1\\n2", "1_000", "0x10", "10%%", "1,5", "\\377", "٤"]
)
async def test_anything_else_printed_is_a_gap(deps: Deps, printed: str) -> None:
    seen = await ask(deps, shell(f"printf '{printed}'"), number=True)

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.PARSE
    assert "something else than one number" in seen.note


@pytest.mark.parametrize("first", ["", "5"])
async def test_long_output_is_a_gap_whatever_it_begins_with(deps: Deps, first: str) -> None:
    script = f"printf '{first}'; head -c 300000 /dev/zero | tr '\\0' ' '; echo 6"

    seen = await ask(deps, shell(script), number=True)

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.PARSE


async def test_noise_beside_the_number_is_no_part_of_it(deps: Deps) -> None:
    script = "head -c 300000 /dev/zero >&2; echo 6"

    assert await ask(deps, shell(script), number=True) == Sample((6.0,))


async def test_a_number_with_a_bad_exit_code_is_not_believed(deps: Deps) -> None:
    seen = await ask(deps, shell("echo 5; exit 1"), number=True)

    assert seen == Gap(Unknown.ERROR, "/bin/sh ended with exit code 1: 5")


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (40, "signal 40")])
@pytest.mark.parametrize("question", [{"exit": 0}, {"number": True}])
async def test_a_program_ended_by_a_signal_told_nothing(
    deps: Deps, question: dict[str, object], number: int, name: str
) -> None:
    seen = await ask(deps, shell(f"kill -{number} $$"), **question)

    assert seen == Gap(Unknown.ERROR, f"/bin/sh was ended by {name}, so it told nothing")


@pytest.mark.parametrize("question", [{"exit": 0}, {"number": True}])
async def test_a_program_that_takes_too_long_is_a_gap_and_is_killed(
    deps: Deps, tmp_path: Path, question: dict[str, object]
) -> None:
    pids = tmp_path / "pid"

    seen = await ask(deps, shell(f"echo $$ > {pids}; sleep 60", timeout="500ms"), **question)

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.TIMEOUT
    assert "did not end within 0.5 s" in seen.note
    process = Path(f"/proc/{pids.read_text().strip()}")
    await until(lambda: not process.exists(), "the program is gone")


@pytest.mark.parametrize("argv", [["no-such-program"], ["/nowhere/x"], ["./x"], ["/etc/passwd"]])
async def test_a_program_that_is_not_there_is_a_gap_and_not_a_no(
    deps: Deps, argv: list[str]
) -> None:
    seen = await ask(deps, Options.model_validate({"argv": argv}), exit=0)

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.ERROR
    assert argv[0] in seen.note


async def test_a_missing_folder_or_secret_is_a_gap(deps: Deps) -> None:
    for more in ({"cwd": "/nowhere"}, {"env": {"TOKEN": {"env": "GONE"}}}):
        seen = await ask(deps, shell("exit 0", **more), exit=0)

        assert isinstance(seen, Gap), more
        assert seen.reason is Unknown.ERROR


async def test_the_program_runs_once_for_all_questions(deps: Deps, tmp_path: Path) -> None:
    source = plugin.build(shell(f"echo x >> {tmp_path}/runs; echo 5"), deps)
    questions = [Question("yes", Ask(exit=0)), Question("number", Ask(number=True))]

    seen = await source.observe(questions, now())

    assert seen["number"] == Sample((5.0,))
    assert seen["yes"] == Sample((1.0,), note="exit code 0: 5")
    assert (tmp_path / "runs").read_text() == "x\n"
    assert await source.observe([], now()) == {}
    assert (tmp_path / "runs").read_text() == "x\n"


async def test_environment_and_folder_are_those_of_the_options(
    deps: Deps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_ALONE", "1")
    options = shell(
        'test "$A-$MINE_ALONE-$PWD" = "plain--$WHERE"',
        env={"A": "plain", "WHERE": str(tmp_path)},
        cwd=str(tmp_path),
    )

    assert await ask(deps, options) == Sample((1.0,), note="exit code 0")


async def test_a_secret_reaches_the_program_and_nothing_else(deps: Deps) -> None:
    token = {"TOKEN": {"env": "TOKEN"}}

    seen = await ask(deps, shell("echo with $TOKEN; exit 1", env=token), exit=0)

    assert seen == Sample((0.0,), note="exit code 1: with [redacted]")


async def test_a_secret_in_an_argument_is_not_run(deps: Deps) -> None:
    seen = await ask(deps, shell(f"echo {CANARY}", env={"TOKEN": {"env": "TOKEN"}}), exit=0)

    assert isinstance(seen, Gap)
    assert CANARY not in seen.note
    assert "argv[2] holds a secret" in seen.note


async def test_no_shell_reads_the_arguments(deps: Deps) -> None:
    options = Options.model_validate({"argv": ["/bin/echo", "$HOME", 5]})

    assert await ask(deps, options) == Sample((1.0,), note="exit code 0: $HOME 5")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(output=st.binary(max_size=200))
async def test_whatever_is_printed_there_is_an_answer(output: bytes) -> None:
    code = f"import sys; sys.stdout.buffer.write({output!r})"
    options = Options.model_validate({"argv": [sys.executable, "-I", "-S", "-c", code]})
    async with real_deps() as deps:
        seen = await ask(deps, options, number=True)

    if isinstance(seen, Gap):
        assert seen.reason is Unknown.PARSE
    else:
        assert seen == Sample((float(output),)) or seen.values[0] != seen.values[0]


@pytest.mark.parametrize(
    "question", [{"exit": 0, "number": True}, {"exit": []}, {"exit": 256}, {"number": False}]
)
def test_a_question_that_means_nothing_is_refused(question: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Ask.model_validate(question)


def test_a_truth_value_is_no_exit_code() -> None:
    with pytest.raises(ValidationError):
        Ask.model_validate({"exit": True})


def test_options_and_questions_survive_being_written_out() -> None:
    options = shell("true", timeout="1500ms", env={"A": {"env": "B"}})
    question = Ask.model_validate({"exit": [0, 3]})

    assert Options.model_validate_json(options.model_dump_json()) == options
    assert Ask.model_validate_json(question.model_dump_json()) == question


def test_a_program_is_a_list_of_at_least_one_word() -> None:
    for argv in ((), "true"):
        with pytest.raises(ValidationError):
            Options.model_validate({"argv": argv})
