"""A file system of its own of three megabytes, which can be filled, emptied and made read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """Mounted at `folder` for as long as the block of `a_small_disk` lasts."""

    folder: Path

    def fill(self) -> None:
        """Take all the room that is left."""
        # Unbuffered: what is left in a buffer would be refused once more when it is closed.
        with self._ballast.open("wb", buffering=0) as ballast, suppress(OSError):
            while ballast.write(bytes(4096)):
                pass

    def make_room(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink()

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextmanager
def a_small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount it at `folder`, which exists; skips the test where that is not permitted."""
    mounting = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a daemon that was killed a moment ago may still hold it.
        subprocess.run(["umount", "--lazy", folder], check=True)
