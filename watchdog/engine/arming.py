"""Says what a load of a file changes, by all that the journal holds of the loads before."""

from collections.abc import Sequence

from watchdog.domain.armed import changes
from watchdog.domain.events import Event
from watchdog.domain.scorecard import Scorecard
from watchdog.domain.target import Target
from watchdog.ports import Clock


def changes_of(targets: Sequence[Target], card: Scorecard, clock: Clock) -> list[Event]:
    """What to record beside the load of `targets`, after all the loads that `card` knows of."""
    now = clock.now()
    return [event for target in targets for event in changes(target, card, now)]
