"""What may stand under `api:` of the daemon's file: who may ask for acts over HTTP."""

from collections import Counter
from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from watchdog.config.fields import Count, Entry, Name, SecretEntry, Text
from watchdog.domain.doors import ApiDoor, ClusterDoor, Scope, TokenDoor
from watchdog.plugins import Timeout

_LEAST_BYTES = 1024
_MOST_BYTES = 1 << 20
# One, and the one it is exchanged for.
_MOST_TOKENS = 2
# Seconds. What is taken away from somebody must not count for long.
_LONGEST_KEPT = 60.0
_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"


class TokenEntry(Entry):
    """A person's token, and what it is good for."""

    person: Name = Field(description="whose it is: one of `people`")
    token: SecretEntry = Field(description="where it stands")
    scopes: Annotated[list[Literal["read", "act", "admin"]], Field(min_length=1)] = Field(
        description="what it is good for"
    )


class ClusterEntry(Entry):
    """Users of a cluster may ask as well, as far as its RBAC lets them."""

    audience: Text = Field("rollback-watchdog", description="whom their tokens must be made for")
    cache: Annotated[Timeout, Field(le=_LONGEST_KEPT)] = Field(
        "10s", validate_default=True, description="how long what the API server said counts"
    )
    namespace: Annotated[str, Field(pattern=_LABEL)] | None = Field(
        None, description="where they need their rights; that of the pod"
    )
    kubeconfig: Text | None = Field(None, description="how the cluster is reached; as the pod")
    context: Text | None = Field(None, description="of the kubeconfig; its current one")


class ApiEntry(Entry):
    """Acts over HTTP, for whoever has a token; off when missing."""

    tokens: Annotated[list[TokenEntry], Field(min_length=1, max_length=200)] = Field(
        default=[], description="who may do what; two of one person to exchange one"
    )
    kubernetes: ClusterEntry | None = Field(
        None, description="whether users of the cluster may ask, too; no"
    )
    max_body: Annotated[int, Field(ge=_LEAST_BYTES, le=_MOST_BYTES)] = Field(
        64 * 1024, description="bytes of a request's body"
    )
    require_token_for_reading: bool = Field(
        default=False, description="whether status and runs need a token with scope read"
    )
    max_failures: Count = Field(
        20, description="a minute, of one address or person, before they have to wait"
    )

    @model_validator(mode="after")
    def _listens_to_somebody(self) -> Self:
        if not self.tokens and self.kubernetes is None:
            raise ValueError("nobody could ask for anything: give `tokens` or `kubernetes`")
        return self

    @model_validator(mode="after")
    def _each_token_is_one(self) -> Self:
        for name, count in Counter(each.person for each in self.tokens).items():
            if count > _MOST_TOKENS:
                raise ValueError(f"{name} has {count} tokens; two are enough to exchange one")
        for place, count in Counter(repr(each.token) for each in self.tokens).items():
            if count > 1:
                raise ValueError(f"two tokens stand in one place ({place}): give each its own")
        return self

    def strangers(self, people: Collection[str]) -> list[str]:
        """Whose tokens these are who is none of `people`."""
        names = dict.fromkeys(each.person for each in self.tokens)
        return [name for name in names if name not in people]


def api_of(entry: ApiEntry | None) -> ApiDoor | None:
    """Who may ask; None for nobody."""
    if entry is None:
        return None
    return ApiDoor(
        tokens=tuple(_token(each) for each in entry.tokens),
        most_bytes=entry.max_body,
        guards_reading=entry.require_token_for_reading,
        most_failures=entry.max_failures,
        cluster=_cluster(entry.kubernetes),
    )


def _token(entry: TokenEntry) -> TokenDoor:
    reference = entry.token.model_dump(exclude_none=True)
    return TokenDoor(entry.person, reference, frozenset(map(Scope, entry.scopes)))


def _cluster(entry: ClusterEntry | None) -> ClusterDoor | None:
    if entry is None:
        return None
    access = entry.model_dump(include={"namespace", "kubeconfig", "context"}, exclude_none=True)
    return ClusterDoor(entry.audience, entry.cache, access)
