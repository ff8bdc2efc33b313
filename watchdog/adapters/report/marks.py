"""The moments to point out in the picture, and where their labels find room."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from watchdog.adapters.report.scale import Scale
from watchdog.domain.incident import Incident
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Outcome, Proof
from watchdog.domain.words import utc

# In units of the picture: letters are widest where it is shown small.
LETTER = 11.4
NEAR = 7.0
GAP = 12.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth a line. `kind` is event, good or bad."""

    wall: float
    name: str
    kind: str = "event"


@dataclass(frozen=True, slots=True)
class Placed:
    """A line at `x`, and its label in `row` (0 on top), which ends at `x` where `leftward`."""

    x: float
    row: int
    label: str
    kind: str
    leftward: bool

    @property
    def span(self) -> tuple[float, float]:
        """From where to where the label reaches."""
        width = GAP + LETTER * len(self.label)
        return (self.x - width, self.x) if self.leftward else (self.x, self.x + width)


def marks(incident: Incident) -> list[Mark]:
    """The milestones that were reached, in order of time."""
    reached = incident.milestones
    found = [*_mark(reached.detected, "detected"), *_mark(reached.decided, "decided")]
    found += [*_mark(reached.first_call, "first call")]
    found += [*_mark(reached.verified, "verified", "good")]
    if incident.outcome not in (None, Outcome.SUCCEEDED):
        found += _mark(reached.ended, str(incident.outcome).replace("_", " "), "bad")
    found += _mark(reached.stable, "stable", "good")
    for watch in incident.deeds.watches:
        if watch.proof is Proof.FAILED:
            found += _mark(watch.ended, "relapsed", "bad")
    return sorted(found, key=lambda mark: mark.wall)


def _mark(at: Moment | None, name: str, kind: str = "event") -> Iterator[Mark]:
    if at is not None:
        yield Mark(at.wall, name, kind)


def placed(found: Sequence[Mark], scale: Scale) -> list[Placed]:
    """`found` on `scale`, those too near to tell apart as one, no label over another."""
    drafts = [_draft(each, scale) for each in _merged(found, scale)]
    # The outermost labels first, so that the lines of those further in begin below them.
    leftward = [draft for draft in reversed(drafts) if draft.leftward]
    rightward = [draft for draft in drafts if not draft.leftward]
    done: list[Placed] = []
    for draft in (*leftward, *rightward):
        rows = [replace(draft, row=row) for row in range(len(drafts))]
        free = [row for row in rows if not any(_over(row, other) for other in done)]
        clear = [row for row in free if not any(_crosses(row, other) for other in done)]
        done.append((clear or free or rows)[0])
    return sorted(done, key=lambda one: one.x)


def _draft(mark: Mark, scale: Scale) -> Placed:
    label = f"{mark.name} {utc(mark.wall)[11:19]}"
    draft = Placed(scale.at(mark.wall), 0, label, mark.kind, leftward=False)
    return replace(draft, leftward=draft.span[1] > scale.last)


def _merged(found: Sequence[Mark], scale: Scale) -> list[Mark]:
    merged: list[Mark] = []
    for each in found:
        last = merged[-1] if merged else None
        if last and last.kind == each.kind and scale.at(each.wall) - scale.at(last.wall) < NEAR:
            merged[-1] = replace(last, name=f"{last.name}, {each.name}")
        else:
            merged.append(each)
    return merged


def _over(one: Placed, other: Placed) -> bool:
    """Whether their labels overlap."""
    (first, last), (start, end) = one.span, other.span
    return one.row == other.row and first < end and start < last


def _crosses(one: Placed, other: Placed) -> bool:
    """Whether the line of either, which begins in its row, runs through the other's label."""
    upper, lower = sorted((one, other), key=lambda each: each.row)
    first, last = lower.span
    return upper.row < lower.row and first <= upper.x <= last
