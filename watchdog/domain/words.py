"""How times, durations and values are written wherever a person reads them."""

from datetime import UTC, datetime


def utc(wall: float) -> str:
    """Unix seconds as `YYYY-MM-DDTHH:MM:SSZ`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(wall: float) -> str:
    """Unix seconds as a name: `YYYYMMDDTHHMMSS.mmmZ`, sortable, with milliseconds."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"


def duration(seconds: float) -> str:
    """Seconds as a person writes them: `2m 5s`, `1h 30m`, `350ms`."""
    if 0 < seconds < 0.9995:  # noqa: PLR2004 -- from there on it rounds to 1000ms
        return f"{seconds * 1000:.0f}ms"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    if left or not whole:
        parts.append(f"{left}s")
    return " ".join(filter(None, parts))


def value(number: float, unit: str) -> str:
    """A number in its unit: a ratio as per cent, everything else as it is."""
    if unit == "ratio":
        return f"{_digits(number * 100)} %"
    return f"{_digits(number)} {unit}".rstrip()


def _digits(number: float) -> str:
    """Four significant digits, but never an exponent in place of a whole number."""
    return f"{number:.0f}" if 1e3 <= abs(number) < 1e15 else f"{number:.4g}"  # noqa: PLR2004
