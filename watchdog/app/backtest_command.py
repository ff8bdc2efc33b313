"""`backtest` from the words of the command line: reads, loads, tests, and writes what is wanted."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from watchdog import __version__
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.loading import Files, chosen_target
from watchdog.config.incidents import read_incidents, unix
from watchdog.config.loading import Loaded
from watchdog.domain.backtest_score import Backtest
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.target import Target
from watchdog.domain.units import parse_duration

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says, as written."""

    files: Sequence[Path]
    since: str
    until: str = ""
    target: str = ""
    data: Path | None = None
    incidents: Path | None = None
    sweeps: tuple[str, ...] = ()
    run_takes: str = ""


async def run_backtest(wish: Wish, loading: Tell, testing: Tell) -> Backtest:
    """The backtest that is wished for. Raises ConfigError or WatchdogError.

    `loading(done, all)` and `testing(done, all)` hear how far it has come.
    """
    _require_numpy()
    loaded = Files(wish.files).load()
    with TemporaryDirectory(prefix="rollback-watchdog-") as folder:
        return await _tested(wish, loaded, Path(folder), loading, testing)


async def _tested(
    wish: Wish, loaded: Loaded, folder: Path, loading: Tell, testing: Tell
) -> Backtest:
    # What numpy takes, only this command pays for.
    from watchdog.app.backtest_history import load, needs_of, opened  # noqa: PLC0415
    from watchdog.app.backtesting import Asked, backtest  # noqa: PLC0415
    from watchdog.app.sweeping import check_sweeps, parsed  # noqa: PLC0415
    from watchdog.engine.would_be import Assumed  # noqa: PLC0415

    needs = needs_of(_targets(loaded, wish.target), *_span(wish))
    if not needs.tested:
        why = "; ".join(f"{one.trigger}: {one.why}" for one in needs.left_out)
        raise ConfigError(f"no trigger can be backtested: {why or 'there is none'}")
    sweeps = tuple(map(parsed, wish.sweeps))
    check_sweeps(sweeps, needs.tested)
    incidents = read_incidents(wish.incidents) if wish.incidents else ()
    takes = _duration("--run-takes", wish.run_takes) if wish.run_takes else None
    path = wish.data or folder / "history"
    if not path.exists():
        await load(needs, EnvAndFileSecrets(), path, loading)
    history = opened(path, needs)
    try:
        asked = Asked(
            incidents,
            wish.incidents is not None,
            sweeps,
            Assumed(takes, loaded.daemon.per_hour),
        )
        return backtest(needs, history, asked, testing)
    finally:
        history.close()


def write_page(result: Backtest, path: Path) -> None:
    """Write the page with plots. Raises WatchdogError."""
    from watchdog.adapters.backtest_report import write  # noqa: PLC0415

    write(result, path, __version__)


def write_text(path: Path, text: str) -> None:
    """Write `text`. Raises WatchdogError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise WatchdogError(f"{path} cannot be written: {why}; name another file") from error


def _require_numpy() -> None:
    if importlib.util.find_spec("numpy") is None:
        raise ConfigError(
            "backtest needs numpy, which is not installed; install the extra: "
            "rollback-watchdog[backtest]"
        )


def _targets(loaded: Loaded, name: str) -> Sequence[Target]:
    return [chosen_target(loaded, name)] if name or not loaded.targets else loaded.targets


def _span(wish: Wish) -> tuple[float, float]:
    """From which Unix second to which."""
    end = _time("--until", wish.until) if wish.until else SystemClock().now().wall
    try:
        start = end - parse_duration(wish.since)
    except ValueError:
        start = _time("--since", wish.since)
    if start < 0:
        raise ConfigError(f"--since {wish.since}: that is before 1970; say how far back, like 30d")
    if not start < end:
        raise ConfigError(f"--since {wish.since}: nothing lies between it and the end")
    return start, end


def _time(option: str, text: str) -> float:
    try:
        return unix(text)
    except ValueError as error:
        hint = "; or how far back, like 30d" if option == "--since" else ""
        raise ConfigError(f"{option}: {error}{hint}") from error


def _duration(option: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error
