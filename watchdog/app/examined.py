"""What the doctor found: one line a thing."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """NOTE is worth a word and stops nothing; WRONG must be mended."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at: which, how it is, and what to do where it is not well."""

    health: Health
    about: str
    text: str
