"""What a backtest needs of the past, where it comes from, and what cannot be tested at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchdog import catalog
from watchdog.adapters.auth import auth_headers
from watchdog.adapters.backtest.asking import Server, Task
from watchdog.adapters.backtest.history import Column, History, Wanted
from watchdog.adapters.backtest.loading import load_history
from watchdog.adapters.sources.prometheus import Ask, Options
from watchdog.domain.backtest import LeftOut
from watchdog.domain.errors import ConfigError
from watchdog.domain.expression import Term
from watchdog.domain.grid import Grid, grid_between
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.ports import Secrets

PROMETHEUS = "prometheus"


@dataclass(frozen=True, slots=True)
class Need:
    """One trigger that can be tested, and the name of the column of each of its signals."""

    target: Target
    trigger: Trigger
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Needs:
    """All that a backtest of some targets asks of the past."""

    tested: tuple[Need, ...]
    left_out: tuple[LeftOut, ...]
    wanted: Mapping[str, tuple[Options, Wanted]]

    def tasks(self, secrets: Secrets) -> list[Task]:
        """The questions, by the server that answers them, with the headers it wants."""
        found: dict[str, tuple[Options, list[Wanted]]] = {}
        for options, wanted in self.wanted.values():
            found.setdefault(options.model_dump_json(), (options, []))[1].append(wanted)
        return [
            Task(
                Server(
                    options.url,
                    options.timeout,
                    {**options.headers, **auth_headers(options.auth, secrets)},
                ),
                tuple(wanted),
            )
            for options, wanted in found.values()
        ]


def needs_of(targets: Sequence[Target], start: float, end: float) -> Needs:
    """What to ask for the time from Unix second `start` to `end`."""
    tested: list[Need] = []
    left_out: list[LeftOut] = []
    wanted: dict[str, tuple[Options, Wanted]] = {}
    for target in targets:
        for trigger in target.triggers:
            why = next(filter(None, (_objection(target, one) for one in trigger.terms)), "")
            if why:
                left_out.append(LeftOut(target.name, trigger.name, why))
                continue
            grid = grid_between(start, end, trigger.every)
            columns = {}
            for term in trigger.terms:
                options, one = _wanted(target, term, grid)
                columns[term.signal.name] = one.name
                wanted[one.name] = (options, one)
            tested.append(Need(target, trigger, columns))
    return Needs(tuple(tested), tuple(left_out), wanted)


def _objection(target: Target, term: Term) -> str:
    """Why history cannot tell what `term` was; empty where it can."""
    source = target.sources[term.signal.source]
    spec = target.signals[term.signal.name]
    if source.use != PROMETHEUS:
        return f"its source {source.name} is of kind {source.use}, which remembers nothing"
    if not isinstance(spec.ask.get("query"), str):
        return f"signal {term.signal.name} asks for no query"
    if term.relative is not None:
        return f"it compares {term.signal.name} with what it was before"
    offset = _options(target, term).query_offset
    if offset != int(offset):
        return f"query_offset of source {source.name} is no whole number of seconds"
    return ""


def _options(target: Target, term: Term) -> Options:
    options: Options = catalog.source(PROMETHEUS).options.model_validate(
        target.sources[term.signal.source].options
    )
    return options


def _wanted(target: Target, term: Term, grid: Grid) -> tuple[Options, Wanted]:
    options = _options(target, term)
    ask: Ask = catalog.source(PROMETHEUS).ask.model_validate(target.signals[term.signal.name].ask)
    name = f"{target.name}/{term.signal.name}@{grid.every:g}s"
    return options, Wanted(name, ask.query, ask.volume or "", grid, options.query_offset)


async def load(
    needs: Needs, secrets: Secrets, path: Path, tell: Callable[[int, int], None]
) -> None:
    """Ask every server for what is needed, and keep it at `path`. Raises WatchdogError."""
    await load_history(needs.tasks(secrets), path, tell)


def opened(path: Path, needs: Needs) -> History:
    """The history kept at `path`. Raises ConfigError where it is not of these triggers."""
    history = History(path)
    for name, (_, wanted) in needs.wanted.items():
        why = history.lacks(wanted)
        if why:
            history.close()
            raise ConfigError(f"{path}: {name}: {why}; remove the file, and it is loaded anew")
    return history


def columns_of(need: Need, history: History) -> dict[str, Column]:
    """What was answered for each signal of `need`, by its name."""
    return {signal: history.column(name) for signal, name in need.columns.items()}
