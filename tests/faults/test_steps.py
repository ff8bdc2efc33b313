"""What becomes of a step whose other side goes wrong: one daemon, a target for each case."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bed.wire import free_port
from tests.faults.admin_api import AdminApi
from tests.faults.fates import CASES, REPEATS, ROWS, Case, Fate
from tests.faults.site import a_site, a_step, a_target
from watchdog.domain.events import NotificationDelivered, Record
from watchdog.domain.progress import RunEnded, RunStarted, StepEnded

DOCUMENT = Path(__file__).parents[2] / "docs/reliability.md"
# Long enough for a late effect to be seen, whatever else the machine does.
SETTLE = "1500ms"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is left once every run is over, the daemon was killed, and another one has looked."""

    api: AdminApi
    records: Sequence[Record]
    sent_before_the_kill: Sequence[str]

    def of(self, case: Case) -> Fate:
        step = f"{case.name}/mend"
        (outcome,) = (
            record.event.outcome.value
            for record in self.records
            if isinstance(record.event, RunEnded) and record.event.target == case.name
        )
        return Fate(outcome, len(self.api.posts(step)), self.api.effects[step])

    def ended(self, case: Case) -> StepEnded:
        """How the step under test ended."""
        runs = {
            record.event.run: record.event.target
            for record in self.records
            if isinstance(record.event, RunStarted)
        }
        return next(
            record.event
            for record in self.records
            if isinstance(record.event, StepEnded) and runs[record.event.run] == case.name
        )


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    return asyncio.run(_let_it_happen(tmp_path_factory.mktemp("steps")))


async def _let_it_happen(folder: Path) -> Aftermath:
    async with a_site(folder) as site:
        nobody = f"http://127.0.0.1:{await free_port()}/do/"
        targets = [_target(site.api, case, nobody) for case in CASES]
        notify = [{"on": ["failed", "verified"], "to": ["pager"]}]
        site.write(*targets, defaults={"notify": notify})
        for case in CASES:
            site.api.bad.add(case.name)
            if case.row.fault is not None:
                site.api.faults[f"{case.name}/mend"] = case.row.fault()
        async with site.at_work():
            await site.until_event(RunEnded, len(CASES))
            # The last thing that a run does is to tell how it ended. A page whose delivery was not
            # recorded yet would be sent again after the kill, as it must be.
            await site.until_event(NotificationDelivered, len(CASES), channel="pager")
            before = site.api.sent
            await site.kill()
        site.api.looks.clear()
        async with site.at_work():
            # What is unhealthy still fires, and nothing but its latch holds it.
            await site.until(
                lambda: all(site.api.looks[name] > 3 for name in site.api.bad), "it has looked"
            )
            code, _ = await site.stop()
        assert code == 0, site.log
        await site.assert_sound()
        return Aftermath(site.api, await site.records(), before)


def _target(api: AdminApi, case: Case, nobody: str) -> dict[str, object]:
    step = a_step(
        api, f"{case.name}/mend", case.repeat, timeout=f"{case.row.waits}s", settle=SETTLE
    )
    if case.row.fault is None:
        step["with"] = {"url": f"{nobody}{case.name}/mend"}
    after = a_step(api, f"{case.name}/after", "idempotent")
    target = a_target(api, step, after, name=case.name)
    # Fifty targets in one process: each looks once a second.
    target["sources"]["health"]["every"] = "1s"
    return target


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row.what} - {case.repeat}")
def test_a_step_comes_to_the_end_that_the_table_says(aftermath: Aftermath, case: Case) -> None:
    assert aftermath.of(case) == case.fate
    after = aftermath.api.posts(f"{case.name}/after")
    # Of "200, yet nothing done" only a look tells, and two of the three have none.
    believed = case.row.what == "answers 200, yet does nothing" and case.repeat != "observable"
    assert len(after) == (case.fate.outcome == "succeeded" or believed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row.what} - {case.repeat}")
def test_nothing_that_can_be_seen_or_must_not_be_repeated_is_done_twice(
    aftermath: Aftermath, case: Case
) -> None:
    assert aftermath.api.effects[f"{case.name}/mend"] <= (2 if case.repeat == "idempotent" else 1)


def test_after_a_restart_nothing_further_is_sent(aftermath: Aftermath) -> None:
    assert aftermath.api.sent == aftermath.sent_before_the_kill


@pytest.mark.parametrize("repeat", REPEATS)
def test_a_refused_token_is_said_to_be_one(aftermath: Aftermath, repeat: str) -> None:
    (case,) = (one for one in CASES if one.row.what == "answers 401" and one.repeat == repeat)

    (page,) = aftermath.api.told("failed", case.name)
    assert "401 Unauthorized: the credentials were refused" in page["text"]
    assert "the credentials were refused" in aftermath.ended(case).detail


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row.what} - {case.repeat}")
def test_whatever_did_not_succeed_wakes_somebody_up(aftermath: Aftermath, case: Case) -> None:
    told = aftermath.api.told("failed", case.name)

    assert [page["severity"] for page in told] == ["critical"] * (case.fate.outcome != "succeeded")


def test_the_table_stands_in_the_documentation() -> None:
    lines = DOCUMENT.read_text().splitlines()

    assert [str(row) for row in ROWS if str(row) not in lines] == []
