"""A target's file as text: YAML that is read back as the very same values."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from watchdog.config.scalars import resolve

# A query is read in one line.
_WIDTH = 100_000


class _Dumper(yaml.SafeDumper):
    """Quotes what our reader would take for a number, and indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        super().increase_indent(flow, False)  # noqa: FBT003


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif not _is_text(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_text(text: str) -> bool:
    try:
        return resolve(text, plain=True, tag=None) == text
    except ValueError:
        return False


def _number(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(number))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def target_text(content: Mapping[str, Any], *, comments: Sequence[str] = ()) -> str:
    """`content` as YAML, below `comments`."""
    above = "".join(f"# {line}".rstrip() + "\n" for line in comments)
    body = yaml.dump(
        dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return above + body


def written(seconds: float) -> str:
    """`seconds` as a duration of a file, such as 1h30m."""
    rest, text = round(seconds * 1000), ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def number_of(value: float) -> int | float:
    """`value` without a fraction where it has none."""
    return int(value) if value.is_integer() and abs(value) < 1e15 else value  # noqa: PLR2004
