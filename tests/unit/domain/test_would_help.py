from dataclasses import replace
from typing import Any

import pytest

from tests.builders import EPOCH, a_plan, a_proposal, a_target, a_trigger, at, started
from watchdog.domain import would_help
from watchdog.domain.account import Account, Current, Past
from watchdog.domain.change import ChangeKind, ChangeSeen, VersionGood, VersionQuarantined
from watchdog.domain.decision import GUARDS, REASONS, Facts, Reason, decide
from watchdog.domain.events import RunEnded
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Plan, Return
from watchdog.domain.progress import Outcome
from watchdog.domain.target import ChangeRules, Limits, Mode, Target
from watchdog.domain.trigger import Severity, Trigger
from watchdog.domain.versions import VersionBook, Versions
from watchdog.domain.would_help import Why, doubt, unchecked

MINUTE = 60.0
NOW = at("3h")  # two and a half hours after v1 came, fifteen minutes after v2
RETURNING = replace(a_plan(), returns_to=Return.PREVIOUS.value)
SWITCHING = replace(a_plan(), requires_change=True)
PLAIN = a_plan()


def change(version: str, after: str, **more: Any) -> ChangeSeen:  # noqa: ANN401
    return ChangeSeen(
        "shop", version, at=at(after).wall, **{"previous": "", "source": "ci", **more}
    )


V1 = change("v1", "30m")
V2 = change("v2", "2h45m")
GOOD = VersionGood("shop", "v1", EPOCH)


def known(*events: object) -> Versions:
    book = VersionBook()
    for event in events:
        book.apply(event, at("1h"))
    return book.of("shop")


HEALTHY_BEFORE = known(V1, GOOD, V2)


def a_shop(plan: Plan, trigger: Trigger | None = None, *, told: bool = True) -> Target:
    target = a_target(trigger or a_trigger(), plans=[plan])
    return replace(target, changes=ChangeRules() if told else None)


def asked(
    versions: Versions,
    *,
    began: str | None = "2h50m",
    plan: Plan = RETURNING,
    trigger: Trigger | None = None,
    told: bool = True,
    now: Moment = NOW,
    same_incident: bool = False,
) -> Why | None:
    """What speaks against `plan`, of a breach that began at `began`."""
    proposal = a_proposal(onset=at(began) if began else None)
    target = a_shop(plan, trigger, told=told)
    found = doubt(proposal, target, versions, now, same_incident=same_incident)
    return found.why if found else None


def test_a_breach_that_followed_a_change_from_a_good_version_is_undone() -> None:
    assert asked(HEALTHY_BEFORE) is None


# -- a change within the window


def test_without_a_change_there_is_nothing_to_undo() -> None:
    assert asked(known(V1, GOOD)) is Why.NO_RECENT_CHANGE


def test_where_nobody_ever_told_of_a_change_nothing_is_undone() -> None:
    assert asked(Versions()) is Why.NO_RECENT_CHANGE


def test_the_window_is_the_targets_own() -> None:
    just, late = at("2h45m").after(7200.0), at("2h45m").after(7201.0)

    assert asked(HEALTHY_BEFORE, now=just) is None
    assert asked(HEALTHY_BEFORE, now=late) is Why.NO_RECENT_CHANGE


def test_a_flag_is_no_reason_to_return_to_another_version() -> None:
    flag = change("cart=on", "2h45m", kind=ChangeKind.FLAG)

    assert asked(known(V1, GOOD, flag)) is Why.NO_RECENT_CHANGE


def test_a_flag_is_a_reason_to_switch_flags_back() -> None:
    flag = change("cart=on", "2h45m", kind=ChangeKind.FLAG)

    assert asked(known(V1, flag), plan=SWITCHING) is None


def test_a_plan_that_switches_asks_for_a_change_only_if_it_says_so() -> None:
    assert asked(known(V1), plan=SWITCHING) is Why.NO_RECENT_CHANGE
    assert asked(known(V1), plan=PLAIN) is None


# -- the breach began after it


def test_a_breach_that_was_there_before_the_change_is_not_undone() -> None:
    assert asked(HEALTHY_BEFORE, began="2h44m") is Why.BREACH_BEFORE_CHANGE


def test_a_breach_in_the_second_of_the_change_came_with_it() -> None:
    assert asked(HEALTHY_BEFORE, began="2h45m") is None


def test_when_nobody_can_tell_when_it_began_nothing_is_undone() -> None:
    assert asked(HEALTHY_BEFORE, began=None) is Why.BREACH_BEFORE_CHANGE


def test_a_step_of_the_wall_clock_makes_no_breach_younger() -> None:
    # It began a minute before the change; since then the clock was put forward by an hour.
    stepped = Moment(NOW.elapsed, NOW.wall + 3600)
    moved = change("v2", "3h45m")

    assert asked(known(V1, GOOD, moved), began="2h44m", now=stepped) is Why.BREACH_BEFORE_CHANGE
    assert asked(known(V1, GOOD, moved), began="2h46m", now=stepped) is None


# -- the version that breached is the one that runs


def test_a_version_that_came_after_the_breach_may_have_mended_it() -> None:
    fixed = known(V1, GOOD, V2, VersionGood("shop", "v2", EPOCH), change("v3", "2h55m"))

    assert asked(fixed) is Why.VERSION_MOVED_ON


def test_a_version_that_came_after_the_breach_ends_the_case_of_a_flag_as_well() -> None:
    flag = change("cart=on", "2h45m", kind=ChangeKind.FLAG)

    assert asked(known(V1, flag, change("v3", "2h55m")), plan=SWITCHING) is Why.VERSION_MOVED_ON


def test_a_version_that_went_and_came_back_has_moved_on_somebody_is_at_work() -> None:
    back = known(V1, GOOD, V2, change("v3", "2h52m"), change("v2", "2h55m"))

    assert asked(back) is Why.VERSION_MOVED_ON


def test_the_same_version_deployed_again_has_not_moved_on() -> None:
    assert asked(known(V1, GOOD, V2, change("v2", "2h55m"))) is None


def test_a_rollback_is_never_rolled_back() -> None:
    start = replace(started(RETURNING), from_version="v2", to_version="v1")
    book = VersionBook()
    for event in (V1, GOOD, V2, start):
        book.apply(event, at("2h50m"))
    book.apply(RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 60), at("2h52m"))

    assert asked(book.of("shop"), began="2h55m") is Why.VERSION_MOVED_ON


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("told", ["2h49m55s", "2h51m", "2h52m30s"])
def test_a_rollback_that_others_tell_of_is_no_release_to_be_undone(
    told: str, outcome: Outcome
) -> None:
    start = replace(started(RETURNING), from_version="v2", to_version="v1")
    book = VersionBook()
    before = [change("v0", "1m"), replace(GOOD, version="v0"), V1, GOOD, V2]
    for event in before:
        book.apply(event, at("29m"))
    book.apply(start, at("2h50m"))
    book.apply(RunEnded("r1", "shop", outcome, "", 60), at("2h52m"))
    book.apply(change("v1", told), at("2h52m30s"))
    to_the_last = replace(RETURNING, returns_to=Return.LAST_GOOD.value)

    assert book.of("shop").last_good == "v0"
    assert asked(book.of("shop"), began="2h55m", plan=to_the_last) is Why.VERSION_MOVED_ON


def test_what_people_release_after_a_rollback_is_a_change_like_any_other() -> None:
    start = replace(started(RETURNING), from_version="v2", to_version="v1")
    book = VersionBook()
    for event in (V1, GOOD, replace(V2, at=at("2h").wall)):
        book.apply(event, at("1h"))
    book.apply(start, at("2h10m"))
    book.apply(RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 60), at("2h12m"))
    for event in (change("v3", "2h15m"), replace(GOOD, version="v3"), change("v1", "2h45m")):
        book.apply(event, at("2h45m"))

    to_v3 = replace(RETURNING, returns_to=Return.PREVIOUS.value)
    assert asked(book.of("shop"), began="2h50m", plan=to_v3) is None


# -- one run a version


def test_a_version_is_rolled_back_from_once_ever() -> None:
    had = known(V1, GOOD, V2, replace(started(RETURNING), from_version="v2", to_version="v1"))

    assert asked(had) is Why.VERSION_HAD_ITS_RUN
    assert asked(had, same_incident=True) is None
    assert asked(had, plan=PLAIN) is None


def test_a_later_version_has_its_own() -> None:
    had = known(V1, GOOD, replace(started(RETURNING), from_version="v1", to_version="v0"), V2)

    assert asked(had) is None


def test_a_trigger_with_once_per_version_acts_once_a_version_whatever_its_plan_does() -> None:
    once = replace(a_trigger(), once_per_version=True)
    had = known(V1, GOOD, V2, replace(started(PLAIN), from_version="v2"))

    assert asked(had, plan=PLAIN, trigger=once) is Why.ONCE_PER_VERSION
    assert asked(had, plan=PLAIN) is None
    assert asked(HEALTHY_BEFORE, plan=PLAIN, trigger=once) is None


def test_once_per_version_waits_until_somebody_tells_which_version_runs() -> None:
    once = replace(a_trigger(), once_per_version=True)

    assert asked(Versions(), plan=PLAIN, trigger=once) is Why.ONCE_PER_VERSION


# -- where to return to


def test_a_version_that_was_never_seen_good_is_not_returned_to() -> None:
    assert asked(known(V1, V2)) is Why.NO_GOOD_VERSION


def test_without_a_version_before_there_is_none_to_return_to() -> None:
    assert asked(known(V2)) is Why.NO_GOOD_VERSION


def test_a_quarantined_version_is_not_returned_to() -> None:
    bad = known(V1, GOOD, VersionQuarantined("shop", "v1", "r0", "errors fires"), V2)

    assert asked(bad) is Why.VERSION_QUARANTINED


def test_last_good_passes_over_what_was_quarantined() -> None:
    last_good = replace(RETURNING, returns_to=Return.LAST_GOOD.value)
    v0 = [change("v0", "10m"), VersionGood("shop", "v0", at("1h").wall)]
    bad = VersionQuarantined("shop", "v1", "r0", "errors fires")

    assert asked(known(*v0, V1, GOOD, bad, V2), plan=last_good) is None
    assert asked(known(V1, GOOD, bad, V2), plan=last_good) is Why.NO_GOOD_VERSION


def test_the_version_that_runs_is_not_returned_to() -> None:
    pinned = replace(RETURNING, returns_to="v2")

    assert asked(HEALTHY_BEFORE, plan=pinned) is Why.SAME_VERSION
    assert asked(HEALTHY_BEFORE, plan=replace(RETURNING, returns_to="v1")) is None


# -- where nobody tells of changes


def test_what_nobody_tells_of_is_not_asked_and_is_listed() -> None:
    once = replace(a_trigger(), once_per_version=True)

    assert asked(Versions(), told=False) is None
    assert asked(Versions(), told=False, trigger=once) is None
    assert set(unchecked(RETURNING, once, None)) == {why.value for why in Why}
    assert unchecked(PLAIN, a_trigger(), None) == ()
    assert unchecked(RETURNING, once, ChangeRules()) == ()
    assert Why.NO_GOOD_VERSION not in unchecked(SWITCHING, None, None)


# -- among the guards


def test_every_doubt_is_a_reason_with_its_sentence() -> None:
    assert [Reason(why) for why in Why]
    assert {*would_help.MEANINGS} == {*Why}
    assert {REASONS[Reason(why)] for why in Why} == {*would_help.MEANINGS.values()}


def facts(versions: Versions, account: Account | None = None) -> Facts:
    return Facts(
        mode=Mode.AUTO,
        limits=Limits(),
        account=account or Account(),
        target=a_shop(RETURNING),
        versions=versions,
    )


def test_the_doubt_is_what_the_decision_says() -> None:
    refusal = decide(a_proposal(onset=at("2h44m")), facts(HEALTHY_BEFORE), NOW)

    assert refusal is not None
    assert refusal.reason is Reason.BREACH_BEFORE_CHANGE
    assert refusal.detail == (
        "v2 came at 2026-01-01T02:45:00Z; the breach began, or may have begun, at "
        "2026-01-01T02:44:00Z"
    )
    assert decide(a_proposal(onset=at("2h50m")), facts(HEALTHY_BEFORE), NOW) is None


def graver() -> Proposal:
    return a_proposal(onset=at("2h50m"), severity=Severity.CRITICAL)


def test_a_graver_plan_of_the_same_incident_shares_the_run_of_the_version() -> None:
    had = known(V1, GOOD, V2, replace(started(RETURNING), from_version="v2", to_version="v1"))
    current = Current("r1", "i1", "undo", Severity.WARNING, "", RETURNING.watch)
    account = Account(
        current=current, incident="i1", past=(Past("i1", Severity.WARNING, at("2h55m")),)
    )

    assert decide(graver(), facts(had, account), NOW) is None
    refusal = decide(graver(), facts(had, Account()), NOW)
    assert refusal is not None
    assert refusal.reason is Reason.VERSION_HAD_ITS_RUN


@pytest.mark.parametrize("guard", ["would_not_help"])
def test_it_is_asked_before_anything_that_only_puts_off(guard: str) -> None:
    names = [one.__name__ for one in GUARDS]

    assert names.index(guard) < names.index("cooling_down") < names.index("alert_only")
