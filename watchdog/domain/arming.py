"""When a target may act by itself: the owner's bar, and what is on record of its arming."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """What a trigger must have shown in alert-only mode before its owner would arm it.

    `decisions`: of which it is known whether they were right. `right`: the share that was, 0 to
    1. `days`: watched in alert-only mode as it stands now.
    """

    decisions: int = 3
    right: float = 0.9
    days: float = 14.0


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The mode of a target is another one than at the load before (`before` empty: the first).

    `hash` is of the file's text, `armed_by` who answers for it where it is armed.
    """

    target: str
    before: str
    mode: str
    armed_by: str
    file: str
    hash: str


@dataclass(frozen=True, slots=True)
class TriggersDefined:
    """What the triggers of a target are: name to digest, of those that are new or another.

    An empty digest: the trigger is gone.
    """

    target: str
    definitions: dict[str, str]


@dataclass(frozen=True, slots=True)
class ArmedEarly:
    """A target acts by itself though some triggers fall short of its bar: one line each."""

    target: str
    armed_by: str
    short: tuple[str, ...]
