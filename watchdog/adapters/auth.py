"""Auth profiles: how a request proves who sends it, with every secret by reference."""

import base64
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from watchdog.ports import Secrets


class SecretReference(BaseModel):
    """Where a secret stands: `{env: NAME}` or `{file: PATH}`, never the secret itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is {env: NAME} or {file: PATH}")
        return self

    def read(self, secrets: Secrets) -> str:
        """The secret as it stands now. Raises ConfigError when there is none."""
        return secrets.read(self.model_dump(exclude_none=True))


class BasicAuth(BaseModel):
    """A name and a password. The name may be written out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str | SecretReference
    password: SecretReference


class HeaderAuth(BaseModel):
    """A header of its own, such as X-Api-Key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: SecretReference


class Auth(BaseModel):
    """An auth profile: exactly one of the three ways."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bearer: SecretReference | None = None
    basic: BasicAuth | None = None
    header: HeaderAuth | None = None

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if sum(way is not None for way in (self.bearer, self.basic, self.header)) != 1:
            raise ValueError("auth is one of bearer, basic or header")
        return self


def auth_headers(auth: Auth | None, secrets: Secrets) -> dict[str, str]:
    """The headers that `auth` asks for, read anew. Raises ConfigError without the secret."""
    if auth is None:
        return {}
    if auth.bearer is not None:
        return {"Authorization": f"Bearer {auth.bearer.read(secrets)}"}
    if auth.header is not None:
        return {auth.header.name: auth.header.value.read(secrets)}
    if auth.basic is None:
        return {}
    user = auth.basic.user
    name = user if isinstance(user, str) else user.read(secrets)
    pair = f"{name}:{auth.basic.password.read(secrets)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
