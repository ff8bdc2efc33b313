"""The files a daemon was started with, read again whenever they change."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watchdog import catalog
from watchdog.config.daemon import daemon_of
from watchdog.config.loading import Loaded, load_files
from watchdog.config.problems import ConfigProblems
from watchdog.config.reading import read_file
from watchdog.domain.errors import ConfigError
from watchdog.domain.plan import Plan
from watchdog.domain.target import Daemon, Target

_TARGET = re.compile(r"^target\s*:", re.MULTILINE)


@dataclass(slots=True)
class Files:
    """What the command line named. `speed` divides every duration of the files."""

    paths: Sequence[Path]
    speed: float = 1.0
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def load(self) -> Loaded:
        """Everything the files say. Raises ConfigError, with every mistake in them."""
        return load_files(self.paths, catalog, speed=self.speed, environ=self.environ)

    def fingerprint(self, loaded: Loaded) -> str:
        """Changes when the text of any file does; a missing file counts as a change."""
        names = sorted({*map(str, self.paths), *loaded.files})
        return hashlib.sha256("".join(map(_digest, names)).encode()).hexdigest()


def daemon_settings(paths: Sequence[Path]) -> Daemon:
    """The daemon's own settings alone. Raises ConfigError.

    Targets' files may be as wrong as they like: whoever wants to stop a daemon cannot wait
    until they are mended.
    """
    own = None
    for path in paths:
        try:
            document = read_file(path)
        except ConfigProblems:
            if not _begins_a_target(path):
                raise
        else:
            own = own if "target" in document.content else document
    found = daemon_of(own, catalog, os.environ)
    if found.settings is None:
        raise ConfigProblems(found.problems)
    return found.settings


def _begins_a_target(path: Path) -> bool:
    """Whether this file, which is no valid YAML, is meant to be a target's."""
    try:
        return bool(_TARGET.search(path.read_text(errors="replace")))
    except OSError:
        return False


def journal_path(paths: Sequence[Path] | None) -> Path:
    """The journal that these files (or the defaults) name. Raises ConfigError."""
    return Path(daemon_settings(paths or ()).journal)


def chosen_target(loaded: Loaded, name: str = "") -> Target:
    """The target of that name, or the only one. Raises ConfigError naming those there are."""
    names = [target.name for target in loaded.targets]
    if not names:
        raise ConfigError("none of these files is a target's: name the file of one")
    if not name and len(names) > 1:
        raise ConfigError(f"there are several targets; choose with --target: {', '.join(names)}")
    for target in loaded.targets:
        if name in ("", target.name):
            return target
    raise ConfigError(f"there is no target {name!r}; there are: {', '.join(names)}")


def chosen_plan(target: Target, name: str) -> Plan:
    """That plan of the target. Raises ConfigError naming those there are."""
    if name not in target.plans:
        plans = ", ".join(target.plans) or "none"
        raise ConfigError(f"target {target.name} has no plan {name!r}; there are: {plans}")
    return target.plans[name]


def _digest(name: str) -> str:
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return "unreadable"
