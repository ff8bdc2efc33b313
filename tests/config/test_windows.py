from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.errors import ConfigError
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import Spared, Window, WindowKind

HOUR = 3600.0
WEEKEND = '{cron: "0 22 * * FRI", for: 58h, zone: Europe/Berlin, reason: weekend}'


def with_freeze(*entries: str) -> str:
    return MINIMAL + f"\nfreeze: [{', '.join(entries)}]\n"


def windows(files: Files, text: str) -> tuple[Window, ...]:
    files.write("a.yaml", text)
    return files.load("a.yaml").targets[0].windows


def wall(written: str, zone: str) -> float:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_a_weekly_freeze_is_read_as_written(files: Files) -> None:
    entry = WEEKEND.replace("}", ", except: [critical]}")
    (window,) = windows(files, with_freeze(entry))

    assert window == Window(
        WindowKind.FREEZE, "weekend", "0 22 * * FRI", "Europe/Berlin", 58 * HOUR,
        spared=Spared(Severity.CRITICAL),
    )  # fmt: skip


def test_a_date_without_an_offset_is_in_the_zone(files: Files) -> None:
    once = "{from: 2026-12-24T18:00, to: 2026-12-27T08:00:00Z, zone: Europe/Berlin, reason: x}"
    (window,) = windows(files, with_freeze(once))

    assert window.begins == wall("2026-12-24T18:00", "Europe/Berlin")
    assert window.ends == wall("2026-12-27T08:00", "UTC")


def test_planned_work_stands_beside_it(files: Files) -> None:
    work = 'maintenance: [{cron: "0 3 * * SUN", for: 2h, reason: disks}]\n'
    freeze, planned = windows(files, with_freeze(WEEKEND) + work)

    assert [freeze.kind, planned.kind] == [WindowKind.FREEZE, WindowKind.MAINTENANCE]
    assert planned.zone == "UTC"


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        ("[critical]", Spared(Severity.CRITICAL)),
        ("[critical, warning]", Spared(Severity.WARNING)),
        ("[security]", Spared(causes=("security",))),
        ("[security, critical]", Spared(Severity.CRITICAL, ("security",))),
    ],
)
def test_who_passes_is_a_severity_or_a_cause(files: Files, words: str, spared: Spared) -> None:
    (window,) = windows(files, with_freeze(WEEKEND.replace("}", f", except: {words}}}")))

    assert window.spared == spared


def test_the_daemon_s_file_closes_all_targets(files: Files) -> None:
    files.write("d.yaml", f"freeze: [{WEEKEND}]\nmaintenance: [{WEEKEND}]")

    assert [one.kind for one in files.load("d.yaml").daemon.windows] == [*WindowKind]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{cron: "0 22 * *", for: 1h, reason: x}', "has 4 fields, and cron has 5"),
        ('{cron: "0 0 30 2 *", for: 1h, reason: x}', "never begins"),
        ('{cron: "0 0 13 * FRI", for: 1h, reason: x}', "write two windows"),
        ('{cron: "0 22 * * FRI", reason: x}', "a window is `cron` with `for`, or `from` with `to`"),
        ('{cron: "0 22 * * FRI", for: 1h, to: 2026-01-01T00:00, reason: x}', "a window is `cron`"),
        ("{from: 2026-01-01T00:00, reason: x}", "a window is `cron`"),
        ("{from: 2026-01-02T00:00, to: 2026-01-01T00:00, reason: x}", "is empty"),
        ("{from: 2026-01-01T00:00, to: 2026-01-01T00:00, reason: x}", "is empty"),
        ("{from: tomorrow, to: 2026-01-01T00:00, reason: x}", "'tomorrow' is no date and time"),
        ('{cron: "0 22 * * FRI", for: 0s, reason: x}', "freeze[0].for"),
        ('{cron: "0 22 * * FRI", for: 400d, reason: x}', "freeze[0].for"),
        (
            WEEKEND.replace("Europe/Berlin", "Europe/Berlim"),
            "there is no zone 'Europe/Berlim' here; did you mean 'Europe/Berlin'?",
        ),
        (WEEKEND.replace("Europe/Berlin", "here"), "write one such as Europe/Berlin, or UTC"),
        ('{cron: "0 22 * * FRI", for: 1h}', "freeze[0].reason"),
        (WEEKEND.replace("}", ", except: []}"), "freeze[0].except"),
    ],
)
def test_what_is_no_window_is_refused_with_its_place(files: Files, entry: str, said: str) -> None:
    files.write("a.yaml", with_freeze(entry))

    with pytest.raises(ConfigError) as refused:
        files.load("a.yaml")
    assert said in str(refused.value)
    assert "freeze[0]" in str(refused.value)


def test_planned_work_spares_nobody(files: Files) -> None:
    work = MINIMAL + f"\nmaintenance: [{WEEKEND.replace('}', ', except: [critical]}')}]\n"
    files.write("a.yaml", work)

    with pytest.raises(ConfigError, match=r"maintenance\[0\].except: unknown key"):
        files.load("a.yaml")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            '{cron: "0 22 * * FRI,SAT", for: 26h, reason: x}',
            "begins again 24h after it began, before its 26h are over: it may never end",
        ),
        ('{cron: "* * * * *", for: 1m, reason: x}', "it may never end"),
        (WEEKEND.replace("}", ", except: [info]}"), "lets everything through"),
        (WEEKEND.replace("}", ", except: [outage]}"), "no trigger has the cause 'outage'"),
    ],
)
def test_what_is_rarely_meant_is_warned_of(files: Files, entry: str, said: str) -> None:
    files.write("a.yaml", with_freeze(entry))

    assert [one for one in files.load("a.yaml").warnings if said in str(one)]


def test_a_plain_weekend_is_no_reason_to_warn(files: Files) -> None:
    files.write("a.yaml", with_freeze(WEEKEND))

    assert not [one for one in files.load("a.yaml").warnings if "freeze" in str(one)]


# -- groups

OTHER = MINIMAL.replace("checkout", "basket")


def write_two(files: Files, groups: str) -> None:
    files.write("d.yaml", f'targets: ["t/*.yaml"]\ngroups: {groups}')
    files.write("t/a.yaml", MINIMAL)
    files.write("t/b.yaml", OTHER)


def test_a_group_keeps_the_order_in_which_it_is_written(files: Files) -> None:
    write_two(files, "{shop: [checkout, basket]}")

    assert files.load("d.yaml").daemon.groups == {"shop": ("checkout", "basket")}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("{shop: [checkout, baskit]}", "groups.shop[1]: there is no target 'baskit'; did you mean"),
        ("{shop: [checkout]}", "groups.shop"),
        ("{shop: [checkout, checkout]}", "checkout stands in them more than once"),
        (
            "{a: [checkout, basket], b: [basket, checkout]}",
            "checkout, basket stands in them more than once",
        ),
    ],
)
def test_what_is_no_group_is_refused_with_its_place(files: Files, groups: str, said: str) -> None:
    write_two(files, groups)

    with pytest.raises(ConfigError) as refused:
        files.load("d.yaml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("begins", "to", "ends"),
    [
        # Shown twice: whoever freezes means at least until then.
        ("2026-10-24T18:00", "2026-10-25T02:30", "2026-10-25T01:30+00:00"),
        # Left out: when that time would have been, by the old clock.
        ("2026-03-28T18:00", "2026-03-29T02:30", "2026-03-29T01:30+00:00"),
    ],
)
def test_an_end_on_the_night_on_which_clocks_are_set_is_the_later_one(
    files: Files, begins: str, to: str, ends: str
) -> None:
    entry = f"{{from: {begins}, to: {to}, zone: Europe/Berlin, reason: a fair}}"
    (window,) = windows(files, with_freeze(entry))

    assert window.ends == datetime.fromisoformat(ends).timestamp()
