"""A shop whose traffic is paused for a rollback by programs, under load, with a real Prometheus."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bed import traffic
from tests.bed.metrics_page import Load, metrics_page, under_load
from tests.bed.prometheus import start_prometheus
from tests.faults.site import TARGET, Site, a_site

PER_SECOND = 2000.0
EVERY = 10.0
PROGRAM = Path(traffic.__file__)
OTTO = "ottos-token-0123456789"
PEOPLE = {
    "inga": {"roles": ["incident-lead"]},
    "otto": {"roles": ["ops-lead"]},
    "sue": {"roles": ["security"]},
}
# A plan is asked about, unless there is an outage; of security only where that is the cause.
APPROVAL = {
    "all_of": ["incident-lead", "ops-lead", {"role": "security", "when": {"causes": ["security"]}}],
    "except": {"causes": ["outage"]},
    "ttl": "5m",
    "on_timeout": "page",
}


@dataclass(slots=True)
class PausedShop:
    """A daemon at a file whose durations are divided by `speed`, and what it watches.

    Of its requests fail `errors` before the rollback, and `errors_after` behind it.
    """

    site: Site
    state: Path
    speed: float
    load: Load
    errors: float
    errors_after: float

    def here(self, seconds: float) -> float:
        """What `seconds` of the file take in the test."""
        return seconds / self.speed

    @property
    def calls(self) -> list[str]:
        """What was done to the shop, in order, by the journal of its own programs."""
        journal = self.state / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [json.loads(line)["word"] for line in lines]

    @property
    def is_paused(self) -> bool:
        return (self.state / "paused").exists()

    def drain(self) -> None:
        """The requests that were under way are over."""
        (self.state / "drained").touch()

    async def command(self, *words: str) -> tuple[int, str]:
        """One command of ours, beside the daemon's file: its exit code, and all it said."""
        code, out, err = await self.site.command(*words, self.site.file)
        return code, out + err

    async def say(self, word: str, request: str, by: str) -> tuple[int, str]:
        """A person's word to a request, by the command line."""
        return await self.command(word, request, "--by", by, "--reason", f"{by} says so")

    async def follow(self) -> None:
        """Let the load be what the state of the shop makes of it."""
        while True:
            is_good = (self.state / "version").read_text() == traffic.GOOD
            self.load.share_of_errors = self.errors_after if is_good else self.errors
            self.load.per_second = 0.0 if self.is_paused else PER_SECOND
            await asyncio.sleep(0.02)


@asynccontextmanager
async def paused_shop(
    folder: Path,
    program: str,
    *,
    speed: float,
    errors: float,
    errors_after: float = 0.0,
    **plan: object,
) -> AsyncIterator[PausedShop]:
    """All of it but the daemon. `program` is that of Prometheus; `plan` are keys of the plan."""
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(a_site(folder))
        site.words = ("--speed", f"{speed:g}")
        page = await stack.enter_async_context(metrics_page())
        load = await stack.enter_async_context(under_load(page, Load(PER_SECOND, errors)))
        state = folder / "shop"
        state.mkdir()
        (state / "version").write_text(traffic.BAD)
        shop = PausedShop(site, state, speed, load, errors, errors_after)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(shop.follow()).cancel)
        (folder / "prometheus").mkdir()
        server = await stack.enter_async_context(
            start_prometheus(program, folder / "prometheus", [page.target])
        )
        await site.open_pages()
        site.write(_the_file(state, server.url, plan), **_settings(folder))
        await server.until_number("sum(rate(http_requests_total[1s]))")
        yield shop


def _settings(folder: Path) -> dict[str, Any]:
    (folder / "otto").write_text(OTTO)
    token = {"person": "otto", "token": {"file": str(folder / "otto")}, "scopes": ["read", "act"]}
    return {"people": PEOPLE, "api": {"tokens": [token]}}


def _the_file(state: Path, prometheus: str, plan: dict[str, object]) -> dict[str, Any]:
    volume = {"volume": "sum(increase(http_requests_total[5m]))", "on_nodata": "ok"}
    share = {"from": "metrics", "unit": "ratio", **volume}
    return {
        "target": TARGET,
        "mode": "auto",
        "armed_by": "e2e",
        "sources": {
            "metrics": {"use": "prometheus", "url": prometheus, "every": f"{EVERY:g}s"},
            "said": {"use": "inbound", "every": f"{EVERY:g}s"},
        },
        "signals": {
            "errors": {**share, "query": _ratio("5m")},
            "errors_now": {**share, "query": _ratio("1m")},
            "break_in": {"from": "said", "name": "break-in"},
        },
        "triggers": {
            "spike": {"signal": "errors", "above": "1%", "for": "2m",
                      "severity": "critical", "cause": "outage", "plan": "undo"},
            "lasting": {"signal": "errors", "above": "0.5%", "for": "10m",
                        "severity": "warning", "plan": "undo"},
            "break-in": {"signal": "break_in", "fails": 2,
                         "severity": "critical", "cause": "security", "plan": "undo"},
        },
        "plans": {"undo": _plan(state) | plan},
        # Nothing but its latch and people hold it.
        "limits": {"per_hour": 100, "per_day": 100, "cooldown": "0s"},
    }  # fmt: skip


def _plan(state: Path) -> dict[str, object]:
    """Pause, wait for what is under way, undo, resume; then the errors must be gone."""
    resume = _step(state, "Resume traffic", "resume", "is-open")
    return {
        "level": "application",
        "approval": APPROVAL,
        "within": "15m",
        "steps": [
            {**_step(state, "Pause traffic", "pause", "is-paused"), "undo": resume},
            {
                "name": "Wait for requests under way",
                "check": {"run": _argv(state, "is-drained"), "pause": "6s", "within": "1h"},
            },
            _step(state, "Undo the release", "undo", "is-undone"),
            resume,
        ],
        "verify": [
            {"signal": "errors_now", "below": "0.1%", "samples": 3, "pause": "30s", "tries": 6}
        ],
        "verify_trigger": False,
        "watch": {"short": "0s", "long": "0s"},
    }


def _step(state: Path, name: str, word: str, seen: str) -> dict[str, Any]:
    return {
        "name": name,
        "use": "command",
        "with": {"argv": _argv(state, word)},
        "done_when": {"run": _argv(state, seen)},
        "settle": "1s",
    }


def _argv(state: Path, word: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(PROGRAM), str(state), word]


def _ratio(window: str) -> str:
    errors = f'sum(rate(http_requests_total{{code=~"5.."}}[{window}]))'
    return f"{errors} / sum(rate(http_requests_total[{window}]))"
