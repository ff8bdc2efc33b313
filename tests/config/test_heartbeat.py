import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.errors import ConfigError
from watchdog.domain.heartbeat import Heartbeat

SECRET = "c4n4ry"


def heartbeat(files: Files, entry: str, **environ: str) -> Heartbeat | None:
    files.write("daemon.yaml", f"heartbeat: {entry}")
    return files.load("daemon.yaml", environ=environ).daemon.heartbeat


def test_without_a_word_nobody_is_told(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    assert files.load("a.yaml").daemon.heartbeat is None


def test_an_address_is_enough(files: Files) -> None:
    assert heartbeat(files, "{url: 'https://host/x'}") == Heartbeat("https://host/x", 60.0, 10.0)


def test_the_address_may_stand_elsewhere(files: Files) -> None:
    entry = "{url: {file: /run/secrets/beat}, every: 2m, timeout: 5s}"

    assert heartbeat(files, entry) == Heartbeat({"file": "/run/secrets/beat"}, 120.0, 5.0)


def test_the_environment_says_it_as_well(files: Files) -> None:
    files.write("a.yaml", MINIMAL)
    environ = {"ROLLBACK_WATCHDOG_HEARTBEAT__URL": "https://host/x"}

    assert files.load("a.yaml", environ=environ).daemon.heartbeat == Heartbeat("https://host/x")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{every: 60s}", "heartbeat.url: "),
        (f"{{url: ftp://host/{SECRET}}}", "heartbeat.url: is no address of HTTP"),
        ("{url: {env: A, file: B}}", "a secret is {env: NAME} or {file: PATH}"),
        (f"{{url: 'https://h/{SECRET}', every: 5s}}", "must not be longer than `every`"),
        (f"{{url: 'https://h/{SECRET}', every: 0s}}", "heartbeat.every: "),
        (f"{{url: 'https://h/{SECRET}', everyy: 5s}}", "did you mean 'every'?"),
    ],
)
def test_what_is_no_heartbeat_is_refused_without_quoting_its_address(
    files: Files, entry: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        heartbeat(files, entry)

    assert said in str(refused.value)
    assert SECRET not in str(refused.value)
