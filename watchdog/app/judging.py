"""A person's word on a decision that alert-only mode held back."""

from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Decided
from watchdog.domain.scorecard import Scorecard, ShadowDecision
from watchdog.domain.shadow import DecisionJudged
from watchdog.ports import Journal

LAST = "last"
SHOWN = 5


async def judge(journal: Journal, decision: str, *, right: bool, by: str, reason: str) -> str:
    """Record that `decision` (its number, its episode, or `last`) was right or wrong.

    Returns what was done, in a sentence. Raises WatchdogError where there is no such one.
    """
    records = await journal.read(kinds=[Decided])
    known = list(Scorecard().replay(records).decisions.values())
    one = _chosen(known, decision)
    await journal.append(
        DecisionJudged(one.target, one.incident, one.trigger, one.episode, right, by, reason)
    )
    word = "right" if right else "wrong"
    return f"decision {one.seq} ({one.target}, {one.trigger}, plan {one.plan}) is judged {word}"


def _chosen(known: list[ShadowDecision], decision: str) -> ShadowDecision:
    if decision == LAST and known:
        return known[-1]
    named = decision.removeprefix("#")
    found = [one for one in known if named in (str(one.seq), one.episode)]
    if len(found) == 1:
        return found[0]
    if found:
        targets = ", ".join(f"{one.seq} of {one.target}" for one in found)
        raise WatchdogError(f"{decision!r} is an episode of several; name a number: {targets}")
    last = ", ".join(str(one.seq) for one in known[-SHOWN:])
    hint = f"the last ones: {last}" if last else "there has been none yet"
    raise WatchdogError(f"there is no decision {decision!r} that alert-only held back; {hint}")
