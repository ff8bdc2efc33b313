"""Journals of whole incidents, written down as the engine writes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import (
    Decided,
    Event,
    IncidentOpened,
    NotificationDelivered,
    NotificationGivenUp,
    Record,
    TriggerChanged,
)
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check, Look, Plan, Repeat, Step, WatchPlan
from watchdog.domain.progress import (
    CheckEnded,
    CheckSampled,
    EvidenceCollected,
    Outcome,
    Point,
    Proof,
    RunEnded,
    RunStarted,
    RunVerified,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepResult,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.signal import Signal, Verdict
from watchdog.domain.trigger import Change, Severity

NOON = 1_792_756_800.0  # 2026-10-23T12:00:00Z
TARGET = "hybrid-routing"
INCIDENT = "inc-hybrid-routing-1"
RUN = "hybrid-routing-20261023T120208.012Z"
QUERY = 'sum(rate(http_requests_total{code=~"5.."}[2m])) / sum(rate(http_requests_total[2m]))'
ERRORS = Signal("error_rate", "metrics", unit="ratio", has_volume=True)
HEALTHY = Signal("healthy", "health")
LIMIT = 0.1
EVERY = 15.0

HEALTH_CHECK = Check(
    name="healthy is ok",
    signal=HEALTHY,
    look=Look("http", {"url": "http://127.0.0.1:8080/health"}, {"status": 200}),
    expect=Condition(Op.PASSING),
    tries=12,
)
TRIGGER_CHECK = Check(
    name="trigger errors-high no longer breaches",
    signal=ERRORS,
    look=Look("prometheus", {"url": "http://127.0.0.1:9090"}, {"query": QUERY}),
    expect=Condition(Op.AT_MOST, LIMIT),
    pause=EVERY,
    samples=3,
)
OFF = Step(
    "Switch hybrid routing off",
    "http",
    {"method": "POST", "url": "http://127.0.0.1:8080/admin/emergency/disable-hybrid-routing"},
    repeat=Repeat.OBSERVABLE,
)
OVERRIDE = Step("Send all traffic to MCP", "http", {"method": "POST"}, repeat=Repeat.OBSERVABLE)
NOTICE = Step("Tell the system itself", "http", {"method": "POST"}, repeat=Repeat.IDEMPOTENT)
PLAN = Plan(
    name="immediate",
    steps=(OFF, OVERRIDE),
    verify=(HEALTH_CHECK, TRIGGER_CHECK),
    final=(NOTICE,),
    watch=WatchPlan(short=900, long=14400),
    kind="immediate",
    within=300,
)
BASE = "http://127.0.0.1:8080/admin"
TOKEN = "as bearer env:ADMIN_TOKEN"
WOULD_DO = (
    f'{OFF.name}: POST {BASE}/emergency/disable-hybrid-routing {{"emergency":true}} {TOKEN}',
    f'{OVERRIDE.name}: POST {BASE}/config/routing-override {{"mode":"mcp_only"}} {TOKEN}',
    "check healthy is ok: expect passing",
    f'finally: {NOTICE.name}: POST {BASE}/notifications/emergency {{"type":"rollback"}} {TOKEN}',
)


@dataclass(slots=True)
class Story:
    """A journal that grows while its clock is moved on by hand."""

    now: Moment = field(default_factory=lambda: Moment(5000.0, NOON))
    records: list[Record] = field(default_factory=list)

    @property
    def last(self) -> Record:
        return self.records[-1]

    def wait(self, seconds: float) -> "Story":
        self.now = self.now.after(seconds)
        return self

    def tell(self, *events: Event) -> "Story":
        for event in events:
            self.records.append(Record(len(self.records) + 1, self.now, event))
        return self

    # -- an incident, stage by stage

    def breach(self, values: Sequence[float | None] = (0.004, 0.006, *[0.124] * 9)) -> "Story":
        """Looks 15 s apart; from the first that is over the limit the trigger is pending."""
        points = []
        pending = False
        for value in values:
            points.append(point(self.now.wall, value))
            if points[-1].verdict is Verdict.BREACH and not pending:
                pending = True
                self.tell(change(Change.PENDING, self.now.wall))
            self.wait(EVERY)
        self.wait(-EVERY + 0.008)
        firing = change(Change.FIRING, points[-1].at, tuple(points))
        return self.tell(firing, IncidentOpened(TARGET, INCIDENT, "errors-high", Severity.CRITICAL))

    def decide(self, plan: Plan = PLAN, refusal: str = "", detail: str = "") -> "Story":
        changes = [r.event for r in self.records if isinstance(r.event, TriggerChanged)]
        firing = changes[-1]
        decided = Decided(
            target=TARGET,
            incident=INCIDENT,
            plan=plan.name,
            trigger="errors-high",
            severity=Severity.CRITICAL,
            episode=f"errors-high@{firing.since:.3f}",
            refusal=refusal,
            detail=detail,
            would_do=WOULD_DO,
        )
        if refusal:
            return self.tell(decided)
        started = started_run(plan, trigger="errors-high", episode=decided.episode)
        return self.tell(decided, started)

    def step(
        self,
        index: int,
        result: StepResult = StepResult.OK,
        detail: str = "200 OK",
        stage: Stage = Stage.STEPS,
        plan: Plan = PLAN,
    ) -> "Story":
        items = plan.steps if stage is Stage.STEPS else plan.final
        name = items[index].name
        self.tell(StepIntended(RUN, stage, index, name, f"{RUN}/{stage.value}/{index}", 1))
        self.wait(0.4)
        ok = {StepResult.OK: True, StepResult.FAILED: False}.get(result)
        self.tell(StepAnswered(RUN, stage, index, ok, detail))
        return self.tell(StepEnded(RUN, stage, index, name, result, detail))

    def check(
        self, index: int, values: Sequence[float | None], proof: Proof | None = Proof.PASSED
    ) -> "Story":
        check = PLAN.verify[index]
        assert isinstance(check, Check)
        for number, value in enumerate(values):
            self.wait(check.pause if number else 0.03)
            self.look(index, value, Stage.VERIFY)
        if proof is None:
            return self
        detail = "ok" if proof is Proof.PASSED else "after 12 looks, the last: breach"
        return self.tell(CheckEnded(RUN, Stage.VERIFY, index, check.name, proof, detail))

    def look(self, index: int, value: float | None, stage: Stage) -> None:
        check = PLAN.verify[index]
        assert isinstance(check, Check)
        verdict = Verdict.UNKNOWN
        if value is not None:
            verdict = Verdict.OK if check.expect.holds(value) else Verdict.BREACH
        note = "timeout" if value is None else ""
        self.tell(
            CheckSampled(
                run=RUN,
                stage=stage,
                index=index,
                name=check.name,
                verdict=verdict,
                value=value,
                note=note,
                unit=check.signal.unit,
                expect=str(check.expect),
            )
        )

    def verify(self, proof: Proof = Proof.PASSED) -> "Story":
        self.tell(StageEntered(RUN, Stage.VERIFY)).check(0, (0, 0, 1))
        if proof is Proof.PASSED:
            self.check(1, (0.02, 0.006, 0.005))
            return self.tell(RunVerified(RUN, proof, "all 2 checks passed"))
        value = 0.13 if proof is Proof.FAILED else None
        self.check(1, (value,) * 12, proof)
        return self.tell(RunVerified(RUN, proof, f"{TRIGGER_CHECK.name}: after 12 looks"))

    def end(self, outcome: Outcome = Outcome.SUCCEEDED, detail: str = "") -> "Story":
        began = next(r.at for r in self.records if isinstance(r.event, RunStarted))
        detail = detail or "all 2 checks passed"
        self.step(0, stage=Stage.FINAL)
        return self.tell(RunEnded(RUN, TARGET, outcome, detail, self.now.since(began)))

    def watch(self, proof: Proof = Proof.PASSED, seconds: float = 900) -> "Story":
        self.tell(WatchStarted(RUN, Stage.WATCH_SHORT, self.now.wall + 900))
        for number in range(int(seconds / EVERY)):
            self.wait(EVERY)
            relapsed = proof is Proof.FAILED and number > seconds / EVERY - 4
            self.look(1, 0.15 if relapsed else 0.004 + 0.001 * (number % 3), Stage.WATCH_SHORT)
        details = {
            Proof.PASSED: f"stayed good for {seconds:.0f} s",
            Proof.FAILED: f"{TRIGGER_CHECK.name}: breach 0.15",
            Proof.INCONCLUSIVE: f"{TRIGGER_CHECK.name}: 3 decided looks; needs 48",
        }
        return self.tell(WatchEnded(RUN, TARGET, Stage.WATCH_SHORT, proof, details[proof]))

    def delivered(self, about: int, channel: str = "ops") -> "Story":
        return self.tell(NotificationDelivered(channel, about, 1))

    def given_up(self, about: int, channel: str = "pager") -> "Story":
        return self.tell(NotificationGivenUp(channel, about, 7, "401 Unauthorized"))

    def history(self, values: Sequence[float | None], begin: float, every: float) -> "Story":
        points = tuple(point(begin + n * every, value) for n, value in enumerate(values))
        return self.tell(EvidenceCollected(RUN, ERRORS.name, QUERY, points))


def point(wall: float, value: float | None) -> Point:
    """A look at the error rate; None: it could not be known."""
    if value is None:
        return Point(wall, Verdict.UNKNOWN, None, "timeout: no answer within 5 s")
    return Point(wall, Verdict.BREACH if value > LIMIT else Verdict.OK, value)


def change(kind: Change, since: float, evidence: tuple[Point, ...] = ()) -> TriggerChanged:
    return TriggerChanged(
        target=TARGET,
        trigger="errors-high",
        change=kind,
        severity=Severity.CRITICAL,
        since=since,
        query=QUERY,
        condition="above 0.1",
        unit="ratio",
        limit=LIMIT,
        evidence=evidence,
    )


def started_run(
    plan: Plan = PLAN, *, trigger: str = "", episode: str = "", by: str = "", reason: str = ""
) -> RunStarted:
    return RunStarted(
        target=TARGET,
        incident=INCIDENT,
        run=RUN,
        plan=plan,
        plan_hash=plan.hash,
        trigger=trigger,
        severity=Severity.CRITICAL,
        episode=episode,
        by=by,
        reason=reason or f"{trigger} fires",
        version="0.1.0",
    )


# -- whole incidents


def helped() -> Story:
    """Broken at noon, rolled back, verified, stable."""
    return Story().breach().decide().step(0).step(1).verify().end().watch()


def did_not_help() -> Story:
    """All was done, and the errors went on."""
    story = Story().breach().decide().step(0).step(1).verify(Proof.FAILED)
    return story.end(Outcome.FAILED, f"{TRIGGER_CHECK.name}: after 12 looks, the last: breach 0.13")


def broke_off() -> Story:
    """The second step was refused."""
    story = Story().breach().decide().step(0)
    story.step(1, StepResult.FAILED, "HTTP 401 Unauthorized")
    return story.end(Outcome.PARTIALLY_APPLIED, "step 2 (Send all traffic to MCP): HTTP 401")


def in_doubt() -> Story:
    """The answer to the second step was lost, and nothing can tell whether it happened."""
    story = Story().breach().decide().step(0)
    story.step(1, StepResult.IN_DOUBT, "looked 3 times and could not tell whether it happened")
    return story.end(Outcome.INTERRUPTED, "step 2 (Send all traffic to MCP): looked 3 times")


def relapsed() -> Story:
    """It helped for nine minutes."""
    story = Story().breach().decide().step(0).step(1).verify().end()
    return story.watch(Proof.FAILED, seconds=540)


def by_hand() -> Story:
    """Nothing fired; a person started it."""
    story = Story()
    opened = IncidentOpened(TARGET, INCIDENT, "", Severity.WARNING)
    start = replace(started_run(by="alice", reason="complaint"), severity=Severity.WARNING)
    story.tell(opened, start)
    return story.step(0).step(1).verify().end().watch()


STORIES = (helped, did_not_help, broke_off, in_doubt, relapsed, by_hand)
