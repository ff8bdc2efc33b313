"""Reads the annotations of one object that stop the watchdog, and hears of each change of them."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP, WORKLOADS, Kind
from watchdog.adapters.kubernetes.rights import to
from watchdog.domain.errors import StepError, TransientError
from watchdog.domain.switches import ALL_TARGETS, KILL, PAUSE, PREFIX, Note, Notes
from watchdog.plugins import Right

# Seconds: until it is asked again, at first and at last, and what one answer may take.
_SOON, _LATER = 0.2, 5.0
_ANSWER = 5.0
# Seconds after which a watch that tells nothing is not believed any more, and it is listed: an
# API server, or a way to it, may fall silent without closing anything.
_SILENCE = 10.0
# Letters that are kept of what somebody wrote: an annotation may have a quarter of a million.
_LONGEST = 200
_KINDS: Mapping[str, Kind] = {**WORKLOADS, "configmap": CONFIG_MAP}


def named(text: str) -> tuple[Kind, str]:
    """The kind and the name of `deployment/shop`. Raises KeyError for a kind that is not meant."""
    word, _, name = text.partition("/")
    return _KINDS[word], name


def rights_to_notes(text: str) -> tuple[Right, ...]:
    """What it takes to follow the annotations of that object."""
    kind, name = named(text)
    return to(kind, "list", "watch", name=name)


def notes_of(found: Object, place: str, redact: Callable[[str], str]) -> Notes:
    """What stands on `found`, without secrets. Raises TransientError where it is no object.

    `place`: its name. Which object of that name it is, is added as far as the API server says.
    """
    kill: Note | None = None
    pauses: dict[str, Note] = {}
    unknown: list[str] = []
    for key, said in sorted(_annotations(found).items()):
        if not key.startswith(PREFIX):
            continue
        name = key.removeprefix(PREFIX)
        note = Note(_short(redact(str(said))), _short(redact(_writer(found, key))))
        if name == KILL:
            kill = note
        elif name == PAUSE:
            pauses[ALL_TARGETS] = note
        elif name.startswith(f"{PAUSE}."):
            pauses[name.removeprefix(f"{PAUSE}.")] = note
        elif name.lower().startswith((KILL, PAUSE)):
            unknown.append(key)
    uid = found["metadata"].get("uid")
    return Notes(f"{place} (uid {uid})" if uid else place, kill, pauses, tuple(unknown))


async def follow(
    api: KubeApi,
    text: str,
    take: Callable[[Object], None],
    lost: Callable[[str], None],
) -> None:
    """Hand over the object as it is and after each change, until cancelled.

    `lost` hears why it cannot be seen, each time anew: what was seen last may hold no longer.
    Either may raise TransientError where what it was handed means nothing.
    """
    kind, name = named(text)
    again = _SOON
    while True:
        try:
            async with asyncio.timeout(_ANSWER):
                listing = await api.listed(kind, name=name)
            found = next((one for one in listing.objects if _name(one) == name), None)
            if found is not None:
                take(found)
                again = _SOON
                await _watched(api, kind, name, listing.version, take)
                continue
            lost("there is no such object")
        except TimeoutError:
            lost(f"no answer within {_ANSWER:g} s")
        except StepError as error:
            lost(str(error))
        await asyncio.sleep(again)
        again = min(again * 2, _LATER)


async def _watched(
    api: KubeApi, kind: Kind, name: str, since: str, take: Callable[[Object], None]
) -> None:
    """Take what happens until the watch ends, the object goes, or nothing was told for long."""
    events = api.watch(kind, since=since, name=name)
    try:
        async with aclosing(events), asyncio.timeout(_SILENCE) as silence:
            async for event, found in events:
                if event == "DELETED":
                    return
                if _name(found) == name:
                    take(found)
                silence.reschedule(asyncio.get_running_loop().time() + _SILENCE)
    except TimeoutError:
        return


def _annotations(found: Object) -> Mapping[str, object]:
    """What is no object has not said that nothing stands on it."""
    about = found.get("metadata")
    written = about.get("annotations") or {} if isinstance(about, dict) else None
    if not isinstance(written, dict):
        raise TransientError("the answer is not that of an API server")
    return written


def _name(found: Object) -> str:
    about = found.get("metadata")
    return str(about.get("name", "")) if isinstance(about, dict) else ""


def _writer(found: Object, key: str) -> str:
    """Under which name the API server knows who wrote an annotation; empty: it does not say."""
    fields = found["metadata"].get("managedFields")
    known = [one for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    writers = [one for one in known if f"f:{key}" in _owned(one)]
    last = max(writers, key=lambda one: str(one.get("time", "")), default=None)
    return str(last.get("manager", "")) if last else ""


def _owned(entry: Mapping[str, object]) -> Mapping[str, object]:
    """The annotations that one manager owns."""
    found: object = entry.get("fieldsV1")
    for step in ("f:metadata", "f:annotations"):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _short(text: str) -> str:
    """In one line, and no longer than anybody reads."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(line.split())[:_LONGEST]
