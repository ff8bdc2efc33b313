"""Checks of a plan as the rest of the program works with them."""

import json
import math
import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from watchdog.config.check_schema import CheckEntry, LookEntry
from watchdog.config.fields import Amount
from watchdog.config.options import Options
from watchdog.config.plan_schema import SaveStepEntry
from watchdog.config.problems import Path
from watchdog.config.thresholds import base, limit_in
from watchdog.domain.condition import Condition, Op
from watchdog.domain.plan import Check, Look
from watchdog.domain.signal import Signal
from watchdog.domain.target import SignalSpec, SourceSpec

# A poll takes its pauses and its answers; whoever counts tries wants all of them.
_ROOM_FOR_ANSWERS = 2
# Seconds between two tries to read what is to be saved.
_SAVE_PAUSE = 2.0
# Whatever number it is, it is kept.
_ANYTHING = Condition(Op.AT_LEAST, -math.inf)


class CheckMapper:
    """Makes checks, whether they read a signal of the file or look by themselves."""

    def __init__(
        self,
        options: Options,
        sources: Mapping[str, SourceSpec],
        signals: Mapping[str, SignalSpec],
    ) -> None:
        self._options = options
        self._sources = sources
        self._signals = signals

    def check(self, path: Path, entry: CheckEntry, *, within: float, name: str = "") -> Check:
        """The check at `path`. `within` (seconds) and `name` hold where it has none itself."""
        name = entry.name or name or _in_words(entry)
        signal, look = self._look(path, entry, name)
        pause = entry.pause
        if signal.source and "pause" not in entry.model_fields_set:
            # To look more often than the source has news would count the same twice.
            pause = self._sources[signal.source].every
        tries = entry.tries or 0
        return Check(
            name=name,
            signal=signal,
            look=look,
            expect=condition(entry.comparisons, signal.unit) or Condition(Op.PASSING),
            tries=tries,
            pause=pause,
            samples=entry.samples,
            within=entry.within or max(within, tries * pause * _ROOM_FOR_ANSWERS),
            also=tuple(
                self._also((*path, "also", index), each) for index, each in enumerate(entry.also)
            ),
            wait=entry.wait,
            fails=entry.fails_after or 0,
            against=entry.against or "",
        )

    def saving(self, path: Path, entry: SaveStepEntry) -> Check:
        """The check at `path` that keeps what it reads."""
        if entry.signal is not None:
            return self._saving_signal(entry, entry.signal)
        read = f"GET {urlsplit(entry.get).path}" if entry.get else shlex.join(entry.run or ())
        return Check(
            name=entry.name or f"Save {entry.save}: {entry.value or ''} {read}".replace("  ", " "),
            signal=Signal(name=entry.save, source=""),
            look=self._options.looks[path],
            expect=Condition(Op.PASSING),
            pause=min(_SAVE_PAUSE, entry.within),
            within=entry.within,
            save=entry.save,
            on_error=entry.on_error,
        )

    def _saving_signal(self, entry: SaveStepEntry, name: str) -> Check:
        signal, look = self._of_signal(name)
        return Check(
            name=entry.name or f"Save {entry.save}: {name}",
            signal=signal,
            look=look,
            expect=_ANYTHING,
            pause=min(_SAVE_PAUSE, entry.within),
            within=entry.within,
            save=entry.save,
            on_error=entry.on_error,
        )

    def _also(self, path: Path, entry: LookEntry) -> Check:
        name = entry.name or _in_words(entry)
        signal, look = self._look(path, entry, name)
        expect = condition(entry.comparisons, signal.unit) or Condition(Op.PASSING)
        return Check(name, signal, look, expect, against=entry.against or "")

    def _look(self, path: Path, entry: LookEntry, name: str) -> tuple[Signal, Look]:
        if entry.signal is None:
            # Without a unit of its own, the number is in that of its limit.
            limits = [limit for _, limit in entry.comparisons]
            unit = entry.unit or (base(limits[0].unit) if limits else "")
            return Signal(name=name, source="", unit=unit), self._options.looks[path]
        return self._of_signal(entry.signal)

    def _of_signal(self, name: str) -> tuple[Signal, Look]:
        spec = self._signals[name]
        source = self._sources[spec.signal.source]
        return spec.signal, Look(source.use, source.options, spec.ask)


def condition(comparisons: list[tuple[Op, Amount]], unit: str) -> Condition | None:
    """The comparison that was written, with its limit in `unit`."""
    for op, limit in comparisons:
        return Condition(op, limit_in(limit, unit))
    return None


def _in_words(entry: LookEntry) -> str:
    compared = "".join(
        f" {op.value.replace('_', ' ')} {limit.number:g}{limit.unit}"
        for op, limit in entry.comparisons
    )
    if entry.signal is not None:
        since = f" against {entry.against}" if entry.against else ""
        return f"{entry.signal}{since}{compared or ' is ok'}"
    if entry.run is not None:
        return f"{shlex.join(entry.run)} succeeds"
    address = entry.get or ""
    looked = f"GET {urlsplit(address).path or address}"
    if entry.value is not None:
        return f"{looked} {entry.value}{compared}"
    if entry.json_:
        shown = ", ".join(f"{path} = {json.dumps(value)}" for path, value in entry.json_.items())
        return f"{looked} shows {shown}"
    return f"{looked} answers"
