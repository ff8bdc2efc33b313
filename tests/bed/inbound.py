"""A shop that is guarded by what others say, and the signed requests that say it."""

import hashlib
import hmac
import json
import time
from pathlib import Path

from tests.bed.shop import Shop, write_files

TOKEN = "am-token-one-4711"
NEXT_TOKEN = "am-token-two-4712"
SECRET = "signing-secret-4713"
SECRETS = {"am-token": TOKEN, "am-next": NEXT_TOKEN, "signing": SECRET}
REPEAT = "60s"

DAEMON = """
inbound:
  alertmanager:
    bearer: [{{file: "{folder}/am-token"}}, {{file: "{folder}/am-next"}}]
    repeat_interval: {repeat}
    group_interval: 1s
  signals:
    fraud: {{secrets: [{{file: "{folder}/signing"}}], target: shop}}
"""
SOURCES = """
  said: {{use: inbound, every: 100ms}}
  am: {{use: alertmanager, url: "{am}", every: 200ms}}
"""
SIGNALS = """
  burning: {from: said, alert: ShopBurns, labels: {service: shop}}
  fraudulent: {from: said, name: fraud}
  silenced: {from: am, matchers: {service: shop}}
"""
TRIGGERS = """
  burning:
    all: [{signal: burning, is: failing}, {signal: healthy, is: failing}]
    plan: undo
  fraud: {signal: fraudulent, fails: 2, plan: undo}
"""


def write_inbound_files(
    folder: Path, shop: Shop, *, am: str = "", listen: str = "127.0.0.1:0", repeat: str = REPEAT
) -> Path:
    """The daemon's file and the shop's: it rolls back for what others say alone.

    `am`: the Alertmanager whose silences are a veto.
    """
    for name, value in SECRETS.items():
        (folder / name).write_text(value)
    file = write_files(folder, shop, listen=listen)
    file.write_text(file.read_text() + DAEMON.format(repeat=repeat, folder=folder))
    target = folder / "shop.yaml"
    text = target.read_text().replace("  down: {signal: healthy, fails: 3, plan: undo}\n", "")
    sources, signals = SOURCES, SIGNALS
    if am:
        text += "veto: [{signal: silenced}]\n"
    else:
        sources, signals = _without("am:", sources), _without("am,", signals)
    text = text.replace("signals:\n", f"{sources.format(am=am).strip(chr(10))}\nsignals:\n", 1)
    text = text.replace("triggers:\n", f"{signals.strip(chr(10))}\ntriggers:{TRIGGERS}", 1)
    target.write_text(text)
    return file


def _without(word: str, text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if word not in line)


def an_alert(
    status: str = "firing", *, began: float | None = None, name: str = "ShopBurns", **labels: str
) -> dict[str, object]:
    """One alert of a message, as Alertmanager 0.25 writes it."""
    began = time.time() - 5 if began is None else began
    known = {"alertname": name, "service": "shop", **labels}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began))
    over = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + 60))
    return {
        "status": status,
        "labels": known,
        "annotations": {"summary": "it burns"},
        "startsAt": f"{stamp}.{int(began % 1 * 1e9):09d}Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else over,
        "generatorURL": "http://prometheus/graph",
        "fingerprint": hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16],
    }


def a_message(*alerts: dict[str, object], **more: object) -> dict[str, object]:
    """A webhook message, version 4, with these alerts or with one that fires."""
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "watchdog",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts or [an_alert()]),
        **more,
    }


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a signed signal; a moment ahead, so that no restart can have come between."""
    stamp = str(int(time.time() + 2 if at is None else at))
    signature = hmac.new(secret.encode(), f"{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Watchdog-Timestamp": stamp, "X-Watchdog-Signature": signature}
