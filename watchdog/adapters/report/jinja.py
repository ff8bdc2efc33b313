"""The templates of the report, and how text from elsewhere is written into Markdown."""

import re
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

TICKS = re.compile(r"`+")
MARKUP = re.compile(r"([\\<>*_\[\]#|`])")


def filled(template: str, values: Mapping[str, object]) -> str:
    """`template` with `values` in their places. What ends in .svg.j2 is escaped as XML is."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("watchdog.adapters.report", "templates"),
        autoescape=select_autoescape(enabled_extensions=("svg.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "code": code, "fenced": fenced}
    return environment


def plain(text: str) -> str:
    """`text` as one line in which nothing is taken for Markdown or HTML."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """`text` as one line of code, also in a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (1 + max(map(len, TICKS.findall(line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def fenced(text: str, language: str = "") -> str:
    """`text` as a block of code."""
    fence = "`" * max(3, 1 + max(map(len, TICKS.findall(text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
