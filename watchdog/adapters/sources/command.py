"""Asks a program: whether it ends well, or the one number that it prints."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watchdog.adapters.processes import Finished, run_process
from watchdog.adapters.programs import (
    INHERITED,
    VariableName,
    environment,
    exposed,
    last_words,
    program_file,
    signal_name,
)
from watchdog.adapters.values import Value
from watchdog.domain.errors import InDoubtError, WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.plugins import SourcePlugin, Timeout
from watchdog.ports import Deps, Question, Secrets

_NUMBER = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|[-+]?inf(?:inity)?", re.ASCII | re.IGNORECASE
)
_LONGEST_NUMBER = 400
_LONGEST_TEXT = 1000
_ExitCode = Annotated[int, Field(ge=0, le=255, strict=True)]


class Options(BaseModel):
    """One program that only looks. `inherit_env` names what it gets of our own environment.

    `argv[0]` is an absolute path, or a name that is found on the PATH the program gets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    env: Mapping[VariableName, Value] = {}
    inherit_env: tuple[VariableName, ...] = INHERITED
    cwd: str | None = None
    timeout: Timeout = 10.0


class Ask(BaseModel):
    """`exit`: the codes that mean yes, 0 unless said; or `number`: what it prints.

    `text`: what it prints, whatever it is, for a plan that keeps it for later steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exit: _ExitCode | Annotated[tuple[_ExitCode, ...], Field(min_length=1)] | None = None
    number: Literal[True] | None = None
    text: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        if sum(one is not None for one in (self.exit, self.number, self.text)) > 1:
            raise ValueError("ask for one of `exit`, `number` and `text`")
        return self

    @property
    def good_codes(self) -> tuple[int, ...]:
        """The exit codes that mean yes, or a number."""
        codes = self.exit or 0
        return (codes,) if isinstance(codes, int) else codes


class CommandSource:
    """Runs the program once for all questions."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        del at
        if not questions:
            return {}
        ended = await self._run()
        if isinstance(ended, Gap):
            return {question.id: ended for question in questions}
        return {question.id: self._answer(question.ask, ended) for question in questions}

    async def close(self) -> None:
        """Nothing to close: no program outlives its look."""

    async def _run(self) -> Finished | Gap:
        options = self._options
        name = options.argv[0]
        try:
            variables = environment(options.inherit_env, options.env, self._secrets)
            program = program_file(name, variables.get("PATH", ""))
            place = exposed(options.argv, self._secrets)
            if place is not None:
                text = f"argv[{place}] holds a secret that every user here could see: use env"
                return Gap(Unknown.ERROR, text)
            return await run_process(
                [program, *options.argv[1:]],
                timeout=options.timeout,
                env=variables,
                cwd=options.cwd,
            )
        except InDoubtError as error:
            return Gap(Unknown.TIMEOUT, self._secrets.redact(str(error)))
        except WatchdogError as error:
            return Gap(Unknown.ERROR, self._secrets.redact(str(error)))

    def _answer(self, ask: Ask, ended: Finished) -> Observation:
        name, said = self._options.argv[0], last_words(ended, self._secrets)
        if ended.code < 0:
            how = signal_name(-ended.code)
            return Gap(Unknown.ERROR, f"{name} was ended by {how}, so it told nothing{said}")
        is_good = ended.code in ask.good_codes
        if ask.number is None and ask.text is None:
            return Sample((float(is_good),), note=f"exit code {ended.code}{said}")
        if not is_good:
            return Gap(Unknown.ERROR, f"{name} ended with exit code {ended.code}{said}")
        if ask.text:
            return _text(ended, self._secrets)
        number = _number(ended)
        if number is None:
            return Gap(Unknown.PARSE, f"{name} printed something else than one number{said}")
        return Sample((number,))


def _text(ended: Finished, secrets: Secrets) -> Observation:
    text = ended.stdout.decode(errors="replace").strip()
    if not text or len(text) > _LONGEST_TEXT:
        return Gap(Unknown.PARSE, f"it printed {len(text)} characters; 1 to {_LONGEST_TEXT} fit")
    if secrets.redact(text) != text:
        return Gap(Unknown.ERROR, "it printed a secret, and what is read is kept")
    return Sample((1.0,), read=text)


def _number(ended: Finished) -> float | None:
    """The one number that was printed; None where it was something else."""
    if len(ended.stdout) > _LONGEST_NUMBER:
        return None
    text = ended.stdout.decode("ascii", errors="replace").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


plugin = SourcePlugin(
    summary="Yes or no, or a number, from a program, without a shell.",
    options=Options,
    ask=Ask,
    build=CommandSource,
)
