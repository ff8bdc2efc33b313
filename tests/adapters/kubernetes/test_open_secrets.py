import pytest

from watchdog.adapters.kubernetes.open_secrets import refers_to_a_secret, tells_a_secret
from watchdog.adapters.secrets import EnvAndFileSecrets

CANARY = "kanarie-7f3a"


def known() -> EnvAndFileSecrets:
    secrets = EnvAndFileSecrets({"TOKEN": CANARY})
    secrets.read({"env": "TOKEN"})
    return secrets


@pytest.mark.parametrize(
    "written",
    [{"a": [{"b": CANARY}]}, {"a": {f"x-{CANARY}": 1}}, {"command": ["x", f"-k{CANARY}"]}],
)
def test_a_known_secret_is_found_wherever_it_stands(written: object) -> None:
    why = tells_a_secret(written, known())

    assert "Secret of the cluster" in why
    assert CANARY not in why


@pytest.mark.parametrize(
    "text",
    [
        "postgres://$(USER):$(PASSWORD)@database/shop",
        "postgres://shop:${PASSWORD}@database/shop",
        "https://$TOKEN@git.example/shop",
        "Authorization: Bearer $TOKEN",
        "registry.test:5000/shop@sha256:0123",
    ],
)
def test_what_is_put_in_later_is_no_secret_yet(text: str) -> None:
    assert tells_a_secret({"command": ["sh", "-c", text]}, known()) == ""


@pytest.mark.parametrize(
    "text", ["postgres://shop:hunter2@database", "Bearer abcd1234", f"$(USER):{CANARY}@database"]
)
def test_credentials_that_are_written_out_are_found(text: str) -> None:
    assert tells_a_secret([text], known())


def test_only_a_reference_is_taken_for_one() -> None:
    assert refers_to_a_secret({"a": [{"value": {"env": "TOKEN"}}]})
    assert refers_to_a_secret({"a": {"file": "/run/token"}})
    assert not refers_to_a_secret({"env": [{"name": "A", "value": "1"}], "file": "x"})
    assert not refers_to_a_secret({"containers": [{"env": []}], "labels": {"env-of": "x"}})
