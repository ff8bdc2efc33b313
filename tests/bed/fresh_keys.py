"""For schemathesis: most requests get a key of their own, or nearly all would be the same act."""

import itertools
import re
from typing import Any

import schemathesis

from watchdog.web.acts import KEY_HEADER, KEY_PATTERN

_NUMBERS = itertools.count(1)
# One in so many keeps the key that was made up for it, and meets one that was used before.
_KEPT = 10


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ANN401 (its own)
    """Replace a key that is valid; one that is meant to be wrong stays as it is."""
    del context, kwargs
    number = next(_NUMBERS)
    key = (case.headers or {}).get(KEY_HEADER)
    if key is not None and re.fullmatch(KEY_PATTERN, str(key)) and number % _KEPT:
        case.headers[KEY_HEADER] = f"key-{number}"
