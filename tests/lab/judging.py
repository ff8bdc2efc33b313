"""What must hold after any trial: by what the service and the pager wrote down, and our journal."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from tests.lab.ladder import CHANNEL
from tests.lab.rungs import STEPS, Room
from tests.simulation.crashes import RecordingWorld, Told, schedule
from tests.simulation.invariants import broken
from watchdog.domain.events import NotificationDelivered, NotificationGivenUp, Record
from watchdog.domain.next_action import MAX_RESUMES
from watchdog.domain.progress import (
    Outcome,
    RunEnded,
    RunResumed,
    RunStarted,
    Stage,
    StepIntended,
)
from watchdog.domain.run import Run, apply, begin
from watchdog.domain.telling import TOLD, message

_SCHEDULE = schedule(0)


def wrong(records: Sequence[Record], room: Room, *, told: bool = True) -> list[str]:
    """Everything that does not hold. With `told`, every message must have arrived as well."""
    world = RecordingWorld()
    world.sends, world.effects = list(room.sends), list(room.effects)
    world.unintended = list(_unintended(records, room))
    problems = broken(Told(_SCHEDULE, world, records))
    problems += _without_outcome(records)
    problems += _taken_up_too_often(records)
    return [*problems, *(_untold(records, room) if told else ())]


def outcomes(records: Sequence[Record]) -> list[Outcome]:
    return [record.event.outcome for record in records if isinstance(record.event, RunEnded)]


def lost(room: Room) -> list[str]:
    """The steps that never happened."""
    return [step for step in STEPS if not room.done[step]]


def done_twice(room: Room) -> list[str]:
    return [step for step in STEPS if room.done[step] > 1]


def _unintended(records: Sequence[Record], room: Room) -> Iterator[str]:
    intended: dict[str, float] = {}
    for record in records:
        if isinstance(record.event, StepIntended):
            intended.setdefault(record.event.key, record.at.elapsed)
    for sent in room.sends:
        if not intended.get(sent.key, float("inf")) <= sent.at.elapsed:
            yield sent.key or sent.name


def _without_outcome(records: Sequence[Record]) -> Iterator[str]:
    begun = [r.event.run for r in records if isinstance(r.event, RunStarted)]
    ended = [r.event.run for r in records if isinstance(r.event, RunEnded)]
    if len(begun) != 1 or begun != ended:
        yield f"runs begun: {begun}, ended: {ended}"


_FAILURES = (Outcome.FAILED, Outcome.PARTIALLY_APPLIED)


def _taken_up_too_often(records: Sequence[Record]) -> Iterator[str]:
    """A run that was taken up more than three times goes no step further."""
    last = [
        number
        for number, record in enumerate(records)
        if isinstance(record.event, RunResumed) and record.event.attempt > MAX_RESUMES
    ]
    if not last:
        return
    run, *_ = (begin(record) for record in records if isinstance(record.event, RunStarted))
    for record in records[: last[0]]:
        run = apply(run, record.event, record.at)
    if run.stage is not Stage.STEPS:
        return
    further = [
        record.event.name
        for record in records[last[0] :]
        if isinstance(record.event, StepIntended) and record.event.stage is Stage.STEPS
    ]
    if further:
        yield f"taken up {MAX_RESUMES + 1} times, and yet it sent {further}"
    # A step that was under way, and is seen not to have happened, has failed.
    ends = {Outcome.INTERRUPTED, *(_FAILURES if run.flight is not None else ())}
    if run.index < len(STEPS) - 1 and not set(outcomes(records)) <= ends:
        yield f"taken up {MAX_RESUMES + 1} times, and yet it ended {outcomes(records)}"


def _untold(records: Sequence[Record], room: Room) -> Iterator[str]:
    """Whatever is to be told was delivered, by our journal and by the pager's."""
    delivered = {
        record.event.about
        for record in records
        if isinstance(record.event, NotificationDelivered) and record.event.channel == CHANNEL
    }
    heard = {page["title"] for page in room.pages}
    for record in records:
        if isinstance(record.event, NotificationGivenUp):
            yield f"given up: the message about record {record.event.about}"
        telling = message(record, _run_before(records, record)) if _is_told(record) else None
        if telling is None:
            continue
        if record.seq not in delivered:
            yield f"never told: {telling.title}"
        elif telling.title not in heard:
            yield f"called delivered, and never heard: {telling.title}"


def _is_told(record: Record) -> bool:
    return isinstance(record.event, TOLD)


def _run_before(records: Sequence[Record], record: Record) -> Run | None:
    name, run = getattr(record.event, "run", ""), None
    for each in takewhile(lambda one: one.seq <= record.seq, records):
        if isinstance(each.event, RunStarted) and each.event.run == name:
            run = begin(each)
        elif run is not None and each is not record and getattr(each.event, "run", "") == name:
            run = apply(run, each.event, each.at)
    return run
