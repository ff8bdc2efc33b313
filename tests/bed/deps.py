"""What a plugin gets of the running program, as small as a test needs it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient
from watchdog.domain.errors import ConfigError
from watchdog.domain.moment import Moment
from watchdog.ports import Deps


@dataclass
class KnownSecrets:
    """Secrets by reference, such as `env:TOKEN`."""

    values: dict[str, str] = field(default_factory=dict)

    def read(self, reference: Mapping[str, str]) -> str:
        ((kind, name),) = reference.items()
        try:
            return self.values[f"{kind}:{name}"]
        except KeyError:
            raise ConfigError(f"no secret in {kind} {name}") from None

    def redact(self, text: str) -> str:
        for value in self.values.values():
            text = text.replace(value, "[redacted]")
        return text


@asynccontextmanager
async def real_deps(**secrets: str) -> AsyncIterator[Deps]:
    """The real clock and HTTP client; `secrets` are read as {env: NAME}."""
    clock = SystemClock()
    known = KnownSecrets({f"env:{name}": value for name, value in secrets.items()})
    async with AioHttpClient(clock) as http:
        yield Deps(clock, http, known)


def now() -> Moment:
    """The moment by the real clock."""
    return SystemClock().now()
