"""What several looks of one moment say together."""

from collections.abc import Sequence
from dataclasses import replace

from watchdog.domain.plan import Check
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.words import value


def together(looks: Sequence[tuple[Check, Judgement]]) -> tuple[Judgement, str]:
    """The judgement of all `looks` as one, and each of them for a person.

    One breach is a breach; without one, what one of them does not know nobody knows. The value
    is that of the first look.
    """
    verdicts = [judgement.verdict for _, judgement in looks]
    worst = next((one for one in (Verdict.BREACH, Verdict.UNKNOWN) if one in verdicts), Verdict.OK)
    note = "; ".join(_said(check, judgement) for check, judgement in looks)
    return replace(looks[0][1], verdict=worst), note


def _said(check: Check, judgement: Judgement) -> str:
    number = "" if judgement.value is None else value(judgement.value, check.signal.unit)
    why = judgement.note or (judgement.reason.value if judgement.reason else "")
    parts = filter(None, (check.name, number, judgement.verdict.value, why))
    return " ".join(dict.fromkeys(parts))
