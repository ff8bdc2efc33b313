"""Who sends a request: whose token of a file it shows, or whom a cluster knows it for."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from watchdog.domain.callers import Caller
from watchdog.domain.errors import StepError
from watchdog.ports import Callers, Clock
from watchdog.web.proofs import Failures, LaterError, RefusedError, bearer
from watchdog.web.tokens import LEAST_LENGTH, UNREAD, Holder, Tokens

# So many times what one address may try, all of them may together, as far as a cluster is asked.
OF_ALL = 15
# A JSON Web Token: three parts in base64url.
_OF_CLUSTER = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_NOT_KNOWN = (
    "the API server of the cluster does not say now {}; nothing was done. Try again; the socket, "
    "the kill file and the signal USR1 work without it"
)


class TooManyError(Exception):
    """Too much was tried from there to be listened to for now."""


@dataclass(slots=True)
class Holders:
    """Tells people by the token that they show. `callers`: the cluster's, None where none count.

    A token that stands in a file is right whatever else its address tried, and a token that the
    cluster knew before is asked about. Of any other, `most` a minute are tried.
    """

    tokens: Tokens
    clock: Clock
    most: int
    callers: Callers | None = None
    name_of: Callable[[Caller], str] = lambda caller: caller.user
    _failures: Failures = field(init=False)
    _of_all: Failures = field(init=False)

    def __post_init__(self) -> None:
        """Nobody has tried anything yet."""
        self._failures = Failures(self.most)
        self._of_all = Failures(self.most * OF_ALL)

    async def of(self, request: web.Request) -> Holder:
        """Who sends it. Raises RefusedError, TooManyError, or LaterError where that is unknown."""
        peer, now = request.remote or "", self.clock.now()
        given = bearer(request.headers.getall("Authorization", []))
        guessed, unread = self._failures.is_out(peer, now), None
        try:
            return self.tokens.holder(given, now, guessed=guessed)
        except LaterError as error:
            unread = error
        except RefusedError:
            pass
        found = None
        if self.callers is not None and _could_be_one(given):
            if self.tokens.missed and not self.callers.knows(given):
                # It may be a person's, and is then told to nobody.
                raise unread or LaterError(UNREAD)
            found = await self._of_cluster(self.callers, given, peer)
        elif unread is None:
            self._count(peer)
        if found is not None:
            return found
        # It may stand in a file that cannot be read.
        raise unread or RefusedError()

    async def may(self, holder: Holder, verb: str, target: str) -> bool:
        """Whether a user of the cluster may do that. Raises LaterError where that is unknown."""
        if self.callers is None or holder.caller is None:
            return False
        try:
            return await self.callers.may(holder.caller, verb, target)
        except StepError:
            raise LaterError(_NOT_KNOWN.format("what you may")) from None

    async def _of_cluster(self, callers: Callers, given: str, peer: str) -> Holder | None:
        """Whom the cluster knows by that token; None for nobody. Raises LaterError."""
        known = callers.knows(given)
        if not known:
            # Beforehand: of many at once, only so many may be asked about.
            self._count(peer, of_cluster=True)
        try:
            caller = await callers.who(given)
        except StepError:
            raise LaterError(_NOT_KNOWN.format("who you are")) from None
        if caller is None:
            if known:
                self._count(peer)
            return None
        if not known:
            self._failures.forgive(peer)
            self._of_all.forgive("")
        return Holder(self.name_of(caller), caller=caller, token=given)

    def _count(self, peer: str, *, of_cluster: bool = False) -> None:
        """One more that is wrong, or is taken for it until more is known. Raises TooManyError."""
        now = self.clock.now()
        if self._failures.is_out(peer, now) or (of_cluster and self._of_all.is_out("", now)):
            raise TooManyError
        self._failures.note(peer, now)
        if of_cluster:
            self._of_all.note("", now)


def _could_be_one(given: str) -> bool:
    """Whether it looks like a token of a cluster: whatever does not is never told to one."""
    return len(given) >= LEAST_LENGTH and _OF_CLUSTER.fullmatch(given) is not None
