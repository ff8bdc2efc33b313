"""The two acts: a service that breaks and is rolled back, and metrics that stop."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from watchdog.cli.demo_follow import LOOK_EVERY, Follower
from watchdog.cli.demo_screen import Claims, Screen
from watchdog.cli.demo_stage import Stage
from watchdog.cli.output import say
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import (
    Decided,
    Record,
    ReportWritten,
    RunEnded,
    RunStarted,
    RunVerified,
    SourceWentBlind,
    TriggerChanged,
    WatchEnded,
)
from watchdog.domain.progress import Outcome, Proof
from watchdog.domain.progress import Stage as RunStage
from watchdog.domain.trigger import Change
from watchdog.domain.words import duration
from watchdog.testing.hybrid_service import DISABLE, FLAGS, HEALTH, NOTIFY, OVERRIDE
from watchdog.testing.hybrid_system import Conditions
from watchdog.testing.request_journal import Asked

BROKEN = Conditions(error_ratio=0.3, p95=1800, health="degraded")
# Seconds at ordinary speed.
HEALTHY_FOR = 180.0
DARK_FOR = 600.0
# Seconds here: how long what must come may take beyond its scaled time, on a busy machine.
PATIENCE = 30.0
_WATCH = 900.0
_SLOW_HEALTH = 15.0


@dataclass(slots=True)
class Demonstration:
    """One showing on `stage`."""

    stage: Stage
    follower: Follower
    screen: Screen
    claims: Claims
    report: str = ""

    async def rollback(self) -> None:
        """Act 1: it breaks on cue, and is rolled back."""
        stage, screen = self.stage, self.screen
        screen.heading("Act 1: the service breaks")
        screen.zero = stage.clock.now().elapsed
        looks = stage.service.journal
        # What breaks from now on, it then sees from the beginning.
        await self._until(lambda: bool(looks.to(HEALTH)), "the daemon looks")
        now = stage.clock.now().elapsed
        screen.event(now, "watched", f"and healthy: {HEALTHY_FOR / 60:.0f} quiet minutes first")
        await asyncio.sleep(stage.scaled(HEALTHY_FOR))
        breach = stage.clock.now().elapsed
        screen.zero = breach
        stage.service.system.slow_health = stage.scaled(_SLOW_HEALTH)
        stage.service.worsen(BROKEN)
        screen.event(breach, "breach", f"{BROKEN.error_ratio:.0%} of the requests fail from now on")
        stable = await self._until_stable()
        self._timeline(breach)
        self._proof(breach, stable)

    async def _until_stable(self) -> Record:
        scaled = self.stage.scaled
        await self.follower.until(
            Decided, lambda e: not e.refusal, within=scaled(300) + PATIENCE, what="a decision"
        )
        ended = await self.follower.until(
            RunEnded, lambda _: True, within=scaled(1200) + PATIENCE, what="the end of the run"
        )
        last = ended
        if isinstance(ended.event, RunEnded) and ended.event.outcome is Outcome.SUCCEEDED:
            last = await self.follower.until(
                WatchEnded, lambda _: True, within=scaled(2 * _WATCH) + PATIENCE, what="stable"
            )
        report = await self.follower.until(
            ReportWritten, lambda _: True, within=PATIENCE, after=last.seq, what="the report"
        )
        if isinstance(report.event, ReportWritten):
            self.report = report.event.path
        return last

    def _timeline(self, breach: float) -> None:
        screen, seen = self.screen, self.follower.first
        calls = self.stage.service.journal.mutating
        verified = seen(RunVerified, lambda e: e.proof is Proof.PASSED)
        stable = seen(WatchEnded, lambda e: e.proof is Proof.PASSED)
        moments = [
            ("breach", breach),
            ("detected", _at(seen(TriggerChanged, lambda e: e.change is Change.FIRING))),
            ("decided", _at(seen(Decided, lambda e: not e.refusal))),
            ("first call", calls[0].at if calls else None),
            ("verified", _at(verified)),
            ("stable", _at(stable)),
        ]
        screen.heading("Timeline")
        for word, at in moments:
            if at is None:
                say(f"      never  {word}")
            else:
                ordinary = duration(max(at - breach, 0.0) * self.stage.speed)
                screen.event(at, word, f"at ordinary speed after {ordinary}")
        times = [at for _, at in moments]
        told = all(at is not None for at in times)
        self.claims.add(
            told and times == sorted(filter(None, times)),
            "detected, decided, called, verified and stable, in this order",
        )

    def _proof(self, breach: float, stable: Record) -> None:
        """What the service itself wrote down, which no log of ours can flatter."""
        journal = [asked for asked in self.stage.service.journal if asked.at >= breach]
        self.screen.heading("What the admin API wrote down")
        for asked in _told(journal):
            self.screen.event(asked.at, str(asked.status), str(asked))
        reads = Counter(asked.path for asked in journal if asked.method == "GET")
        most = ", ".join(f"{path} ({count})" for path, count in reads.most_common())
        say(f"             and {reads.total()} reads: {most}")
        paths = [asked.path for asked in self.stage.service.journal.mutating]
        notice = self.stage.service.journal.to(NOTIFY)
        self.claims.add(paths == [DISABLE, OVERRIDE, NOTIFY], "exactly three calls, each once")
        told = bool(notice) and notice[0].body["status"] == "completed"
        self.claims.add(told, "the service's own notification says `completed`")
        watched = (
            isinstance(stable.event, WatchEnded) and stable.event.stage is RunStage.WATCH_SHORT
        )
        self.claims.add(watched and bool(self.report), "watched, stable, and a report was written")

    async def blindness(self) -> None:
        """Act 2: nothing can be seen any more, and nothing is done."""
        stage, screen = self.stage, self.screen
        screen.heading("Act 2: the metrics stop, and the service is healthy")
        calls = len(stage.service.journal.mutating)
        last = self.follower.records[-1].seq
        screen.zero = stage.clock.now().elapsed
        await stage.stop_metrics()
        what = "Prometheus is gone" if stage.prometheus else "/metrics answers 503"
        here = stage.scaled(DARK_FOR)
        screen.event(screen.zero, "dark", f"{what} for ten minutes, which take {here:.0f} s here")
        await asyncio.sleep(here)
        alerts = self.follower.all(SourceWentBlind, after=last)
        # Delivery follows the journal by a moment.
        await self._until(lambda: len(self._pages()) >= len(alerts), "the alert is delivered")
        pages = self._pages()
        made = len(stage.service.journal.mutating) - calls
        runs = self.follower.all(RunStarted, after=last)
        screen.event(stage.clock.now().elapsed, "over", f"{made} calls, {len(pages)} alert")
        self.claims.add(made == 0 and not runs, "ten minutes blind: no call that changes anything")
        self.claims.add(len(alerts) == len(pages) == 1, "exactly one alert that says so")

    def _pages(self) -> list[dict[str, Any]]:
        return [page for page in self.stage.service.pages if page["topic"] == "blind"]

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = self.stage.clock.now().elapsed + PATIENCE
        while not condition():
            if self.stage.clock.now().elapsed > deadline:
                raise WatchdogError(f"after {PATIENCE:.0f} s still not seen: {what}")
            await asyncio.sleep(LOOK_EVERY)


def _at(record: Record | None) -> float | None:
    return None if record is None else record.at.elapsed


def _told(journal: Sequence[Asked]) -> list[Asked]:
    """The calls that change something, and the look at the flags that follows the first."""
    seen: list[Asked] = []
    for asked in journal:
        first_look = asked.path == FLAGS and not any(one.path == FLAGS for one in seen)
        if asked.method != "GET" or first_look:
            seen.append(asked)
    return seen
