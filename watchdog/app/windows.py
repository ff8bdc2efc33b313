"""People freeze a target, or announce planned work on it, for a time; and end both."""

from watchdog.app.commands import EndMaintenance, Freeze, Maintenance, Unfreeze
from watchdog.config.window_schema import spared_of
from watchdog.domain.decision import frozen, group_busy, maintenance
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.events import WindowLifted, WindowSet
from watchdog.domain.moment import Moment
from watchdog.domain.windows import EVERYWHERE, WindowKind
from watchdog.domain.words import utc
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane

# Whoever freezes for longer has another reason, and `mode: alert-only`.
LONGEST = 366 * 86_400.0
WindowCommand = Freeze | Unfreeze | Maintenance | EndMaintenance
_DONE = {WindowKind.FREEZE: "frozen", WindowKind.MAINTENANCE: "under planned work"}


async def change_window(shared: Shared, command: WindowCommand) -> str:
    """Open or lift what `command` says; returns what was done.

    Raises ConfigError, or WatchdogError where there is nothing to lift.
    """
    if isinstance(command, Freeze | Maintenance):
        return await _open(shared, command)
    freeze = isinstance(command, Unfreeze)
    kind = WindowKind.FREEZE if freeze else WindowKind.MAINTENANCE
    return await _lift(shared, command.target, kind, command.by)


def passed_by_hand(lane: Lane, now: Moment) -> list[str]:
    """What a run that a person starts passes, for the record and for them."""
    facts = lane.decider.facts(now)
    held = (guard(None, facts, now) for guard in (maintenance, frozen, group_busy))
    return [f"{one.reason.value} ({one.detail})" for one in held if one is not None]


async def _open(shared: Shared, command: Freeze | Maintenance) -> str:
    now, until = shared.clock.now(), command.until
    if until <= now.wall:
        raise ConfigError(f"until: {utc(until)} is past; it is {utc(now.wall)}")
    if until - now.wall > LONGEST:
        raise ConfigError("until: is more than a year ahead; say it again by then")
    freeze = isinstance(command, Freeze)
    kind = WindowKind.FREEZE if freeze else WindowKind.MAINTENANCE
    spared = spared_of(command.spared if isinstance(command, Freeze) else ())
    opened = WindowSet(
        command.target or EVERYWHERE, kind, command.by, command.reason, until, spared
    )
    # What is about to begin begins before it, or not at all.
    async with shared.starting:
        await shared.journal.append(opened)
    but = f", except {spared}" if str(spared) else ""
    return f"{_place(command.target)} {_DONE[kind]} until {utc(until)}{but}"


async def _lift(shared: Shared, target: str | None, kind: WindowKind, by: str) -> str:
    now, book = shared.clock.now(), shared.ledger.windows
    scope = target or EVERYWHERE
    if not book.is_set(scope, kind, now):
        everywhere = target is not None and book.is_set(EVERYWHERE, kind, now)
        hint = "all targets are: `--all`" if everywhere else "what a file opens ends by itself"
        raise WatchdogError(f"{_place(target)} not {_DONE[kind]} by anybody; {hint}")
    await shared.journal.append(WindowLifted(scope, kind, by))
    return f"{_place(target)} no longer {_DONE[kind]} by what people set"


def _place(target: str | None) -> str:
    return f"target {target} is" if target else "all targets are"
