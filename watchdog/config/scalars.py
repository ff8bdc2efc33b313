"""What an unquoted word of YAML means: the core schema of YAML 1.2, and nothing of 1.1."""

import math
import re

Scalar = str | int | float | bool | None

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}")
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_TAG = "tag:yaml.org,2002:"
_TAGS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


def resolve(text: str, *, plain: bool, tag: str | None) -> Scalar:
    """The value of a scalar; `plain` when it is neither quoted nor tagged.

    So `no`, `on`, `1:30` and dates are text, and 010 is ten. Raises ValueError with a
    sentence for a person.
    """
    if plain:
        return _resolve_plain(text)
    if tag is None or tag == "!":
        return text
    name = tag.removeprefix(_TAG)
    if name not in _TAGS:
        raise ValueError(f"the tag {tag!r} means nothing here; remove it")
    if name == "str":
        return text
    value = _resolve_plain(text)
    # True is an int to Python only.
    if not isinstance(value, _TAGS[name]) or (isinstance(value, bool) and name != "bool"):
        raise ValueError(f"{text!r} is not what its tag !!{name} says; remove the tag")
    return value


def _resolve_plain(text: str) -> Scalar:
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if not math.isfinite(value):
            raise ValueError(f"{text[:20]!r} is not a finite number; quote it if it is text")
        return value
    return text
