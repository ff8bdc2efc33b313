"""The programs of a control plane, each with its flags, from start to end."""

import os
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from tests.control_plane.bare_api import BareApi
from tests.control_plane.credentials import kubeconfig, make_certificate, make_key

HERE = Path(__file__).parent
# Seconds until the API server is ready; it needs 3 to 6 where nothing else is going on.
READY_WITHIN = 90.0
ATTEMPTS = 3
# Who each part is: the audit log tells them apart by it. `bed` is the test, `admin` its users.
USERS = ("bed", "admin", "controllers", "scheduler", "kwok")
CONTROLLERS = (
    "deployment", "replicaset", "statefulset", "daemonset", "job", "endpoints", "endpointslice",
    "namespace", "serviceaccount", "serviceaccount-token", "root-ca-certificate-publisher",
    "garbage-collector", "disruption", "resourcequota",
)  # fmt: skip


class PortTakenError(OSError):
    """Somebody else answers where our API server should."""


@dataclass(slots=True)
class Parts:
    """The running programs, by name, and what they share. Its folder goes with them."""

    programs: Mapping[str, Path]
    folder: Path
    ports: Mapping[str, int]
    tokens: Mapping[str, str] = field(repr=False)
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.ports['api']}"

    @property
    def authority(self) -> Path:
        return self.folder / "certificates/apiserver.crt"

    @property
    def account_key(self) -> Path:
        return self.folder / "accounts.key"

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    @property
    def tls(self) -> ssl.SSLContext:
        """Trusts this API server and nobody else."""
        return ssl.create_default_context(cafile=str(self.authority))

    def start(self, name: str, *flags: str) -> None:
        """Start a program of this name with these flags. It dies with the process of the tests."""
        # Of a test process that is killed nothing is left over.
        words = ["setpriv", "--pdeathsig", "KILL", str(self.programs[name]), *flags]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                words,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            )

    def check(self) -> None:
        """Raise OSError with the end of its log if one of them has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise OSError(f"{name} ended with {process.returncode}: {self.log(name)[-2000:]}")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def write_pod_log(self, lines: Sequence[str], previous: Sequence[str]) -> None:
        """Replace what all pods have written; in the form of a container runtime."""
        for name, written in (("pod.log", lines), ("pod.previous.log", previous)):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
            text = "".join(f"{stamp}.000000000Z stdout F {line}\n" for line in written)
            (self.folder / name).write_text(text)

    def stop(self) -> None:
        """End them all at once; the API server would take up to a minute to end in order."""
        for process in reversed(self.running.values()):
            process.kill()
        for process in self.running.values():
            process.wait()
        self.running.clear()


@contextmanager
def started(programs: Mapping[str, Path], folder: Path) -> Iterator[Parts]:
    """All parts, from nothing, until the end of the block; the API server is ready."""
    parts = _start(programs, folder)
    try:
        yield parts
    finally:
        parts.stop()


def _start(programs: Mapping[str, Path], folder: Path) -> Parts:
    for attempt in range(1, ATTEMPTS + 1):
        inside = folder / f"{attempt}"
        inside.mkdir(parents=True)
        tokens = {user: secrets.token_hex(16) for user in USERS}
        parts = Parts(programs, inside, _ports("etcd", "peer", "api", "kwok", "kcm", "kss"), tokens)
        try:
            _prepare(parts)
            _start_api_server(parts)
            until_ready(parts)
            _start_controllers(parts)
            parts.check()
        except OSError:
            # Somebody else may have taken one of the ports in the meantime.
            parts.stop()
            if attempt == ATTEMPTS:
                raise
        except BaseException:
            parts.stop()
            raise
        else:
            return parts
    raise AssertionError("unreachable")


def _ports(*names: str) -> dict[str, int]:
    """A free port of loopback for each, all of them different."""
    held = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: each.getsockname()[1] for name, each in held.items()}
    for each in held.values():
        each.close()
    return ports


def _prepare(parts: Parts) -> None:
    make_key("openssl", parts.account_key)
    make_certificate("openssl", parts.folder / "kwok.key", parts.folder / "kwok.crt")
    tokens = parts.folder / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(
        "".join(f"{token},{user},{user},system:masters\n" for user, token in parts.tokens.items())
    )
    parts.write_pod_log(("ready",), ())


def _start_api_server(parts: Parts) -> None:
    port = parts.ports
    etcd, peer = (f"http://127.0.0.1:{port[name]}" for name in ("etcd", "peer"))
    parts.start(
        "etcd",
        "--data-dir=etcd",
        f"--listen-client-urls={etcd}",
        f"--advertise-client-urls={etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    parts.start(
        "kube-apiserver",
        f"--etcd-servers={etcd}",
        f"--secure-port={port['api']}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--cert-dir=certificates",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.test",
        "--service-account-key-file=accounts.key",
        "--service-account-signing-key-file=accounts.key",
        "--service-cluster-ip-range=10.0.0.0/16",
        # Taints a node until a controller that does not run here says that it is well.
        "--disable-admission-plugins=TaintNodesByCondition",
        "--kubelet-preferred-address-types=InternalIP",
        f"--audit-policy-file={HERE / 'audit-policy.yaml'}",
        "--audit-log-path=audit.log",
        # Never begin a new file: what was asked would be looked for in the old one.
        "--audit-log-maxsize=100000",
    )


def until_ready(parts: Parts) -> None:
    """Wait until our own API server says so: another one does not know our token."""
    deadline = time.monotonic() + READY_WITHIN
    while True:
        parts.check()
        try:
            status = BareApi(parts.server, parts.tokens["bed"], parts.tls).get("/readyz").status
        except (OSError, HTTPException):
            status = 0
        if status == 200:
            break
        if status == 401:
            raise PortTakenError(f"another API server answers at {parts.server}")
        if time.monotonic() > deadline:
            raise OSError(f"not ready: {parts.log('kube-apiserver')[-2000:]}")
        time.sleep(0.05)
    parts.check()


def _start_controllers(parts: Parts) -> None:
    port = parts.ports
    for user in ("controllers", "scheduler", "kwok"):
        text = kubeconfig(parts.server, parts.authority, parts.tokens[user], "default")
        path = parts.folder / f"{user}.json"
        path.touch(mode=0o600)
        path.write_text(text)
    parts.start(
        "kube-controller-manager",
        "--kubeconfig=controllers.json",
        f"--secure-port={port['kcm']}",
        "--bind-address=127.0.0.1",
        "--authentication-skip-lookup",
        "--leader-elect=false",
        f"--controllers={','.join(f'{name}-controller' for name in CONTROLLERS)}",
        "--service-account-private-key-file=accounts.key",
        f"--root-ca-file={parts.authority}",
        # By default its own pace would be most of what a rollout takes.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    )
    parts.start(
        "kube-scheduler",
        "--kubeconfig=scheduler.json",
        f"--secure-port={port['kss']}",
        "--bind-address=127.0.0.1",
        "--authentication-skip-lookup",
        "--leader-elect=false",
    )
    parts.start(
        "kwok",
        "--kubeconfig=kwok.json",
        "--manage-all-nodes=true",
        f"--config={HERE / 'kwok.yaml'}",
        "--node-ip=127.0.0.1",
        f"--node-port={port['kwok']}",
        f"--server-address=127.0.0.1:{port['kwok']}",
        "--tls-cert-file=kwok.crt",
        "--tls-private-key-file=kwok.key",
        "--node-lease-duration-seconds=40",
    )
