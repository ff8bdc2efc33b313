"""Real containers without a registry: a base made by mmdebstrap, built and run by podman."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Seconds. A base takes half a minute and an image as long on a small machine.
BUILD_LIMIT = 600
BASE = "localhost/rollback-watchdog-test-base"
BUILD_BASE = "localhost/rollback-watchdog-test-build-base"
IMAGE = "localhost/rollback-watchdog-test"

# runc and cgroupfs run where there is no systemd; the limits are those an unprivileged host has.
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=512:512"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_BUILD_BASE = f"""\
FROM {BASE}
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv
"""
_TRUST = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Podman:
    """Podman with a configuration and a storage of its own, in `folder`."""

    folder: Path

    def __call__(
        self, *words: str, check: bool = True, limit: float = BUILD_LIMIT
    ) -> subprocess.CompletedProcess[str]:
        """Run `podman WORDS`. Raises with all it printed when it fails."""
        conf = self.folder / "containers.conf"
        conf.write_text(_CONTAINERS_CONF)
        argv = ["podman", "--root", str(self.folder / "root"), "--runroot",
                str(self.folder / "runroot"), "--storage-driver", "overlay", *words]  # fmt: skip
        done = subprocess.run(
            argv,
            env={**os.environ, "CONTAINERS_CONF": str(conf)},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"podman {' '.join(words)}\n{done.stdout}\n{done.stderr}")
        return done

    def make_bases(self) -> None:
        """The base of the image (Python, certificates) and the one it is built on (venv too)."""
        tar = self.folder / "base.tar"
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,ca-certificates",
             "bookworm", str(tar)],
            check=True,
            timeout=BUILD_LIMIT,
        )  # fmt: skip
        self("import", str(tar), BASE)
        tar.unlink()
        file = self.folder / "Containerfile"
        file.write_text(_BUILD_BASE)
        self("build", "-q", *self.mounts(), "-t", BUILD_BASE, "-f", str(file), str(self.folder))

    def build(self, project: Path) -> None:
        """The image, from the project's own Dockerfile."""
        bases = ["--build-arg", f"BUILD_BASE={BUILD_BASE}", "--build-arg", f"BASE={BASE}"]
        self("build", "-q", *self.mounts(), *bases, "-t", IMAGE, str(project))

    def mounts(self) -> Sequence[str]:
        """What a build must see of this machine to reach the package registries: never copied."""
        mounts = [_TRUST, "/etc/pip.conf", str(Path.home() / ".config/pip/pip.conf")]
        places = {_TRUST: _TRUST, **dict.fromkeys(mounts[1:], "/etc/pip.conf")}
        return [
            word
            for source, place in places.items()
            if Path(source).exists()
            for word in ("--volume", f"{source}:{place}:ro")
        ]


def missing_programs() -> list[str]:
    """Which programs of the container tests this machine lacks."""
    return [name for name in ("podman", "runc", "mmdebstrap") if shutil.which(name) is None]
