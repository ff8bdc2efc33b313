"""A person's word on a request; and whether a person may start a plan by their own word."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from watchdog.app.approval_answers import done as answered
from watchdog.app.approval_answers import not_started, refusal
from watchdog.app.commands import Approve, Deny
from watchdog.app.windows import passed_by_hand
from watchdog.domain.approval import in_words
from watchdog.domain.approval_telling import commands
from watchdog.domain.asking import Asker
from watchdog.domain.errors import ConfigError, JournalError, WatchdogError
from watchdog.domain.events import KillSwitchChanged
from watchdog.domain.people import People, roles_of
from watchdog.domain.plan import Plan
from watchdog.domain.progress import RunRecovered
from watchdog.domain.recovering import deed
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    Request,
    Standing,
    found,
)
from watchdog.domain.target import Mode
from watchdog.domain.unapproved import is_guarded, needs_people, policy_of
from watchdog.domain.voting import (
    Case,
    Objection,
    Speaker,
    Word,
    said_no,
    said_yes,
    wrong_person,
)
from watchdog.domain.words import utc
from watchdog.engine.approvals import Wanted
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane
from watchdog.ports import Hands

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """A plan that `speaker` wants to be started by hand."""

    plan: Plan
    speaker: Speaker
    reason: str


class ApprovalDesk:
    """Takes people's words between two rounds of the lane they are about."""

    def __init__(
        self,
        shared: Shared,
        lanes: Mapping[str, Lane],
        people: People,
        make_hands: Callable[[], Hands],
    ) -> None:
        self._shared = shared
        self._lanes = lanes
        self._people = people
        self._make_hands = make_hands

    async def obey(self, said: Approve | Deny, asker: Asker) -> Answer:
        """Do what a person says. Raises ConfigError, or WatchdogError: refused."""
        speaker = speaker_of(asker, said.by)
        if isinstance(said, Deny):
            return await self.deny(said.request, speaker, said.reason)
        return await self.approve(said.request, speaker, word_of(said))

    async def approve(self, name: str, speaker: Speaker, word: Word) -> Answer:
        """A yes, or an answer to an item. Raises ConfigError, or WatchdogError: refused."""
        lane = self._lane_of(name)
        answer: Answer = await lane.order(lambda: self._approve(lane, name, speaker, word))
        lane.wake()
        return answer

    async def deny(self, name: str, speaker: Speaker, reason: str) -> Answer:
        """A no, which closes the request. Raises ConfigError, or WatchdogError: refused."""
        lane = self._lane_of(name)

        async def said() -> Answer:
            case = self._case(lane, name)
            (said,) = await self._record(said_no(case, speaker, reason))
            if not isinstance(said, ApprovalDenied):
                raise WatchdogError(f"{name}: it is closed already")
            done = f"plan {said.plan} of target {said.target} is denied by {said.by}"
            return {"done": done, "notes": [], "request": name}

        answer: Answer = await lane.order(said)
        lane.wake()
        return answer

    async def start(self, lane: Lane, wish: Wish) -> Answer:
        """Start a plan by hand: at once where that is theirs to decide, or once others agree.

        To be called between two rounds of `lane`. Raises WatchdogError: refused, and on record
        where it was for who asks.
        """
        plan = wish.plan
        policy = policy_of(plan, Mode.AUTO, offered=False)
        if policy.is_auto:
            return await self._begun(lane, wish, "")
        await self._refuse_stranger(lane, wish)
        given = self._good(lane, wish)
        if given is not None:
            return await self._begun(lane, wish, given.id)
        role = next((one for one in policy.any_of if one in self._roles(wish)), "")
        own = policy.any_of and policy.people <= 1 and not (policy.checklist or is_guarded(plan))
        if own and role:
            return await self._begun(lane, wish, f"role: {role}")
        if own:
            held = ", ".join(sorted(self._roles(wish))) or "no role"
            detail = f"{wish.speaker.by} holds {held}; asked is {in_words(policy)}"
            await self._refuse(lane, wish, Objection.WRONG_ROLE, detail)
        return await self._asked(lane, wish, self._pending(lane, wish), None)

    async def recover(self, lane: Lane, event: RunRecovered, speaker: Speaker) -> Answer:
        """Go on with a run that stopped, take it back or end it: once others agree, if need be.

        To be called between two rounds of `lane`. Raises WatchdogError: refused.
        """
        plan = (await lane.recoverable(event)).start.plan
        if not needs_people(plan, event.how):
            await lane.recover(event, self._make_hands)
            return {"done": f"run {event.run} {deed(event)}", "notes": [], "run": event.run}
        wish = Wish(plan, speaker, event.reason)
        await self._refuse_stranger(lane, wish)
        mine = [one for one in lane.decider.approvals.requests if _is_same(one, event)]
        given = next((one for one in mine if self._is_good(lane, one)), None)
        if given is not None:
            return await self._start_approved(lane, given, f"request {given.id} is granted")
        pending = next((one for one in mine if self._is_open(lane, one)), None)
        return await self._asked(lane, wish, pending, event)

    async def start_granted(self) -> None:
        """After a restart: start what people agreed to, and nobody has started."""
        for lane in self._lanes.values():
            for request in lane.decider.approvals.requests:
                if request.standing is Standing.GRANTED and request.asked.by:
                    await lane.order(lambda lane=lane, one=request: self._begin_late(lane, one))  # type: ignore[misc]

    # -- a word on a request

    async def _approve(self, lane: Lane, name: str, speaker: Speaker, word: Word) -> Answer:
        said = await self._record(said_yes(self._case(lane, name), speaker, word))
        request = self._request(lane, name)
        if not isinstance(said[-1], ApprovalGranted):
            done = answered(said[0])
            return {"done": f"{done}; still needed: {', '.join(request.needs)}", "notes": []}
        done = f"plan {request.asked.plan} of target {lane.target.name} is approved"
        if not request.asked.by:
            note = "everything that may speak against it is asked once more; see `status`"
            return {"done": done, "notes": [note]}
        return await self._start_approved(lane, request, done)

    async def _start_approved(self, lane: Lane, request: Request, done: str) -> Answer:
        try:
            begun = await self._begun_on(lane, request)
        except JournalError:
            raise
        except WatchdogError as error:
            return {**not_started(request, str(error)), "done": done}
        return {**begun, "done": f"{done}; {begun['done']}"}

    async def _begun_on(self, lane: Lane, request: Request) -> Answer:
        asked = request.asked
        if asked.recovery is not None:
            event = replace(asked.recovery, approval=request.id)
            await lane.recover(event, self._make_hands)
            return {"done": f"run {event.run} {deed(event)}", "notes": [], "run": event.run}
        plan = lane.target.plans[asked.plan]
        unfit = await lane.decider.preflight(plan)
        if unfit is not None:
            raise WatchdogError(unfit.detail)
        return await self._begun(lane, Wish(plan, Speaker(asked.by), asked.reason), request.id)

    async def _begin_late(self, lane: Lane, request: Request) -> None:
        # The clock, the file and the world may all have moved while nobody was here.
        if not self._is_good(lane, request):
            return
        if await self._was_killed_since(request):
            answer = not_started(request, "the kill switch was on since it was granted")
        else:
            answer = await self._start_approved(lane, request, f"request {request.id}")
        for note in answer["notes"]:
            self._shared.alarm(f"{lane.target.name}: request {request.id}: {note}")

    async def _was_killed_since(self, request: Request) -> bool:
        """Whether somebody stopped everything after the last yes: nobody expects it any longer."""
        kinds = (ApprovalGranted, KillSwitchChanged)
        events = [one.event for one in await self._shared.journal.read(kinds=kinds)]
        grants = (
            number
            for number, one in enumerate(events)
            if isinstance(one, ApprovalGranted) and one.request == request.id
        )
        since = events[next(grants, 0) :]
        return any(isinstance(one, KillSwitchChanged) for one in since)

    async def _record(self, events: Sequence[ApprovalEvent]) -> Sequence[ApprovalEvent]:
        """Write them down; raises WatchdogError where they are a refusal."""
        await self._shared.journal.append(*events)
        refused = events[0] if events else None
        if isinstance(refused, ApprovalRefused):
            raise WatchdogError(refusal(refused))
        return events

    def _case(self, lane: Lane, name: str) -> Case:
        request = self._request(lane, name)
        now, plan_hash = self._shared.clock.now(), self._plan_hash(lane, request)
        outdated = lane.decider.approvals.outdated(request)
        return Case(request, self._people, plan_hash, now, outdated)

    @staticmethod
    def _plan_hash(lane: Lane, request: Request) -> str:
        if request.asked.recovery is not None:
            # A run keeps the plan it began with, whatever the file says by now.
            return request.asked.plan_hash
        plan = lane.target.plans.get(request.asked.plan)
        return plan.hash if plan else ""

    def _is_good(self, lane: Lane, request: Request) -> bool:
        """Whether its plan may start on it now."""
        now = self._shared.clock.now()
        good = request.is_good(now, self._plan_hash(lane, request))
        return good and not lane.decider.approvals.outdated(request)

    def _request(self, lane: Lane, name: str) -> Request:
        request = found(lane.decider.approvals.requests, name)
        if request is None:
            raise ConfigError(self._no_such_request(name))
        return request

    def _lane_of(self, name: str) -> Lane:
        lanes = self._lanes.values()
        mine = (lane for lane in lanes if found(lane.decider.approvals.requests, name))
        lane = next(mine, None)
        if lane is None:
            raise ConfigError(self._no_such_request(name))
        return lane

    def _no_such_request(self, name: str) -> str:
        known = (one for lane in self._lanes.values() for one in lane.decider.approvals.requests)
        names = ", ".join(one.id for one in known if one.is_live) or "none"
        return f"there is no request {name!r}; open are: {names}"

    # -- a plan by hand

    def _roles(self, wish: Wish) -> frozenset[str]:
        return roles_of(self._people, wish.speaker.by)

    def _good(self, lane: Lane, wish: Wish) -> Request | None:
        """What others agreed to for the same person and plan, and was not used yet."""
        mine = (
            one
            for one in lane.decider.approvals.requests
            if one.asked.by == wish.speaker.by
            and one.asked.plan == wish.plan.name
            and one.asked.recovery is None
            and self._is_good(lane, one)
        )
        return next(mine, None)

    async def _refuse_stranger(self, lane: Lane, wish: Wish) -> None:
        wrong = wrong_person(self._people, wish.speaker)
        if wrong is not None:
            await self._refuse(lane, wish, *wrong)

    async def _refuse(self, lane: Lane, wish: Wish, why: Objection, detail: str) -> None:
        speaker, incident = wish.speaker, lane.decider.account.incident
        refused = ApprovalRefused(
            "", lane.target.name, incident, wish.plan.name,
            speaker.by, why.value, detail, speaker.uid,
        )  # fmt: skip
        await self._record([refused])

    async def _begun(self, lane: Lane, wish: Wish, approval: str) -> Answer:
        passed = passed_by_hand(lane, self._shared.clock.now())
        why = f"{wish.reason} (in spite of: {'; '.join(passed)})" if passed else wish.reason
        run = await lane.start_by_hand(
            wish.plan, wish.speaker.by, why, self._make_hands, approval=approval
        )
        notes = [f"it runs in spite of {one}: a person started it" for one in passed]
        done = f"run {run} of plan {wish.plan.name} has begun"
        return {"done": done, "run": run, "notes": notes}

    async def _asked(
        self, lane: Lane, wish: Wish, pending: Request | None, recovery: RunRecovered | None
    ) -> Answer:
        if pending is None:
            events = await lane.decider.approvals.ask_by_hand(_wanted(lane, wish, recovery))
            await self._shared.journal.append(*events)
            (asked,) = (one for one in events if isinstance(one, ApprovalRequested))
            pending = self._request(lane, asked.request)
        if pending.standing is Standing.GRANTED:
            return await self._start_approved(lane, pending, f"request {pending.id} is granted")
        needs, until = ", ".join(pending.needs), utc(pending.asked.expires)
        what = f"run {recovery.run}" if recovery else f"plan {wish.plan.name}"
        done = f"{what} of target {lane.target.name} waits for people: {needs}, until {until}"
        notes = [f"`{one}`" for one in commands(pending.id)]
        return {"done": done, "request": pending.id, "notes": notes}

    def _pending(self, lane: Lane, wish: Wish) -> Request | None:
        mine = (
            one
            for one in lane.decider.approvals.requests
            if self._is_open(lane, one)
            and one.asked.by == wish.speaker.by
            and one.asked.plan == wish.plan.name
            and one.asked.recovery is None
        )
        return next(mine, None)

    def _is_open(self, lane: Lane, request: Request) -> bool:
        open_still = (
            request.standing is Standing.OPEN and request.left(self._shared.clock.now()) > 0
        )
        return open_still and not lane.decider.approvals.outdated(request)


def _wanted(lane: Lane, wish: Wish, recovery: RunRecovered | None) -> Wanted:
    policy = policy_of(wish.plan, Mode.AUTO, offered=False)
    would_do = tuple(lane.decider.rendered(wish.plan))
    if recovery is not None:
        policy = replace(policy, checklist=())
        would_do = (f"run {recovery.run} {deed(recovery)}, of:", *would_do)
    return Wanted(
        plan=wish.plan,
        approval=policy,
        would_do=would_do,
        incident=lane.decider.account.incident,
        by=wish.speaker.by,
        reason=wish.reason,
        recovery=recovery,
    )


def _is_same(request: Request, event: RunRecovered) -> bool:
    """Whether the same person asked for the same before, for whatever reason."""
    asked = request.asked.recovery
    return asked is not None and replace(asked, reason=event.reason) == event


def speaker_of(asker: Asker, by: str) -> Speaker:
    """Who speaks, as far as a socket or a token says."""
    return Speaker(by, asker.uid, asker.person)


def word_of(said: Approve) -> Word:
    """What a command says. Raises ConfigError."""
    if said.item and said.waive:
        raise ConfigError("approve: an item is answered or waived: give one of item and waive")
    return Word(said.reason, said.item or said.waive, waived=bool(said.waive))
