import base64

import pytest
from pydantic import ValidationError

from tests.bed.deps import KnownSecrets
from watchdog.adapters.auth import Auth, auth_headers
from watchdog.domain.errors import ConfigError


def test_each_way_becomes_its_header() -> None:
    secrets = KnownSecrets({"env:TOKEN": "t", "file:/run/pw": "größe"})

    bearer = Auth.model_validate({"bearer": {"env": "TOKEN"}})
    basic = Auth.model_validate({"basic": {"user": "me", "password": {"file": "/run/pw"}}})
    named = Auth.model_validate({"header": {"name": "X-Key", "value": {"env": "TOKEN"}}})
    both = Auth.model_validate({"basic": {"user": {"env": "TOKEN"}, "password": {"env": "TOKEN"}}})

    assert auth_headers(bearer, secrets) == {"Authorization": "Bearer t"}
    assert auth_headers(basic, secrets) == {
        "Authorization": "Basic " + base64.b64encode("me:größe".encode()).decode()
    }
    assert auth_headers(named, secrets) == {"X-Key": "t"}
    assert auth_headers(both, secrets) == {"Authorization": "Basic dDp0"}
    assert auth_headers(None, secrets) == {}


def test_a_secret_is_read_anew_for_every_request() -> None:
    secrets = KnownSecrets({"env:TOKEN": "old"})
    bearer = Auth.model_validate({"bearer": {"env": "TOKEN"}})
    auth_headers(bearer, secrets)

    secrets.values["env:TOKEN"] = "new"

    assert auth_headers(bearer, secrets) == {"Authorization": "Bearer new"}


def test_a_missing_secret_is_for_a_person_to_repair() -> None:
    with pytest.raises(ConfigError):
        auth_headers(Auth.model_validate({"bearer": {"env": "TOKEN"}}), KnownSecrets())


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"bearer": "the-token-itself"},
        {"bearer": {}},
        {"bearer": {"env": "A", "file": "/b"}},
        {"bearer": {"env": "A"}, "header": {"name": "X", "value": {"env": "A"}}},
        {"basic": {"user": "me", "password": "itself"}},
        {"token": {"env": "A"}},
    ],
)
def test_anything_but_one_way_with_referenced_secrets_is_refused(
    written: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        Auth.model_validate(written)
