"""Secrets that somebody would write into an object that many may read."""

import re
from collections.abc import Iterator, Mapping

from watchdog.ports import Secrets

_WHY = (
    "everybody who may read jobs would see it; keep it in a Secret of the cluster, and refer to "
    "it by valueFrom or envFrom"
)
# What the cluster or a shell puts in: $(NAME), ${NAME} and $NAME.
_LATER = r"\$(?:\(\w+\)|\{\w+\}|\w+)"
# Credentials of an address that are still to be put in tell nothing.
_FILLED_IN_LATER = re.compile(rf"//(?:[\w.-]+:)?{_LATER}(?::{_LATER})?@")


def refers_to_a_secret(written: object) -> str:
    """Why it may not be, where `{env: NAME}` or `{file: PATH}` stands in it; empty: nowhere."""
    for one in _all_of(written):
        if isinstance(one, Mapping) and len(one) == 1:
            ((key, value),) = one.items()
            if key in {"env", "file"} and isinstance(value, str):
                return f"{{{key}: {value}}} has no place here: {_WHY}"
    return ""


def tells_a_secret(written: object, secrets: Secrets) -> str:
    """Why it may not be, where it holds a secret that we know; empty: it holds none."""
    for one in _all_of(written):
        text = _FILLED_IN_LATER.sub("//", one) if isinstance(one, str) else ""
        if secrets.redact(text) != text:
            return f"it holds a secret: {_WHY}"
    return ""


def _all_of(written: object) -> Iterator[object]:
    """It, and whatever stands in it at any depth; keys included."""
    waiting = [written]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
