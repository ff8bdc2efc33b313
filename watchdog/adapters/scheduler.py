"""Group ticks on APScheduler: one job a source and interval, on fixed slots."""

from collections.abc import Awaitable, Callable
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

    APScheduler keeps wall-clock time: a clock stepped back would silence it for as long, so
    `guard` must be called every half second. Runs are never its jobs: it cancels its jobs
    when it shuts down.
    """

    def __init__(self, clock: Clock) -> None:
        self.skipped = 0
        self._clock = clock
        self._seen = clock.now()
        self._intervals: dict[str, float] = {}
        self._first_looks: dict[str, str] = {}
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._skip, EVENT_JOB_MAX_INSTANCES)

    def every(
        self, name: str, seconds: float, call: Callable[[int, Moment], Awaitable[None]]
    ) -> None:
        """Call `call(slot, moment)` once a slot; a call still running skips the slot."""
        latest = -1
        running = False

        async def tick() -> None:
            nonlocal latest, running
            slot, at = self._slot(seconds)
            # A misfired job may run twice within a slot, and the first look beside the second.
            if running or slot <= latest:
                self.skipped += running
                return
            latest, running = slot, True
            try:
                await call(slot, at)
            finally:
                running = False

        self._intervals[name] = seconds
        self._scheduler.add_job(
            tick,
            IntervalTrigger(seconds=seconds, start_date=self._next(seconds), timezone=UTC),
            id=name,
            name=name,
            replace_existing=True,
        )
        # The slot under way is looked at too: nobody waits a whole interval for a first look.
        first = self._scheduler.add_job(tick, name=f"{name} (first look)")
        self._first_looks[name] = first.id

    def drop(self, name: str) -> None:
        """Forget a job, as when a file was reloaded without its source."""
        self._intervals.pop(name, None)
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
        for name, seconds in self._intervals.items():
            if abs(step) > CLOCK_STEP or self._is_too_far(name, now.wall + seconds + CLOCK_STEP):
                self._scheduler.modify_job(name, next_run_time=self._next(seconds))
        # What it waits for was worked out from the wall clock, which may have gone and come back.
        if self._scheduler.running:
            self._scheduler.wakeup()

    def _is_too_far(self, name: str, limit: float) -> bool:
        """Whether a job is due only after Unix second `limit`."""
        # A step and its undoing between two looks leave no other trace.
        due = getattr(self._scheduler.get_job(name), "next_run_time", None)
        return due is not None and due.timestamp() > limit

    def _slot(self, seconds: float) -> tuple[int, Moment]:
        # The two clocks drift: a tenth of a slot too early is still the slot.
        now = self._clock.now()
        slot = int(now.elapsed / seconds + 0.1)
        start = slot * seconds
        return slot, Moment(start, now.wall - (now.elapsed - start))

    def _next(self, seconds: float) -> datetime:
        now = self._clock.now()
        left = seconds - now.elapsed % seconds
        return datetime.fromtimestamp(now.wall, UTC) + timedelta(seconds=left)

    def _skip(self, _: JobExecutionEvent) -> None:
        self.skipped += 1
