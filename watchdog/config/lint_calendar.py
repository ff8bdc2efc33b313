"""Freezes and planned work that are allowed as written, and rarely meant."""

from collections.abc import Iterator

from watchdog.config.problems import Path, did_you_mean
from watchdog.domain.cron import parsed
from watchdog.domain.target import Target
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import Window, WindowKind
from watchdog.domain.words import duration

Warnings = Iterator[tuple[Path, str]]


def lint_calendar(target: Target) -> Warnings:
    """Windows that never close, that let everything through, or that spare what is not there."""
    causes = {trigger.cause for trigger in target.triggers} - {""}
    for kind in WindowKind:
        windows = [one for one in target.windows if one.kind is kind]
        for index, window in enumerate(windows):
            yield from _lasting((kind.value, index), window)
            yield from _sparing((kind.value, index, "except"), window, causes)


def _lasting(path: Path, window: Window) -> Warnings:
    gap = parsed(window.cron).least_gap if window.cron else None
    if gap is not None and window.lasts >= gap:
        text = (
            f"begins again {duration(gap)} after it began, before its {duration(window.lasts)} "
            "are over: it may never end"
        )
        yield (*path, "for"), text


def _sparing(path: Path, window: Window, causes: set[str]) -> Warnings:
    if window.spared.severity is Severity.INFO:
        yield path, "lets everything through: every trigger is at least of severity info"
    for cause in window.spared.causes:
        if cause not in causes:
            yield path, f"no trigger has the cause {cause!r}; {did_you_mean(cause, causes)}"
