"""Changes from the tags of a local git repository, where a tag is deployed as it is made."""

import os
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from watchdog.adapters.processes import run_process
from watchdog.adapters.programs import last_words, program_file
from watchdog.adapters.told_changes import NEWEST, AbsolutePath, newest
from watchdog.domain.change import News, is_version
from watchdog.domain.errors import TransientError
from watchdog.plugins import ChangesPlugin, Timeout
from watchdog.ports import Deps

_LINE = re.compile(r"(\d{1,12}) (\S+)", re.ASCII)
_FORMAT = "%(creatordate:unix) %(refname:strip=2)"


class Options(BaseModel):
    """`match` is a pattern of git's, such as `v*`; an annotated tag has the time of its making."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: AbsolutePath
    match: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*?._/\[\]-]{1,100}$")] = "*"
    timeout: Timeout = 10.0


class GitTagChanges:
    """Asks git for the newest tags; changes nothing, and fetches nothing."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets

    async def news(self) -> Sequence[News]:
        options = self._options
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", "/"),
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        argv = [
            program_file("git", environment["PATH"]),
            *("-C", options.repository, "for-each-ref", "--sort=-creatordate"),
            *(f"--count={NEWEST}", f"--format={_FORMAT}", f"refs/tags/{options.match}"),
        ]
        ended = await run_process(argv, timeout=options.timeout, env=environment)
        if ended.code != 0:
            said = last_words(ended, self._secrets)
            raise TransientError(
                f"git for-each-ref in {options.repository} ended with exit code {ended.code}{said}"
            )
        lines = ended.stdout.decode(errors="replace").splitlines()
        tags = [found for line in lines if (found := _LINE.fullmatch(line))]
        return newest([News(tag[2], float(tag[1])) for tag in tags if is_version(tag[2])])

    async def close(self) -> None:
        """No git outlives its question."""


plugin = ChangesPlugin(
    summary="The tags of a local git repository, by the time they were made.",
    options=Options,
    build=GitTagChanges,
)
