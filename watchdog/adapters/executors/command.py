"""Runs one program: no shell, a small environment, capped output, and nothing left behind."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from watchdog.adapters.processes import run_process
from watchdog.adapters.programs import (
    INHERITED,
    VariableName,
    environment,
    exposed,
    last_words,
    program_file,
    signal_name,
)
from watchdog.adapters.values import Value, found, nothing_done, plain, shown
from watchdog.domain.errors import InDoubtError, PermanentError
from watchdog.domain.events import Effect
from watchdog.plugins import ExecutorPlugin
from watchdog.ports import Deps, Finding, Secrets

# The step's own timeout ends it long before; no wait is without a limit.
LONGEST_SECONDS = 3600.0
# From SIGTERM to SIGKILL, for a program that is stopped half-way to put its things in order.
GRACE_SECONDS = 2.0
KEY_VARIABLE = "ROLLBACK_KEY"


class Options(BaseModel):
    """One program. `inherit_env` names what it gets of our own environment; `max_output` in bytes.

    `argv[0]` is an absolute path, or a name that is found on the PATH the program gets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    env: Mapping[VariableName, Value] = {}
    inherit_env: tuple[VariableName, ...] = INHERITED
    cwd: str | None = None
    stdin: Value | None = None
    expect_exit: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(min_length=1)] = (
        0,
    )
    max_output: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 64 * 1024

    @field_validator("env")
    @classmethod
    def _leaves_our_variable_alone(cls, env: Mapping[str, Value]) -> Mapping[str, Value]:
        if KEY_VARIABLE in env:
            raise ValueError(f"{KEY_VARIABLE} holds the step's key and cannot be set here")
        return env


class CommandProbe:
    """Sees what would be run. Starts nothing."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets

    async def preflight(self) -> Sequence[Finding]:
        return list(_findings(self._options, self._secrets))

    def render(self) -> str:
        options = self._options
        parts = [_word(each) for each in options.argv]
        if options.cwd is not None:
            parts.append(f"cwd={_word(options.cwd)}")
        parts += [f"{name}={_word(shown(each))}" for name, each in options.env.items()]
        if options.stdin is not None:
            parts.append(f"stdin={_word(shown(options.stdin))}")
        return self._secrets.redact(" ".join(parts))

    async def inspect(self, key: str) -> tuple[Effect, str]:
        del key
        return Effect.UNKNOWN, "a command cannot be looked at; give the step a done_when"


class CommandExecutor:
    """Runs the program once, with the step's key in its environment as ROLLBACK_KEY."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def execute(self, key: str) -> str:
        """Run it to its end. Cancelling kills it and everything it started.

        Raises PermanentError when it ends with another code than expected: it had its say,
        and what it changed before is for `done_when` to tell. Raises InDoubtError when a
        signal ended it, so that it had not.
        """
        options, secrets = self._options, self._deps.secrets
        refusals = [each.text for each in _findings(options, secrets) if not each.ok]
        if refusals:
            raise PermanentError(f"{_word(options.argv[0])}: not started: {'; '.join(refusals)}")
        with nothing_done(f"{_word(options.argv[0])}: not started"):
            variables = environment(options.inherit_env, options.env, secrets) | {KEY_VARIABLE: key}
            program = program_file(options.argv[0], variables.get("PATH", ""))
            stdin = None if options.stdin is None else plain(options.stdin, secrets).encode()
        started = self._deps.clock.now()
        ended = await run_process(
            [program, *options.argv[1:]],
            timeout=LONGEST_SECONDS,
            env=variables,
            cwd=options.cwd,
            max_output=options.max_output,
            stdin=stdin,
            grace=GRACE_SECONDS,
        )
        elapsed = self._deps.clock.now().since(started)
        said = last_words(ended, secrets)
        name = Path(program).name
        if ended.code < 0:
            how = signal_name(-ended.code)
            raise InDoubtError(f"{name} was ended by {how}, perhaps half-way{said}")
        if ended.code not in options.expect_exit:
            raise PermanentError(f"{name} ended with exit code {ended.code}{said}")
        return f"exit code {ended.code} in {elapsed * 1000:.0f} ms{said}"


def _findings(options: Options, secrets: Secrets) -> Iterator[Finding]:
    for name, value in options.env.items():
        yield from found(f"variable {name}", partial(plain, value, secrets))
    if options.stdin is not None:
        yield from found("stdin", partial(plain, options.stdin, secrets))
    # Only now that the secrets have been read can they be seen in an argument.
    place = exposed(options.argv, secrets)
    if place is not None:
        text = f"argv[{place}] holds a secret that every user here could see: use env or stdin"
        yield Finding(ok=False, text=text)
    yield from found("program", lambda: program_file(options.argv[0], _path(options, secrets)))
    if options.cwd is not None and not Path(options.cwd).is_dir():
        yield Finding(ok=False, text=f"cwd: there is no folder {options.cwd}")


def _path(options: Options, secrets: Secrets) -> str:
    if "PATH" in options.env:
        return plain(options.env["PATH"], secrets)
    return os.environ.get("PATH", "") if "PATH" in options.inherit_env else ""


def _word(text: str) -> str:
    return shlex.quote(text) if text.isprintable() else json.dumps(text)


plugin = ExecutorPlugin(
    summary="Run a program, without a shell.",
    options=Options,
    probe=CommandProbe,
    build=CommandExecutor,
)
