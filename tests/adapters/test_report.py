import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.bed.story import (
    ERRORS,
    NOON,
    OFF,
    OVERRIDE,
    PLAN,
    RUN,
    STORIES,
    TARGET,
    TRIGGER_CHECK,
    Story,
    broke_off,
    by_hand,
    did_not_help,
    helped,
    in_doubt,
    relapsed,
    started_run,
)
from watchdog.adapters.report import ReportFolder, file_name, render
from watchdog.adapters.report.jinja import code, fenced, plain
from watchdog.adapters.report.marks import LETTER, Mark, placed
from watchdog.adapters.report.phrases import lapse
from watchdog.adapters.report.scale import Scale, round_steps, time_ticks
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import IncidentClosed, Record, RunEnded, TriggerChanged
from watchdog.domain.plan import OnError, WatchPlan
from watchdog.domain.progress import (
    Effect,
    EvidenceCollected,
    Outcome,
    Point,
    Proof,
    RunResumed,
    Stage,
    StageEntered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
)
from watchdog.domain.relation import related
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Change, Severity

SECTIONS = [
    "Summary",
    "Timeline",
    "Impact",
    "Root Cause",
    "Actions Taken",
    "Lessons",
    "Next Steps",
]
PERSON = "_to be filled in by a person_"
SVG = "{http://www.w3.org/2000/svg}"

Write = Callable[[], Story]


def report(story: Story) -> str:
    return render(related(story.records, RUN))[0]


def picture(story: Story) -> ET.Element:
    return ET.fromstring(render(related(story.records, RUN))[1])  # noqa: S314 -- our own


def section(text: str, name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def under_way() -> Story:
    return Story().breach().decide().step(0)


def hardly_begun() -> Story:
    return Story().tell(started_run(by="alice", reason="complaint"))


ALL = (*STORIES, under_way, hardly_begun)
every_story = pytest.mark.parametrize("write", ALL, ids=lambda write: write.__name__)


# -- Markdown


@every_story
def test_the_sections_stand_in_the_order_of_the_runbook(write: Write) -> None:
    assert re.findall(r"^## (.*)$", report(write()), re.MULTILINE) == SECTIONS


@every_story
def test_the_same_records_give_the_same_bytes(write: Write) -> None:
    records = related(write().records, RUN)

    assert render(records) == render(list(reversed(records)))


@every_story
def test_nothing_a_machine_knows_is_left_empty(write: Write) -> None:
    for line in report(write()).splitlines():
        assert not re.fullmatch(r"- \*\*.*:\*\*\s*", line), line
        if line.startswith("| "):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            assert all(cell.strip() for cell in cells), line


@every_story
def test_every_table_has_as_many_cells_in_each_row(write: Write) -> None:
    widths: list[int] = []
    for line in [*report(write()).splitlines(), ""]:
        if line.startswith("|"):
            widths.append(len(re.split(r"(?<!\\)\|", line)))
        else:
            assert len(set(widths)) <= 1, line
            widths = []


@every_story
def test_what_only_a_person_knows_is_marked(write: Write) -> None:
    text = report(write())

    for name in ("Customer impact", "Primary cause", "Contributing factors", "What went well"):
        assert f"- **{name}:** {PERSON}" in text
    for name in ("Immediate actions", "Short-term fixes", "Long-term improvements"):
        assert f"- **{name}:** {PERSON}" in section(text, "Next Steps")


def test_the_summary_says_when_how_long_what_kind_and_why() -> None:
    summary = section(report(helped()), "Summary")

    assert "**Date/time:** 2026-10-23T12:00:30Z (UTC)" in summary
    assert "40.9 s from the decision until it was verified; budget 5m, under by 4m 19s" in summary
    assert "**Type:** immediate (plan `immediate`, level flags)" in summary
    assert "**Trigger:** `errors-high`, above 10 %, severity critical" in summary


def test_a_run_over_its_budget_is_told_as_such() -> None:
    story = Story().breach().decide().step(0).wait(400).step(1).verify().end()

    assert "OVER by 2m 21s" in section(report(story), "Summary")


def test_the_timeline_has_every_milestone_and_the_time_between() -> None:
    timeline = section(report(helped()), "Timeline")

    assert "**Issue detected:** 2026-10-23T12:02:30Z" in timeline
    assert "**System stable:** 2026-10-23T12:18:11Z" in timeline
    assert "| Breach started | 2026-10-23T12:00:30Z | – | – |" in timeline  # noqa: RUF001
    assert "| Detected (the trigger fired) | 2026-10-23T12:02:30Z | 2m | 2m |" in timeline
    assert "| Verified | 2026-10-23T12:03:10Z | 2m 41s | 40.1 s |" in timeline


@pytest.mark.parametrize(
    ("write", "line"),
    [
        (by_hand, "**Issue detected:** not measured: started by hand by alice"),
        (broke_off, "**Rollback completed:** not reached: step 2"),
        (did_not_help, "**System stable:** not reached: the run ended failed"),
        (relapsed, "**System stable:** not reached: trigger errors-high no longer breaches"),
        (under_way, "**Rollback completed:** not yet"),
        (under_way, "**System stable:** not yet"),
    ],
)
def test_what_was_not_reached_says_why(write: Write, line: str) -> None:
    assert line in section(report(write()), "Timeline")


def test_a_watch_under_way_says_until_when() -> None:
    story = Story().breach().decide().step(0).step(1).verify().end().watch()
    story.records.pop()

    assert "not yet: watched until 2026-10-23T12:18:11Z" in section(report(story), "Timeline")


def test_the_impact_is_computed_from_the_evidence() -> None:
    impact = section(report(helped()), "Impact")

    assert "errors-high at worst 12.4 % at 12:00:30Z, in breach for 2m 11s" in impact
    assert "**Performance:** not measured: no signal of this run is a time" in impact
    assert "| healthy | failing | failing at 12:02:30Z | 10 s |" in impact


def test_the_history_of_a_source_is_said_to_be_there() -> None:
    story = helped().history((0.01, 0.02, None), NOON, 60)

    assert "own history:** 2 points, 12:00:00Z to 12:01:00Z" in report(story)


def test_the_samples_of_a_run_without_a_breach_are_those_around_its_proof() -> None:
    assert "| 12:00:40Z | 0.5 % | OK |" in section(report(by_hand()), "Root Cause")


def test_the_evidence_shows_query_threshold_samples_and_picture() -> None:
    cause = section(report(helped()), "Root Cause")

    assert "sum(rate(http_requests_total" in cause
    assert "**In breach when:** above 10 %" in cause
    assert "| 12:00:15Z | 0.6 % | OK | – |\n| 12:00:30Z | 12.4 % | BREACH | – |" in cause  # noqa: RUF001
    assert re.search(r"\| … \| \d+ more \| \d+ OK \|", cause)
    assert f"({file_name(RUN)}.svg)" in cause


def test_a_look_that_saw_nothing_is_shown_with_its_reason() -> None:
    values = (0.004, 0.005, 0.12, None, *[0.12] * 7)
    cause = section(report(Story().breach(values).decide()), "Root Cause")

    assert "| not known | UNKNOWN | timeout: no answer within 5 s |" in cause


def test_a_history_that_could_not_be_read_says_why() -> None:
    story = helped()
    unread = Point(NOON, Verdict.UNKNOWN, None, "could not be read: connection refused")
    story.tell(EvidenceCollected(RUN, ERRORS.name, "", (unread,)))

    assert "not measured: could not be read: connection refused" in report(story)


def test_what_no_source_is_declared_for_is_listed_as_not_checked() -> None:
    assert "**Not checked:** whether a change preceded" in section(report(helped()), "Root Cause")


def test_each_step_shows_what_was_sent_and_what_came_of_it() -> None:
    actions = section(report(broke_off()), "Actions Taken")

    assert "1 of 2 steps were done" in actions
    assert re.search(r"\| 1 \| Switch hybrid routing off \| `POST http.*\| ok \| 0.4 s \|", actions)
    assert "| failed | 0.4 s | `HTTP 401 Unauthorized` |" in actions
    assert "| finally 1 | Tell the system itself |" in actions


def test_what_was_taken_back_is_told_by_the_step_that_it_took_back() -> None:
    back = replace(OFF, name="Switch it on again")
    steps = (replace(OFF, undo=back), replace(OVERRIDE, on_error=OnError.COMPENSATE))
    plan = replace(PLAN, steps=steps)
    story = Story().breach().decide(plan).step(0, plan=plan)
    story.step(1, StepResult.FAILED, "HTTP 401", plan=plan)
    story.tell(StepIntended(RUN, Stage.UNDO, 0, back.name, f"{RUN}/undo/0", 1))
    story.tell(StepEnded(RUN, Stage.UNDO, 0, back.name, StepResult.OK, "200 OK"))

    actions = section(report(story.end(Outcome.FAILED, "step 2")), "Actions Taken")

    assert "1 of 2 steps were done; taken back: step 1 (Switch hybrid routing off)." in actions
    assert "| undo of 1 | Switch it on again |" in actions


def test_a_step_in_doubt_and_one_never_reached_are_told_apart() -> None:
    story = Story().breach().decide().step(0, StepResult.IN_DOUBT, "no answer")
    story.end(Outcome.INTERRUPTED, "step 1: no answer")
    actions = section(report(story), "Actions Taken")

    assert "| in doubt |" in actions
    assert "| not reached |" in actions


def test_a_step_that_was_sent_and_has_not_ended_is_under_way() -> None:
    story = under_way()
    story.tell(StepIntended(RUN, Stage.STEPS, 1, "Send all traffic to MCP", "key", 2))
    actions = section(report(story), "Actions Taken")

    assert "| under way, 2 attempts | under way | –" in actions  # noqa: RUF001
    assert re.search(r"\| finally 1 .*\| not yet \|", actions)


def test_what_was_seen_of_a_step_is_shown() -> None:
    story = under_way()
    story.tell(StepIntended(RUN, Stage.STEPS, 1, "Send all traffic to MCP", "key", 1))
    story.tell(StepObserved(RUN, Stage.STEPS, 1, Effect.NOT_APPLIED, "the flag is on"))

    assert "under way, seen to be not applied" in section(report(story), "Actions Taken")


def test_a_run_that_ended_before_its_checks_is_not_verified() -> None:
    actions = section(report(broke_off()), "Actions Taken")

    assert "Not verified: the run ended before." in actions
    assert "| healthy is ok | passing | not reached | 0 | – | – |" in actions  # noqa: RUF001


def test_a_check_that_cannot_be_known_is_shown_as_such() -> None:
    story = Story().breach().decide().step(0).step(1).verify(Proof.INCONCLUSIVE)
    actions = section(report(story), "Actions Taken")

    assert "| inconclusive | 12, 12 without an answer | not known: timeout |" in actions
    assert "Verification inconclusive" in actions


def test_a_plan_without_checks_and_watch_says_so() -> None:
    bare = replace(PLAN, steps=(), verify=(), final=(), watch=WatchPlan(short=0))
    story = Story().breach().decide(bare)
    story.tell(RunEnded(RUN, TARGET, Outcome.SUCCEEDED, "nothing to do", 0.1))

    text = report(story)

    assert "Not checked: the plan has no check." in text
    assert "- Not watched: the plan has no watch." in text
    assert "**System stable:** not measured: the plan has no watch" in text


def test_a_signal_of_time_tells_of_the_performance() -> None:
    slow = TriggerChanged(
        TARGET,
        "slow",
        Change.FIRING,
        Severity.WARNING,
        NOON + 60,
        query="histogram_quantile(0.95, x)",
        condition="above 3",
        unit="s",
        limit=3.0,
        evidence=(
            Point(NOON + 30, Verdict.OK, 1.5),
            Point(NOON + 45, Verdict.BREACH, 4.5),
            Point(NOON + 60, Verdict.BREACH, 4.0),
        ),
    )
    story = Story().breach().decide().tell(slow).step(0)

    text = report(story)

    assert "**Performance:** slow at worst 4.5 s at 12:00:45Z, in breach for 15 s" in text
    assert "`slow` fired as well" in section(text, "Summary")
    assert "### Evidence: slow" in text


def test_a_ratio_without_a_volume_is_listed_as_not_checked() -> None:
    bare = replace(TRIGGER_CHECK, signal=replace(ERRORS, has_volume=False))
    story = Story().breach().decide(replace(PLAN, verify=(bare,)))

    assert "how much traffic stands behind error\\_rate" in report(story)


def test_a_signal_of_which_nothing_was_known_is_not_measured() -> None:
    story = Story().tell(started_run(by="alice", reason="complaint"))
    story.step(0).step(1).tell(StageEntered(RUN, Stage.VERIFY)).check(0, (None, None), None)

    text = report(story)

    assert "healthy not measured: nothing was known of it" in section(text, "Impact")
    assert "not known at 12:00:05Z: timeout" in section(text, "Impact")


def test_a_step_of_a_run_by_hand_says_why_it_does_not_know_what_was_sent() -> None:
    assert "http (not recorded: started by hand)" in section(report(by_hand()), "Actions Taken")


def test_a_run_that_went_on_after_a_restart_says_so() -> None:
    story = Story().breach().decide().step(0).tell(RunResumed(RUN, 1)).step(1)

    assert "taken up 1 times after a restart" in section(report(story), "Actions Taken")


def test_validation_and_watch_are_shown() -> None:
    actions = section(report(helped()), "Actions Taken")

    assert "Verification passed: all 2 checks passed." in actions
    assert "| healthy is ok | passing | passed | 3 | passing | 10 s |" in actions
    assert "60 looks, 0 without an answer; passed" in actions


def test_messages_are_shown_with_their_delivery() -> None:
    story = helped()
    story.delivered(2).given_up(4)
    actions = section(report(story), "Actions Taken")

    assert re.search(r"firing: hybrid-routing: errors-high fires.*\| ops \| delivered", actions)
    assert "| pager | GIVEN UP after 7 attempts: 401 Unauthorized |" in actions
    assert "no delivery on record" in actions


@pytest.mark.parametrize("write", [did_not_help, broke_off, in_doubt, relapsed])
def test_after_a_run_that_did_not_help_the_next_step_is_to_look_and_clear(write: Write) -> None:
    assert f"`rollback-watchdog clear --target {TARGET} --by" in section(
        report(write()), "Next Steps"
    )


def test_every_run_opens_its_tasks_with_their_times() -> None:
    tasks = section(report(helped()), "Next Steps")

    assert "| 2026-10-23T12:33:11Z | unassigned |" in tasks
    assert "| 2026-10-23T16:03:11Z | unassigned |" in tasks
    assert "as after every run | before the next run | unassigned |" in tasks


def test_the_end_of_the_incident_is_told() -> None:
    story = helped()
    assert "the incident is open" in report(story)

    story.tell(IncidentClosed(TARGET, "inc-hybrid-routing-1"))
    assert "the incident was closed at 2026-10-23T12:18:11Z" in report(story)


def test_text_from_elsewhere_cannot_break_the_report() -> None:
    nasty = "401 | `rm` <script>alert(1)</script>\n## Summary\n| a | b |"
    story = Story().breach().decide().step(0, StepResult.FAILED, nasty)
    story.end(Outcome.FAILED, f"step 1: {nasty}")

    text = report(story)

    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    outside_code = re.sub(r"(`+).*?\1", "", text)
    assert "<script>" not in outside_code.replace("\\<", "")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b", r"`a \| b`"),
        ("say `x`", "`` say `x` ``"),
        ("two\nlines", "`two lines`"),
        ("", ""),
    ],
)
def test_code_stays_one_cell_of_a_table(text: str, written: str) -> None:
    assert code(text) == written


def test_a_query_with_backticks_stays_in_its_block() -> None:
    assert fenced("a ``` b").splitlines() == ["````", "a ``` b", "````"]
    assert plain("*a* _b_ [c](d)") == r"\*a\* \_b\_ \[c\](d)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.008, "8 ms"),
        (0.41, "0.41 s"),
        (41.23, "41.2 s"),
        (131, "2m 11s"),
        (-3, "-3 s"),
        (0, "0 ms"),
    ],
)
def test_a_lapse_is_as_exact_as_it_is_short(seconds: float, text: str) -> None:
    assert lapse(seconds) == text


# -- the picture


@every_story
def test_the_picture_is_well_formed_and_has_a_title(write: Write) -> None:
    root = picture(write())

    assert root.get("viewBox") == "0 0 960 360"
    assert root.findtext(f"{SVG}title", "").endswith("2026-10-23 UTC")


@every_story
def test_everything_in_the_picture_lies_inside_it(write: Write) -> None:
    for one in picture(write()).iter():
        for name, most in (("x", 960.0), ("cx", 960.0), ("y", 360.0), ("cy", 360.0)):
            assert 0 <= float(one.get(name, "0")) <= most


@every_story
def test_no_label_lies_over_another(write: Write) -> None:
    labels = [one for one in picture(write()).iter(f"{SVG}text") if "label" in one.get("class", "")]

    for one, other in combinations(map(_extent, labels), 2):
        same_row = one[2] == other[2]
        assert not (same_row and one[0] < other[1] and other[0] < one[1])


def _extent(label: ET.Element) -> tuple[float, float, str]:
    x, width = float(label.get("x", "")), LETTER * len(label.text or "")
    leftward = label.get("text-anchor") == "end"
    return (x - width, x, label.get("y", "")) if leftward else (x, x + width, label.get("y", ""))


def test_what_nobody_saw_is_a_gap_in_the_line_and_shaded() -> None:
    values = (0.004, 0.005, 0.12, 0.13, None, 0.12, 0.13, 0.12, 0.12, 0.12)
    whole = picture(Story().breach(tuple(0.12 if v is None else v for v in values)).decide())
    broken = picture(Story().breach(values).decide())

    assert len(list(lines(whole))) == 1
    assert len(list(lines(broken))) == 2
    assert hatched(whole) == 0
    assert hatched(broken) == 2  # the span itself, and the legend


def test_a_time_without_any_look_is_a_gap_as_well() -> None:
    story = Story().breach().decide().step(0).wait(120).step(1).verify().end()

    assert len(list(lines(picture(story)))) == 2


def lines(root: ET.Element) -> Iterator[str]:
    return (one.get("d", "") for one in root.iter(f"{SVG}path") if one.get("class") == "line")


def hatched(root: ET.Element) -> int:
    return sum(one.get("fill") == "url(#unknown)" for one in root.iter(f"{SVG}rect"))


def test_the_picture_marks_breach_threshold_and_milestones() -> None:
    texts = [one.text or "" for one in picture(helped()).iter(f"{SVG}text")]

    assert "detected, decided, first call 12:02:30" in texts
    assert "verified 12:03:10" in texts
    assert "stable 12:18:11" in texts
    assert "breach: above 10 %" in texts
    assert "in breach 2m 11s" in texts


@pytest.mark.parametrize(
    ("write", "mark"),
    [
        (broke_off, "partially applied 12:02:31"),
        (relapsed, "relapsed 12:12:11"),
        (in_doubt, "interrupted 12:02:31"),
    ],
)
def test_the_picture_marks_what_went_wrong(write: Write, mark: str) -> None:
    assert mark in [one.text for one in picture(write()).iter(f"{SVG}text")]


def test_an_infinite_value_is_drawn_at_the_edge() -> None:
    story = Story().breach((0.01, 0.01, float("inf"), *[0.2] * 8)).decide()

    assert all("inf" not in line and "nan" not in line for line in lines(picture(story)))


def test_without_a_sample_the_picture_says_so() -> None:
    texts = [one.text for one in picture(hardly_begun()).iter(f"{SVG}text")]

    assert "no sample of it was recorded" in texts


def test_names_from_elsewhere_are_escaped_in_the_picture() -> None:
    story = Story()
    for record in helped().records:
        event = record.event
        renamed = _with_target(event, "<b>&\"'" * 30)
        story.records.append(Record(record.seq, record.at, renamed))

    root = picture(story)

    assert "<b>&" in root.findtext(f"{SVG}title", "")


def _with_target(event: Any, target: str) -> Any:  # noqa: ANN401 -- any kind of event
    return replace(event, target=target) if hasattr(event, "target") else event


def test_marks_close_to_each_other_share_a_label_unless_one_is_good_and_one_bad() -> None:
    scale = Scale(0, 1000, 80, 940)
    found = [Mark(500, "detected"), Mark(500.01, "decided"), Mark(501, "failed", "bad")]

    labels = [one.label for one in placed(found, scale)]

    assert labels == ["detected, decided 00:08:20", "failed 00:08:21"]


@pytest.mark.parametrize("walls", [[990, 995, 999], [10, 100, 250], [500, 520, 540, 560, 580]])
def test_no_line_runs_through_a_label(walls: list[float]) -> None:
    kinds = ["event", "good", "bad"]
    found = [Mark(wall, f"mark {n}", kinds[n % 3]) for n, wall in enumerate(walls)]

    for one, other in combinations(placed(found, Scale(0, 1000, 80, 940)), 2):
        upper, lower = sorted((one, other), key=lambda each: each.row)
        first, last = lower.span
        assert upper.row < lower.row or first >= upper.span[1] or last <= upper.span[0]
        assert upper.row == lower.row or not first <= upper.x <= last


def test_times_are_marked_at_round_moments() -> None:
    ticks = time_ticks(Scale(NOON + 7, NOON + 1200, 0, 100), 7)

    assert [text for _, text in ticks] == ["12:05", "12:10", "12:15", "12:20"]
    assert next(text for _, text in time_ticks(Scale(NOON, NOON + 3, 0, 9), 7)) == "12:00:00"


def test_values_are_marked_at_round_numbers() -> None:
    assert round_steps(0, 0.17, 4) == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert Scale(3, 3, 10, 20).at(3) == 15


# -- the file


async def test_report_and_picture_are_written_beside_each_other(tmp_path: Path) -> None:
    records = related(helped().records, RUN)

    path = await ReportFolder(tmp_path).write("incidents/2026", RUN, records)

    text, drawn = render(records)
    assert Path(path) == tmp_path / "incidents/2026" / f"{file_name(RUN)}.md"
    assert Path(path).read_text() == text
    assert Path(path).with_suffix(".svg").read_text() == drawn
    assert f"({Path(path).with_suffix('.svg').name})" in text
    assert sorted(one.suffix for one in Path(path).parent.iterdir()) == [".md", ".svg"]


async def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path)
    first = await folder.write("r", RUN, related(under_way().records, RUN))
    second = await folder.write("r", RUN, related(helped().records, RUN))

    assert first == second
    assert "succeeded and stable" in Path(second).read_text()


async def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("a file where a folder should be")

    with pytest.raises(WatchdogError, match=f"report {RUN}` writes it"):
        await ReportFolder(tmp_path).write("r", RUN, related(helped().records, RUN))


async def test_a_report_that_cannot_be_put_in_its_place_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "r" / f"{file_name(RUN)}.svg").mkdir(parents=True)

    with pytest.raises(WatchdogError):
        await ReportFolder(tmp_path).write("r", RUN, related(helped().records, RUN))

    assert [one.suffix for one in (tmp_path / "r").iterdir()] == [".svg"]


@pytest.mark.parametrize(
    ("run", "name"),
    [("checkout-2026Z", "checkout-2026Z"), ("../../etc/x", "_.._etc_x"), ("...", "run")],
)
def test_a_run_can_name_no_file_elsewhere(run: str, name: str) -> None:
    assert file_name(run) == name
