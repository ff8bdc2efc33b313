"""A dead-man address: asked after each whole round, it pages by itself once it is asked no more."""

from collections.abc import Mapping

from watchdog.adapters.addresses import unfit
from watchdog.adapters.answers import status_line
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError
from watchdog.domain.errors import ConfigError, PermanentError, StepError, TransientError
from watchdog.domain.heartbeat import Heartbeat
from watchdog.ports import Deps

# Of its own: one that was kept open may be hung up on in the minute between two beats.
_HEADERS = {"Connection": "close", "Cache-Control": "no-cache"}
# What came back is of no use, but the connection must be read to its end.
_MAX_BYTES = 4096
_WORDS = {
    Failure.DNS: "its host has no address",
    Failure.REFUSED: "the connection was refused",
    Failure.UNREACHABLE: "its host cannot be reached",
    Failure.TLS: "its certificate is not good",
    Failure.TIMEOUT: "no answer in time",
    Failure.LOST: "the connection broke before the whole answer had come",
    Failure.GARBLED: "what came back is not HTTP",
    Failure.OURS: "this machine could not even try",
}


class DeadMan:
    """One GET a beat. Whoever knows the address can keep it quiet: no error quotes any of it."""

    def __init__(self, settings: Heartbeat, deps: Deps) -> None:
        self._settings = settings
        self._deps = deps

    async def beat(self) -> None:
        """Raises ConfigError without its secret, TransientError where it was not taken."""
        url = self._url()
        try:
            answer = await self._deps.http.request(
                "GET",
                url,
                timeout=self._settings.timeout,
                headers=_HEADERS,
                max_bytes=_MAX_BYTES,
            )
        except (NotSentError, AnswerLostError) as error:
            raise TransientError(_WORDS[error.failure]) from None
        except StepError:
            raise PermanentError("its address cannot be asked as it is") from None
        if answer.status // 100 != 2:  # noqa: PLR2004 -- the hundred of success
            raise TransientError(f"it answered {status_line(answer)}")

    def _url(self) -> str:
        url = self._settings.url
        if isinstance(url, Mapping):
            url = self._deps.secrets.read(url)
        why = unfit(url)
        if why is not None:
            # What is wrong with it may quote a part of it.
            raise ConfigError("heartbeat.url is no address of HTTP that may be asked")
        return url
