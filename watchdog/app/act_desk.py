"""Carries out what is asked over the API: each key once, on the record, also across a crash."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

from watchdog.adapters.journal_codec import KINDS
from watchdog.app.acts import SCOPES, read_body, reason_apart
from watchdog.app.commands import without_secrets
from watchdog.app.control import Control, shown
from watchdog.app.daemon import Daemon
from watchdog.domain.asking import Asker, Via
from watchdog.domain.doors import ApiDoor
from watchdog.domain.errors import ConfigError, JournalError, WatchdogError
from watchdog.domain.events import (
    CommandAnswered,
    CommandReceived,
    CommandRefused,
    DaemonStarted,
    Event,
    KillSwitchChanged,
    Record,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.receipts import KINDS as KINDS_OF_RECEIPTS
from watchdog.domain.receipts import Receipt, Receipts
from watchdog.domain.words import utc
from watchdog.ports import Clock, Journal, Secrets
from watchdog.web.acts import Acts, Asked, Reply
from watchdog.web.alerts import clean
from watchdog.web.control import COMMAND_LIMIT
from watchdog.web.proofs import Failures
from watchdog.web.tokens import Tokens

# Characters of a reason that a journal has to hold for somebody who is refused.
_LONGEST_REASON = 500
_LONGEST_NAME = 80
# Seconds that an answer may take to be recorded; it is given all the same.
_RECORD_LIMIT = 5.0
_OF_COMMANDS = frozenset({CommandReceived, CommandAnswered, CommandRefused})
# The facts that say whose doing they are.
_DEEDS: tuple[type[Event], ...] = tuple(
    kind
    for kind in KINDS.values()
    if kind not in _OF_COMMANDS and any(field.name == "by" for field in fields(kind))
)


class ActDesk:
    """Does what a known person asks. One key is carried out once, whatever comes between."""

    def __init__(
        self, control: Control, journal: Journal, clock: Clock, secrets: Secrets, ledger: Ledger
    ) -> None:
        self.receipts = Receipts()
        self._control = control
        self._journal = journal
        self._clock = clock
        self._secrets = secrets
        self._ledger = ledger
        self._under_way: set[tuple[str, str]] = set()
        self._refusals = Failures()

    def acts(self, door: ApiDoor, openapi: bytes) -> Acts:
        """What the pages need. Raises ConfigError when a token cannot be used."""
        Tokens(door, self._secrets).check()
        self._refusals.most = door.most_failures
        return Acts(
            door=door,
            commands=SCOPES,
            act=self.act,
            refused=self.refused,
            is_out=self.is_out,
            openapi=openapi,
            secrets=self._secrets,
            clock=self._clock,
        )

    def learn(self, records: Sequence[Record]) -> None:
        """Take records of the journal into account."""
        for record in records:
            self.receipts.take(record)

    def is_out(self, person: str) -> bool:
        """Whether that person was refused too often within this minute."""
        return self._refusals.is_out(person, self._clock.now())

    async def refused(self, asked: Asked, status: int, reason: str) -> None:
        """Keep on record that a known person was refused; nothing was done.

        Whoever goes on and on must not fill the journal: then it says no more of them.
        """
        if self.is_out(asked.person):
            return
        self._refusals.note(asked.person, self._clock.now())
        reason = clean(self._secrets.redact(reason), _LONGEST_REASON)
        command = clean(self._secrets.redact(asked.command), _LONGEST_NAME)
        with suppress(JournalError, TimeoutError):
            async with asyncio.timeout(_RECORD_LIMIT):
                event = CommandRefused(
                    command, asked.person, status, reason, Via.API, asked.user, asked.groups
                )
                await self._journal.append(event)

    async def act(self, asked: Asked, arguments: Mapping[str, Any]) -> Reply:
        """Do it, or say what became of it when it was asked under this key before."""
        asker = Asker(
            person=asked.person,
            via=Via.API,
            key=_digest(asked.key),
            asks=_digest(json.dumps([asked.command, arguments], sort_keys=True)),
            user=asked.user,
            groups=asked.groups,
        )
        try:
            wanted = read_body(asked.command, arguments)
            # What a person says may hold what nobody may read.
            wanted = without_secrets(wanted, self._secrets.redact)
            known = await self._known(asked, asker, wanted)
        except _Known as refusal:
            return await self._refused(asked, refusal.reply)
        except ConfigError as error:
            return await self._refused(asked, _reply(422, "usage", str(error)))
        return known or await self._new(asked, asker, wanted)

    # -- what was asked before

    async def _known(self, asked: Asked, asker: Asker, wanted: Mapping[str, Any]) -> Reply | None:
        """The answer to what was asked before; None when it is to be done. Raises _Known."""
        if (asker.person, asker.key) in self._under_way:
            raise _Known(409, "under_way", "what was asked under this key is not done yet")
        now = self._clock.now()
        receipt = self.receipts.find(asker.person, asker.key, now)
        stops = asked.command == "kill" and wanted["on"]
        if receipt is None:
            if not stops and not self.receipts.has_room(asker.person, now):
                raise _Known(429, "too_many", "too many acts within a day; use the command line")
            return None
        if receipt.asks != asker.asks:
            text = (
                f"this key was used for another act ({receipt.command}, at "
                f"{utc(receipt.taken.wall)}); give each act a new one"
            )
            raise _Known(422, "key_reused", text)
        # To stop twice is to stop: whoever asks must not hear of a stop that is over.
        if stops and not (self._ledger.killed and receipt.status):
            return None
        if receipt.status is None:
            return await self._in_doubt(asker, receipt)
        return Reply(receipt.status, json.loads(receipt.answer), replayed=True)

    async def _in_doubt(self, asker: Asker, receipt: Receipt) -> Reply:
        """It was taken, and no answer is known: it may have been done, and is not done again."""
        found = [shown(record) for record in await self._deeds(asker.person, receipt.seq)]
        kinds = ", ".join(f"{one['kind']} at {one['at']}" for one in found) or "nothing"
        text = (
            f"{receipt.command} was taken at {utc(receipt.taken.wall)}, and its answer was lost. "
            f"Recorded in your name behind it: {kinds}. It is not done again under this key: look "
            "at the status, and use a new key if it is still wanted"
        )
        return Reply(409, {"kind": "in_doubt", "error": text, "recorded": found})

    async def _deeds(self, person: str, after: int) -> list[Record]:
        """What that process recorded as this person's doing."""
        kinds = (*_DEEDS, KillSwitchChanged, DaemonStarted)
        deeds = []
        for record in await self._journal.read(kinds=kinds, after=after):
            event = record.event
            if isinstance(event, DaemonStarted):
                break
            how = event.how if isinstance(event, KillSwitchChanged) else ""
            if getattr(event, "by", "") == person or how.startswith(f"command of {person}:"):
                deeds.append(record)
        return deeds

    # -- what is new

    async def _new(self, asked: Asked, asker: Asker, wanted: Mapping[str, Any]) -> Reply:
        name = (asker.person, asker.key)
        self._under_way.add(name)
        try:
            return await self._carried_out(asked, asker, wanted)
        finally:
            self._under_way.discard(name)

    async def _carried_out(self, asked: Asked, asker: Asker, wanted: Mapping[str, Any]) -> Reply:
        before = self.receipts.find(asker.person, asker.key, self._clock.now())
        reply = await self._done(asked, asker, wanted)
        receipt = self.receipts.find(asker.person, asker.key, self._clock.now())
        if receipt is None or receipt == before:
            # Nothing was taken: the same may be asked again.
            return reply if reply.status < 400 else await self._refused(asked, reply)  # noqa: PLR2004
        if reply.status == 503:  # noqa: PLR2004
            # It may be on the disk all the same: it stays in doubt.
            return reply
        answer = json.dumps(reply.body)
        self.receipts.answered(asker.person, asker.key, reply.status, answer)
        event = CommandAnswered(asked.command, asker.person, asker.key, reply.status, answer)
        with suppress(JournalError, TimeoutError):
            async with asyncio.timeout(_RECORD_LIMIT):
                await self._journal.append(event)
        return reply

    async def _done(self, asked: Asked, asker: Asker, wanted: Mapping[str, Any]) -> Reply:
        arguments, reason = reason_apart(asked.command, wanted)
        asker = replace(asker, reason=reason)
        arguments["by"] = asker.person
        try:
            async with asyncio.timeout(COMMAND_LIMIT):
                return Reply(200, await self._control.carry_out(asked.command, arguments, asker))
        except ConfigError as error:
            return _reply(422, "usage", str(error))
        except JournalError as error:
            return _reply(503, "journal", str(error))
        except WatchdogError as error:
            return _reply(409, "refused", str(error))
        except TimeoutError:
            text = f"not done within {COMMAND_LIMIT:g} s; it may still be, see the status"
            return _reply(504, "late", text)

    # -- parts

    async def _refused(self, asked: Asked, reply: Reply) -> Reply:
        await self.refused(asked, reply.status, reply.body["error"])
        return reply


async def a_desk(daemon: Daemon, control: Control) -> ActDesk:
    """A desk that remembers what its journal knows of the last day. Raises JournalError."""
    shared = daemon.shared
    desk = ActDesk(control, shared.journal, shared.clock, daemon.deps.secrets, shared.ledger)
    desk.learn(await shared.journal.read(kinds=KINDS_OF_RECEIPTS))
    shared.journal.listen(desk.learn)
    return desk


class _Known(Exception):
    """It is not to be done now; `reply` says why."""

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.reply = _reply(status, kind, text)


def _reply(status: int, kind: str, text: str) -> Reply:
    return Reply(status, {"kind": kind, "error": text})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
