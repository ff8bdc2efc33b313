"""Keys, certificates and tokens of one control plane, made anew for each."""

import base64
import json
import subprocess
from pathlib import Path

_LIMIT = 60


def make_key(openssl: str, path: Path) -> None:
    """An RSA key, with which the API server signs the tokens of accounts."""
    _run(openssl, "genrsa", "-out", str(path), "2048")


def make_certificate(openssl: str, key: Path, certificate: Path) -> None:
    """A certificate for 127.0.0.1 that vouches for itself."""
    _run(
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
        "-keyout", str(key), "-out", str(certificate),
        "-subj", "/CN=bed", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
    )  # fmt: skip


def kubeconfig(server: str, authority: Path, token: str, namespace: str) -> str:
    """A file for one user of one cluster."""
    trusted = {"certificate-authority": str(authority)} if server.startswith("https:") else {}
    context = {"cluster": "bed", "user": "bed", "namespace": namespace}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bed", "cluster": {"server": server, **trusted}}],
            "users": [{"name": "bed", "user": {"token": token}}],
            "contexts": [{"name": "bed", "context": context}],
            "current-context": "bed",
        },
        indent=1,
    )


def expired(token: str, key: Path, openssl: str = "openssl") -> str:
    """The same token as if it had ended an hour ago, signed with the key that signed it."""
    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    length = claims["exp"] - claims["iat"]
    claims["exp"] = claims["iat"] - 3600
    claims["iat"] = claims["nbf"] = claims["exp"] - length
    signed = f"{head}.{_encoded(json.dumps(claims).encode())}"
    signature = _run(openssl, "dgst", "-sha256", "-sign", str(key), said=signed)
    return f"{signed}.{_encoded(signature)}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _run(*words: str, said: str = "") -> bytes:
    done = subprocess.run(
        words, input=said.encode(), capture_output=True, check=False, timeout=_LIMIT
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
