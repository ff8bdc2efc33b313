"""Connects the board of what is said from outside with the journal, the sources and the pages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.app.commands import Signal
from watchdog.config.lint_inbound import INBOUND
from watchdog.domain.claims import Claim, Voice, Word
from watchdog.domain.errors import ConfigError, TransientError, WatchdogError
from watchdog.domain.events import Record
from watchdog.domain.inbound import FAILING, Asked, Board
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Sample
from watchdog.domain.target import Daemon, Target
from watchdog.domain.words import duration
from watchdog.engine.reception import Reception
from watchdog.ports import Clock, Deps
from watchdog.web.inbound import Inbound


def remember(board: Board, records: Sequence[Record]) -> None:
    """Put what was recorded on the board; what is on it already is left as it is."""
    for record in records:
        board.take(record.seq, record.at, record.event)


def heard_by(target: str, deps: Deps, board: Board) -> Deps:
    """What the plugins of `target` may use."""
    return replace(deps, hearing=board.of(target))


def doorway(settings: Daemon, reception: Reception, deps: Deps) -> Inbound | None:
    """What the pages need to let signals in; None where nobody may send any.

    Raises ConfigError when a secret cannot be read.
    """
    doors = settings.inbound
    if doors is None:
        return None
    for reference in doors.references:
        deps.secrets.read(reference)

    async def take(claims: Sequence[Claim], missing: int) -> int:
        return await reception.take(claims, missing=missing)

    return Inbound(doors, take, deps.secrets, deps.clock, dict(reception.board.signed))


def givers_of(board: Board, target: str, ask: Mapping[str, Any], clock: Clock) -> tuple[str, ...]:
    """Who says what `target` asks for, by the names that they give: as far as it counts now."""
    asked = Asked(str(ask.get("name") or ask.get("alert")), bool(ask.get("alert")))
    return board.of(target).givers(replace(asked, labels=ask.get("labels") or {}), clock.now())


async def say(
    reception: Reception, signal: Signal, targets: Mapping[str, Target], clock: Clock
) -> str:
    """A person says (or takes back) a signal; what was done, in a sentence.

    Raises ConfigError where nobody asks for it, JournalError, or WatchdogError.
    """
    meant = signal.target or ""
    asking = [name for name in targets if meant in ("", name)]
    known = {name: _names(targets[name]) for name in asking}
    if not any(signal.name in names for names in known.values()):
        names = ", ".join(sorted({one for found in known.values() for one in found})) or "none"
        whose = f"target {meant} asks" if meant else "any target asks"
        text = f"there is no signal {signal.name!r} that {whose} for; there are: {names}"
        raise ConfigError(text)
    claim = Claim(
        name=signal.name,
        how=Voice.CLI,
        status=Word.RESOLVED if signal.withdraw else Word.FIRING,
        fingerprint=f"{meant}/{signal.name}",
        valid_for=signal.valid_for,
        target=meant,
        by=signal.by,
        reason=signal.reason,
        lapses=True,
    )
    try:
        await reception.take([claim])
    except TransientError as error:
        raise WatchdogError(str(error)) from error
    of = f"of target {meant}" if meant else "of every target that asks for it"
    if signal.withdraw:
        done = f"signal {signal.name} {of} is withdrawn by {signal.by}"
        return done + _left_of(reception.board, signal.name, known, clock.now())
    until = f"for {duration(signal.valid_for)}, or until it is withdrawn"
    return f"signal {signal.name} {of} is given by {signal.by} {until}"


def _left_of(board: Board, name: str, targets: Iterable[str], now: Moment) -> str:
    """What others still say by that name, such as what was given for every target."""
    seen = [board.of(target).heard(Asked(name), now) for target in targets]
    left = sorted({one.note for one in seen if isinstance(one, Sample) and FAILING in one.values})
    return f"; but it still counts: {'; '.join(left)}" if left else ""


def _names(target: Target) -> list[str]:
    """The signals that `target` asks for by name."""
    return [
        str(spec.ask["name"])
        for spec in target.signals.values()
        if target.sources[spec.signal.source].use == INBOUND and spec.ask.get("name")
    ]
