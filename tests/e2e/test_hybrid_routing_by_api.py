"""Acceptance on the shipped file: people answer over HTTP, each with a token of their own."""

from pathlib import Path

from tests.bed.acts import Client
from tests.bed.end_block import assert_end_block
from tests.bed.hybrid import Scene, scene
from tests.bed.patience import until
from tests.bed.scenarios import scenario
from watchdog.domain.asking import Via
from watchdog.domain.events import CommandReceived, CommandRefused, RunEnded, RunStarted
from watchdog.domain.progress import Outcome
from watchdog.domain.requests import ApprovalGiven, ApprovalRefused, ApprovalRequested
from watchdog.testing.hybrid_service import DISABLE_ALL, FULL_CHECK, REPORT, RESTART, RESTORE

CARLA, ZOE, ZOE_READS = (
    "carlas-token-0123456789",
    "zoes-token-0123456789",
    "zoes-other-token-0123456789",
)


def tokens(folder: Path) -> dict[str, object]:
    """The CTO may act; an intern has a token that may, and one that only reads."""
    scopes = {CARLA: ("read", "act"), ZOE: ("read", "act"), ZOE_READS: ("read",)}
    entries = []
    for number, (token, those) in enumerate(scopes.items()):
        place = folder / f"token-{number}"
        place.write_text(token)
        person = "carla" if token == CARLA else "zoe"
        entries.append({"person": person, "token": {"file": str(place)}, "scopes": those})
    return {"tokens": entries}


@scenario
async def test_e0_5_the_cto_agrees_over_http_and_an_intern_cannot(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus, api=tokens(folder)) as on:
        on.service.system.unhealthy |= {"ai-orchestrator", "mcp-router"}
        asked = (await on.until_event(ApprovalRequested)).event
        assert isinstance(asked, ApprovalRequested)
        await until(lambda: "approve ask-" in str(on.service.pages), "people are asked")
        client = Client(f"http://{on.listen}")
        words = {"request": asked.request, "reason": "let us"}
        nobody = await client.act("approve", "an-invented-token-0123456789", **words)
        reader = await client.act("approve", ZOE_READS, **words)
        intern = await client.act("approve", ZOE, **words)
        assert on.calls == []
        yes = await client.act("approve", CARLA, key="the-yes", **words)
        again = await client.act("approve", CARLA, key="the-yes", **words)
        await on.until_called(REPORT)
        await on.until_event(RunEnded)

        statuses = [one.status for one in (nobody, reader, intern, yes, again)]
        assert statuses == [401, 403, 409, 200, 200]
        assert "wrong_role" in intern.body["error"]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert on.calls == [DISABLE_ALL, RESTORE, RESTART, FULL_CHECK, REPORT]
        await assert_it_is_on_record(on, asked.request)
        await assert_end_block(on, Outcome.SUCCEEDED)
        for token in (CARLA, ZOE, ZOE_READS):
            assert token not in on.log + str(on.service.pages)


async def assert_it_is_on_record(on: Scene, request: str) -> None:
    """Who agreed, by what way, who could not, and on what the run began."""
    (given,) = await on.events(ApprovalGiven)
    assert (given.by, given.roles) == ("carla", ("cto",))
    assert [one.by for one in await on.events(ApprovalRefused)] == ["zoe"]
    assert [(one.by, one.status) for one in await on.events(CommandRefused)] == [("zoe", 403)]
    received = await on.events(CommandReceived)
    assert [(one.by, one.via) for one in received] == [("zoe", Via.API), ("carla", Via.API)]
    (started,) = await on.events(RunStarted)
    assert started.approval == request
