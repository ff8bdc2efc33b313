"""A run at many times the speed: the durations inside a plugin's options, divided."""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]


def scaled_json(written: Json, unscaled: BaseModel, speed: float) -> Json:
    """`written`, with every duration of `unscaled` divided by `speed`.

    Only what changes is touched: a plugin may tell a default from the same value written out.
    The result is read back without a context, so a default that scales is written out.
    """
    if speed == 1:
        return written
    scaled = type(unscaled).model_validate(written, context={"speed": speed})
    slow = unscaled.model_dump(mode="json", by_alias=True)
    fast = scaled.model_dump(mode="json", by_alias=True)
    result: Json = _changed(deepcopy(written), slow, fast)
    return result


def _changed(written: Any, slow: Any, fast: Any) -> Any:  # noqa: ANN401 (any JSON)
    """`written`, with what differs between `slow` and `fast` as `fast` has it."""
    if slow == fast:
        return written
    if isinstance(slow, dict) and isinstance(fast, dict):
        result = dict(written) if isinstance(written, dict) else {}
        for key, value in fast.items():
            if value != slow.get(key):
                result[key] = _changed(result.get(key), slow.get(key), value)
        return result
    lists = (written, slow, fast)
    if all(isinstance(each, list) and len(each) == len(fast) for each in lists):
        return [_changed(*each) for each in zip(*lists, strict=True)]
    return fast
