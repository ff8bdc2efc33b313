"""What was folded from the journal, to JSON and back: any dataclass of the domain, exactly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any

from watchdog.domain.errors import JournalError
from watchdog.domain.moment import Moment

_PACKAGE = "watchdog.domain"
_TUPLE, _LIST, _SET, _FROZEN, _DICT, _OBJECT, _ENUM, _MOMENT = "tlsfdoem"
_PLAIN = (str, int, float, bool, type(None))


def packed(value: object) -> Any:  # noqa: ANN401 -- JSON
    """`value` as JSON values. Raises JournalError for what is no value of the domain."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is Moment:
        return [_MOMENT, value.elapsed, value.wall]  # type: ignore[attr-defined]
    if kind in (tuple, list):
        return [_TUPLE if kind is tuple else _LIST, *map(packed, value)]  # type: ignore[call-overload]
    if kind in (set, frozenset):
        # In an order of its own: what is the same is written the same.
        return [_SET if kind is set else _FROZEN, *sorted(map(packed, value), key=repr)]  # type: ignore[call-overload]
    if isinstance(value, Mapping):
        return [_DICT, *([packed(key), packed(one)] for key, one in value.items())]
    if isinstance(value, Enum):
        return [_ENUM, _name(kind), value.value]
    if is_dataclass(kind):
        name = _name(kind)
        return [_OBJECT, name, *(packed(getattr(value, one)) for one in _fields(name))]
    raise JournalError(f"a {kind.__name__} cannot be kept; this is a mistake in the program")


def unpacked(value: Any, at: Callable[[float, float], Moment]) -> Any:  # noqa: ANN401 -- JSON
    """The value of `packed`; `at` makes each moment of its elapsed and wall seconds.

    Raises ValueError, TypeError, AttributeError, LookupError or ImportError for anything else.
    """
    if not isinstance(value, list):
        return value
    kind, *rest = value
    match kind:
        case "m":
            return at(*rest)
        case "t":
            return tuple([unpacked(one, at) for one in rest])
        case "l":
            return [unpacked(one, at) for one in rest]
        case "s":
            return {unpacked(one, at) for one in rest}
        case "f":
            return frozenset([unpacked(one, at) for one in rest])
        case "d":
            return {unpacked(key, at): unpacked(one, at) for key, one in rest}
        case "e":
            return _class(rest[0])(rest[1])
        case "o":
            made = _class(rest[0])
            values = [unpacked(one, at) for one in rest[1:]]
            return made(**dict(zip(_fields(rest[0]), values, strict=True)))
    raise ValueError(f"{kind!r} is no kind of value")


def lines_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[Any]:  # noqa: ANN401 -- a dataclass
    """What changes in place in `value`, as lines of JSON values: no line takes long to write.

    Each is a path of fields and what stands there, or a path and one entry of the dict there.
    """
    for one in fields(value):
        there = getattr(value, one.name)
        here = (*path, one.name)
        if _changes_in_place(type(there)):
            yield from lines_of(there, here)
        elif isinstance(there, dict):
            yield from ([here, packed(key), packed(entry)] for key, entry in there.items())
        else:
            yield [here, packed(there)]


def take_line(value: object, line: Any, at: Callable[[float, float], Moment]) -> None:  # noqa: ANN401
    """Put a line of `lines_of` where it belongs in `value`; raises as `unpacked`."""
    (*way, last), *what = line
    for name in way:
        value = getattr(value, name)
    *key, found = (unpacked(one, at) for one in what)
    if key:
        getattr(value, last)[key[0]] = found
    else:
        setattr(value, last, found)


def _changes_in_place(kind: type) -> bool:
    parameters = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and not parameters.frozen


def _name(kind: type) -> str:
    if not kind.__module__.startswith(f"{_PACKAGE}."):
        raise JournalError(f"{kind} is not of the domain; this is a mistake in the program")
    return f"{kind.__module__.removeprefix(_PACKAGE)[1:]}:{kind.__qualname__}"


@cache
def _class(name: str) -> type[Any]:
    """Only what the domain itself defines, and nothing that it imports, is ever called."""
    module, _, kind = name.partition(":")
    if not module.isidentifier():
        raise ValueError(f"{module!r} is no module of the domain")
    found = getattr(import_module(f"{_PACKAGE}.{module}"), kind)
    is_value = isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum))
    if not is_value or found.__module__ != f"{_PACKAGE}.{module}":
        raise ValueError(f"{name!r} is no value of the domain")
    kind_found: type[Any] = found
    return kind_found


@cache
def _fields(name: str) -> tuple[str, ...]:
    return tuple(one.name for one in fields(_class(name)))
