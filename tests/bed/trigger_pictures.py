"""Pictures of what a trigger makes of a row of looks: drawn from the state machine itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from tests.builders import BREACH, EPOCH, OK, UNKNOWN, a_trigger
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Unknown
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.trigger import (
    Firing,
    Pending,
    Trigger,
    TriggerStatus,
    evaluate,
    restore,
)

CELL, TOP, BAND, LEFT = 26, 52, 26, 86
LOOKS = {
    "b": BREACH,
    "o": OK,
    "?": UNKNOWN,
    "n": Judgement(Verdict.OK, 0.7, clears=False),
    "~": Judgement(Verdict.UNKNOWN, None, Unknown.LOW_VOLUME),
}
SIGNS = {"b": "✗", "o": "✓", "?": "?", "n": "≈", "~": "~", "|": "↻"}
WORDS = {
    "b": "BREACH",
    "o": "OK",
    "?": "UNKNOWN",
    "n": "OK, yet not below the clear limit",
    "~": "UNKNOWN (low volume)",
    "|": "restart",
}


@dataclass(frozen=True)
class Story:
    """A trigger, and one letter a slot of what it sees; `|` is a slot lost to a restart."""

    title: str
    trigger: Trigger
    looks: str


HOLD = a_trigger(hold="2m")
STORIES: Mapping[str, Story] = {
    "firing": Story("for: 2m, a look every 15 s", HOLD, "oobbbbbbbbbboo"),
    "cleared": Story("one OK starts the hold over", HOLD, "oobbbbobbbbbbbbbb"),
    "gap": Story("two unknown looks keep it pending, three lose it", HOLD, "obbb??bbb???bb"),
    "unknown": Story(
        "UNKNOWN never fires and never clears", a_trigger(hold="1m"), "obbbbb????????bb"
    ),
    "blind": Story("blind_after: 1m", a_trigger(hold="1m", blind_after="1m"), "ooo????????oo"),
    "quiet": Story(
        "too little traffic is not blindness", a_trigger(blind_after="1m"), "ooo~~~~~~~~~oo"
    ),
    "fails": Story(
        "fails: 3, and UNKNOWN in between does not count", a_trigger(fails=3), "oobb?bboo"
    ),
    "looks": Story("breaches: 3 of 5", a_trigger(fails=3, looks=5), "oobobobooooo"),
    "clearing": Story("keep_firing_for: 1m", a_trigger(keep_firing_for="1m"), "obbooobooooooo"),
    "hysteresis": Story(
        "clear: a second limit", a_trigger(keep_firing_for="30s"), "obbnnnnnnooooo"
    ),
    "restart": Story("a restart never makes it fire earlier", HOLD, "obbbb|bbbbbbbbb"),
}


def state_after(status: TriggerStatus) -> str:
    """The word for the state, as `status` and the metrics have it."""
    match status.state:
        case Firing():
            return "firing"
        case Pending():
            return "pending"
        case _:
            return "blind" if status.blind else "inactive"


def states(story: Story) -> list[str]:
    """What the trigger is in after each look."""
    trigger, status = story.trigger, TriggerStatus()
    found = []
    for slot, letter in enumerate(story.looks):
        at = Moment(slot * trigger.every, EPOCH + slot * trigger.every)
        if letter == "|":
            status = restore(trigger, status, trigger.every, at)
        else:
            status, _ = evaluate(trigger, status, LOOKS[letter], at, slot)
        found.append(state_after(status))
    return found


def picture(story: Story) -> str:
    """The story as SVG: looks above, the state below, readable in light and dark."""
    found = states(story)
    width = max(LEFT + CELL * len(found) + 12, 9 * len(story.title))
    body = "".join((*_looks(story), *_bands(found), *_axis(len(found), story.trigger.every)))
    told = ", ".join(
        f"{WORDS[one]} → {state}" for one, state in zip(story.looks, found, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 132" width="{width}"'
        f' role="img"><title>{escape(story.title)}</title><desc>{escape(told)}</desc>{_STYLE}'
        f'<text x="6" y="18" class="title">{escape(story.title)}</text>'
        f'<text x="6" y="{TOP + 4}">looks</text><text x="6" y="{TOP + 43}">state</text>'
        f"{body}</svg>\n"
    )


_STYLE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}"
    ".small{font-size:10px;fill:#59636e}.b{fill:#c1121f}.o{fill:#1a7f37}.q{fill:#59636e}"
    ".inactive{fill:#d8dee4}.pending{fill:#f2c94c}.firing{fill:#e5534b}.blind{fill:#8250df}"
    ".firing-text,.blind-text{fill:#fff}.pending-text,.inactive-text{fill:#1f2328}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small,.q{fill:#9198a1}"
    ".b{fill:#ff7b72}.o{fill:#3fb950}.inactive{fill:#30363d}.inactive-text{fill:#e6edf3}"
    ".pending-text{fill:#1f2328}}</style>"
)
_CLASSES = {"b": "b", "o": "o", "n": "o"}


def _looks(story: Story) -> Iterator[str]:
    for slot, letter in enumerate(story.looks):
        x = LEFT + slot * CELL + CELL // 2
        yield (
            f'<text x="{x}" y="{TOP + 5}" text-anchor="middle" class="{_CLASSES.get(letter, "q")}"'
            f' style="font-size:16px">{SIGNS[letter]}</text>'
        )


def _bands(found: list[str]) -> Iterator[str]:
    start = 0
    for slot in range(1, len(found) + 1):
        if slot < len(found) and found[slot] == found[start]:
            continue
        x, width, state = LEFT + start * CELL, (slot - start) * CELL - 2, found[start]
        size = f'width="{width}" height="{BAND}" rx="4"'
        yield f'<rect x="{x}" y="{TOP + 24}" {size} class="{state}"/>'
        if width > 8 * len(state):
            yield (
                f'<text x="{x + width / 2:g}" y="{TOP + 41}" text-anchor="middle"'
                f' class="{state}-text">{state}</text>'
            )
        start = slot


def _axis(slots: int, every: float) -> Iterator[str]:
    for slot in range(0, slots, 4):
        x = LEFT + slot * CELL + CELL // 2
        place = f'x="{x}" y="{TOP + 68}" text-anchor="middle"'
        yield f'<text {place} class="small">{slot * every:g} s</text>'
