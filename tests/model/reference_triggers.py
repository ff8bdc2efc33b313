"""The model of a trigger: what it takes to fire, and to be over."""

from dataclasses import dataclass

from tests.model.spec import CONFIRM, FRESH, KEEP_FIRING, MAX_GAP

BAD, GOOD, DARK = "bad", "good", "dark"


@dataclass(slots=True)
class TriggerModel:
    """`state` is quiet, pending or firing; `since` says from when on, in hundredths."""

    state: str = "quiet"
    since: int = 0
    bad: int = 0
    gap: int = 0
    calm_since: int | None = None
    last_bad: bool = False
    confirmed: bool = True
    fresh: int = 0

    @property
    def firing(self) -> bool:
        return self.state == "firing"

    @property
    def breaching(self) -> bool:
        """Whether its last look was bad."""
        return self.firing and self.last_bad and self.calm_since is None and self.gap == 0

    def look(self, seen: str, now: int) -> str:
        """What changed, in a word; empty for nothing."""
        self.fresh += seen != DARK
        if self.state == "quiet":
            return self._quiet(seen, now)
        if self.state == "pending":
            return self._pending(seen, now)
        return self._firing(seen, now)

    def _quiet(self, seen: str, now: int) -> str:
        if seen != BAD:
            return ""
        self.state, self.since, self.bad, self.gap = "pending", now, 1, 0
        return "pending"

    def _pending(self, seen: str, now: int) -> str:
        if seen == GOOD:
            self.state = "quiet"
            return "pending_cleared"
        if seen == DARK:
            self.gap += 1
            if self.gap <= MAX_GAP:
                return ""
            self.state = "quiet"
            return "pending_lost"
        self.bad, self.gap = self.bad + 1, 0
        if self.bad < CONFIRM or self.fresh < FRESH:
            return ""
        self.state, self.since, self.calm_since = "firing", now, None
        self.last_bad, self.confirmed = True, True
        return "firing"

    def _firing(self, seen: str, now: int) -> str:
        if seen == BAD:
            self.calm_since, self.gap, self.last_bad, self.confirmed = None, 0, True, True
        elif seen == DARK:
            self.gap += 1
            if self.gap > MAX_GAP:
                self.calm_since = None
        else:
            self.calm_since = now if self.calm_since is None else self.calm_since
            self.gap, self.last_bad = 0, False
            if now - self.calm_since >= KEEP_FIRING:
                self.state = "quiet"
                return "resolved"
        return ""

    def step_of_clock(self) -> None:
        """What was pending starts over."""
        if self.state == "pending":
            self.state = "quiet"

    def restart(self) -> None:
        """Pending is lost; firing must be seen once more."""
        self.step_of_clock()
        self.fresh, self.gap, self.calm_since = 0, 0, None
        self.last_bad, self.confirmed = False, False
