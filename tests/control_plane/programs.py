"""The programs of the control plane: found, or built once from pinned sources into a cache.

`python -m tests.control_plane.programs` builds what is missing; `make control-plane` runs it.
"""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module in a folder of this name, and the packages to build in it, by program.

    `required`: the module whose version is that of the programs. `stamped`: the package whose
    variables hold the version, where a program has to be told.
    """

    folder: str
    required: str
    packages: Mapping[str, str]
    stamped: str = ""

    @property
    def version(self) -> str:
        """As pinned, such as `v1.34.4`."""
        text = (HERE / self.folder / "go.mod").read_text()
        line = rf"^(?:require|\t) ?{re.escape(self.required)} (v\S+)$"
        found = re.search(line, text, re.MULTILINE)
        assert found is not None, f"{self.folder}/go.mod does not require {self.required}"
        return found[1]

    @property
    def cache(self) -> Path:
        """Where its programs are kept."""
        name = f"{self.folder}-{self.version}-{platform.machine()}"
        return cache_folder() / name


MODULES = (
    Module("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "."}),
    Module("kwok", "sigs.k8s.io/kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
    Module(
        "kubernetes",
        "k8s.io/kubernetes",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        },
        "k8s.io/component-base/version",
    ),
)
# It renders the chart, and is no part of the control plane.
HELM = Module("helm", "helm.sh/helm/v3", {"helm": "helm.sh/helm/v3/cmd/helm"})


def cache_folder() -> Path:
    """Outside the repository, so that every clone finds what one has built."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rollback-watchdog/control-plane"


def found(modules: Sequence[Module] = MODULES) -> dict[str, Path]:
    """The programs that are there, by name: KUBEBUILDER_ASSETS goes before the cache."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    there = {}
    for module in modules:
        for name in module.packages:
            folders = [Path(assets)] if assets else []
            paths = [folder / name for folder in (*folders, module.cache)]
            usable = [path for path in paths if os.access(path, os.X_OK) and path.is_file()]
            if usable:
                there[name] = usable[0]
    return there


def missing(modules: Sequence[Module] = MODULES) -> list[str]:
    """The names of those that are not there."""
    there = found(modules)
    return [name for module in modules for name in module.packages if name not in there]


def build(modules: Sequence[Module] = MODULES) -> None:
    """Build what is missing. Raises OSError where `go` is, or a build fails."""
    for module in modules:
        with _alone(module):
            # Somebody else may have built it while we waited.
            for name in missing([module]):
                _build(module, name)


def _build(module: Module, name: str) -> None:
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("the program 'go' is not installed; 1.21 or newer will do")
    print(f"control-plane: building {name} {module.version}", flush=True)  # noqa: T201
    began = time.monotonic()
    # Under its name it appears whole, or not at all.
    with tempfile.TemporaryDirectory(dir=module.cache, prefix=".building-") as folder:
        made = Path(folder) / name
        words = [
            "nice", "-n", "19", go, "build", "-mod=readonly", "-trimpath", "-buildvcs=false",
            "-ldflags", _linking(module), "-o", str(made), module.packages[name],
        ]  # fmt: skip
        done = subprocess.run(words, cwd=HERE / module.folder, check=False)
        if done.returncode:
            raise OSError(f"{name}: `go build` ended with {done.returncode}; see above")
        made.replace(module.cache / name)
    seconds = time.monotonic() - began
    print(f"control-plane: {name} took {seconds:.0f} s", flush=True)  # noqa: T201


def _linking(module: Module) -> str:
    if not module.stamped:
        return "-s -w"
    major, minor, _ = module.version.removeprefix("v").split(".", 2)
    said = {"gitVersion": module.version, "gitMajor": major, "gitMinor": minor}
    return " ".join(
        ["-s -w", *(f"-X {module.stamped}.{name}={value}" for name, value in said.items())]
    )


@contextmanager
def _alone(module: Module) -> Iterator[None]:
    """One at a time, of all who build this module on this machine."""
    module.cache.mkdir(parents=True, exist_ok=True)
    with (module.cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Of a build that was killed.
        for left in module.cache.glob(".building-*"):
            shutil.rmtree(left)
        yield


def main() -> int:
    """Build what is missing, and say what this machine cannot do."""
    wanted = (*MODULES, HELM)
    if not missing(wanted):
        return 0
    try:
        build(wanted)
    except OSError as error:
        ci = os.environ.get("CI") == "true"
        print(f"control-plane: {error}", file=sys.stderr)  # noqa: T201
        if not ci:
            print(  # noqa: T201
                "control-plane: the tests that need Kubernetes will be skipped", file=sys.stderr
            )
        return 1 if ci else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
