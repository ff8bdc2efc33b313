"""What a file may take from elsewhere: `${NAME}` in addresses, and secrets by reference only."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.config.problems import Path, Problem
from watchdog.config.reading import Document

BY_REFERENCE = "a secret must not stand in a file; write {env: NAME} or {file: PATH}"
ADDRESSES = frozenset({"url", "get"})
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_KEY = re.compile(
    r"(^|_)(token|password|passwd|passphrase|secret|bearer|credentials?|authorization"
    r"|api_?key|private_key|access_key)$"
)
# With a digit: "Basic authentication" is prose.
_SECRET_VALUE = re.compile(r"(?:bearer|basic)\s+(?=\S*\d)\S{8,}", re.IGNORECASE)
_USERINFO = re.compile(r"//[^/?#\s]*@")


def expanded(
    document: Document, environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """The document's content with its addresses complete, and what stands where it must not."""
    problems: list[Problem] = []

    def complete(value: Any, path: Path) -> Any:  # noqa: ANN401 (whatever the file holds)
        if isinstance(value, dict):
            return {key: complete(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [complete(inner, (*path, index)) for index, inner in enumerate(value)]
        if isinstance(value, str) and path and path[-1] in ADDRESSES:
            value, found = _address(value, environ)
        else:
            found = list(_misplaced(value, path))
        problems.extend(document.problem(path, text) for text in found)
        return value

    return complete(document.content, ()), problems


def looks_secret(key: str | int) -> bool:
    """Whether the name alone says that what it holds must not be shown."""
    return bool(_SECRET_KEY.search(str(key).lower().replace("-", "_")))


def _address(value: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    wrong = [
        f"the variable {name} is not set; set it in the environment, or write the address out"
        for name in dict.fromkeys(_VARIABLE.findall(value))
        if not environ.get(name)
    ]
    value = _VARIABLE.sub(lambda found: environ.get(found[1], ""), value)
    if "${" in value:
        wrong.append("a variable is written ${NAME}, in letters, digits and '_'")
    if _USERINFO.search(value):
        wrong.append("an address must not hold a user or password; use `auth` for them")
    return value, wrong


def _misplaced(value: object, path: Path) -> Iterator[str]:
    if path and looks_secret(path[-1]) and isinstance(value, str | int | float):
        # A flag or counter that is merely named like a secret is none.
        if not isinstance(value, bool):
            yield BY_REFERENCE
    elif isinstance(value, str) and _SECRET_VALUE.fullmatch(value):
        yield "this looks like a secret; write {env: NAME} or {file: PATH}"
    elif isinstance(value, str) and "${" in value:
        yield "${…} works in addresses only (url, get); write the value out"
