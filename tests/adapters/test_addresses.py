import pytest

from watchdog.adapters.addresses import unfit

OFF_LIMITS = "a link-local or metadata address: no step may ask those"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "http://10.0.0.1",
        "http://[::1]:80/",
        "http://checkout:8080/health",
        "https://host.example/a?b=c@d%20e#f",
        "HTTPS://HOST.example/",
    ],
)
def test_an_ordinary_address_may_be_asked(url: str) -> None:
    assert unfit(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is no address of HTTP"),
        ("/admin", "is no address of HTTP"),
        ("ftp://host/x", "is no address of HTTP"),
        ("https:///x", "is no address of HTTP"),
        ("http://:80/x", "is no address of HTTP"),
        ("http://host:99999/", "is no address: Port out of range"),
        ("http://[::1/", "is no address: Invalid IPv6 URL"),
    ],
)
def test_what_is_no_address_of_http_says_so(url: str, why: str) -> None:
    assert why in str(unfit(url))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://me:pw@host/", "holds a user or password: use auth"),
        ("http://a b/", "holds a space, a backslash or a letter beyond ASCII"),
        ("http://host/a\nb", "holds a space, a backslash or a letter beyond ASCII"),
        ("http://host\\@other/", "holds a space, a backslash or a letter beyond ASCII"),
        ("http://\uff1169.254.169.254/", "holds a space, a backslash or a letter beyond ASCII"),
        ("http://169%2e254.169.254/", "has a % in its host"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(url: str, why: str) -> None:
    assert why in str(unfit(url))


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2.",
        "2852039166",
        "0xa9.0xfe.43518",
        "0251.0376.0251.0376",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "[fd00:ec2::254]",
        "[fd00:0ec2:0::254]",
        "Metadata.Google.Internal",
    ],
)
def test_the_machine_s_own_metadata_is_never_asked(host: str) -> None:
    assert OFF_LIMITS in str(unfit(f"http://{host}:80/latest"))
