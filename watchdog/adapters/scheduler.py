"""Group ticks on APScheduler: one job a source and interval, on fixed slots."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from watchdog.domain.moment import Moment
from watchdog.ports import Clock

GUARD_EVERY = 0.5
CLOCK_STEP = 1.0


class SchedulerTicker:
    """A `Ticker`. Slots are multiples of `every` on the elapsed clock, whatever the wall does.

    An `offset` moves all slots of a job by so many seconds, so that not all jobs are due at once.

    APScheduler keeps wall-clock time: a clock stepped back would silence it for as long, so
    `guard` must be called every half second. Runs are never its jobs: it cancels its jobs
    when it shuts down.
    """

    def __init__(self, clock: Clock) -> None:
        self.skipped = 0
        self._clock = clock
        self._seen = clock.now()
        self._slots: dict[str, _Slots] = {}
        self._first_looks: dict[str, str] = {}
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._skip, EVENT_JOB_MAX_INSTANCES)

    def every(
        self,
        name: str,
        seconds: float,
        call: Callable[[int, Moment], Awaitable[None]],
        *,
        offset: float = 0.0,
    ) -> None:
        """Call `call(slot, moment)` once a slot; a call still running skips the slot."""
        latest = -1
        running = False
        slots = _Slots(seconds, offset)

        async def tick() -> None:
            nonlocal latest, running
            slot, at = slots.at(self._clock.now())
            # A misfired job may run twice within a slot, and the first look beside the second.
            if running or slot <= latest:
                self.skipped += running
                return
            latest, running = slot, True
            try:
                await call(slot, at)
            finally:
                running = False

        self._slots[name] = slots
        self._scheduler.add_job(
            tick,
            IntervalTrigger(seconds=seconds, start_date=self._next(slots), timezone=UTC),
            id=name,
            name=name,
            replace_existing=True,
        )
        # The slot under way is looked at too: nobody waits a whole interval for a first look.
        first = self._scheduler.add_job(tick, name=f"{name} (first look)")
        self._first_looks[name] = first.id

    def drop(self, name: str) -> None:
        """Forget a job, as when a file was reloaded without its source."""
        self._slots.pop(name, None)
        for job in (name, self._first_looks.pop(name, "")):
            if self._scheduler.get_job(job) is not None:
                self._scheduler.remove_job(job)

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; a round under way is cancelled."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def guard(self) -> None:
        """Set jobs anew when the wall clock has stepped against the elapsed clock."""
        now = self._clock.now()
        step = (now.wall - self._seen.wall) - now.since(self._seen)
        self._seen = now
        for name, slots in self._slots.items():
            latest = now.wall + slots.every + CLOCK_STEP
            if abs(step) > CLOCK_STEP or self._is_too_far(name, latest):
                self._scheduler.modify_job(name, next_run_time=self._next(slots))
        # What it waits for was worked out from the wall clock, which may have gone and come back.
        if self._scheduler.running:
            self._scheduler.wakeup()

    def _is_too_far(self, name: str, limit: float) -> bool:
        """Whether a job is due only after Unix second `limit`."""
        # A step and its undoing between two looks leave no other trace.
        due = getattr(self._scheduler.get_job(name), "next_run_time", None)
        return due is not None and due.timestamp() > limit

    def _next(self, slots: "_Slots") -> datetime:
        now = self._clock.now()
        return datetime.fromtimestamp(now.wall, UTC) + timedelta(seconds=slots.left(now))

    def _skip(self, _: JobExecutionEvent) -> None:
        self.skipped += 1


@dataclass(frozen=True, slots=True)
class _Slots:
    """When a job is due: every so many seconds, from `offset` on, on the elapsed clock."""

    every: float
    offset: float

    def at(self, now: Moment) -> tuple[int, Moment]:
        """The slot under way, and its start."""
        # The two clocks drift: a tenth of a slot too early is still the slot.
        slot = math.floor((now.elapsed - self.offset) / self.every + 0.1)
        start = slot * self.every + self.offset
        return slot, Moment(start, now.wall - (now.elapsed - start))

    def left(self, now: Moment) -> float:
        """Seconds until the next one."""
        return self.every - (now.elapsed - self.offset) % self.every
