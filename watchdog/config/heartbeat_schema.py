"""What may stand under `heartbeat:` of the daemon's file: who is told that it watches."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from watchdog.config.fields import Entry, SecretEntry
from watchdog.domain.heartbeat import Heartbeat
from watchdog.plugins import Timeout


def _address(value: str) -> str:
    # Never quoted: whoever knows it can keep the dead man quiet.
    if not value.startswith(("http://", "https://")):
        raise ValueError("is no address of HTTP; write it like https://host/path, or as a secret")
    return value


class HeartbeatEntry(Entry):
    """A dead-man address: it pages by itself once it is asked no more."""

    url: Annotated[str, AfterValidator(_address)] | SecretEntry = Field(
        description="asked after each whole round; a secret, also where it is written out"
    )
    every: Timeout = Field("60s", validate_default=True, description="how often, at most")
    timeout: Timeout = Field("10s", validate_default=True, description="how long it may take")

    @model_validator(mode="after")
    def _is_answered_in_time(self) -> Self:
        if self.timeout > self.every:
            raise ValueError("`timeout` must not be longer than `every`")
        return self


def heartbeat_of(entry: HeartbeatEntry | None) -> Heartbeat | None:
    """As the rest of the program works with it; None for none."""
    if entry is None:
        return None
    url = entry.url if isinstance(entry.url, str) else entry.url.model_dump(exclude_none=True)
    return Heartbeat(url, entry.every, entry.timeout)
