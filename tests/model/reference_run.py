"""The model of one run: what it may do next, written down a second time and in other words."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.model.spec import (
    COVERAGE,
    DARK_LOOKS,
    LONG_WATCH_EVERY,
    LONGER_PAUSES,
    LOOK_PAUSE,
    MAX_RESUMES,
    RELAPSE_AFTER,
    RESUME_WITHIN,
    RETRIES,
    RETRY_PAUSE,
    SETTLE,
    TIMEOUT,
    VERIFY_EVERY,
    VERIFY_SAMPLES,
    VERIFY_WITHIN,
    WATCH_EVERY,
    PlanSpec,
    StepSpec,
)

BAD, GOOD, DARK = "bad", "good", "dark"
OK, REFUSED, DENIED, LOST = "ok", "refused", "denied", "lost"
VERDICT = {BAD: "breach", GOOD: "ok", DARK: "unknown"}


@dataclass(slots=True)
class Flight:
    """A step that was sent. `answer`: open, pausing, yes, no or lost."""

    attempt: int
    sent: int
    answer: str = "open"
    tries: int = 1
    again_at: int = 0
    doubt_since: int = 0
    looked: int | None = None
    seen: str = ""
    dark: int = 0
    looks: int = 0


@dataclass(slots=True)
class Looks:
    """What one check saw so far."""

    first: int
    last: int
    good: int = 0
    bad: int = 0
    decided: int = 0
    seen: str = ""


@dataclass(slots=True)
class Surroundings:
    """What a run sees of the world. `landed(key)`; `look(target)` at the proof."""

    landed: Callable[[str], bool]
    healthy: Callable[[str], str]
    blind: Callable[[], bool]


@dataclass(slots=True)
class RunModel:
    """One run, up to now. `asked` is a stop that is not yet on record, `stop` one that is."""

    name: str
    target: str
    plan: PlanSpec
    trigger: str
    severity: int
    by_hand: bool
    incident: int
    began: int
    stage: str = "steps"
    index: int = 0
    flight: Flight | None = None
    looks: Looks | None = None
    proof: str = ""
    broken: bool = False
    doubt: bool = False
    done: int = 0
    stop: str = ""
    asked: str = ""
    relapsed: bool = False
    resumes: int = 0
    watch_since: int | None = None
    outcome: str = ""
    due_at: int | None = None
    planned: str = ""

    @property
    def over(self) -> bool:
        return self.stage == "ended"

    @property
    def watching(self) -> bool:
        return self.stage in ("watch_short", "watch_long")

    @property
    def waits_for_answer(self) -> bool:
        return self.flight is not None and self.flight.answer == "open"

    def ask_to_stop(self, why: str) -> None:
        """The first asking counts; but one that gives way may be stopped for good."""
        if why == "stopped" and self.watching:
            # A watch changes nothing: there is nothing to stop.
            return
        before = self.asked or self.stop
        if not before or (before == "superseded" and why != "superseded"):
            self.asked = why

    def taken_up(self, now: int) -> str:
        """After a crash: nobody knows what became of what was under way."""
        self.resumes += 1
        self.relapsed = False
        if not self.watching:
            # What was seen before proves nothing now.
            self.looks = None
        if self.flight is not None:
            if self.flight.answer in ("open", "pausing"):
                self.flight.answer = "lost"
            self.flight.doubt_since, self.flight.looked, self.flight.looks = now, None, 0
        return "resumed"

    # -- answers

    def answered(self, how: str, now: int) -> str | None:
        """The other side answers; returns what goes on record, None where that is nothing yet."""
        flight = self.flight
        assert flight is not None
        if how == REFUSED and not self.asked:
            # It waits also where it will not try again.
            flight.answer = "pausing"
            flight.again_at = now + RETRY_PAUSE * 2 ** (flight.tries - 1)
            return None
        flight.answer = {OK: "yes", LOST: "lost"}.get(how, "no")
        flight.doubt_since = now
        return f"answered {flight.answer}"

    # -- what comes next

    def settle(self, now: int) -> None:
        """Something has just happened: from now on `due_at` says when the next thing does."""
        self.planned = ""
        self.due_at = self._due(now)

    def _due(self, now: int) -> int | None:
        flight = self.flight
        if self.over:
            return None
        if flight is not None and flight.answer == "open":
            return flight.sent + TIMEOUT
        if flight is not None and flight.answer == "pausing":
            return now if self.asked else min(flight.again_at, flight.sent + TIMEOUT)
        if self.asked or (self.relapsed and self.watching):
            return now
        if flight is not None:
            return self._due_look(flight, now)
        if self.watching:
            return self._due_watch(now)
        if self.stop or self.stage != "verify" or self.proof or self._is_checked(now):
            return now
        self.planned = "look"
        return now if self.looks is None else max(now, self.looks.last + VERIFY_EVERY)

    def _is_checked(self, now: int) -> bool:
        looks = self.looks
        if looks is None:
            return False
        return looks.good >= VERIFY_SAMPLES or now - looks.first >= VERIFY_WITHIN

    def _due_look(self, flight: Flight, now: int) -> int:
        observable = self._step().kind == "observable" and flight.answer != "no"
        if not observable or flight.seen == "yes" or self._is_enough(flight):
            return now
        if flight.looked is None:
            return now
        pause = LOOK_PAUSE
        for looks, longer in LONGER_PAUSES.items():
            pause = longer if flight.looks >= looks else pause
        # Not much later than it may be believed; then as often as at first.
        while pause > LOOK_PAUSE and flight.looked + pause > self._believed(flight) + LOOK_PAUSE:
            pause -= 1
        return max(now, flight.looked + pause)

    def _believed(self, flight: Flight) -> int:
        """From when on what was under way must have been seen, if it was to be."""
        patience = SETTLE if flight.answer == "yes" else max(SETTLE, TIMEOUT)
        return flight.doubt_since + patience

    def _settled(self, flight: Flight) -> bool:
        return flight.looked is not None and flight.looked >= self._believed(flight)

    def _is_enough(self, flight: Flight) -> bool:
        """Whether a look more would tell nothing new."""
        return self._settled(flight) and (flight.seen == "no" or flight.dark >= DARK_LOOKS)

    def _due_watch(self, now: int) -> int:
        if self.watch_since is None or self.stop:
            return now
        if self._watch_verdict(now):
            return now
        self.planned = "look"
        last = self.watch_since if self.looks is None else self.looks.last
        return max(now, last + self._watch_every)

    @property
    def _watch_every(self) -> int:
        return WATCH_EVERY if self.stage == "watch_short" else LONG_WATCH_EVERY

    @property
    def _watch_length(self) -> int:
        return self.plan.short if self.stage == "watch_short" else self.plan.long

    def _watch_verdict(self, now: int) -> str:
        """How the watch ends now; empty: not yet."""
        assert self.watch_since is not None
        looks, watched = self.looks, now - self.watch_since
        if looks is not None and looks.bad >= RELAPSE_AFTER:
            return "failed"
        needed = COVERAGE * (self._watch_length // self._watch_every)
        proven = looks is not None and looks.decided >= needed and looks.seen == GOOD
        if watched >= self._watch_length and proven:
            return "passed"
        return "inconclusive" if watched >= 2 * self._watch_length else ""

    def proceed(self, around: Surroundings, now: int) -> list[str]:
        """The one thing that is due now; what goes on record. Empty: nothing was due."""
        flight = self.flight
        if flight is not None and flight.answer == "open":
            return [self._timed_out(flight, now)]
        if flight is not None and flight.answer == "pausing":
            return self._sent_again(flight, now)
        if self.asked:
            asked, self.asked = self.asked, ""
            if asked == "superseded" or not self.watching:
                self.stop = asked
                return [f"stop {asked}"]
        if self.relapsed and self.watching:
            return [self._end_watch("failed")]
        if flight is not None:
            return [self._resolve(flight, around, now)]
        if self.planned == "look":
            return [self._look(around, now)]
        if self.watching:
            return [self._watch(now)]
        if self.stop:
            return [self._end()]
        return [self._forward(now)]

    def _timed_out(self, flight: Flight, now: int) -> str:
        flight.answer, flight.doubt_since = "lost", now
        return "answered lost"

    def _sent_again(self, flight: Flight, now: int) -> list[str]:
        if self.asked or now < flight.again_at or flight.tries > RETRIES:
            flight.answer, flight.doubt_since = "no", now
            return ["answered no"]
        flight.answer, flight.tries = "open", flight.tries + 1
        return []

    def _step(self) -> StepSpec:
        return (self.plan.final if self.stage == "final" else self.plan.steps)[self.index]

    def key(self) -> str:
        return f"{self.name}/{self.stage}/{self.index}"

    def _too_late(self, now: int) -> bool:
        old = now - self.began > RESUME_WITHIN
        return self.resumes > MAX_RESUMES or (self.resumes > 0 and old)

    def _forward(self, now: int) -> str:
        if self.stage == "verify":
            return self._verify()
        items = self.plan.final if self.stage == "final" else self.plan.steps
        if self.index == len(items):
            return self._end() if self.stage == "final" else self._enter("verify", "verifying")
        if self.stage == "steps" and self._too_late(now):
            self.stop = "interrupted"
            return "stop interrupted"
        return self._send(1, now)

    def _send(self, attempt: int, now: int) -> str:
        self.flight = Flight(attempt, now)
        return f"intended {self._step().name} {attempt}"

    def _enter(self, stage: str, word: str) -> str:
        self.stage, self.index, self.flight, self.looks, self.watch_since = (
            stage,
            0,
            None,
            None,
            None,
        )
        return word

    # -- a step in flight

    def _resolve(self, flight: Flight, around: Surroundings, now: int) -> str:
        kind = self._step().kind
        if flight.answer == "no":
            unsure = kind == "idempotent" and flight.attempt > 1
            return self._step_over("in_doubt" if unsure else "failed")
        if kind == "observable":
            return self._observe(flight, around, now)
        if flight.answer == "yes":
            return self._step_over("ok")
        if kind == "idempotent":
            return self._again(flight, now)
        return self._step_over("in_doubt")

    def _observe(self, flight: Flight, around: Surroundings, now: int) -> str:
        if flight.seen == "yes":
            return self._step_over("ok")
        if self._settled(flight) and flight.seen == "no":
            return self._step_over("failed") if flight.answer == "yes" else self._again(flight, now)
        if self._is_enough(flight):
            return self._step_over("in_doubt")
        flight.looked, flight.looks = now, flight.looks + 1
        if around.blind():
            flight.seen, flight.dark = "dark", flight.dark + 1
            return "observed unknown"
        flight.seen = "yes" if around.landed(self.key()) else "no"
        return f"observed {'applied' if flight.seen == 'yes' else 'not_applied'}"

    def _again(self, flight: Flight, now: int) -> str:
        idempotent = self._step().kind == "idempotent"
        stopped = bool(self.stop) and not (self.stop == "superseded" and idempotent)
        if not stopped and flight.attempt <= RETRIES and not self._too_late(now):
            return self._send(flight.attempt + 1, now)
        if idempotent:
            return self._step_over("in_doubt")
        return self._step_over("skipped" if self.stop else "failed")

    def _step_over(self, result: str) -> str:
        name, stage = self._step().name, self.stage
        self.flight, self.index = None, self.index + 1
        if stage == "steps":
            if result == "ok":
                self.done += 1
            elif result != "skipped":
                self.broken, self.doubt = True, result == "in_doubt"
                self._enter("final", "")
        return f"step {name} {result}"

    # -- proof, end, watch

    def _verify(self) -> str:
        looks = self.looks
        if self.proof:
            return self._enter("final", f"verified {self.proof}")
        assert looks is not None
        if looks.good >= VERIFY_SAMPLES:
            self.proof = "passed"
        else:
            # Not to know is neither.
            self.proof = "failed" if looks.seen == BAD else "inconclusive"
        return f"check {self.proof}"

    def _look(self, around: Surroundings, now: int) -> str:
        seen = around.healthy(self.target)
        looks = self.looks or Looks(now, now)
        looks.last, looks.seen = now, seen
        looks.good = looks.good + 1 if seen == GOOD else 0
        looks.bad = looks.bad + 1 if seen == BAD else 0 if seen == GOOD else looks.bad
        looks.decided += seen != DARK
        self.looks = looks
        return f"sampled {VERDICT[seen]}"

    def _end(self) -> str:
        self.outcome = self._outcome()
        after = "ended"
        if self.outcome == "succeeded":
            after = "watch_short" if self.plan.short else "ended"
        return self._enter(after, f"ended {self.outcome}")

    def _outcome(self) -> str:
        if self.doubt:
            return "interrupted"
        if self.broken:
            return "partially_applied" if self.done else "failed"
        if self.proof == "failed":
            return "failed"
        if self.stop and self.proof != "inconclusive":
            return self.stop
        return "succeeded" if self.proof == "passed" else "inconclusive"

    def _watch(self, now: int) -> str:
        if self.watch_since is None:
            self.watch_since = now
            return f"watching {self.stage}"
        return self._end_watch("inconclusive" if self.stop else self._watch_verdict(now))

    def _end_watch(self, proof: str) -> str:
        goes_on = self.stage == "watch_short" and proof != "failed" and not self.stop
        word = f"watched {self.stage} {proof}"
        return self._enter("watch_long" if goes_on and self.plan.long else "ended", word)
