"""A small service on loopback that can break, and be rolled back; it writes down who asked what."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import Any

DAEMON_FILE = """\
journal: {{path: state/journal.db}}
listen: "{listen}"
targets: [shop.yaml]
grace: 10s
"""
TARGET_FILE = """\
target: shop
mode: {mode}
{armed}
sources:
  health: {{use: http, url: "{url}/health", every: 300ms, timeout: 250ms}}
signals:
  healthy: {{from: health}}
triggers:
  down: {{signal: healthy, fails: 3, plan: undo}}
plans:
  undo:
    steps:
      - name: Undo the release
        use: http
        with: {{url: "{url}/undo"}}
        done_when: {{get: "{url}/release", json: {{bad: false}}}}
        settle: 100ms
    verify: [{{signal: healthy, is: ok, samples: 2, pause: 100ms, within: 3s}}]
    watch: {{short: 60s, long: 60s}}
"""


@dataclass(slots=True)
class Shop:
    """`bad` is what is deployed; `cures` is whether /undo helps; while `held`, it waits."""

    url: str = ""
    bad: bool = False
    cures: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def undone(self) -> int:
        """How often it was told to undo."""
        return self.asked.count(("POST", "/undo"))

    def hold(self) -> None:
        """From now on /undo answers only when it is released."""
        self.released.clear()

    def answer(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        self.asked.append((method, path))
        match method, path:
            case "GET", "/health":
                return (503 if self.bad else 200), {"bad": self.bad}
            case "GET", "/release":
                return 200, {"bad": self.bad}
            case "POST", "/undo":
                self.released.wait(20)
                self.bad = self.bad and not self.cures
                return 200, {}
            case _:
                return 404, {}


@contextmanager
def a_shop() -> Iterator[Shop]:
    """A shop that is open."""
    shop = Shop()
    shop.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            status, body = shop.answer(method, self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        shop.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield shop
        finally:
            shop.released.set()
            server.shutdown()
            thread.join()


def write_files(folder: Path, shop: Shop, *, mode: str = "auto", listen: str = "") -> Path:
    """The daemon's file and the shop's; the path of the first."""
    (folder / "state").mkdir(exist_ok=True)
    armed = "armed_by: ann" if mode == "auto" else ""
    (folder / "shop.yaml").write_text(TARGET_FILE.format(mode=mode, armed=armed, url=shop.url))
    path = folder / "daemon.yaml"
    path.write_text(DAEMON_FILE.format(listen=listen))
    return path


def a_free_port() -> int:
    """A loopback port that nobody listens on."""
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Return as soon as `condition()` is true; fail, naming `what`, when it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:g} s still not true: {what}"
        time.sleep(0.02)
