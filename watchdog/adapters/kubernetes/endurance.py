"""How long troubles have been borne; those that come and go are added up."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from watchdog.adapters.kubernetes.rollout import Progress, Trouble


@dataclass(slots=True)
class Endurance:
    """Bears the troubles of each pod for `limit` seconds in all.

    A pod that crashes again and again says so only between two starts, and an image that cannot
    be pulled is called by two names in turn: none of that begins the count anew. What the
    controller says of the whole does, once more pods are ready than before.
    """

    limit: float
    _borne: dict[str, float] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _ready: int = 0

    def over(self, state: Progress, there: Iterable[str], now: float) -> Trouble | None:
        """The trouble that was borne for too long, as of `now`. `there`: the pods that live."""
        present = {one.pod: one for one in reversed(state.troubles)}
        for pod in [pod for pod in self._since if pod not in present]:
            self._borne[pod] = self._borne.get(pod, 0.0) + now - self._since.pop(pod)
        known = {"", *there}
        for pod in [pod for pod in self._borne if pod not in known]:
            del self._borne[pod]
        if state.ready > self._ready:
            self._ready = state.ready
            self._borne.pop("", None)
            self._since.pop("", None)
        for pod in present:
            self._since.setdefault(pod, now)
        return next((one for pod, one in present.items() if self._left(pod, now) <= 0), None)

    def left(self, now: float) -> float | None:
        """Seconds until one of them is borne for too long; None while there is none."""
        return min((self._left(pod, now) for pod in self._since), default=None)

    def _left(self, pod: str, now: float) -> float:
        return self.limit - self._borne.get(pod, 0.0) - (now - self._since[pod])
