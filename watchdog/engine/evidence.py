"""The last looks at one state of a trigger, kept small: there may be ten thousand of them."""

from array import array
from collections.abc import Iterable, Iterator

from watchdog.domain.events import Point
from watchdog.domain.signal import Verdict

_VERDICTS = tuple(Verdict)
_CODES = {verdict: code for code, verdict in enumerate(_VERDICTS)}
# Added to the code of a verdict without a number: NaN is a number that may have been seen.
_NO_NUMBER = len(_VERDICTS)


class Evidence:
    """The newest `size` looks, oldest first, as Points.

    A Point costs a hundred bytes; a look kept here costs seventeen, and its note where it has one.
    """

    __slots__ = ("_codes", "_next", "_notes", "_numbers", "_size", "_times")

    def __init__(self, size: int) -> None:
        self._size = size
        self._times = array("d")
        self._numbers = array("d")
        self._codes = bytearray()
        self._notes: dict[int, str] = {}
        # Where the next look goes; once all places are taken, that is where the oldest stands.
        self._next = 0

    def add(self, at: float, verdict: Verdict, value: float | None, note: str = "") -> None:
        """Keep one more look, as of Unix second `at`, and forget the oldest of too many."""
        place, code, number = self._next, _CODES[verdict], value
        if number is None:
            code, number = code + _NO_NUMBER, 0.0
        if len(self._codes) < self._size:
            self._times.append(at)
            self._numbers.append(number)
            self._codes.append(code)
        else:
            self._times[place], self._numbers[place], self._codes[place] = at, number, code
        self._next = place + 1 if place + 1 < self._size else 0
        if note:
            self._notes[place] = note
        elif self._notes:
            self._notes.pop(place, None)

    def extend(self, points: Iterable[Point]) -> None:
        """Keep `points`, oldest first."""
        for point in points:
            self.add(point.at, point.verdict, point.value, point.note)

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[Point]:
        return map(self._point, self._places())

    def __reversed__(self) -> Iterator[Point]:
        return map(self._point, reversed(self._places()))

    def _places(self) -> list[int]:
        """Where the looks stand, oldest first."""
        count = len(self._codes)
        oldest = self._next if count == self._size else 0
        return [*range(oldest, count), *range(oldest)]

    def _point(self, place: int) -> Point:
        without, code = divmod(self._codes[place], _NO_NUMBER)
        value = None if without else self._numbers[place]
        return Point(self._times[place], _VERDICTS[code], value, self._notes.get(place, ""))
