"""A value in an option: written out, or a reference to a secret."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from watchdog.adapters.auth import Auth, SecretReference
from watchdog.adapters.secrets import reference_name
from watchdog.domain.errors import ConfigError, PermanentError
from watchdog.ports import Finding, Secrets

Value = str | SecretReference


def plain(value: Value, secrets: Secrets) -> str:
    """The value itself, read anew. Raises ConfigError when its secret is missing."""
    return value.read(secrets) if isinstance(value, SecretReference) else value


def shown(value: Value) -> str:
    """The value, or in a secret's place its reference, such as `env:ADMIN_TOKEN`."""
    if isinstance(value, SecretReference):
        return reference_name(value.model_dump(exclude_none=True))
    return value


def shown_auth(auth: Auth) -> str:
    """An auth profile without its secrets, such as `bearer env:ADMIN_TOKEN`."""
    if auth.bearer is not None:
        return f"bearer {shown(auth.bearer)}"
    if auth.header is not None:
        return f"header {auth.header.name} {shown(auth.header.value)}"
    if auth.basic is not None:
        return f"basic {shown(auth.basic.user)} {shown(auth.basic.password)}"
    return "none"


def found(name: str, read: Callable[[], object]) -> Iterator[Finding]:
    """One finding: whether `read` gives something, or why it does not."""
    try:
        read()
    except ConfigError as error:
        yield Finding(ok=False, text=f"{name}: {error}")
    else:
        yield Finding(ok=True, text=f"{name}: ok")


@contextmanager
def nothing_done(name: str) -> Iterator[None]:
    """Turn a secret that is missing, at a step's very start, into the error of a step."""
    try:
        yield
    except ConfigError as error:
        raise PermanentError(f"{name}: {error}") from error
