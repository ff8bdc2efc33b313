"""What a configured program is: its file, its small environment, and what it said last."""

import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import StringConstraints

from watchdog.adapters.processes import Finished
from watchdog.adapters.values import Value, plain
from watchdog.domain.errors import ConfigError
from watchdog.ports import Secrets

INHERITED = ("PATH", "HOME", "LANG")
_QUOTED_LINES = 3
_QUOTED_LETTERS = 200
_INVISIBLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
# What colours a terminal: as text it is noise.
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def environment(
    inherited: Sequence[str], own: Mapping[str, Value], secrets: Secrets
) -> dict[str, str]:
    """The whole environment of a program. Raises ConfigError when a secret is missing."""
    ours = {name: os.environ[name] for name in inherited if name in os.environ}
    return ours | {name: plain(value, secrets) for name, value in own.items()}


def program_file(name: str, search_path: str) -> str:
    """The absolute path of the program. Raises ConfigError when there is none."""
    if "/" in name and not name.startswith("/"):
        raise ConfigError(f"{name} is relative: write an absolute path, or a name on the PATH")
    path = shutil.which(name, path=search_path)
    if path is None or not path.startswith("/"):
        where = "" if name.startswith("/") else f" on the PATH {search_path or '(none)'}"
        raise ConfigError(f"there is no program {name}{where} that may be executed")
    return path


def exposed(argv: Sequence[str], secrets: Secrets) -> int | None:
    """Which argument holds a secret that has been read, for every user here to see."""
    return next((n for n, word in enumerate(argv) if secrets.redact(word) != word), None)


def signal_name(number: int) -> str:
    """Such as `SIGKILL`; not every signal has a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_words(ended: Finished, secrets: Secrets) -> str:
    """What it said last, to stderr if it spoke there, in one line after a colon."""
    output = ended.stderr if ended.stderr.strip() else ended.stdout
    return last_lines(output.decode(errors="replace"), secrets, truncated=ended.truncated)


def last_lines(said: str, secrets: Secrets, *, truncated: bool = False) -> str:
    """The last lines of what a program wrote, in one line after a colon; empty for nothing."""
    # Redacted before it is cut: half a secret is not recognised any more.
    text = secrets.redact(_ESCAPE.sub("", said))
    lines = [line for line in text.splitlines() if line.strip()]
    if truncated and lines:
        # Cut by the cap on output, so it may end in half a secret.
        lines[-1] = "(more was not kept)"
    line = " | ".join(_INVISIBLE.sub(" ", line).strip() for line in lines[-_QUOTED_LINES:])
    if not line:
        return ""
    return f": …{line[-_QUOTED_LETTERS:]}" if len(line) > _QUOTED_LETTERS else f": {line}"
