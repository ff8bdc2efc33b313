"""What an answer that is not the wanted one means: errors whose type says the next move."""

from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

import httpx2
from lightkube import ApiError
from lightkube.core.exceptions import ConfigError as NoCredentialsError

from watchdog.domain.errors import InDoubtError, PermanentError, StepError, TransientError


class MissingError(PermanentError):
    """There is no such object, or no such kind of object."""


class UnauthorizedError(PermanentError):
    """The API server does not know us: the token is an old one, or no longer one."""


class ForbiddenError(PermanentError):
    """The API server knows us, and refuses: the text names verb, resource and namespace."""


class ConflictError(TransientError):
    """Somebody else changed or made it meanwhile; nothing happened."""


class InvalidError(PermanentError):
    """The API server refuses what was sent; also a JSON patch whose `test` failed."""


@contextmanager
def translated(what: str, *, writes: bool) -> Iterator[None]:
    """Turn the library's errors into ours, which say whether anything may have happened."""
    try:
        yield
    except httpx2.HTTPStatusError as error:
        raise _refused(what, *_said(error), writes=writes) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        text = str(error) or type(error).__name__
        hint = "; name its certificate authority" if "CERTIFICATE_VERIFY" in text else ""
        raise TransientError(f"{what}: the API server cannot be reached: {text}{hint}") from error
    except httpx2.HTTPError as error:
        text = f"{what}: no answer from the API server: {str(error) or type(error).__name__}"
        raise (InDoubtError if writes else TransientError)(text) from error
    except (
        NoCredentialsError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise _stumbled(what, error, writes=writes) from error


def asked_to_wait(error: StepError) -> float:
    """Seconds for which whoever answered wants not to be asked again; 0 where it did not say."""
    refusal = error.__cause__
    while refusal is not None and not isinstance(refusal, httpx2.HTTPStatusError):
        refusal = refusal.__context__
    if refusal is None:
        return 0.0
    said = refusal.response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdecimal() else 0.0


def _stumbled(what: str, error: Exception, *, writes: bool) -> StepError:
    """What it means that the library met something that it has no error of its own for."""
    refusal = error.__context__
    while refusal is not None and not isinstance(refusal, httpx2.HTTPStatusError | StepError):
        refusal = refusal.__context__
    if isinstance(refusal, httpx2.HTTPStatusError):
        # By something that is no API server: the library looked what sort of refusal it is.
        return _refused(what, *_said(refusal), writes=writes)
    if isinstance(error, NoCredentialsError | OSError | JSONDecodeError | KeyError):
        # The kubeconfig names a file or a program that has the token; it is asked at each call.
        return PermanentError(f"{what}: no credentials to ask with: {error}")
    text = f"{what}: the answer is not that of an API server: {type(error).__name__}"
    return (InDoubtError if writes else TransientError)(text)


def _said(error: httpx2.HTTPStatusError) -> tuple[int, str]:
    """The status of an answer, and its text."""
    if not isinstance(error, ApiError):
        return error.response.status_code, error.response.reason_phrase
    if error.status.code:
        return error.status.code, error.status.message or ""
    # What stands between us and an API server may answer with JSON of its own.
    return error.response.status_code, error.response.reason_phrase


def _refused(what: str, code: int, said: str, *, writes: bool) -> StepError:
    """What an answer that is not 2xx means for whoever asked."""
    text = f"{what}: {code} {said}".rstrip()
    match code:
        case 401:
            return UnauthorizedError(f"{text}: the credentials were refused; look at the token")
        case 403:
            return ForbiddenError(f"{text}; give the account this right")
        case 404:
            return MissingError(text)
        case 409:
            return ConflictError(text)
        case 400 | 415 | 422:
            return InvalidError(text)
        case 410:
            return TransientError(f"{text}: what was asked for is too old; begin anew")
        case 429:
            return TransientError(f"{text}: nothing done, come again later")
        case _ if code < 500:  # noqa: PLR2004
            return PermanentError(text)
        case _:
            return InDoubtError(text) if writes else TransientError(text)
