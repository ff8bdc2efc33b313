"""The condition of an alert in the words of a trigger, and the signals that it compares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from watchdog.adapters.promql import parse_query
from watchdog.adapters.promql_split import Compared, Joined
from watchdog.app.target_text import number_of
from watchdog.domain.condition import Condition, Op

Json = dict[str, Any]
# Numbers that are 0 or 1 by what Prometheus and its exporters mean by them.
_FLAGS = frozenset({"up", "probe_success"})


class UnmatchedError(Exception):
    """Conditions on series that only their labels bring together."""


@dataclass(frozen=True, slots=True)
class _Number:
    """What is compared, and the requests behind it, where a comparison beside it names them."""

    compared: Compared
    requests: Compared | None = None


def watched(shape: Compared | Joined, name: str, signals: dict[str, Json]) -> Json:
    """What the trigger `name` watches; its signals join `signals`. Raises UnmatchedError."""
    members = _members(shape)
    if len(members) == 1 and isinstance(members[0], _Number):
        signals[name] = _signal(members[0])
        return {"signal": name, **_comparison(members[0].compared)}
    if not isinstance(shape, Joined) or any(one.labels for one in _leaves(shape)):
        raise UnmatchedError("it joins series by their labels; aggregate each side to one number")
    return _group(shape, name, signals)


def _group(shape: Joined, name: str, signals: dict[str, Json]) -> Json:
    written_down: list[Json] = []
    for member in _members(shape):
        if isinstance(member, Joined):
            inner = _members(member)
            if len(inner) > 1 or isinstance(inner[0], Joined):
                written_down.append(_group(member, name, signals))
                continue
            member = inner[0]  # noqa: PLW2901 -- `x > 1 and requests >= 9` is one condition
        signal = f"{name[:55]}-{len(signals) + 1}"
        signals[signal] = _signal(member)
        written_down.append({"signal": signal, **_comparison(member.compared)})
    return {"all" if shape.every else "any": written_down}


def _members(shape: Compared | Joined) -> "list[_Number | Joined]":
    """The members of `shape`, where those that only ask for traffic stand with their number."""
    if isinstance(shape, Compared):
        return [_Number(shape)]
    found: list[_Number | Joined] = []
    for member in shape.members:
        before = found[-1] if found else None
        if isinstance(member, Joined):
            found.append(member)
        elif shape.every and isinstance(before, _Number) and _is_volume_of(before, member):
            found[-1] = _Number(before.compared, member)
        else:
            found.append(_Number(member))
    return found


def _is_volume_of(number: _Number, requests: Compared) -> bool:
    """Whether it is `requests >= least`, where the requests are among what the number is of."""
    least = requests.breach_when
    counted = _metrics(requests.query)
    return (
        number.requests is None
        and least.op is Op.AT_LEAST
        and least.limit >= 0
        and bool(counted)
        and counted <= _metrics(number.compared.query)
    )


def _leaves(shape: Compared | Joined) -> Sequence[Compared]:
    if isinstance(shape, Compared):
        return (shape,)
    return [leaf for member in shape.members for leaf in _leaves(member)]


def _metrics(query: str) -> set[str]:
    return {selector.name for selector in parse_query(query).selectors}


def _signal(number: _Number) -> Json:
    compared, requests = number.compared, number.requests
    signal: Json = {"query": _query(compared)}
    if requests is not None:
        signal["volume"] = requests.query
        signal["min_volume"] = number_of(requests.breach_when.limit)
    if compared.labels is not None and len(compared.labels) == 1:
        signal["for_each"] = compared.labels[0]
    elif compared.labels != ():
        signal["series"] = "any"
    return signal


def _query(compared: Compared) -> str:
    op, limit = compared.breach_when.op, compared.breach_when.limit
    if op not in (Op.EXACTLY, Op.NOT) or _is_flag(compared):
        return compared.query
    if limit == 0:
        return f"abs({compared.query})"
    return f"abs(({compared.query}) - {number_of(limit)})"


def _comparison(compared: Compared) -> Json:
    """In the words of a trigger, which compares with no number exactly."""
    match compared.breach_when:
        case Condition(Op.EXACTLY, limit) if _is_flag(compared):
            return {"below": 1} if limit == 0 else {"at_least": 1}
        case Condition(Op.EXACTLY):
            return {"at_most": 0}
        case Condition(Op.NOT, limit) if _is_flag(compared):
            return {"above": 0} if limit == 0 else {"below": 1}
        case Condition(Op.NOT):
            return {"above": 0}
        case Condition(op, limit):
            return {op.value: number_of(limit)}


def _is_flag(compared: Compared) -> bool:
    """Whether it is a bare 0 or 1, compared with one of them."""
    name, _, rest = compared.query.partition("{")
    plain = not rest or rest.find("}") == len(rest) - 1
    return plain and name.strip() in _FLAGS and compared.breach_when.limit in (0, 1)
