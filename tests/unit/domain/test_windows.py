import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import EPOCH, at
from watchdog.domain.events import Event, Record
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import (
    EVERYWHERE,
    OpenWindow,
    Spared,
    Window,
    WindowBegan,
    WindowBook,
    WindowEnded,
    WindowKind,
    WindowLifted,
    WindowSet,
    kept_down,
    of_kind,
    turned,
)

FREEZE, WORK = WindowKind.FREEZE, WindowKind.MAINTENANCE
HOUR = 3600.0


def a_freeze(target: str = "shop", until: float = HOUR, by: str = "ann", **more: str) -> WindowSet:
    return WindowSet(target, FREEZE, by, more.get("reason", "fair"), EPOCH + until)


def book(*events: tuple[str, Event]) -> WindowBook:
    records = [Record(n, at(when), event) for n, (when, event) in enumerate(events, 1)]
    return Ledger().replay(records).windows


def reasons(found: WindowBook, now: Moment, target: str = "shop") -> list[str]:
    return [f"{one.kind.value}: {one.reason}" for one in found.open(target, now)]


# -- whom a freeze lets through


@pytest.mark.parametrize(
    ("spared", "severity", "causes", "passes"),
    [
        (Spared(), Severity.CRITICAL, ["outage"], False),
        (Spared(Severity.CRITICAL), Severity.CRITICAL, [], True),
        (Spared(Severity.CRITICAL), Severity.WARNING, [], False),
        (Spared(Severity.WARNING), Severity.CRITICAL, [], True),
        (Spared(causes=("outage",)), Severity.WARNING, ["outage"], True),
        (Spared(causes=("outage",)), Severity.CRITICAL, ["security"], False),
        (Spared(causes=("outage",)), Severity.CRITICAL, [""], False),
        (Spared(causes=("outage",)), Severity.INFO, ["security", "outage"], True),
    ],
)
def test_a_severity_passes_from_there_on_and_a_cause_by_its_name(
    spared: Spared, severity: Severity, causes: list[str], *, passes: bool
) -> None:
    assert spared.lets_through(severity, causes) is passes


# -- what people set


def test_a_freeze_holds_its_target_and_no_other_until_it_is_over() -> None:
    found = book(("0s", a_freeze()))

    assert reasons(found, at("59m59s")) == ["freeze: fair"]
    assert reasons(found, at("1h")) == []
    assert reasons(found, at("1m"), "other") == []


def test_one_of_all_targets_holds_each() -> None:
    found = book(("0s", a_freeze(EVERYWHERE)))

    assert reasons(found, at("1m"), "any") == ["freeze: fair"]


def test_two_people_s_freezes_hold_both_and_the_first_is_not_weakened_by_the_second() -> None:
    later = WindowSet("shop", FREEZE, "bob", "talk", EPOCH + 600, Spared(Severity.CRITICAL))
    found = book(("0s", a_freeze()), ("1s", later))

    assert reasons(found, at("1m")) == ["freeze: fair", "freeze: talk"]
    assert reasons(found, at("10m")) == ["freeze: fair"]


def test_lifting_ends_all_that_people_set_there_of_that_kind_and_nothing_else() -> None:
    found = book(
        ("0s", a_freeze()),
        ("0s", a_freeze(reason="talk")),
        ("0s", a_freeze(EVERYWHERE, reason="all")),
        ("0s", WindowSet("shop", WORK, "ann", "disk", EPOCH + HOUR)),
        ("1s", WindowLifted("shop", FREEZE, "bob")),
    )

    assert reasons(found, at("1m")) == ["freeze: all", "maintenance: disk"]
    assert not found.is_set("shop", FREEZE, at("1m"))
    assert found.is_set("shop", WORK, at("1m"))
    assert found.is_set(EVERYWHERE, FREEZE, at("1m"))


@pytest.mark.parametrize("step", [-5 * HOUR, 5 * HOUR])
def test_a_clock_that_steps_ends_no_freeze_early(step: float) -> None:
    found = book(("0s", a_freeze()))
    now = Moment(at("59m").elapsed, at("59m").wall + step)

    assert reasons(found, now) == ["freeze: fair"]


def test_after_a_reboot_it_lasts_as_long_as_the_wall_clock_says() -> None:
    # The journal translates what an earlier boot wrote to this boot's clock.
    set_at = Moment(-100.0, EPOCH)
    found = Ledger().replay([Record(1, set_at, a_freeze())]).windows

    assert reasons(found, Moment(HOUR - 101.0, EPOCH + HOUR - 1)) == ["freeze: fair"]
    assert reasons(found, Moment(HOUR - 100.0, EPOCH + HOUR)) == []


def test_what_is_over_is_forgotten_when_the_next_is_set() -> None:
    many = [(f"{n}s", a_freeze(until=n + 0.5)) for n in range(50)]

    assert len(book(*many).open("shop", at("49s"))) == 1
    assert book(*many) == book(many[-1])


def test_the_end_that_is_told_is_the_one_that_holds() -> None:
    (one,) = book(("0s", a_freeze())).open("shop", at("10m"))

    assert one == OpenWindow(FREEZE, "fair", EPOCH + HOUR, "ann")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["set", "lift"]),
            st.sampled_from(["shop", "other", EVERYWHERE]),
            st.sampled_from([*WindowKind]),
            st.integers(0, 100),
            st.integers(1, 100),
        ),
        max_size=12,
    ),
    st.integers(0, 250),
)
def test_what_is_open_is_what_was_set_and_neither_over_nor_lifted(
    said: list[tuple[str, str, WindowKind, int, int]], late: int
) -> None:
    said = sorted(said, key=lambda one: one[3])
    now = max([when for *_, when, _ in said], default=0) + late
    events: list[tuple[str, Event]] = []
    expected: list[tuple[str, WindowKind, int]] = []
    for what, scope, kind, when, lasts in said:
        if what == "set":
            opened = WindowSet(scope, kind, "ann", "", EPOCH + when + lasts)
            events.append((f"{when}s", opened))
            expected.append((scope, kind, when + lasts))
        else:
            events.append((f"{when}s", WindowLifted(scope, kind, "ann")))
            expected = [one for one in expected if one[:2] != (scope, kind)]
    alive = sorted(
        (kind.value, until)
        for scope, kind, until in expected
        if scope in ("shop", EVERYWHERE) and until > now
    )

    found = book(*events).open("shop", at(float(now)))
    assert sorted((one.kind.value, one.until - EPOCH) for one in found) == alive


# -- beginnings and ends


def test_a_window_that_opened_begins_once_and_ends_once() -> None:
    held = [OpenWindow(FREEZE, "weekend", EPOCH + HOUR)]
    began = WindowBegan("shop", FREEZE, "weekend", EPOCH, EPOCH + HOUR)
    empty, begun = WindowBook(), book(("0s", began))

    assert list(turned(empty, "shop", held, at(0))) == [began]
    assert list(turned(begun, "shop", held, at("1m"))) == []
    assert list(turned(begun, "shop", [], at("1h"))) == [FREEZE]
    assert list(turned(begun, "other", [], at("1h"))) == []
    over = book(("0s", began), ("1h", WindowEnded("shop", FREEZE, "weekend", EPOCH)))
    assert list(turned(over, "shop", [], at("1h"))) == []


def test_of_several_of_one_kind_the_one_that_lasts_longest_is_named_first() -> None:
    short, long = OpenWindow(FREEZE, "a", 1.0), OpenWindow(FREEZE, "b", 2.0)

    assert of_kind([short, OpenWindow(WORK, "c", 3.0), long], FREEZE) == [long, short]


def test_only_what_tells_of_trouble_is_kept_down() -> None:
    freeze = a_freeze()

    assert kept_down(freeze, "disk") is freeze


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(FREEZE, "r", "0 22 * * FRI", "Europe/Berlin", 58 * HOUR),
         "0 22 * * FRI for 58h, Europe/Berlin"),
        (Window(FREEZE, "r", begins=EPOCH, ends=EPOCH + 60),
         "2026-01-01T00:00:00Z to 2026-01-01T00:01:00Z"),
    ],
)  # fmt: skip
def test_a_window_in_words(window: Window, text: str) -> None:
    assert str(window) == text
