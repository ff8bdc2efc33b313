import base64
import json
import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from watchdog.adapters.secrets import KEPT_PER_REFERENCE, EnvAndFileSecrets, reference_name
from watchdog.domain.errors import ConfigError

CANARY = 'kanarie/"7f3+9\\ é&x'


def secrets_of(**environ: str) -> EnvAndFileSecrets:
    return EnvAndFileSecrets(environ)


def test_a_variable_is_read_anew_at_each_use() -> None:
    environ = {"TOKEN": "first-value"}
    secrets = EnvAndFileSecrets(environ)

    first = secrets.read({"env": "TOKEN"})
    environ["TOKEN"] = "second-value"

    assert (first, secrets.read({"env": "TOKEN"})) == ("first-value", "second-value")


def test_a_renewed_secret_hides_together_with_the_one_before() -> None:
    environ = {"TOKEN": "first-value"}
    secrets = EnvAndFileSecrets(environ)
    secrets.read({"env": "TOKEN"})
    environ["TOKEN"] = "second-value"
    secrets.read({"env": "TOKEN"})

    assert secrets.redact("first-value, second-value") == "[redacted], [redacted]"


def test_no_more_than_the_latest_values_of_one_reference_are_remembered() -> None:
    environ = {"TOKEN": "", "OTHER": "another-secret"}
    secrets = EnvAndFileSecrets(environ)
    secrets.read({"env": "OTHER"})
    for number in range(KEPT_PER_REFERENCE + 1):
        environ["TOKEN"] = f"value-{number:04}"
        secrets.read({"env": "TOKEN"})

    text = f"value-0000 value-0001 value-{KEPT_PER_REFERENCE:04} another-secret"

    assert secrets.redact(text) == "value-0000 [redacted] [redacted] [redacted]"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        ("s3cret\n\n", "s3cret\n"),
        (" s3cret ", " s3cret "),
    ],
)
def test_one_line_end_of_a_file_is_not_part_of_the_secret(
    tmp_path: Path, content: str, value: str
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content.encode())

    assert EnvAndFileSecrets({}).read({"file": str(path)}) == value


def test_a_missing_secret_says_which_and_what_to_do(tmp_path: Path) -> None:
    secrets = secrets_of(EMPTY="")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfa\xfb")
    (tmp_path / "long").write_text("x" * 70_000)
    os.mkfifo(tmp_path / "pipe")

    for reference, expected in [
        ({"env": "GONE"}, "secret env:GONE: the variable is not set; set it"),
        ({"env": "EMPTY"}, "secret env:EMPTY: the variable is empty; set it"),
        ({"file": f"{tmp_path}/gone"}, "gone cannot be read: No such file or directory; put"),
        ({"file": f"{tmp_path}"}, "is not a regular file"),
        ({"file": f"{tmp_path}/pipe"}, "is not a regular file"),
        ({"file": f"{tmp_path}/empty"}, "is empty; put the secret there"),
        ({"file": f"{tmp_path}/bytes"}, "is not UTF-8 text"),
        ({"file": f"{tmp_path}/long"}, "is longer than 65536 bytes"),
    ]:
        with pytest.raises(ConfigError) as refused:
            secrets.read(reference)
        assert expected in str(refused.value)


def test_a_value_of_three_characters_is_refused_without_being_told() -> None:
    with pytest.raises(ConfigError, match="has 3 characters; with fewer than 4") as refused:
        secrets_of(PIN="q7z").read({"env": "PIN"})

    assert "q7z" not in str(refused.value)


@pytest.mark.parametrize(
    "reference",
    [{}, {"env": ""}, {"value": "abc"}, {"env": "A", "file": "b"}, {"env": "A", "more": "b"}],
)
def test_anything_but_one_reference_is_refused(reference: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"a secret is {env: NAME} or {file: PATH}"):
        secrets_of(A="abcdef").read(reference)


def test_a_reference_has_a_name_for_texts() -> None:
    assert reference_name({"env": "ADMIN_TOKEN"}) == "env:ADMIN_TOKEN"
    assert reference_name({"file": "/run/secrets/a"}) == "file:/run/secrets/a"


@pytest.mark.parametrize(
    "written",
    [
        CANARY,
        json.dumps({"token": CANARY}),
        json.dumps({"token": CANARY}, ensure_ascii=False),
        repr({"token": CANARY}),
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
    ],
)
def test_a_secret_hides_in_every_form(written: str) -> None:
    secrets = secrets_of(TOKEN=CANARY)
    secrets.read({"env": "TOKEN"})

    redacted = secrets.redact(f"before {written} after")

    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    assert "[redacted]" in redacted
    assert "kanarie" not in redacted
    assert base64.b64encode(b"kanarie").decode()[:8] not in redacted


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "abcd"])
def test_a_password_hides_in_the_encoding_of_basic_auth(user: str) -> None:
    secrets = secrets_of(PASSWORD="correct horse battery")
    secrets.read({"env": "PASSWORD"})
    encoded = base64.b64encode(f"{user}:correct horse battery staple".encode()).decode()

    redacted = secrets.redact(encoded)

    assert "[redacted]" in redacted
    assert b"horse" not in _decoded_loosely(redacted.replace("[redacted]", ""))


def _decoded_loosely(text: str) -> bytes:
    whole = text.rstrip("=")
    return base64.b64decode(whole[: len(whole) // 4 * 4])


def test_of_two_secrets_the_longer_one_hides_whole() -> None:
    secrets = secrets_of(SHORT="open-sesame", LONG="open-sesame-and-more")
    secrets.read({"env": "SHORT"})
    secrets.read({"env": "LONG"})

    assert secrets.redact("=open-sesame-and-more=") == "=[redacted]="


def test_every_line_of_a_key_hides_alone() -> None:
    secrets = secrets_of(KEY="-----BEGIN-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END-----")
    secrets.read({"env": "KEY"})

    assert secrets.redact("line 2: hkiG9w0BAQEFAASC") == "line 2: [redacted]"


def test_the_path_of_a_secret_address_hides_without_its_host() -> None:
    secrets = secrets_of(HOOK="https://hooks.example.com/services/T000/B000/xyz")
    secrets.read({"env": "HOOK"})

    assert secrets.redact("POST /services/T000/B000/xyz: 404") == "POST [redacted]: 404"


@pytest.mark.parametrize(
    "written",
    ["/in?room=7&key=s3cr3t%2Fkey", "key=s3cr3t%2Fkey", "no such key: s3cr3t/key", "s3cr3t%2Fkey"],
)
def test_what_a_secret_address_asks_with_hides_alone(written: str) -> None:
    secrets = secrets_of(HOOK="https://hooks.example.com/in?room=7&key=s3cr3t%2Fkey")
    secrets.read({"env": "HOOK"})

    assert "s3cr3t" not in secrets.redact(f"404: {written}")


def test_a_secret_that_is_no_address_after_all_is_still_read() -> None:
    assert secrets_of(ODD="http://[odd").read({"env": "ODD"}) == "http://[odd"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgres://me:pass@db/x", "postgres://[redacted]@db/x"),
        ("see https://tok3n@host/a and more", "see https://[redacted]@host/a and more"),
        ("https://host/a?mail=me@example.com", "https://host/a?mail=me@example.com"),
        ("https://host/a@b", "https://host/a@b"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]"),
        ("authorization: bearer abcdefghijklmnopqrst", "authorization: bearer [redacted]"),
        ("Basic dXNlcjpwYXNz", "Basic [redacted]"),
        ("Basic authentication failed", "Basic authentication failed"),
        ("auth=bearer env:ADMIN_TOKEN", "auth=bearer env:ADMIN_TOKEN"),
        ("auth=bearer file:/run/secrets/token", "auth=bearer file:/run/secrets/token"),
    ],
)
def test_credentials_that_nobody_read_hide_by_their_place(text: str, redacted: str) -> None:
    assert secrets_of().redact(text) == redacted


def test_a_file_that_every_user_may_read_is_mentioned_and_used(tmp_path: Path) -> None:
    private, public, gone = (tmp_path / name for name in ("private", "public", "gone"))
    for path, mode in ((private, 0o600), (public, 0o644), (gone, 0o644)):
        path.write_text("s3cret")
        path.chmod(mode)
    secrets = secrets_of(TOKEN="s3cret")
    secrets.read({"env": "TOKEN"})
    for path in (private, public, gone):
        secrets.read({"file": str(path)})
    gone.unlink()

    (finding,) = secrets.findings()

    assert finding.ok
    assert finding.text == f"secret file:{public} can be read by every user: chmod o-r {public}"
