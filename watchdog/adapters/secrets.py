"""Secrets by reference, from the environment or a file, and their removal from any text."""

import base64
import json
import os
import re
import stat
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from watchdog.domain.errors import ConfigError
from watchdog.ports import Finding

REDACTED = "[redacted]"
# A shorter value would turn up in every second line, and guards nothing anyway.
MIN_LENGTH = 4
MAX_BYTES = 64 * 1024
# A token that is renewed every hour must not make `redact` slower every hour.
KEPT_PER_REFERENCE = 32
# The middle of a Base64 text is only telling from this length on.
_TELLING = 8

_USERINFO = re.compile(r"//[^/?#\s\"'<>]*@")
# Not "Basic authentication": a short word of plain letters is prose.
_SCHEME = re.compile(
    r"\b(bearer|basic)(?:\s+|%20)(?!(?-i:[a-z]{1,15})(?![\w.~+/=-]))[\w.~+/=-]{4,}",
    re.IGNORECASE,
)
_NEVER = re.compile(r"(?!)")


class EnvAndFileSecrets:
    """Secrets as they stand at each use, so that a renewed one counts at once.

    Of every reference the latest 32 values are remembered, to be removed from text.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._known: dict[str, deque[str]] = {}
        self._forms = _NEVER

    def read(self, reference: Mapping[str, str]) -> str:
        """The value of `{env: NAME}` or `{file: PATH}`, less one line end of the file.

        Raises ConfigError when it is missing, empty, shorter than 4 characters, or no text.
        """
        name = reference_name(reference)
        kind, _, place = name.partition(":")
        value = self._from_environment(place) if kind == "env" else _from_file(Path(place))
        if len(value) < MIN_LENGTH:
            raise ConfigError(
                f"secret {name} has {len(value)} characters; with fewer than {MIN_LENGTH} it "
                "cannot be kept out of logs: give it a longer value"
            )
        self._remember(name, value)
        return value

    def redact(self, text: str) -> str:
        """`text` without any value read so far, in whatever form, or anybody's credentials."""
        text = self._forms.sub(REDACTED, text)
        text = _USERINFO.sub(f"//{REDACTED}@", text)
        return _SCHEME.sub(rf"\g<1> {REDACTED}", text)

    def keep_out(self, name: str, value: str | Mapping[str, str]) -> None:
        """Have `value`, a secret that stands written out in a file, removed from text as well."""
        if isinstance(value, str) and len(value) >= MIN_LENGTH:
            self._remember(f"written out: {name}", value)

    def findings(self) -> Sequence[Finding]:
        """What a person should know of the files read so far; nothing that stops a run.

        Kubernetes and Docker give their secret files to every user of the container, so
        a file that others can read is worth a word only.
        """
        return [
            Finding(ok=True, text=f"secret {name} can be read by every user: chmod o-r {path}")
            for name in self._known
            if name.startswith("file:") and _others_may_read(path := Path(name[len("file:") :]))
        ]

    def _from_environment(self, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            state = "empty" if name in self._environ else "not set"
            raise ConfigError(
                f"secret env:{name}: the variable is {state}; "
                "set it in the environment of this program"
            )
        return value

    def _remember(self, name: str, value: str) -> None:
        values = self._known.setdefault(name, deque(maxlen=KEPT_PER_REFERENCE))
        if value in values:
            return
        values.append(value)
        forms = {form for known in self._known.values() for each in known for form in _forms(each)}
        # The longest first: one value may be the beginning of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._forms = re.compile("|".join(re.escape(form) for form in ordered))


def reference_name(reference: Mapping[str, str]) -> str:
    """A reference in one word, such as `env:ADMIN_TOKEN`. Raises ConfigError on anything else."""
    match dict(reference):
        case {"env": str(name), **rest} if name and not rest:
            return f"env:{name}"
        case {"file": str(path), **rest} if path and not rest:
            return f"file:{path}"
    raise ConfigError("a secret is {env: NAME} or {file: PATH}, and nothing beside it")


def _from_file(path: Path) -> str:
    try:
        # Asked first, because to open a pipe is to wait for its other end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"secret file:{path} is not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(f"secret file:{path} is longer than {MAX_BYTES} bytes")
        value = content.decode()
    except OSError as error:
        raise ConfigError(
            f"secret file:{path} cannot be read: {error.strerror}; put the secret there, "
            "readable by the user of this program"
        ) from error
    except UnicodeDecodeError:
        # Without its cause: that error quotes the bytes.
        raise ConfigError(f"secret file:{path} is not UTF-8 text") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise ConfigError(f"secret file:{path} is empty; put the secret there")
    return value


def _others_may_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _forms(value: str) -> Iterator[str]:
    """`value` as it may stand in a log, a body, an address or a header."""
    yield from _writings(value)
    if "\n" in value:
        for line in value.splitlines():
            if len(line) >= _TELLING:
                yield from _writings(line)
    for part in _parts_of_address(value):
        if len(part) >= _TELLING:
            yield from _writings(part)


def _parts_of_address(value: str) -> Iterator[str]:
    """What of an incoming webhook's address opens the door alone: its path, and what it asks."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    if parts.scheme in {"http", "https"}:
        yield parts.path
        for written in parts.query.split("&"):
            yield written.partition("=")[2]
        for _, meant in parse_qsl(parts.query):
            yield meant


def _writings(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value)
    yield quote(value, safe="")
    yield quote_plus(value)
    yield from _in_base64(value.encode())


def _in_base64(value: bytes) -> Iterator[str]:
    """`value` alone, and the part of it that shows in any longer text, as in Basic auth."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(value).decode().rstrip("=")
        for before in range(3):
            # Four characters hold three bytes: only whole bytes of ours tell.
            start = -(-before * 8 // 6)
            end = (before + len(value)) * 8 // 6
            telling = encode(bytes(before) + value).decode()[start:end]
            if len(telling) >= _TELLING:
                yield telling
