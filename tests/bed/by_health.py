"""The file of a target that is rolled back when its health address says no, by steps of a test."""

from collections.abc import Mapping, Sequence
from typing import Any


def target_by_health(
    name: str,
    health: str,
    steps: Sequence[Mapping[str, Any]],
    *,
    every: str = "1s",
    **proof: Any,  # noqa: ANN401 (keys of the check that proves it well again)
) -> dict[str, Any]:
    """In `auto`; the plan `undo` begins at the second no, and ends without a watch."""
    return {
        "target": name,
        "mode": "auto",
        "armed_by": "test",
        "sources": {"health": {"use": "http", "url": health, "every": every}},
        "signals": {"healthy": {"from": "health"}},
        "triggers": {"down": {"signal": "healthy", "fails": 2, "plan": "undo"}},
        "plans": {
            "undo": {
                "steps": list(steps),
                "verify": [{"signal": "healthy", "is": "ok", "within": "60s", **proof}],
                "verify_trigger": False,
                "watch": {"short": "0s", "long": "0s"},
            }
        },
    }
