"""Whether the text of a target's file is one that `check` accepts, before anybody gets it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from watchdog import catalog
from watchdog.config.loading import load_files
from watchdog.config.problems import ConfigProblems, Problem


def checked(text: str) -> list[str]:
    """What `check` remarks on `text`. Raises ConfigProblems where it would refuse it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.yaml"
        path.write_text(text)
        try:
            warnings = load_files([path], catalog).warnings
        except ConfigProblems as error:
            problems = [Problem("", 0, 0, one.key, one.text) for one in error.problems]
            raise ConfigProblems(problems) from None
    return [f"{one.key}: {one.text}" for one in warnings]
