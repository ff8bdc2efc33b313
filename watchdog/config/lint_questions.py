"""Warnings about what signals ask: windows, counters, units, and burn rates beside a budget."""

from collections.abc import Iterator

from watchdog.config.mapping import Parts
from watchdog.config.problems import Path
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.plugins import Use

_SHARES = frozenset({"ratio", "%"})
_TIMES = frozenset({"s", "ms"})
# Seconds: over a longer window a burn rate still shows what is over.
_LONGEST_BURN = 3600.0
_LEAST_SCRAPES = 2
Warnings = Iterator[tuple[Path, str]]


def lint_questions(parts: Parts, target: Target) -> Warnings:
    """What is allowed in a question, and hardly ever meant."""
    yield from _remarks(parts, target)
    yield from _units_of_time(parts)
    yield from _budgets(parts, target)
    yield from _same_scrape(parts, target)


def _remarks(parts: Parts, target: Target) -> Warnings:
    """What the plugin of the source says, given how the question is used."""
    for path, (plugin, _) in parts.options.asks.items():
        name = str(path[-1])
        if plugin.remarks is None or name not in target.signals:
            continue
        signal = target.signals[name].signal
        entry = parts.file.signals[name]
        options, ask = _scaled(parts, path)
        use = Use(
            every=target.sources[signal.source].every,
            unit=entry.unit or "",
            many=entry.series is not None,
        )
        for remark in plugin.remarks(options, ask, use):
            yield (*path, remark.key) if remark.key else path, remark.text


def _scaled(parts: Parts, path: Path) -> tuple[object, object]:
    """The options of the source and the question at `path`, as the running program has them."""
    plugin, _ = parts.options.asks[path]
    source = parts.file.signals[str(path[-1])].from_
    options = plugin.options.model_validate(parts.options.plain["sources", source])
    return options, plugin.ask.model_validate(parts.options.plain[path])


def _units_of_time(parts: Parts) -> Warnings:
    """Two ways to write the time that something takes: one of them will be read wrongly."""
    declared = {
        name: entry.unit for name, entry in parts.file.signals.items() if entry.unit in _TIMES
    }
    if len(set(declared.values())) < len(_TIMES):
        return
    first, unit = next(iter(declared.items()))
    for name, other in declared.items():
        if other != unit:
            text = (
                f"is in {other!r}, and signal {first!r} in {unit!r}: let all answer in one unit, "
                "so that nobody compares the one with the other's limit"
            )
            yield ("signals", name, "unit"), text


def _budgets(parts: Parts, target: Target) -> Warnings:
    """A budget that is spent stays spent: only a short burn rate tells whether it still burns."""
    for trigger in target.triggers:
        if not trigger.once_per_version or not trigger.plan:
            continue
        beside = [
            other
            for other in target.triggers
            if other is trigger or (other.plan == trigger.plan and not other.once_per_version)
        ]
        if not any(_burns_now(parts, each) for each in beside):
            text = (
                "what it watches stays spent whatever is rolled back, and nothing beside it shows "
                "whether it still burns: put it under `all:` with the share of errors over an "
                "hour or less, or give its plan a trigger with such a burn rate"
            )
            yield ("triggers", trigger.name, "once_per"), text


def _burns_now(parts: Parts, trigger: Trigger) -> bool:
    """Whether it watches a share of errors over a short window."""
    for term in trigger.terms:
        path: Path = ("signals", term.signal.name)
        plugin, ask = parts.options.asks[path]
        if plugin.window is None or term.signal.unit not in (*_SHARES, ""):
            continue
        window = plugin.window(ask)
        if window is not None and window <= _LONGEST_BURN:
            return True
    return False


def _same_scrape(parts: Parts, target: Target) -> Warnings:
    """Looks that are counted, faster than there is news."""
    for trigger in target.triggers:
        if not trigger.fails:
            continue
        for term in trigger.terms:
            options = _scaled(parts, ("signals", term.signal.name))[0]
            scraped = getattr(options, "scrape_interval", None) or 0.0
            if 0 < trigger.fails * trigger.every < _LEAST_SCRAPES * scraped:
                text = (
                    f"{trigger.fails} looks, {trigger.every:g} s apart, may all see the same "
                    f"scrape, and the next is {scraped:g} s later; give the source a longer `every`"
                )
                key = "breaches" if trigger.looks else "fails"
                yield ("triggers", trigger.name, key), text
                break
