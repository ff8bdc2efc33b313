"""Files in, a daemon and its targets out: everything wrong in all of them is said at once."""

import glob
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from pydantic import ValidationError

from watchdog.config.burn import problems_of, written_out
from watchdog.config.crossing import crossed
from watchdog.config.daemon import DaemonRead, daemon_of
from watchdog.config.explaining import explained
from watchdog.config.group_schema import unknown_members
from watchdog.config.layers import misspelt
from watchdog.config.lint import linted
from watchdog.config.lint_api import lint_api
from watchdog.config.lint_approvals import lint_people
from watchdog.config.mapping import LOG_CHANNEL, Parts, target_of
from watchdog.config.options import EachOnce, Plugins, target_options
from watchdog.config.problems import ConfigProblems, Problem, in_order, one_a_key
from watchdog.config.reading import Document, read_file
from watchdog.config.references import expanded
from watchdog.config.schema import TargetFile
from watchdog.config.settings import DaemonFile, Defaults, scaled
from watchdog.config.sidecar_schema import unfit_to_act
from watchdog.config.thresholds import units_of
from watchdog.domain.target import Daemon, Target


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files say. `files` are all that were read; `warnings` stop nothing."""

    daemon: Daemon
    targets: tuple[Target, ...]
    warnings: tuple[Problem, ...]
    files: tuple[str, ...]


def load_files(
    paths: Iterable[FilePath | str],
    plugins: Plugins,
    *,
    speed: float = 1.0,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """Read target files and at most one daemon file, which may name further target files.

    `speed` divides every duration but timeouts. Raises ConfigProblems, a ConfigError, with
    everything that is wrong in any of them.
    """
    plugins = EachOnce(plugins)
    problems: list[Problem] = []
    files = _Files(problems)
    for path in paths:
        files.add(FilePath(path))
    daemon = daemon_of(files.daemon, plugins, environ)
    problems += daemon.problems
    for pattern in daemon.targets:
        files.add_matching(pattern, daemon.file)
    surroundings = _Surroundings(
        plugins, speed, environ, scaled(daemon.defaults, speed), daemon.channels
    )
    targets, warnings = [], [*misspelt(environ), *_about_the_daemon(daemon)]
    for document in files.targets:
        try:
            target, remarks = surroundings.target(document)
        except ConfigProblems as error:
            problems += error.problems
        else:
            targets.append(target)
            warnings += remarks
            if files.daemon and daemon.settings:
                asked = lint_people(target, daemon.settings.people)
                warnings += [document.problem(path, text) for path, text in asked]
    problems += _named_twice(files.targets)
    known = {str(document.content["target"]) for document in files.targets}
    groups = daemon.settings.groups if daemon.settings else {}
    problems += [daemon.file.problem(*each) for each in unknown_members(groups, known)]
    sidecar = daemon.settings.sidecar if daemon.settings else None
    problems += [daemon.file.problem(*each) for each in unfit_to_act(sidecar, targets)]
    if problems or daemon.settings is None:
        raise ConfigProblems(problems)
    return Loaded(daemon.settings, tuple(targets), tuple(in_order(warnings)), tuple(files.read))


def load_target(
    path: FilePath | str,
    plugins: Plugins,
    *,
    speed: float = 1.0,
    defaults: Defaults | None = None,
    channels: Collection[str] = (LOG_CHANNEL,),
    environ: Mapping[str, str] = os.environ,
) -> Target:
    """The target of one file, over `defaults` as they are written. Raises ConfigProblems."""
    laid_under = scaled(defaults or Defaults(), speed)
    surroundings = _Surroundings(plugins, speed, environ, laid_under, channels)
    return surroundings.target(read_file(FilePath(path)))[0]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a target's file means depends on these. `defaults` are scaled already."""

    plugins: Plugins
    speed: float
    environ: Mapping[str, str]
    defaults: Defaults
    channels: Collection[str]

    def target(self, document: Document) -> tuple[Target, list[Problem]]:
        """The target and the warnings about it. Raises ConfigProblems."""
        content, problems = expanded(document, self.environ)
        problems += problems_of(document, content)
        document, content = written_out(document, content)
        file = None
        try:
            file = TargetFile.model_validate(content, context={"speed": self.speed})
        except ValidationError as error:
            problems += explained(document, error, TargetFile)
        problems += crossed(document, content, self.channels)
        options = target_options(document, content, self.plugins, self.speed)
        problems += options.problems
        units = units_of(document, content)
        problems += units.problems
        if problems or file is None:
            raise ConfigProblems(one_a_key(problems))
        parts = Parts(document, file, self.defaults, options, units.units)
        target = target_of(parts)
        return target, linted(parts, target, content)


@dataclass(slots=True)
class _Files:
    """The documents read so far, each once, by what they are."""

    problems: list[Problem]
    targets: list[Document] = field(default_factory=list)
    daemon: Document | None = None
    read: list[str] = field(default_factory=list)
    _seen: set[FilePath] = field(default_factory=set)

    def add(self, path: FilePath) -> None:
        """Read `path`, unless it was read before."""
        if path.resolve() in self._seen:
            return
        self._seen.add(path.resolve())
        try:
            document = read_file(path)
        except ConfigProblems as error:
            self.problems += error.problems
            return
        self.read.append(document.file)
        if "target" in document.content:
            self.targets.append(document)
        elif not document.content.keys() & DaemonFile.model_fields.keys():
            what = "is neither: a target's file has `target: NAME`, the daemon's has `targets:`"
            self.problems.append(document.problem((), what))
        elif self.daemon is not None:
            what = f"is a second daemon's file beside {self.daemon.file}; name one of them"
            self.problems.append(document.problem((), what))
        else:
            self.daemon = document

    def add_matching(self, pattern: str, origin: Document) -> None:
        """Read every file that `pattern` of `origin` matches."""
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (absolute patterns, too)
        if not found:
            text = f"no file matches {pattern!r}; mend the pattern, or remove it"
            self.problems.append(origin.problem(("targets",), text))
        for path in found:
            self.add(FilePath(path))


def _about_the_daemon(daemon: DaemonRead) -> Iterator[Problem]:
    if daemon.settings is not None:
        for path, text in lint_api(daemon.settings):
            yield daemon.file.problem(path, text)


def _named_twice(documents: Iterable[Document]) -> Iterator[Problem]:
    first: dict[object, Document] = {}
    for document in documents:
        name = document.content["target"]
        if isinstance(name, str) and first.setdefault(name, document) is not document:
            text = f"{name!r} is the target of {first[name].file}, too; give one another name"
            yield document.problem(("target",), text)
