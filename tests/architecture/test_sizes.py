import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES = 400
FILE_LINES_WORTH_A_WORD = 200
FUNCTION_LINES = 60


def test_no_file_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = {path: len(source.splitlines()) for path, source in package_files()}

    long = {path: lines for path, lines in lengths.items() if lines > FILE_LINES_WORTH_A_WORD}
    with capsys.disabled():
        for path, lines in sorted(long.items()):
            print(f"\nlong file: {path} has {lines} lines")  # noqa: T201 (for people)

    assert {path: lines for path, lines in long.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{path}:{function.lineno} {function.name}": lines
        for path, source in package_files()
        for function, lines in functions(source)
        if lines > FUNCTION_LINES
    }

    assert long == {}


def test_a_function_is_measured_from_its_def_to_its_last_line() -> None:
    source = "@decorated\ndef one(\n    x: int,\n) -> int:\n    return x\n"

    assert [(function.name, lines) for function, lines in functions(source)] == [("one", 4)]


def package_files() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "watchdog").rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text()


def functions(source: str) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node, node.end_lineno - node.lineno + 1
