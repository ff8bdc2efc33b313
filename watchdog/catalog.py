"""Finds plugins: ours by the name of their file, other people's by their entry point."""

import difflib
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module, metadata
from typing import Literal, TypeVar

from watchdog.domain.errors import ConfigError
from watchdog.plugins import (
    AnyChangesPlugin,
    AnyExecutorPlugin,
    AnyNotifierPlugin,
    AnySourcePlugin,
    ChangesPlugin,
    ExecutorPlugin,
    NotifierPlugin,
    SourcePlugin,
)

Family = Literal["executors", "sources", "notifiers", "changes"]
_ONE_OF: dict[Family, str] = {"changes": "source of changes"}
PluginT = TypeVar("PluginT")


@dataclass(frozen=True, slots=True)
class _Claim:
    """Somebody says what a kind is. `load` imports it, and nothing else does."""

    kind: str
    place: str
    load: Callable[[], object]


def executor(kind: str) -> AnyExecutorPlugin:
    """What `use: KIND` of a step means. Raises ConfigError when nothing, or two things."""
    return _find("executors", kind, ExecutorPlugin)


def source(kind: str) -> AnySourcePlugin:
    """What `use: KIND` of a source means. Raises ConfigError when nothing, or two things."""
    return _find("sources", kind, SourcePlugin)


def notifier(kind: str) -> AnyNotifierPlugin:
    """What `use: KIND` of a channel means. Raises ConfigError when nothing, or two things."""
    return _find("notifiers", kind, NotifierPlugin)


def changes(kind: str) -> AnyChangesPlugin:
    """What `use: KIND` under `changes` means. Raises ConfigError when nothing, or two things."""
    return _find("changes", kind, ChangesPlugin)


def kinds(family: Family) -> tuple[str, ...]:
    """Every kind that can be named, in order. Imports none of them."""
    return tuple(claim.kind for claim in _claims(family))


def _find(family: Family, kind: str, record: type[PluginT]) -> PluginT:
    claims = {claim.kind: claim for claim in _claims(family)}
    one = _ONE_OF.get(family, family.removesuffix("s"))
    if kind not in claims:
        near = difflib.get_close_matches(kind.lower(), claims, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"there is no {one} {kind!r}{hint} (known: {', '.join(claims)})")
    claim = claims[kind]
    try:
        plugin = claim.load()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{one} {kind!r} ({claim.place}) needs the Python package {error.name!r}, which is "
            "not installed; install it into the environment of rollback-watchdog"
        ) from error
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{one} {kind!r} ({claim.place}) cannot be loaded: {error}") from error
    if not isinstance(plugin, record):
        raise ConfigError(
            f"{one} {kind!r}: {claim.place} is a {type(plugin).__name__}, "
            f"but should be a {record.__name__}"
        )
    return plugin


def _claims(family: Family) -> tuple[_Claim, ...]:
    # Whoever installs something else meanwhile changes the path, or starts anew.
    return _claims_on(family, tuple(sys.path))


@cache
def _claims_on(family: Family, _path: tuple[str, ...]) -> tuple[_Claim, ...]:
    """All that is installed: to look through it takes milliseconds, for each of many targets."""
    claims = sorted([*_ours(family), *_of_others(family)], key=lambda claim: claim.kind)
    for kind, count in Counter(claim.kind for claim in claims).items():
        if count > 1:
            places = " and ".join(claim.place for claim in claims if claim.kind == kind)
            raise ConfigError(
                f"{_ONE_OF.get(family, family.removesuffix('s'))} {kind!r} is claimed by {places}; "
                "uninstall the package that is not meant"
            )
    return tuple(claims)


def _ours(family: Family) -> Iterator[_Claim]:
    package = import_module(f"watchdog.adapters.{family}")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            place = f"{package.__name__}.{module.name}"
            yield _Claim(module.name, f"{place}:plugin", partial(_load, place))


def _load(place: str) -> object:
    return import_module(place).plugin


def _of_others(family: Family) -> Iterator[_Claim]:
    for entry in metadata.entry_points(group=f"watchdog.{family}"):
        owner = entry.dist.name if entry.dist else "an unknown distribution"
        yield _Claim(entry.name, f"{entry.value} of {owner}", entry.load)
