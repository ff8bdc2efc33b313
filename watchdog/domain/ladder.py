"""What follows a rollback that did not help: the next level, never a lower one, each once."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from watchdog.domain.moment import Moment


class AfterFailure(StrEnum):
    """What is done about the next level once a breach has shown that this one did not help.

    STOP_AND_PAGE: nothing; OFFER_NEXT: a person is asked; AUTO_NEXT: it starts by itself.
    """

    STOP_AND_PAGE = "stop_and_page"
    OFFER_NEXT = "offer_next"
    AUTO_NEXT = "auto_next"


@dataclass(frozen=True, slots=True)
class OnFailure:
    """The plans that may follow, in order, from the least harm to the most."""

    then: AfterFailure = AfterFailure.STOP_AND_PAGE
    plans: tuple[str, ...] = ()

    @property
    def next(self) -> str:
        """The plan that follows; empty where none does."""
        stops = self.then is AfterFailure.STOP_AND_PAGE or not self.plans
        return "" if stops else self.plans[0]

    def less(self, tried: Collection[str]) -> "OnFailure":
        """Without what was `tried` already: each level runs once an incident at most."""
        return replace(self, plans=tuple(one for one in self.plans if one not in tried))


@dataclass(frozen=True, slots=True)
class Ladder:
    """A run, and the levels above it, for as long as one of them may follow.

    `trigger` is that of the run, whose level is `level`; `tried` are the plans of this incident
    so far, `rest` what follows. `patience`: seconds after `ended` for which the next level may
    begin by itself.
    """

    run: str
    plan: str
    level: int
    trigger: str
    patience: float
    tried: tuple[str, ...] = ()
    rest: OnFailure = field(default_factory=OnFailure)
    ended: Moment | None = None

    def rest_after(self, own: OnFailure, plan: str) -> OnFailure:
        """What follows `plan`, the next level, whose own word is `own`.

        The list that began the ladder comes first; whoever stands last on it says what then.
        """
        left = self.rest.less({*self.tried, plan})
        return left if left.next else own.less({*self.tried, plan})
