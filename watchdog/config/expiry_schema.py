"""What may stand under `expires:` of a step, whose change lapses by itself."""

from typing import Self

from pydantic import Field, model_validator

from watchdog.config.fields import Entry, Whole
from watchdog.domain.expiry import Expiry, OnExpiry
from watchdog.plugins import Duration


class ExpiresEntry(Entry):
    """When the change lapses by itself, and what is done about that."""

    after: Duration = Field(description="how long the change lasts, or may last")
    warn_before: Duration = Field(
        "10m", validate_default=True, description="how long before its end people are told"
    )
    on_expiry: OnExpiry = Field(
        OnExpiry.RENEW,
        description="renew: done once more while the trigger of its run still breaches; tell: "
        "people are told, and nothing is done; remind: it does not lapse by itself, and people are "
        "told that it still holds",
    )
    renewals: Whole = Field(1, description="how often the machine may renew it")

    @model_validator(mode="after")
    def _can_come_true(self) -> Self:
        if self.after <= 0:
            raise ValueError("`after` is how long the change lasts: give it some time")
        if self.warn_before >= self.after:
            raise ValueError("`warn_before` is the time before its end: make it less than `after`")
        return self

    @property
    def expiry(self) -> Expiry:
        """As the rest of the program works with it."""
        return Expiry(self.after, self.warn_before, self.on_expiry, self.renewals)
