"""What may stand under `breaker:` of the daemon's file: when the automation stops itself."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from watchdog.config.fields import Entry, Share
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.units import parse_duration

_WITHIN = re.compile(r"\s*([0-9]{1,6})\s+in\s+(\S.*?)\s*")


def _count_within(value: str) -> tuple[int, float]:
    """So many within that many seconds. Raises ValueError."""
    found = _WITHIN.fullmatch(value)
    if found is None:
        raise ValueError("is no count in a time; write it like 3 in 2m")
    count, seconds = int(found[1]), parse_duration(found[2])
    if count < 1 or seconds <= 0:
        raise ValueError("counts from 1 on, in more than no time; write it like 3 in 2m")
    return count, seconds


def _checked(value: str) -> str:
    _count_within(value)
    return value


# Text, not a pair: the environment takes whatever is more than text for JSON.
Within = Annotated[
    str,
    AfterValidator(_checked),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]{1,6}\s+in\s+\S"}),
]


class BreakerEntry(Entry):
    """When nothing begins by itself any more, until a named person closes the breaker."""

    unknown: Share = Field(
        "50%", validate_default=True, description="share of all triggers that are unknown"
    )
    targets_firing: Within = Field("3 in 2m", description="targets whose triggers fire in a time")
    failed_plans: Within = Field("2 in 24h", description="runs in a time that did not help")


def breaker_limits(entry: BreakerEntry) -> BreakerLimits:
    """As the rest of the program works with it."""
    targets, targets_within = _count_within(entry.targets_firing)
    failed, failed_within = _count_within(entry.failed_plans)
    return BreakerLimits(entry.unknown, targets, targets_within, failed, failed_within)
