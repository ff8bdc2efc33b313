"""The incident report: Markdown and a picture, from the records of one run alone."""

import asyncio
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Record
from watchdog.domain.incident import incident_of

WRITE_LIMIT = 30.0
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


def render(records: Sequence[Record], run: str = "") -> tuple[str, str]:
    """The report and its picture (SVG). The same records always give the same bytes.

    `records` are those of one run (see `watchdog.domain.relation`). Raises ValueError where
    they hold no run.
    """
    # A daemon that never rolls anything back never needs its templates.
    from watchdog.adapters.report import markdown, timeline_svg  # noqa: PLC0415

    incident = incident_of(records, run)
    picture = f"{file_name(incident.run.id)}.svg"
    return markdown.render(incident, picture), timeline_svg.render(incident)


def file_name(run: str) -> str:
    """A name of a file for `run`, without its ending."""
    return _UNFIT.sub("_", run).lstrip(".") or "run"


class ReportFolder:
    """Satisfies `ports.ReportWriter`; relative folders are inside `base`."""

    def __init__(self, base: Path) -> None:
        self._base = base

    async def write(self, folder: str, run: str, records: Sequence[Record]) -> str:
        """Write `<run>.md` and `<run>.svg` into `folder`, each whole or not at all."""
        place = self._base / folder
        try:
            async with asyncio.timeout(WRITE_LIMIT):
                return await asyncio.to_thread(_write, place, run, records)
        except OSError as error:
            why = "it does not answer" if isinstance(error, TimeoutError) else str(error)
            raise WatchdogError(
                f"the report of run {run} cannot be written to {place}: {why}; mend that, then"
                f" `rollback-watchdog report {run}` writes it"
            ) from error


def _write(place: Path, run: str, records: Sequence[Record]) -> str:
    text, picture = render(records, run)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{file_name(run)}.md"
    _replace(path.with_suffix(".svg"), picture)
    _replace(path, text)
    return str(path)


def _replace(path: Path, text: str) -> None:
    """Put `text` at `path`, so that whoever reads it never sees half of it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
