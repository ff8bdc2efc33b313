"""What a person reads on the terminal after a backtest."""

from collections.abc import Iterator

from watchdog.cli.output import columns
from watchdog.domain.backtest_score import Backtest, Tested
from watchdog.domain.backtest_words import condition_of, outcome_of, shown_at, shown_value
from watchdog.domain.words import duration, utc, value

MOST_FIRINGS = 20
_DAY = 86400.0
_WORTH_SAYING = 3600.0


def told(result: Backtest) -> Iterator[str]:
    """The lines, in order."""
    days = result.span.seconds / _DAY
    yield (
        f"backtest from {utc(result.span.start)} to {utc(result.span.end)} ({days:.3g} days): "
        f"{result.looks} looks"
    )
    since = _known_since(result)
    if since - result.span.start > _WORTH_SAYING:
        yield f"nothing is known before {utc(since)}: does your Prometheus keep that long?"
    for one in result.tested:
        yield from _trigger(one, result)
    if result.has_labels:
        yield ""
        yield from _labels(result)
    if result.left_out:
        yield "\nnot backtested:"
        yield columns((f"{one.target}: {one.trigger}", one.why) for one in result.left_out)
    yield "\nwhat history cannot tell:"
    yield from (f"  - {one}" for one in result.assumed)


def _known_since(result: Backtest) -> float:
    """Unix seconds of the first look at which anything was known, or nearly so."""
    start = result.span.start
    courses = (course for one in result.tested for course in one.courses)
    first = (next(iter(course.unknown), None) for course in courses)
    return min((one.end if one and one.start <= start else start for one in first), default=start)


def _trigger(one: Tested, result: Backtest) -> Iterator[str]:
    firings = one.firings
    looks = sum(sum(course.slots.values()) for course in one.courses) or 1
    acts = sum(firing.acted is not None for firing in firings)
    yield f"\n{one.target}: {one.trigger.name} ({condition_of(one.trigger)})"
    yield (
        f"  fired {_times(len(firings))}, would have acted {_times(acts)}; "
        f"in breach without firing {_times(sum(course.pendings for course in one.courses))}; "
        f"unknown {100 * one.slots('unknown') / looks:.2g} % of the looks"
    )
    if result.has_labels:
        score = one.score
        delay = "" if score.mean_delay is None else f" after {duration(score.mean_delay)} (mean)"
        yield (
            f"  detected {score.detected} of {len(score.detections)} incidents{delay}; "
            f"{len(score.false_alarms)} false alarms ({score.false_alarms_a_week:.2g} a week)"
        )
    if firings:
        yield columns(_firings(one, result))
    if len(firings) > MOST_FIRINGS:
        yield f"  … and {len(firings) - MOST_FIRINGS} more; --json or --html has them"
    if one.sweep:
        yield columns(_sweep(one, has_labels=result.has_labels), indent="    ")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _firings(one: Tested, result: Backtest) -> Iterator[tuple[str, ...]]:
    unit = one.trigger.plain.signal.unit if one.trigger.plain else ""
    parted = bool(one.trigger.for_each)
    head = ("in breach since", "fired (UTC)", "cleared", "fired for", "worst", "outcome")
    yield ("state", *head) if parted else head
    for firing in one.firings[:MOST_FIRINGS]:
        is_false = result.has_labels and firing in one.score.false_alarms
        row = (
            shown_at(firing.pending),
            shown_at(firing.fired),
            "still firing" if firing.cleared is None else shown_at(firing.cleared),
            duration(firing.lasted(result.span.end)),
            shown_value(firing.peak, unit),
            outcome_of(firing) + ("; false alarm" if is_false else ""),
        )
        yield (firing.trigger, *row) if parted else row


def _sweep(one: Tested, *, has_labels: bool) -> Iterator[tuple[str, ...]]:
    unit = one.trigger.plain.signal.unit if one.trigger.plain else ""
    head = ("with limit", "for", "firings")
    yield (*head, "detected", "false alarms", "mean delay") if has_labels else head
    for each in one.sweep:
        score = each.score
        row = (
            value(each.limit, unit) + (" (now)" if each.is_now else ""),
            duration(each.hold),
            str(each.firings),
        )
        yield (
            (
                *row,
                f"{score.detected} of {len(score.detections)}",
                str(len(score.false_alarms)),
                "-" if score.mean_delay is None else duration(score.mean_delay),
            )
            if has_labels
            else row
        )


def _labels(result: Backtest) -> Iterator[str]:
    for target, score in result.totals.items():
        yield (
            f"{target}, all triggers together: detected {score.detected} of "
            f"{len(score.detections)} incidents, {len(score.false_alarms)} false alarms "
            f"({score.false_alarms_a_week:.2g} a week), {len(score.wrong)} rollbacks in vain"
        )
        for one in score.missed:
            yield f"  missed: {one.name or 'incident'}, {utc(one.start)} to {utc(one.end)}"
