"""A PromQL query for a watched process whose every time is divided by one factor."""

import re
from fractions import Fraction

_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}
_MILLISECONDS = {**_UNITS, "s": 1000, "ms": 1}
_SPAN = re.compile(r"(?:\d+(?:ms|[ywdhms]))+|\d+(?:\.\d+)?(?![\w.])")
_SPAN_PART = re.compile(r"(\d+)(ms|[ywdhms])")
# What may hold the look of a range without being one comes first and is passed over.
_TOKEN = re.compile(
    r"""(?P<other>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*)"""
    r"""|(?P<range>\[[^\]"'`]*\])"""
    r"""|(?P<offset>\boffset\s+[-+]?\s*(?:\d+(?:ms|[ywdhms]))+)"""
    r"""|[A-Za-z_:][\w:]*""",
    re.IGNORECASE | re.DOTALL,
)


def scale_ranges(text: str, factor: float) -> str:
    """`text` with every range, resolution and offset divided by `factor`; 1 ms at least.

    Time spans written as plain numbers, such as `time() - x > 300`, stay as they are.
    """
    if factor == 1:
        return text
    exact = Fraction(repr(float(factor)))
    return _TOKEN.sub(lambda found: _scaled_token(found, exact), text)


def _scaled_token(found: re.Match[str], factor: Fraction) -> str:
    token = found[0]
    if found["range"] is None and found["offset"] is None:
        return token
    return _SPAN.sub(lambda span: _scaled_span(span[0], factor), token)


def _scaled_span(span: str, factor: Fraction) -> str:
    parts = _SPAN_PART.findall(span)
    before = (
        sum(Fraction(digits) * _MILLISECONDS[unit] for digits, unit in parts)
        if parts
        else Fraction(span) * 1000
    )
    after = max(round(before / factor), 1)
    written = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, after = divmod(after, _MILLISECONDS[unit])
        written += f"{count}{unit}" if count else ""
    return written
