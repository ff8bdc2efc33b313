"""Asks the API server whose token that is, and what they may. Answers count for seconds only."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi
from watchdog.adapters.kubernetes.kinds import RIGHT_REVIEW, TOKEN_REVIEW, Kind
from watchdog.adapters.kubernetes.rights import Standing, to
from watchdog.domain.callers import GROUP, RESOURCE, Caller
from watchdog.domain.errors import StepError, TransientError
from watchdog.plugins import Right
from watchdog.ports import Clock

# Seconds within which whoever asks is told, and for which a question that failed is not repeated.
LIMIT, TROUBLE_KEPT = 5.0, 1.0
# Tokens that nobody knows of, about which is asked at once; answers, and tokens, remembered.
AT_ONCE, MOST_KEPT, MOST_KNOWN = 8, 4096, 4096
_KINDS: tuple[Kind, ...] = (TOKEN_REVIEW, RIGHT_REVIEW)
# What our own account needs, of the whole cluster.
NEEDED: tuple[Right, ...] = tuple(right for kind in _KINDS for right in to(kind, "create"))
_Key = tuple[object, ...]


@asynccontextmanager
async def callers_at(
    access: Access, audience: str, kept: float, clock: Clock
) -> AsyncIterator["ClusterCallers"]:
    """For as long as the context lasts. Raises ConfigError; asks nothing yet."""
    async with reached(access) as api:
        yield ClusterCallers(api, audience, kept, clock)


async def lacking(access: Access) -> Standing:
    """Which of `NEEDED` our account lacks. Raises WatchdogError where that cannot be asked."""
    async with reached(access) as api:
        missing = [
            right
            for right, kind in zip(NEEDED, _KINDS, strict=True)
            if not await api.may(right.verb, kind)
        ]
        return Standing(f"the cluster of {api.server}", tuple(missing))


class ClusterCallers:
    """Whose tokens are, and what they may, as the API server says. No token is kept, nor shown.

    A token counts if it was made for `audience`; answers count for `kept` seconds, yes or no.
    """

    def __init__(
        self, api: KubeApi, audience: str, kept: float, clock: Clock, limit: float = LIMIT
    ) -> None:
        self._api = api
        self._limit = limit
        self._audience = audience
        self._answers = _Answers(clock, kept)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def knows(self, token: str) -> bool:
        """Whether it was somebody's before; that says nothing of now."""
        return _digest(token) in self._known

    async def who(self, token: str) -> Caller | None:
        """Whose it is; None for nobody's. Raises StepError, without the token: not known."""
        proof = _digest(token)
        # Whoever guesses takes turns with others who do, and with nobody who is known.
        turn = nullcontext() if proof in self._known else self._turns
        async with _in_time(self._limit, "whose token it is"):
            found: Caller | None = await self._answers.get(
                (proof,), lambda: self._whose(token, proof, turn)
            )
        return found

    async def may(self, caller: Caller, verb: str, target: str) -> bool:
        """Whether they may do that to a target; empty: to all. Raises StepError: not known."""
        # Whoever is not who they were, such as in fewer groups, is asked about anew.
        who = (caller.user, caller.uid, caller.groups, tuple(sorted(caller.extra.items())))
        key = (caller.proof, *who, verb, target)
        async with _in_time(self._limit, f"what {caller.user} may"):
            return bool(await self._answers.get(key, lambda: self._allowed(caller, verb, target)))

    async def _whose(self, token: str, proof: str, turn: Any) -> Caller | None:  # noqa: ANN401
        question = {"token": token, "audiences": [self._audience]}
        async with turn:
            try:
                found = await self._api.review(TOKEN_REVIEW, question)
            except StepError as error:
                # Whatever the text quotes.
                raise type(error)(str(error).replace(token, "[redacted]")) from None
        caller = _caller(found, proof, self._audience)
        if caller is None:
            self._known.pop(proof, None)
            return None
        self._known[proof] = None
        self._known.move_to_end(proof)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return caller

    async def _allowed(self, caller: Caller, verb: str, target: str) -> bool:
        asked = {
            "namespace": self._api.namespace,
            "verb": verb,
            "group": GROUP,
            "version": "*",
            "resource": RESOURCE,
            "name": target,
        }
        question = {
            "user": caller.user,
            "groups": list(caller.groups),
            "uid": caller.uid,
            "extra": {name: list(values) for name, values in caller.extra.items()},
            "resourceAttributes": asked,
        }
        found = await self._api.review(RIGHT_REVIEW, question)
        return found.get("allowed") is True and not found.get("denied")


@dataclass(slots=True)
class _Answers:
    """What was answered lately. Of many who ask the same at once, one asks the API server."""

    clock: Clock
    kept: float
    _of: OrderedDict[_Key, tuple[float, object]] = field(default_factory=OrderedDict)
    _asking: dict[_Key, asyncio.Lock] = field(default_factory=dict)

    async def get(self, key: _Key, ask: Callable[[], Awaitable[object]]) -> Any:  # noqa: ANN401
        lock = self._asking.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._get(key, ask)
        finally:
            if not lock.locked() and self._asking.get(key) is lock:
                del self._asking[key]

    async def _get(self, key: _Key, ask: Callable[[], Awaitable[object]]) -> object:
        asked = self.clock.now().elapsed
        until, answer = self._of.get(key, (float("-inf"), None))
        if asked >= until:
            try:
                answer, kept = await ask(), self.kept
            except StepError as error:
                answer, kept = error, TROUBLE_KEPT
            # From when it was asked: since then it may have become wrong.
            self._of[key] = (asked + kept, answer)
            self._of.move_to_end(key)
            if len(self._of) > MOST_KEPT:
                self._of.popitem(last=False)
        if isinstance(answer, StepError):
            raise type(answer)(str(answer))
        return answer


@asynccontextmanager
async def _in_time(limit: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit):
            yield
    except TimeoutError:
        text = f"the API server did not say within {limit:g} s {what}"
        raise TransientError(text) from None


def _caller(status: Mapping[str, Any], proof: str, audience: str) -> Caller | None:
    """Whom a review found. Whoever does not say for whom a token was made proves nothing."""
    user = status.get("user") or {}
    name = user.get("username")
    if status.get("authenticated") is not True or not isinstance(name, str):
        return None
    if audience not in (status.get("audiences") or ()):
        return None
    extra = {str(key): _texts(values) for key, values in (user.get("extra") or {}).items()}
    found = Caller(name, _texts(user.get("groups")), str(user.get("uid") or ""), extra, proof)
    return found if found.can_be_named else None


def _texts(values: Iterable[object] | None) -> tuple[str, ...]:
    return tuple(map(str, values or ()))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
