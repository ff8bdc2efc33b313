"""Which alerts fire, and which of them did not when somebody looked before."""

import hashlib
import json
from collections.abc import Mapping

from watchdog.adapters.rule_states import FIRING, AlertInstance, RuleStates
from watchdog.domain.observation import Gap, Observation, Sample, Unknown

# What is saved stands in the journal.
_MOST = 500
_SHOWN = 3


def firing(
    rules: RuleStates, labels: Mapping[str, str], against: object, now: float
) -> Observation:
    """How many alerts with `labels` fire; of those in `against`, how many that are not there.

    What it read is a list of their fingerprints. `now` is the server's clock.
    """
    asked = [rule for rule in rules.rules if rule.may_have(labels)]
    doubts = [doubt.note for rule in asked if (doubt := rule.doubt(now)) is not None]
    alerts = {
        fingerprint(rule.name, one): rule.name
        for rule in asked
        for one in rule.alerts
        if one.state == FIRING and labels.items() <= one.labels.items()
    }
    if len(alerts) > _MOST:
        return Gap(Unknown.PARSE, f"{len(alerts)} alerts fire; give `firing` more labels")
    read = json.dumps(sorted(alerts), separators=(",", ":"))
    known = _saved(against)
    if known is None:
        return Gap(Unknown.NODATA, "nothing to compare with was saved before")
    new = sorted(name for print_, name in alerts.items() if print_ not in known)
    more = ", …" if len(new) > _SHOWN else ""
    note = f"{len(new)} of {len(alerts)} new" if against is not None else f"{len(alerts)} fire"
    return Sample(
        (float(len(new)),),
        warnings=(*rules.warnings, *doubts[:_SHOWN]),
        note=f"{note}: {', '.join(new[:_SHOWN])}{more}" if new else note,
        read=read,
    )


def fingerprint(name: str, alert: AlertInstance) -> str:
    """Short, and the same for the same labels. A label whose value changes makes it another."""
    text = json.dumps([name, sorted(alert.labels.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _saved(against: object) -> frozenset[str] | None:
    """Those that were seen before; none where nothing was, None where that cannot be read."""
    if against is None:
        return frozenset()
    try:
        found = json.loads(str(against))
    except (ValueError, RecursionError):
        return None
    return frozenset(map(str, found)) if isinstance(found, list) else None
