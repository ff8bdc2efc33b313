"""The report of a backtest: one HTML file that needs nothing else, for any screen, any theme."""

from pathlib import Path

from watchdog.domain.backtest_score import Backtest
from watchdog.domain.errors import WatchdogError


def render(result: Backtest, version: str = "") -> str:
    """The page. The same backtest always gives the same bytes."""
    # Who wants no page needs no templates.
    from watchdog.adapters.backtest_report import page  # noqa: PLC0415

    return page.render(result, version)


def write(result: Backtest, path: Path, version: str = "") -> None:
    """Write the page to `path`. Raises WatchdogError where that is impossible."""
    try:
        path.write_text(render(result, version), encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise WatchdogError(f"{path} cannot be written: {why}; name another file") from error
