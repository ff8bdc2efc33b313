"""Asks people about one target's plans, and says what becomes of that in time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from watchdog.domain.account import Account
from watchdog.domain.approval import Answer, Approval, missing
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Event
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.next_level import why_not_next
from watchdog.domain.plan import Check, Options, Plan
from watchdog.domain.progress import RunRecovered
from watchdog.domain.requests import (
    ApprovalExpired,
    ApprovalRequested,
    ApprovalVoided,
    ChecklistAnswered,
    Request,
    Requests,
    Standing,
    found,
)
from watchdog.domain.signal import Judgement, Verdict, judge
from watchdog.domain.target import Mode, Target
from watchdog.domain.together import together
from watchdog.domain.trigger import FRESH_LOOKS, Firing, Severity, TriggerStatus
from watchdog.domain.unapproved import (
    causes_among,
    causes_of,
    outdated,
    policy_of,
    request_for,
)
from watchdog.domain.versions import Versions
from watchdog.domain.voting import granted
from watchdog.domain.words import stamp, utc, value
from watchdog.domain.would_help import destination
from watchdog.engine.defects import unexpected
from watchdog.ports import Clock, Eyes

# Seconds: for one look of the checklist, and between two of them.
LOOK_LIMIT = 10.0
LOOK_AGAIN = 15.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A plan that somebody, or a trigger, wants to start; `would_do` is it as it is sent.

    `recovery`: what somebody wants to do with a run of it that stopped instead.
    """

    plan: Plan
    approval: Approval
    would_do: tuple[str, ...]
    incident: str = ""
    causes: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""
    recovery: RunRecovered | None = None


class Approvals:
    """The requests of one target. What they are stands in the ledger, so a restart goes on."""

    def __init__(
        self,
        target: Target,
        ledger: Ledger,
        clock: Clock,
        eyes: Eyes,
        said_by: Callable[[str, Options], Sequence[str]],
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._clock = clock
        self._eyes = eyes
        self._said_by = said_by
        self._looked: dict[str, Moment] = {}
        self._firing: tuple[str, ...] = ()

    @property
    def requests(self) -> Requests:
        """All that are remembered."""
        return self._account.requests

    @property
    def _account(self) -> Account:
        return self._ledger.account(self._target.name)

    @property
    def _versions(self) -> Versions:
        return self._ledger.versions.of(self._target.name)

    def outdated(self, request: Request) -> str:
        """Why a request is not about what would be done now; empty where it is."""
        if request.asked.recovery is not None:
            run, last = request.asked.recovery.run, self._account.broken_off
            gone = last is None or last.run != run
            return f"{run} is not the last run that stopped any longer" if gone else ""
        plan = self._target.plans.get(request.asked.plan)
        # What fires asks about its plans itself; a person's wish has to do with all of it.
        causes = causes_among(self._firing, self._target) if request.asked.by else ()
        return outdated(request, plan, self._versions, causes) or self._left_behind(request)

    def _left_behind(self, request: Request) -> str:
        """Why the level that it is about follows no longer; empty where it does, or is none."""
        ladder, follows = self._account.ladder, request.asked.follows
        if not follows:
            return ""
        if ladder is None or ladder.run != follows:
            return f"run {follows} is not waiting for its next level any longer"
        why = why_not_next(ladder, self._target.plans, self._clock.now())
        return f"the next level does not follow any more: {why}" if why else ""

    def is_asked(self, proposal: Proposal, plan: Plan) -> bool:
        """Whether people are asked about it already, and may still answer."""
        request = request_for(proposal, plan, self._account, self._versions)
        return request is not None and request.is_live

    # -- a request is made

    async def ask(
        self, proposal: Proposal, plan: Plan, incident: str, would_do: Sequence[str]
    ) -> list[Event]:
        """The request for a proposal that nothing but people keeps back; none where one stands."""
        if request_for(proposal, plan, self._account, self._versions) is not None:
            return []
        causes = proposal.causes or causes_of(proposal, self._target)
        policy = policy_of(plan, self._target.mode, causes=causes, offered=proposal.offered)
        wanted = Wanted(plan, policy, tuple(would_do), incident, causes, reason=_why(proposal))
        now = self._clock.now()
        asked = replace(
            self._request(wanted, now),
            trigger=proposal.trigger,
            episode=proposal.episode,
            severity=proposal.severity,
            because=proposal.because or (proposal.trigger,),
            initiators=self._initiators(proposal),
            offered_after=proposal.follows if proposal.offered else "",
            follows=proposal.follows,
        )
        return await self._with_answers(asked, plan, now)

    async def ask_by_hand(self, wanted: Wanted) -> list[Event]:
        """The request for a plan that a person wants to start, and may not start alone."""
        now = self._clock.now()
        wanted = replace(wanted, causes=causes_among(self._firing, self._target))
        asked = replace(self._request(wanted, now), by=wanted.by, initiators=(wanted.by,))
        return await self._with_answers(asked, wanted.plan, now)

    def _request(self, wanted: Wanted, now: Moment) -> ApprovalRequested:
        """What every request says, whoever brought it about."""
        plan, versions = wanted.plan, self._versions
        return ApprovalRequested(
            request=self._name(now),
            target=self._target.name,
            incident=wanted.incident,
            plan=plan.name,
            plan_hash=plan.hash,
            trigger="",
            episode="",
            severity=Severity.WARNING,
            approval=wanted.approval,
            expires=now.wall + wanted.approval.ttl,
            causes=wanted.causes,
            needs=missing(wanted.approval, wanted.causes, (), ()),
            would_do=wanted.would_do,
            reason=wanted.reason,
            returns_to=destination(plan, versions),
            running=_running(versions),
            recovery=wanted.recovery,
        )

    def _name(self, now: Moment) -> str:
        name = f"ask-{self._target.name}-{stamp(now.wall)}"
        while found(self.requests, name) is not None:
            name += "b"
        return name

    def _initiators(self, proposal: Proposal) -> tuple[str, ...]:
        """Who said what fired, and who brought the version that runs: as far as that is known."""
        people: list[str] = []
        for name in proposal.because or (proposal.trigger,):
            trigger = self._target.trigger(name)
            for term in trigger.terms if trigger else ():
                if term.signal.hearsay:
                    ask = self._target.signals[term.signal.name].ask
                    people += self._said_by(self._target.name, ask)
        running = self._versions.current
        people += [running.by] if running else []
        return tuple(dict.fromkeys(filter(None, (one.strip() for one in people))))

    # -- the checklist

    async def _with_answers(self, asked: ApprovalRequested, plan: Plan, now: Moment) -> list[Event]:
        request = Request(asked, now)
        answered = [] if asked.recovery else await self._answered(request, plan)
        answers = [_answer(one) for one in answered]
        return [asked, *answered, *granted(request, (), answers)]

    async def _answered(self, request: Request, plan: Plan) -> list[ChecklistAnswered]:
        """What the looks say, of every item that is the machine's and was not waived."""
        waived = {one.item for one in request.answers if one.waived}
        checks = [check for check in plan.checklist if check.name not in waived]
        self._looked[request.id] = self._clock.now()
        return [await self._look(request, check) for check in checks]

    async def _look(self, request: Request, check: Check) -> ChecklistAnswered:
        asked = request.asked
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                looks = [(one, await self._judged(one)) for one in (check, *check.also)]
            judged, note = together(looks)
            ok = judged.verdict is Verdict.OK
            detail = note if check.also else _in_words(judged, check.signal.unit)
        except TimeoutError:
            ok, detail = False, f"no answer within {LOOK_LIMIT:g} s"
        except WatchdogError as error:
            ok, detail = False, str(error)
        except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
            ok, detail = False, unexpected(error)
        return ChecklistAnswered(
            asked.request, asked.target, asked.incident, check.name, ok, detail
        )

    async def _judged(self, check: Check) -> Judgement:
        seen = await self._eyes.look(check.look, self._clock.now())
        return judge(check.signal, check.expect.negated(), seen)

    # -- what becomes of it

    async def moves(
        self, proposals: Sequence[Proposal], statuses: Mapping[str, TriggerStatus], now: Moment
    ) -> list[Event]:
        """What to journal of the requests that are open: over, void, or answered by a look."""
        events: list[Event] = []
        self._firing = tuple(n for n, one in statuses.items() if isinstance(one.state, Firing))
        for request in self.requests:
            if not request.is_live:
                continue
            ended = self._ended(request, proposals, statuses, now)
            events += [ended] if ended else await self._looked_again(request, now)
        return events

    def _ended(
        self,
        request: Request,
        proposals: Sequence[Proposal],
        statuses: Mapping[str, TriggerStatus],
        now: Moment,
    ) -> Event | None:
        if request.is_due(now):
            asked = request.asked
            return ApprovalExpired(
                asked.request, asked.target, asked.incident, asked.plan,
                request.needs, asked.approval.on_timeout, asked.severity,
            )  # fmt: skip
        why = self._void(request, proposals) or _needless(request, proposals, statuses)
        return _voided(request, why) if why else None

    def _void(self, request: Request, proposals: Sequence[Proposal]) -> str:
        asked = request.asked
        if asked.by:
            return self.outdated(request)
        plan = self._target.plans.get(asked.plan)
        causes = next((one.causes for one in proposals if one.plan == asked.plan), ())
        why = outdated(request, plan, self._versions, causes) or self._left_behind(request)
        alert_only = self._target.mode is Mode.ALERT_ONLY
        return why or ("the target is in alert-only mode now" if alert_only else "")

    async def _looked_again(self, request: Request, now: Moment) -> list[Event]:
        # What a run that stopped went by was looked at before it began.
        plan = None if request.asked.recovery else self._target.plans.get(request.asked.plan)
        last = self._looked.get(request.id)
        again = last is None or now.since(last) >= LOOK_AGAIN
        if request.standing is not Standing.OPEN or not again:
            return []
        if plan is None or not plan.checklist:
            return []
        known = {(one.item, one.ok, one.detail) for one in request.answers}
        fresh = await self._answered(request, plan)
        news = [one for one in fresh if (one.item, one.ok, one.detail) not in known]
        if not news:
            return []
        names = {one.item for one in news}
        kept = [one for one in request.answers if one.item not in names]
        return [*news, *granted(request, request.votes, [*kept, *map(_answer, news)])]

    def left_open(self, events: Sequence[Event]) -> list[Event]:
        """What to journal as the incident ends, besides `events`: nobody need answer any longer."""
        over = {e.request for e in events if isinstance(e, ApprovalVoided | ApprovalExpired)}
        live = (one for one in self.requests if one.is_live and not one.asked.by)
        return [_voided(one, "no trigger fires any longer") for one in live if one.id not in over]


def _running(versions: Versions) -> str:
    since = versions.running_since
    return versions.running + (f" since {utc(since)}" if since is not None else "")


def _why(proposal: Proposal) -> str:
    return proposal.row or f"{proposal.trigger} fires"


def _answer(event: ChecklistAnswered) -> Answer:
    return Answer(event.item, event.ok, event.detail, event.by, event.waived)


def _in_words(judged: Judgement, unit: str) -> str:
    seen = "" if judged.value is None else value(judged.value, unit)
    word = {Verdict.OK: "good", Verdict.BREACH: "not good"}.get(judged.verdict, "unknown")
    return ", ".join(filter(None, (word, seen, judged.note)))


def _voided(request: Request, why: str) -> ApprovalVoided:
    asked, was_granted = request.asked, request.standing is Standing.GRANTED
    return ApprovalVoided(asked.request, asked.target, asked.incident, asked.plan, why, was_granted)


def _needless(
    request: Request, proposals: Sequence[Proposal], statuses: Mapping[str, TriggerStatus]
) -> str:
    """Why what asked for it asks no longer, as fresh looks show; not to know is no reason."""
    asked = request.asked
    if asked.by:
        return ""
    mine = [one for one in proposals if one.plan == asked.plan]
    if not mine and any(_is_over(statuses.get(name)) for name in asked.because):
        return f"{asked.trigger} fires no longer"
    granted_in_vain = request.standing is Standing.GRANTED and not any(
        one.breaching for one in mine
    )
    if granted_in_vain and any(_is_calm(statuses.get(name)) for name in asked.because):
        return f"{asked.trigger} breaches no longer"
    return ""


def _is_over(status: TriggerStatus | None) -> bool:
    known = status is not None and status.fresh >= FRESH_LOOKS
    return known and status is not None and not isinstance(status.state, Firing)


def _is_calm(status: TriggerStatus | None) -> bool:
    """Whether the last look at a trigger that still fires found it good."""
    state = status.state if status is not None else None
    return isinstance(state, Firing) and state.clear_since is not None and state.gap == 0
