"""Starts the command, unless another distribution has overwritten this package.

PyPI's `watchdog` has the same import name. Installed beside this distribution it replaces
`__init__.py` and `__main__.py` without a word, and leaves this file alone. So the check stands
here, needs the standard library only, and comes before every other import of ours.
"""

import sys
from importlib import metadata

# EX_CONFIG of sysexits.h: the installation has to be put right, another try is useless.
EXIT_OTHER_DISTRIBUTION = 78


def main() -> None:
    refusal = _refusal()
    if refusal is not None:
        sys.stderr.write(f"rollback-watchdog: {refusal}\n")
        sys.exit(EXIT_OTHER_DISTRIBUTION)

    # structlog and typer load rich wherever they find it: 3 MB, and a tenth of a second at each
    # start, for colours that nothing here shows.
    sys.modules["rich"] = None  # type: ignore[assignment]
    from watchdog.cli.main import main as run

    run()


def _refusal() -> str | None:
    try:
        other = metadata.distribution("watchdog")
    except metadata.PackageNotFoundError:
        return None
    return (
        f"will not start, because the distribution 'watchdog' {other.version} in "
        f"{other.locate_file('')} overwrites the package of the same name that this command "
        "is made of; install rollback-watchdog into an environment of its own, with "
        "`pipx install rollback-watchdog` or in a new venv."
    )
