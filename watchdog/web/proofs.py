"""Whether a request comes from whom it should: tokens, signatures, replays, failed attempts."""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from watchdog.domain.doors import Reference
from watchdog.domain.errors import ConfigError
from watchdog.domain.moment import Moment
from watchdog.ports import Secrets

# Seconds by which a signed time may differ from ours, on either side.
WINDOW = 300.0
# Signatures remembered; none is forgotten before its time has passed.
MOST_SEEN = 20_000
# Failed attempts a minute, after which a peer is not listened to for the rest of it.
MOST_FAILED = 20
MINUTE = 60.0
MOST_PEERS = 1024

_BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})")


class RefusedError(Exception):
    """Whoever asks is not who they should be, and would not be if they asked again."""


class LaterError(Exception):
    """It cannot be told now; the same may be asked later."""


def bearer(authorizations: Sequence[str]) -> str:
    """The one token that the headers show; empty where that is not one."""
    found = _BEARER.fullmatch(authorizations[0]) if len(authorizations) == 1 else None
    return found[1] if found else ""


def is_bearer(authorization: str, references: Sequence[Reference], secrets: Secrets) -> bool:
    """Whether the header holds one of the tokens. Raises LaterError when none can be read."""
    given = bearer([authorization])
    # Every one of them, so that the time it takes says nothing.
    matches = [same(given, token) for token in _read(references, secrets)]
    return any(matches)


def same(given: str, wanted: str) -> bool:
    """Whether both are one; the time that it takes says nothing of where they differ."""
    # Hashed first: neither length nor characters beyond ASCII matter.
    digests = (
        hashlib.sha256(each.encode("utf-8", "surrogateescape")).digest() for each in (given, wanted)
    )
    return hmac.compare_digest(*digests)


def _read(references: Sequence[Reference], secrets: Secrets) -> Iterator[str]:
    """Each secret as it stands now; one of two may be missing, as while they are exchanged."""
    missing = 0
    for reference in references:
        try:
            yield secrets.read(reference)
        except ConfigError as error:
            missing += 1
            if missing == len(references):
                raise LaterError(str(error)) from error


@dataclass(slots=True)
class Signatures:
    """Judges signed bodies; each signature counts once.

    What was signed before `began` may have been taken by the process before this one.
    """

    secrets: Secrets
    began: Moment
    _seen: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def judge(
        self,
        body: bytes,
        timestamp: str,
        signature: str,
        references: Sequence[Reference],
        now: Moment,
        *,
        before: float = 0.0,
    ) -> str:
        """The signature, to be handed to `spend`. Raises RefusedError or LaterError.

        Up to Unix second `before`, an earlier process may have taken it.
        """
        found = _SIGNATURE.fullmatch(signature)
        if not _TIMESTAMP.fullmatch(timestamp) or found is None:
            raise RefusedError
        signed = timestamp.encode() + b":" + body
        given = found[1].lower()
        matches = [
            hmac.compare_digest(_signature(secret, signed), given)
            for secret in _read(references, self.secrets)
        ]
        at = float(timestamp)
        if not any(matches) or abs(now.wall - at) > WINDOW:
            raise RefusedError
        # By the clock as it is now: it may have been set since.
        began = now.wall - now.since(self.began)
        if at <= max(int(began), before):
            raise LaterError("it may have been taken before this process began; sign it anew")
        return given

    def spend(self, signature: str, now: Moment) -> None:
        """From now on this signature is a replay. Raises LaterError when there is no room."""
        while self._seen and next(iter(self._seen.values())) < now.elapsed:
            self._seen.popitem(last=False)
        if signature in self._seen:
            raise RefusedError
        if len(self._seen) >= MOST_SEEN:
            raise LaterError("too many signed requests; try again later")
        # The window reaches to both sides of now.
        self._seen[signature] = now.elapsed + 2 * WINDOW

    def give_back(self, signature: str) -> None:
        """What it signed was not taken in: the same request may come again."""
        self._seen.pop(signature, None)


def _signature(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass(slots=True)
class Failures:
    """Counts failed attempts by peer, so that nobody can try for long: `most` a minute."""

    most: int = MOST_FAILED
    _of: OrderedDict[str, tuple[Moment, int]] = field(default_factory=OrderedDict)

    def is_out(self, peer: str, now: Moment) -> bool:
        """Whether `peer` failed too often within this minute."""
        since, count = self._of.get(peer, (now, 0))
        return count >= self.most and now.since(since) < MINUTE

    def note(self, peer: str, now: Moment) -> None:
        """One more failed attempt."""
        since, count = self._of.pop(peer, (now, 0))
        if now.since(since) >= MINUTE:
            since, count = now, 0
        self._of[peer] = (since, count + 1)
        if len(self._of) > MOST_PEERS:
            self._of.popitem(last=False)

    def forgive(self, peer: str) -> None:
        """One that was noted was none."""
        since, count = self._of.get(peer, (None, 0))
        if since is not None and count > 0:
            self._of[peer] = (since, count - 1)
