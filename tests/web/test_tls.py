"""The pages over HTTPS, and clients that prove who they are by a certificate."""

import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bed.inbound import TOKEN, a_message
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.domain.doors import AlertmanagerDoor, Doors, TlsFiles
from watchdog.domain.errors import ConfigError
from watchdog.testing.doubles import ManualClock
from watchdog.web.face import Facts, serving
from watchdog.web.inbound import Inbound

ALERTS = "/inbound/alertmanager"
BEARER = ({"env": "TOKEN"},)


@dataclass(frozen=True)
class Certificates:
    """Of the pages, and of a client; each its own authority, as `ca` knows them both."""

    folder: Path
    openssl: str

    def make(self, name: str) -> Path:
        """A key and a certificate for 127.0.0.1."""
        certificate = self.folder / f"{name}.crt"
        command = (
            f"{self.openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
            f"-days 1 -subj /CN={name} -addext subjectAltName=IP:127.0.0.1 "
            f"-keyout {certificate.with_suffix('.key')} -out {certificate}"
        )
        subprocess.run(command.split(), check=True, capture_output=True)
        return certificate


@pytest.fixture
def certificates(require_program: Callable[[str], str], tmp_path: Path) -> Certificates:
    return Certificates(tmp_path, require_program("openssl"))


async def nothing(*_: object) -> Any:  # noqa: ANN401
    return {}


async def none_taken(claims: object, _: int) -> int:
    return 0


def inbound(door: AlertmanagerDoor) -> Inbound:
    secrets = EnvAndFileSecrets({"TOKEN": TOKEN})
    return Inbound(Doors(door), none_taken, secrets, ManualClock())


def client(server: Path, own: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(server))
    if own is not None:
        context.load_cert_chain(own, own.with_suffix(".key"))
    return context


FACTS = Facts(list, list, lambda: b"", nothing, nothing)


@pytest.mark.parametrize(
    ("door", "expected"),
    [
        (AlertmanagerDoor(certificate=True), {(True, True): 200, (True, False): 200}),
        (AlertmanagerDoor(BEARER), {(True, True): 200, (False, True): 200}),
        (AlertmanagerDoor(BEARER, certificate=True), {(True, True): 200}),
    ],
    ids=["certificate", "token", "both"],
)
async def test_who_is_let_in_by_what_they_show(
    certificates: Certificates, door: AlertmanagerDoor, expected: dict[tuple[bool, bool], int]
) -> None:
    server, own = certificates.make("server"), certificates.make("client")
    tls = TlsFiles(str(server), str(server.with_suffix(".key")), str(own))
    found = {}
    async with serving("127.0.0.1:0", FACTS, inbound=inbound(door), tls=tls) as url:
        assert url.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession() as session:
            # Whoever probes shows nothing.
            async with session.get(f"{url}/livez", ssl=client(server)) as response:
                assert response.status == 200
            for shows in ((True, True), (True, False), (False, True), (False, False)):
                certificate, token = shows
                headers = {"Authorization": f"Bearer {TOKEN if token else 'guess'}"}
                context = client(server, own if certificate else None)
                async with session.post(
                    f"{url}{ALERTS}", json=a_message(), headers=headers, ssl=context
                ) as response:
                    found[shows] = response.status

    assert {shows for shows, status in found.items() if status == 200} == set(expected)
    assert set(found.values()) == {200, 401}


async def test_a_certificate_of_somebody_else_is_none(certificates: Certificates) -> None:
    server, own = certificates.make("server"), certificates.make("client")
    stranger = certificates.make("stranger")
    tls = TlsFiles(str(server), str(server.with_suffix(".key")), str(own))
    door = AlertmanagerDoor(certificate=True)
    async with (
        serving("127.0.0.1:0", FACTS, inbound=inbound(door), tls=tls) as url,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{url}{ALERTS}", json=a_message(), ssl=client(server, stranger))


async def test_a_certificate_that_cannot_be_read_is_a_clear_line(tmp_path: Path) -> None:
    (tmp_path / "x.crt").write_text("no certificate")
    tls = TlsFiles(str(tmp_path / "x.crt"), str(tmp_path / "x.key"))

    with pytest.raises(ConfigError, match=r"tls: one of .*x\.crt, .*x\.key cannot be used"):
        async with serving("127.0.0.1:0", FACTS, tls=tls):
            pass
