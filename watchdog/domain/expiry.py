"""A change that lapses by itself: how long it lasts, and what is done about its end."""

from dataclasses import dataclass
from enum import StrEnum


class OnExpiry(StrEnum):
    """RENEW: done once more, while what it was done for still breaches. TELL: people are told.

    REMIND: it does not lapse by itself, and people are told that it still holds.
    """

    RENEW = "renew"
    TELL = "tell"
    REMIND = "remind"


@dataclass(frozen=True, slots=True)
class Expiry:
    """`after`: seconds that the change lasts; people hear of its end `warn_before` seconds earlier.

    `renewals`: how often the machine may renew it.
    """

    after: float
    warn_before: float = 0.0
    on_expiry: OnExpiry = OnExpiry.RENEW
    renewals: int = 1
