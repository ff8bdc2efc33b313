"""The one back-off policy: how long to wait between one try and the next."""

from collections.abc import Iterator

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try, for ever: 1, 2, 4 and so on up to 60."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
