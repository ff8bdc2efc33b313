"""What whoever reads an HTTP address is told of it."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator

from watchdog.adapters.addresses import unfit
from watchdog.adapters.auth import Auth
from watchdog.plugins import Timeout


class HttpOptions(BaseModel):
    """One address. Certificates are always verified, redirects are never followed.

    `timeout` covers the whole exchange; `max_bytes` is how long an answer may be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    auth: Auth | None = None
    headers: Mapping[str, str] = {}
    timeout: Timeout = 5.0
    max_bytes: int = Field(default=4 << 20, ge=1024)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        objection = unfit(url)
        if objection:
            raise ValueError(f"url {objection}")
        return url


class ApiOptions(HttpOptions):
    """An address below which an API stands: a slash at its end means nothing."""

    @field_validator("url")
    @classmethod
    def _has_no_slash_at_its_end(cls, url: str) -> str:
        return url.rstrip("/")
