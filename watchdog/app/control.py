"""What people may ask of a running daemon: every command that changes something is journalled."""

import asyncio
import difflib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from watchdog.adapters.journal_codec import encode
from watchdog.app.approving import Wish, speaker_of
from watchdog.app.commands import (
    COMMANDS,
    Ack,
    Approve,
    Clear,
    CloseBreaker,
    Deny,
    EndMaintenance,
    Freeze,
    Judge,
    Kill,
    Maintenance,
    Pause,
    Recover,
    ReleaseVersion,
    Resume,
    Rollback,
    ShowRun,
    Signal,
    Unfreeze,
    parsed,
    without_secrets,
)
from watchdog.app.daemon import Daemon
from watchdog.app.hearing import say
from watchdog.app.judging import judge
from watchdog.app.loading import chosen_plan
from watchdog.app.recovering import recover
from watchdog.app.taking_charge import acknowledge, close_breaker
from watchdog.app.windows import change_window
from watchdog.domain.asking import Asker
from watchdog.domain.decision import Refusal, clock_unsure, cooling_down
from watchdog.domain.errors import ConfigError, JournalError, WatchdogError
from watchdog.domain.events import CommandReceived, LatchCleared, Paused, Record, Resumed
from watchdog.domain.ledger import ALL_TARGETS
from watchdog.domain.people import person_of_uid
from watchdog.domain.words import utc
from watchdog.engine.lane import Lane
from watchdog.engine.status import Status, of_account, of_all_targets, snapshot

Answer = dict[str, Any]


class Control:
    """Carries commands out between two rounds of the lane they are about."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._journal = daemon.shared.journal
        self._clock = daemon.shared.clock

    async def obey(self, command: str, arguments: Mapping[str, Any], uid: int) -> Answer:
        """Do what user `uid` asks through the socket. Raises as `carry_out`."""
        person = person_of_uid(self._daemon.loaded.daemon.people, uid)
        asker = Asker(uid, person.name if person else "")
        said = without_secrets(arguments, self._daemon.deps.secrets.redact)
        return await self.carry_out(command, said, asker)

    async def carry_out(  # noqa: C901, PLR0912 -- one case a command
        self, command: str, arguments: Mapping[str, Any], asker: Asker
    ) -> Answer:
        """Do what `asker` asks. Raises ConfigError, JournalError, or WatchdogError: refused."""
        if command == "status":
            return await self.status()
        match parsed(command, arguments):
            case ShowRun() as show:
                return await self.run(show.run, show.after)
            case Pause() as pause:
                await self._note(command, asker, pause.by, _about(pause.target, pause.reason))
                return await self.pause(pause.target, pause.by, pause.reason, pause.until)
            case Resume() as resume:
                await self._note(command, asker, resume.by, _about(resume.target, ""))
                return await self.resume(resume.target, resume.by)
            case Clear() as clear:
                await self._note(command, asker, clear.by, _about(clear.target, clear.assessment))
                return await self.clear(clear.target, clear.by, clear.assessment)
            case Rollback() as rollback:
                what = f"{rollback.target}/{rollback.plan}"
                await self._note(command, asker, rollback.by, _about(what, rollback.reason))
                return await self.rollback(rollback, asker)
            case Approve() | Deny() as vote:
                await self._note(command, asker, vote.by, f"{vote.request}: {vote.reason}")
                self._refuse_while_starting()
                return await self._daemon.approvals.obey(vote, asker)
            case Recover() as word:
                said = _about(f"{word.run}: {word.how.value}", word.reason)
                await self._note(command, asker, word.by, said)
                self._refuse_while_starting()
                return await recover(self._daemon, word, asker)
            case Ack() as ack:
                await self._note(command, asker, ack.by, _about(ack.target, ack.reason))
                return await self.ack(ack.target, ack.by, ack.reason)
            case Freeze() | Unfreeze() | Maintenance() | EndMaintenance() as window:
                self._refuse_while_starting()
                lanes, about = self._lanes(window.target), _about(window.target, window.reason)
                await self._note(command, asker, window.by, about)
                done = await change_window(self._daemon.shared, window)
                return {"done": done, "notes": [_going_on(one) for one in lanes if one.runner]}
            case CloseBreaker() as close:
                await self._note(command, asker, close.by, close.reason)
                return await self.close_breaker(close.by, close.reason)
            case Judge() as word:
                return await self._judge(word, asker)
            case Signal() as signal:
                return await self._signal(signal, asker)
            case ReleaseVersion() as one:
                about = _about(f"{one.target}/{one.version}", one.reason)
                await self._note(command, asker, one.by, about)
                return await self._daemon.changes.release(
                    one.target, one.version, one.by, one.reason
                )
            case Kill() as kill:
                return await self._kill(kill, asker)
        raise ConfigError(f"there is no command {command!r}; there are: {', '.join(COMMANDS)}")

    async def _note(self, command: str, asker: Asker, by: str, detail: str) -> None:
        detail = _about(detail, asker.reason)
        received = CommandReceived(
            command, asker.uid, by, detail, asker.via, asker.key, asker.asks,
            asker.user, asker.groups,
        )  # fmt: skip
        await self._journal.append(received)

    async def _judge(self, word: Judge, asker: Asker) -> Answer:
        said = "right" if word.right else "wrong"
        await self._note("judge", asker, word.by, f"{word.decision}: {said}: {word.reason}")
        done = await judge(
            self._journal, word.decision, right=word.right, by=word.by, reason=word.reason
        )
        return {"done": f"{done} by {word.by}", "notes": []}

    async def _signal(self, signal: Signal, asker: Asker) -> Answer:
        if signal.target is not None:
            self._lanes(signal.target)
        word = " withdrawn" if signal.withdraw else ""
        about = f"{signal.target or 'all targets'}/{signal.name}{word}: {signal.reason}"
        await self._note("signal", asker, signal.by, about)
        # Whoever gives it is not to approve what comes of it, by whatever name they go here.
        by = {"by": asker.person} if asker.person else {}
        signal = signal.model_copy(update=by)
        done = await say(self._daemon.reception, signal, self._daemon.targets(), self._clock)
        return {"done": done, "notes": []}

    async def _kill(self, kill: Kill, asker: Asker) -> Answer:
        note = self._note("kill", asker, kill.by, _about("on" if kill.on else "off", kill.reason))
        if not kill.on:
            await note
            return await self.kill(kill.on, kill.by, kill.reason)
        # To stop must work without a journal, and must not wait for one that hangs.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._try(note), name="kill is noted")
            await asyncio.sleep(0)
            return await self.kill(kill.on, kill.by, kill.reason)

    async def _try(self, note: Awaitable[None]) -> None:
        try:
            await note
        except JournalError as error:
            self._daemon.shared.alarm(str(error))

    # -- reading

    async def status(self) -> Status:
        """Everything at this moment, with what preflight finds of the plans that may run."""
        daemon = self._daemon
        unfit = {name: await _unfit(lane) for name, lane in daemon.lanes.items()}
        return snapshot(daemon.service, daemon.recent, daemon.vitals(), unfit=unfit)

    async def run(self, run: str, after: int = 0) -> Answer:
        """The events of a run behind number `after`, in order; none for an unknown run."""
        return {"run": run, "events": await self.events(run, after)}

    async def events(self, run: str, after: int = 0) -> list[Answer]:
        """As `run`, the events alone."""
        return [shown(record) for record in await self._journal.read(run=run, after=after)]

    # -- people

    async def pause(self, target: str | None, by: str, reason: str, until: float | None) -> Answer:
        """No automatic run from now on, until Unix second `until` or a resume."""
        self._refuse_while_starting()
        now = self._clock.now()
        if until is not None and until <= now.wall:
            raise ConfigError(f"until: {utc(until)} is past; it is {utc(now.wall)}")
        lanes = self._lanes(target)
        paused = Paused(target or ALL_TARGETS, by, reason, until)
        await _between_rounds(lanes, lambda: self._journal.append(paused))
        name = f"target {target} is" if target else "all targets are"
        done = f"{name} paused " + (f"until {utc(until)}" if until else "until somebody resumes")
        return {"done": done, "notes": [_going_on(lane) for lane in lanes if lane.runner]}

    async def resume(self, target: str | None, by: str) -> Answer:
        """Automatic runs are possible again, as far as the pause goes."""
        self._refuse_while_starting()
        ledger, now = self._daemon.shared.ledger, self._clock.now()
        lanes = self._lanes(target)
        all_of_them = of_all_targets(ledger, now)["paused"]
        place = self._daemon.switches.lifted(target or ALL_TARGETS)
        if target is None and not all_of_them:
            names = [name for name in self._daemon.lanes if self._pause_of(name)]
            hint = f"; paused one by one: {', '.join(names)}" if names else ""
            raise WatchdogError(f"there is no pause of all targets{hint}")
        if target is not None and not self._pause_of(target):
            hint = "; all targets are: `resume` without a target lifts that" if all_of_them else ""
            raise WatchdogError(f"target {target} is not paused{hint}")
        await _between_rounds(lanes, lambda: self._journal.append(Resumed(target or "", by, place)))
        name = f"target {target} is" if target else "all targets are"
        return {"done": f"{name} resumed", **self._standing(target)}

    async def clear(self, target: str, by: str, assessment: str) -> Answer:
        """A named person looked: the latch and the cool-down hold no longer."""
        self._refuse_while_starting()
        (lane,) = self._lanes(target)
        account, now = lane.decider.account, self._clock.now()
        if not account.latched and cooling_down(None, lane.decider.facts(now), now) is None:
            raise WatchdogError(
                f"target {target} is not latched, and no cool-down holds: nothing to clear"
            )
        unsure = clock_unsure(None, lane.decider.facts(now), now)
        if unsure is not None:
            # It would date what limits count, and a restart would believe it.
            raise WatchdogError(
                f"the clock of this machine is not sure ({unsure.detail}), and nothing begins "
                "until it is: mend the clock, then clear"
            )
        cleared = LatchCleared(target, by, assessment)
        await _between_rounds([lane], lambda: self._journal.append(cleared))
        what = f"the latch ({account.latched})" if account.latched else "the cool-down"
        return {"done": f"target {target}: {what} is cleared by {by}", **self._standing(target)}

    async def ack(self, target: str, by: str, reason: str) -> Answer:
        """A named person has a decision in their hands: its clock stops."""
        self._refuse_while_starting()
        (lane,) = self._lanes(target)
        return {"done": await acknowledge(self._daemon.shared, lane, by, reason), "notes": []}

    async def close_breaker(self, by: str, reason: str) -> Answer:
        """A named person looked: plans may start again."""
        self._refuse_while_starting()
        done = await close_breaker(self._daemon.shared, by, reason)
        return {"done": done, **self._standing(None)}

    async def rollback(self, said: Rollback, asker: Asker) -> Answer:
        """Start a plan now, whatever the mode and the limits say; returns the run's name.

        Where others must agree first, it returns the name of the request instead.
        """
        self._refuse_while_starting()
        plan, plan_hash = said.plan, said.plan_hash
        (lane,) = self._lanes(said.target)
        chosen = chosen_plan(lane.target, plan)
        kill_file = self._daemon.service.kill_file
        if kill_file.exists():
            raise WatchdogError(f"the kill switch is on: the file {kill_file} exists; remove it")
        if plan_hash not in ("", chosen.hash):
            raise WatchdogError(
                f"the daemon's plan {plan} is another one ({chosen.hash[:12]}) than that of this "
                f"file ({plan_hash[:12]}): name the files and the --speed it was started with, "
                "or see `status` for a change of them that it refused"
            )
        unfit = await lane.decider.preflight(chosen)
        if unfit is not None:
            raise WatchdogError(f"plan {plan} was not started: {unfit.detail}")
        wish = Wish(chosen, speaker_of(asker, said.by), said.reason)
        answer: Answer = await lane.order(lambda: self._daemon.approvals.start(lane, wish))
        return answer

    async def kill(self, on: bool, by: str, reason: str) -> Answer:  # noqa: FBT001 -- as sent
        """Throw or release the kill switch; on, a run under way starts no further step."""
        daemon = self._daemon
        if not on and not daemon.shared.ledger.killed:
            raise WatchdogError("the kill switch is not on")
        holder, what = daemon.service.held()
        if not on and holder:
            raise WatchdogError(f"the kill switch stays on as long as {what}: remove it")
        runs = [lane.runner.run.id for lane in daemon.lanes.values() if lane.runner]
        await daemon.service.kill(on=on, how=f"command of {by}: {reason}")
        notes = [f"run {run} starts no further step" for run in runs] if on else []
        return {"done": f"the kill switch is {'on' if on else 'off'}", "notes": notes}

    # -- parts

    def _refuse_while_starting(self) -> None:
        if not self._daemon.ready.is_set():
            raise WatchdogError("the daemon is still starting; try again in a moment")

    def _lanes(self, target: str | None) -> list[Lane]:
        lanes = self._daemon.lanes
        if target is None:
            return list(lanes.values())
        if target not in lanes:
            raise ConfigError(_no_such_target(target, list(lanes)))
        return [lanes[target]]

    def _pause_of(self, target: str) -> object:
        account = self._daemon.shared.ledger.account(target)
        return of_account(account, self._clock.now())["paused"]

    def _standing(self, target: str | None) -> Answer:
        """What still keeps the target (or each of them) from acting, for the answer."""
        daemon = self._daemon
        status = daemon.status()
        return {
            "notes": [
                _standing_line(one)
                for one in status["targets"]
                if target is None or one["target"] == target
            ]
        }


async def _between_rounds(lanes: Sequence[Lane], call: Callable[[], Awaitable[Any]]) -> None:
    """Have `call` done while none of `lanes` evaluates or decides."""
    if not lanes:
        await call()
        return
    first, *rest = lanes
    await first.order(lambda: _between_rounds(rest, call))


async def _unfit(lane: Lane) -> list[Refusal]:
    """What preflight has against the plans that a trigger may select."""
    target = lane.target
    named = [*(one.plan for one in target.triggers), *(row.plan for row in target.decisions)]
    plans = dict.fromkeys(filter(None, named))
    found = [await lane.decider.preflight(lane.target.plans[name]) for name in plans]
    return [refusal for refusal in found if refusal is not None]


def _no_such_target(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no target {name!r}{hint} (there are: {', '.join(known) or 'none'})"


def shown(record: Record) -> Answer:
    """A record as plain JSON values."""
    return {
        "seq": record.seq,
        "at": utc(record.at.wall),
        "wall": record.at.wall,
        "kind": type(record.event).__name__,
        "event": json.loads(encode(record.event)),
    }


def _going_on(lane: Lane) -> str:
    run = lane.runner.run.id if lane.runner else ""
    return (
        f"run {run} of target {lane.target.name} is under way and goes on: a pause stops no run, "
        "the kill switch (`kill --on`) does"
    )


def _standing_line(target: Status) -> str:
    if target["would_act"]:
        return f"target {target['target']} would act now"
    why = "; ".join(
        f"{one['reason']} ({one['detail'] or one['text']})" for one in target["refusals"]
    )
    return f"target {target['target']} would still not act: {why}"


def _about(what: str | None, text: str) -> str:
    return f"{what or 'all targets'}: {text}".removesuffix(": ")
