"""docs/lint.md has every warning there is: its words are looked up where they are written."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = re.sub(r"\s+", " ", (ROOT / "docs/lint.md").read_text())
MODULES = sorted(
    [*(ROOT / "watchdog/config").glob("lint*.py"), ROOT / "watchdog/adapters/promql_lint.py"]
)
_WITH_NAMES = (ast.Module, ast.FunctionDef, ast.ClassDef)
# What is shorter is a part of a sentence.
_LEAST_WORDS = 4


def warnings() -> Iterator[tuple[str, str]]:
    """The file and the beginning of every sentence written in it."""
    for path in MODULES:
        for text in sentences(ast.parse(path.read_text())):
            yield path.name, beginning(text)


def sentences(tree: ast.Module) -> Iterator[str]:
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, _WITH_NAMES) and isinstance(node.body[0], ast.Expr):
            skipped.add(id(node.body[0].value))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(id(inner) for inner in ast.walk(node) if inner is not node)
        elif isinstance(node, ast.AnnAssign):
            # A table of what is looked for, which has a test of its own.
            skipped.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )
        else:
            continue
        if len(text.split()) >= _LEAST_WORDS:
            yield text


def beginning(text: str) -> str:
    """The first stretch of `text` that says something, and that nothing varies in."""
    stretches = [part.strip() for part in re.split(r"[:;,(…]", text)]
    return next(
        (part for part in stretches if len(part.split()) >= _LEAST_WORDS),
        max(stretches, key=len),
    )


def test_there_are_warnings_to_look_up() -> None:
    assert len(list(warnings())) > 20


@pytest.mark.parametrize(("module", "words"), sorted(set(warnings())))
def test_every_warning_has_its_row(module: str, words: str) -> None:
    assert words in PAGE, f"{module} warns of this, and docs/lint.md does not say it"
