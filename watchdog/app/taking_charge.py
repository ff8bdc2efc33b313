"""A person takes charge: closes the breaker, or says that a decision is in their hands."""

from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Acknowledged, BreakerClosed
from watchdog.domain.outcomes import Standing
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane


async def close_breaker(shared: Shared, by: str, reason: str) -> str:
    """Let plans start again; says what was done. Raises WatchdogError where none is open."""
    why = shared.ledger.breaker.why
    if not why:
        raise WatchdogError("the breaker is not open: nothing to close")
    # Nothing may be about to begin while it is decided whether anything may.
    async with shared.starting:
        await shared.journal.append(BreakerClosed(by, reason))
    return f"the breaker ({why}) is closed by {by}"


async def acknowledge(shared: Shared, lane: Lane, by: str, reason: str) -> str:
    """Stop the clocks of the target's decision table; says which. Raises WatchdogError."""
    name = lane.target.name
    rows: list[str] = []

    async def between_rounds() -> None:
        account = lane.decider.account
        rows.extend(one.row for one in account.outcomes if one.standing is Standing.OPEN)
        if not rows:
            raise WatchdogError(f"target {name} waits for no decision: nothing to acknowledge")
        await shared.journal.append(Acknowledged(name, account.incident, by, reason))

    await lane.order(between_rounds)
    return f"target {name}: {by} has it in hand: {'; '.join(rows)}"
