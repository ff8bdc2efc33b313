"""Secrets go where they are needed, and are found nowhere else, whatever the other side echoes."""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.faults.admin_api import Fault
from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import NotificationGivenUp
from watchdog.domain.progress import ReportWritten, RunEnded

# Canaries: each is of the kind that makes trouble somewhere, in JSON, in an address, in Base64.
TOKEN = "canary-token-7c1f/+=0a9d"
PASSWORD = 'canary-"password"-é-41be'
FOR_THE_PROGRAM = "canary-program-d2e7$HOME"
PAGER = "canary-pager-93ab"
BROKEN = "canary-broken-55fd"
SECRETS = (TOKEN, PASSWORD, FOR_THE_PROGRAM, PAGER, BROKEN)
_BASIC = base64.b64encode(f"watchdog:{PASSWORD}".encode()).decode()

# Says its secret aloud, to whoever reads what it prints, once it may.
_INDISCREET = """\
import os, pathlib, sys, time
here = pathlib.Path(sys.argv[1])
(here / "pid").write_text(str(os.getpid()))
while not (here / "go").exists():
    time.sleep(0.01)
(here / "got").write_text(os.environ["SECRET"])
print("out:", os.environ["SECRET"])
sys.exit("err: " + os.environ["SECRET"])
"""


def write_files(site: Site) -> None:
    """Secrets by environment and by file; every other side echoes what it gets."""
    for name, value in (
        ("password", PASSWORD),
        ("pager", f"{site.api.base}/pager/{PAGER}"),
        ("broken", f"{site.api.base}/do/{BROKEN}"),
    ):
        (site.folder / name).write_text(value)
        (site.folder / name).chmod(0o600)
    site.environ |= {"ADMIN_TOKEN": TOKEN, "PROGRAM_SECRET": FOR_THE_PROGRAM}
    argv = [sys.executable, "-c", _INDISCREET, str(site.folder)]
    program = {"argv": argv, "env": {"SECRET": {"env": "PROGRAM_SECRET"}}}
    steps = [
        a_step(site.api, f"{TARGET}/program", "once", use="command", on_error="continue")
        | {"with": program},
        with_auth(a_step(site.api, f"{TARGET}/token", "once", on_error="continue"), "token"),
        with_auth(a_step(site.api, f"{TARGET}/password", "idempotent"), "password"),
    ]
    auth = {
        "token": {"bearer": {"env": "ADMIN_TOKEN"}},
        "password": {
            "basic": {"user": "watchdog", "password": {"file": str(site.folder / "password")}}
        },
    }
    site.write(
        a_target(site.api, *steps, auth=auth),
        channels={
            "pager": {"use": "webhook", "url": {"file": str(site.folder / "pager")}},
            "broken": {"use": "webhook", "url": {"file": str(site.folder / "broken")}},
        },
        defaults={"notify": [{"to": ["pager", "broken"]}]},
    )
    site.api.faults[f"{TARGET}/token"] = Fault(status=400, text=f"no such token: {TOKEN}")
    echo = f"user watchdog, password {PASSWORD}, that is {_BASIC}"
    site.api.faults[f"{TARGET}/password"] = Fault(status=500, text=echo)
    site.api.faults[BROKEN] = Fault(status=404, text=f"Cannot POST /do/{BROKEN}")
    site.api.bad.add(TARGET)


def with_auth(step: dict[str, object], profile: str) -> dict[str, object]:
    options = step["with"]
    assert isinstance(options, dict)
    return step | {"with": options | {"auth": profile}}


async def test_no_secret_is_found_in_anything_that_is_written_shown_or_told(site: Site) -> None:
    write_files(site)
    await site.open_pages()
    async with site.at_work() as daemon:
        pid = site.folder / "pid"
        await site.until(lambda: pid.exists() and bool(pid.read_text()), "the program runs")
        child = int(pid.read_text())
        command_lines = [command_line(pid) for pid in (daemon.pid, child)]
        (site.folder / "go").touch()
        ended = await site.until_event(RunEnded)
        await site.until_event(ReportWritten)
        await site.until_event(NotificationGivenUp, channel="broken")
        await site.until(lambda: bool(site.api.told("failed")), "the channel hears of it")
        paths = ("/metrics", "/api/v1/status", f"/api/v1/runs/{ended.run}", "/readyz")
        pages = [(await site.page(path))[1] for path in paths]
        said = [
            await site.command(*words)
            for words in (
                ("status", site.file, "--json"),
                ("plan", site.file, "undo"),
                ("doctor", site.file),
                ("report", "last", site.file),
                ("audit", "verify", site.file),
            )
        ]
        await site.stop()

    shown = [*command_lines, *pages, str(said), str(site.api.pages)]
    assert [each for text in shown for each in found_in(text.encode())] == []
    assert [(path, each) for path, content in files(site) for each in found_in(content)] == []
    assert_they_arrived(site)
    # The texts are there, and something stands where the secrets would.
    journal = b"".join(content for path, content in files(site) if "journal.db" in path.name)
    for words in (
        b"no such token: [redacted]",
        b"password [redacted], that is",
        b"err: [redacted]",
    ):
        assert words in journal, words
    assert "[redacted]" in pages[2]


def assert_they_arrived(site: Site) -> None:
    """Whoever was to get a secret got it."""
    (with_token,) = site.api.posts(f"{TARGET}/token")
    assert with_token.headers["Authorization"] == f"Bearer {TOKEN}"
    with_password = site.api.posts(f"{TARGET}/password")[0]
    assert with_password.headers["Authorization"] == f"Basic {_BASIC}"
    assert (site.folder / "got").read_text() == FOR_THE_PROGRAM
    assert site.api.posts(BROKEN)
    assert site.api.pages


def command_line(pid: int) -> str:
    """As every user of the machine can see it."""
    text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    assert "python" in text
    return text


def files(site: Site) -> Iterator[tuple[Path, bytes]]:
    """Every file that the daemon wrote: its log, the journal and what stands beside it."""
    own = [path for path in (site.folder / "state").rglob("*") if path.is_file()]
    assert any(path.suffix == ".md" for path in own)
    for path in (site.folder / "daemon.log", *own):
        yield path, path.read_bytes()


def found_in(content: bytes) -> list[str]:
    """The secrets that stand in `content`, in whatever notation."""
    return [secret for secret in SECRETS if any(each in content for each in notations(secret))]


def notations(secret: str) -> set[bytes]:
    plain = secret.encode()
    return {
        plain,
        quote(secret).encode(),
        quote(secret, safe="").encode(),
        secret.replace('"', '\\"').encode(),
        secret.replace('"', '\\"').replace("é", "\\u00e9").encode(),
        base64.b64encode(plain),
        base64.b64encode(f"watchdog:{secret}".encode()),
    }
