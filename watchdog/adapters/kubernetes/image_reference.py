"""An image reference: registry with port, repository, tag and digest."""

import re
from dataclasses import dataclass, replace

# As the reference grammar of container registries has it.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`registry.local:5000/shop/cart:v1@sha256:…`, taken apart; empty where it has no such part."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"

    def at(self, tag: str) -> "ImageReference":
        """The same image under another tag. Its digest named what it was, and goes.

        Raises ValueError where that is no tag.
        """
        if not _TAG.fullmatch(tag):
            raise ValueError(f"{tag!r} is no tag; write letters, digits, '.', '_' and '-'")
        return replace(self, tag=tag, digest="")


def reference(text: str) -> ImageReference:
    """Take `text` apart. Raises ValueError where it is none."""
    rest, at, digest = text.partition("@")
    head, slash, last = rest.rpartition("/")
    # A colon before the last slash is a port's.
    bare, colon, tag = last.partition(":")
    name = f"{head}{slash}{bare}"
    if (at and not _DIGEST.fullmatch(digest)) or (colon and not _TAG.fullmatch(tag)):
        raise ValueError(f"{text!r} is no image: its tag or digest is not well-formed")
    if not _is_name(name):
        raise ValueError(f"{text!r} is no image: write REGISTRY/REPOSITORY:TAG")
    return ImageReference(name, tag, digest)


def _is_name(name: str) -> bool:
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    parts = rest.split("/") if is_host else name.split("/")
    return (not is_host or _HOST.fullmatch(first) is not None) and all(
        _REPOSITORY.fullmatch(part) for part in parts
    )
