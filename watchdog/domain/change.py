"""What changed on a target: news of a version, and the journalled facts about versions."""

import re
from dataclasses import dataclass
from enum import StrEnum

# It goes into addresses, arguments and reports: nothing in it may mean anything there.
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,199}")
VERSION_FORM = (
    "letters, digits and . _ : @ / + = -, beginning with a letter or a digit, 200 at most, "
    "without '..'"
)
LONGEST_WORD = 500
# Seconds: further ahead of our clock than this, a change has not happened yet.
AHEAD = 60.0


class ChangeKind(StrEnum):
    """What was changed. Only APP says which version of the target runs."""

    APP = "app"
    FLAG = "flag"
    CONFIG = "config"
    MIGRATION = "migration"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class News:
    """A change as a source tells of it. `at`: when it began, Unix seconds.

    `previous`, where it is known, is what it took the place of; `reference` is where a person
    finds more. Of another kind than APP, `version` names the change, such as `new-cart=on`.
    """

    version: str
    at: float
    previous: str = ""
    by: str = ""
    kind: ChangeKind = ChangeKind.APP
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSeen:
    """A change that nobody had told of before. `at`: when it began, Unix seconds.

    `warning` says why the version should not have come (back); empty where nothing speaks
    against it.
    """

    target: str
    version: str
    previous: str
    at: float
    source: str
    by: str = ""
    kind: ChangeKind = ChangeKind.APP
    reference: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class VersionGood:
    """`version` stayed healthy for its bake, watched all the time since `since` (Unix seconds)."""

    target: str
    version: str
    since: float


@dataclass(frozen=True, slots=True)
class VersionQuarantined:
    """The run `by_run` is to bring the target back from `version`."""

    target: str
    version: str
    by_run: str
    why: str


@dataclass(frozen=True, slots=True)
class VersionReleased:
    """A named person lifted the quarantine of `version`."""

    target: str
    version: str
    by: str
    reason: str


VersionEvent = ChangeSeen | VersionGood | VersionQuarantined | VersionReleased


def is_version(text: str) -> bool:
    """Whether `text` may be a version's name (see VERSION_FORM)."""
    return _VERSION.fullmatch(text) is not None and ".." not in text


def objection(news: News, now: float) -> str:
    """Why `news` cannot be believed at Unix second `now`; empty when it can."""
    if not is_version(news.version):
        return f"{news.version[:80]!r} is no version: write {VERSION_FORM}"
    if news.previous and not is_version(news.previous):
        return f"{news.previous[:80]!r} is no version: write {VERSION_FORM}"
    if any(len(word) > LONGEST_WORD or not word.isprintable() for word in _words(news)):
        return f"by and reference are {LONGEST_WORD} printable letters at most"
    # Not a number fails both comparisons.
    if not 0 < news.at < float("inf"):
        return f"at is no time: {news.at}"
    if news.at > now + AHEAD:
        return f"it is to begin {news.at - now:.0f} s from now: tell it once it begins"
    return ""


def _words(news: News) -> tuple[str, str]:
    return news.by, news.reference
