"""Which of a workload's revisions is meant."""

from collections.abc import Sequence

from watchdog.adapters.kubernetes.image_reference import reference
from watchdog.adapters.kubernetes.revisions import Revision
from watchdog.domain.errors import PermanentError

PREVIOUS = "previous"


def chosen(
    known: Sequence[Revision], now: Revision | None, *, to: str | None, number: int | None
) -> Revision:
    """The one that `to` or `number` names. Raises PermanentError unless it is exactly one."""
    if to == PREVIOUS:
        return _before(known, now)
    if to is None:
        found, name = [one for one in known if one.number == number], f"revision {number}"
    else:
        found, name = _named(known, to), f"{to!r}"
    if len(found) == 1:
        return found[0]
    have = ", ".join(map(str, known)) or "none"
    if not found:
        raise PermanentError(f"there is no {name} any more; the cluster keeps {have}")
    both = " and ".join(map(str, found))
    raise PermanentError(f"{name} may be {both}; name it by its name or uid")


def _before(known: Sequence[Revision], now: Revision | None) -> Revision:
    """What ran last of those that came before the current one did.

    The one with the number before would be the wrong one after a return: that is the one which
    was left.
    """
    if now is None:
        raise PermanentError("what runs now is no revision that the cluster knows; name one")
    older = [one for one in known if one.came < now.came]
    twins = [one for one in known if one.came == now.came and one.uid != now.uid]
    if twins:
        both = " and ".join(map(str, (*twins, now)))
        raise PermanentError(f"nobody can tell which came first: {both}; name one")
    if not older:
        raise PermanentError(f"nothing was made before {now}; name the revision to return to")
    return max(older, key=lambda one: one.number)


def _named(known: Sequence[Revision], to: str) -> list[Revision]:
    by_name = [one for one in known if to in (one.uid, one.name)]
    return by_name or [one for one in known if to in _versions(one)]


def _versions(one: Revision) -> set[str]:
    labels = (one.template.get("metadata") or {}).get("labels") or {}
    said = {str(labels.get("app.kubernetes.io/version", ""))}
    return (said | {_tag(image) for image in one.images.values()}) - {""}


def _tag(image: str) -> str:
    try:
        return reference(image).tag
    except ValueError:
        return ""
