"""The state of a trigger as it is kept over a restart."""

from collections.abc import Mapping
from typing import Any

from watchdog.domain.moment import Moment
from watchdog.domain.trigger import (
    INACTIVE,
    Firing,
    Inactive,
    Pending,
    TriggerState,
    TriggerStatus,
)


def saved(status: TriggerStatus) -> dict[str, object]:
    """`status` as JSON values; elapsed seconds are of this boot's clock."""
    state = status.state
    kept: dict[str, object] = {
        "state": type(state).__name__,
        "blind": status.blind,
        "dark": status.dark_since is not None,
        "dark_since": status.dark_since,
    }
    match state:
        case Inactive():
            return kept
        case Pending():
            kept |= {
                "breaches": state.breaches,
                "decided": state.decided,
                "breached": state.breached,
                "counted_at": state.counted_at,
            }
        case Firing():
            kept["began"] = _moment(state.began)
    return kept | {"since": _moment(state.since), "gap": state.gap}


def loaded(kept: Mapping[str, Any], saved_at: Moment, offset: float) -> TriggerStatus:
    """The status that `kept` tells of, on this boot's clock (`offset` seconds later)."""
    dark = saved_at.elapsed if kept["dark"] else None
    if kept.get("dark_since") is not None:
        dark = kept["dark_since"] + offset
    return TriggerStatus(_state(kept, offset), dark_since=dark, blind=kept["blind"])


def _state(kept: Mapping[str, Any], offset: float) -> TriggerState:
    if kept["state"] == Inactive.__name__:
        return INACTIVE
    since = _translated(kept["since"], offset)
    if kept["state"] == Firing.__name__:
        began = kept["began"]
        return Firing(since, began=None if began is None else _translated(began, offset))
    counted = kept["counted_at"]
    return Pending(
        since,
        kept["breaches"],
        kept["gap"],
        kept["decided"],
        None if counted is None else counted + offset,
        kept["breached"],
    )


def _moment(moment: Moment | None) -> list[float] | None:
    return None if moment is None else [moment.elapsed, moment.wall]


def _translated(kept: list[float], offset: float) -> Moment:
    return Moment(kept[0] + offset, kept[1])
