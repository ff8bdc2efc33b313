"""How much of everything: by variables of the environment, each with the size of a long row."""

import os

DEFAULTS = {
    "SEED": 7,
    "KILLS": 1000,
    "DAEMON_KILLS": 100,
    "VISITS": 20,
    "DISKS": 50,
    "PAUSES": 3,
    "OUTAGE_KILLS": 1000,
    "TOXICS": 3,
    "STORMS": 2000,
    "SEQUENCES": 500,
    "TOGETHER": 8,
}


def size(name: str) -> int:
    """The size called `name`, from the environment or by default."""
    return int(os.environ.get(name) or DEFAULTS[name])


def command(row: str, *names: str) -> str:
    """What runs that row again at the present sizes."""
    words = " ".join(f"{name}={size(name)}" for name in names)
    return f"make faults-{row} {words}".rstrip()
