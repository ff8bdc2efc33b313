"""Where the configuration stands that comes with the program."""

from pathlib import Path

from watchdog.domain.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]
# A wheel carries config/ inside the package; a working copy has it beside the package.
_PLACES = (_PACKAGE / "shipped", _PACKAGE.parent / "config")


def shipped(name: str) -> Path:
    """The file `name` of config/, such as `default.yaml`. Raises ConfigError."""
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    looked = " or ".join(map(str, _PLACES))
    raise ConfigError(f"{name} does not stand in {looked}; install rollback-watchdog again")
