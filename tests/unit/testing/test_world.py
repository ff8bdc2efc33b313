import asyncio
from contextlib import nullcontext

import pytest

from tests.builders import a_look, a_step
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError
from watchdog.domain.events import Effect
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Sample, Unknown
from watchdog.ports import Finding, Question
from watchdog.testing.virtual_time import VirtualClock, virtually
from watchdog.testing.world import (
    Reply,
    ScriptedSource,
    World,
    WorldEyes,
    WorldHands,
    WorldSource,
    observation,
    tokens,
)

KEY = "r1/steps/0"


def a_world() -> World:
    return World(VirtualClock())


def test_a_tape_is_read_word_by_word() -> None:
    assert tokens("0.2*3 err _") == ["0.2", "0.2", "0.2", "err", "_"]


def test_a_token_says_what_a_source_would() -> None:
    assert observation("0.2") == Sample((0.2,))
    assert observation("_") == Sample(())
    assert observation("two") == Sample((1.0, 2.0))
    assert observation("partly:2.0") == Sample((2.0,), warnings=("partly",))
    for token, reason in {
        "err": Unknown.ERROR,
        "timeout": Unknown.TIMEOUT,
        "http": Unknown.HTTP,
        "parse": Unknown.PARSE,
        "quiet": Unknown.LOW_VOLUME,
    }.items():
        seen = observation(token)
        assert isinstance(seen, Gap)
        assert seen.reason is reason
    for token in ("nan", "inf", "stale"):
        assert isinstance(observation(token), Sample)
    with pytest.raises(ValueError, match="could not convert"):
        observation("gibberish")


@virtually
async def test_a_scripted_source_answers_by_slot_and_stays_with_its_last_word() -> None:
    source = ScriptedSource({"errors": "0 1 err"}, every=15.0)
    questions = [Question("errors", {}), Question("unheard of", {})]

    seen = [await source.observe(questions, Moment(slot * 15.0, 0.0)) for slot in range(5)]

    assert [one["errors"] for one in seen] == [
        observation(token) for token in ("0", "1", "err", "err", "err")
    ]
    assert "unheard of" not in seen[0]
    await source.close()
    assert source.closed


@virtually
async def test_a_scripted_source_may_hang() -> None:
    source = ScriptedSource({"errors": "hang"}, every=15.0)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await source.observe([Question("errors", {})], Moment(0.0, 0.0))


@virtually
async def test_the_world_says_what_it_was_told_to_whoever_looks() -> None:
    world = a_world()
    world.says("errors", 0.2)
    source, eyes = WorldSource(world), WorldEyes(world)
    at = world.clock.now()

    assert await source.observe([Question("q", {"signal": "errors"})], at) == {"q": Sample((0.2,))}
    assert await eyes.look(a_look("errors"), at) == Sample((0.2,))
    nothing = await eyes.look(a_look("unheard of"), at)
    assert isinstance(nothing, Gap)
    assert [look.ask["signal"] for look, _ in eyes.looks] == ["errors", "unheard of"]
    await source.close()


@pytest.mark.parametrize(
    ("reply", "error", "acts"),
    [
        (Reply.WORKS, None, True),
        (Reply.REFUSED, TransientError, False),
        (Reply.DENIED, PermanentError, False),
        (Reply.LOST, InDoubtError, True),
        (Reply.DROPPED, InDoubtError, False),
        (Reply.LATE, InDoubtError, True),
        (Reply.HANGS, TimeoutError, False),
        (Reply.HANGS_DONE, TimeoutError, True),
    ],
)
def test_a_request_goes_as_the_script_says(
    reply: Reply,
    error: type[Exception] | None,
    acts: bool,
) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.will("flag off", reply)
        hands, eyes = WorldHands(world), WorldEyes(world)
        executor = hands.executor(a_step("flag off"))
        with pytest.raises(error) if error else nullcontext():
            async with asyncio.timeout(5):
                assert await executor.execute(KEY) == "200 OK"
        effect, _ = await eyes.probe(a_step("flag off")).inspect(KEY)
        assert effect is (
            Effect.APPLIED if acts and reply is not Reply.LATE else Effect.NOT_APPLIED
        )
        await asyncio.sleep(world.late)

        assert world.names == (["flag off"] if acts else [])
        assert [sent.key for sent in world.sends] == [KEY]
        assert hands.built == ["flag off"]

    scenario()


@virtually
async def test_a_stubborn_world_finishes_what_nobody_waits_for() -> None:
    for stubborn in (False, True):
        world = a_world()
        world.stubborn = stubborn
        world.takes["flag off"] = 10
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await world.request(KEY, "flag off")
        assert world.names == []
        await asyncio.sleep(world.late)

        assert bool(world.names) is stubborn


@virtually
async def test_a_probe_tells_what_the_world_lets_it() -> None:
    world = a_world()
    probe = WorldEyes(world).probe(a_step("flag off"))
    assert await probe.preflight() == []
    assert probe.render() == "make flag off"

    world.findings["flag off"] = Finding(ok=False, text="no token")
    world.ponders = 5
    assert [finding.text for finding in await probe.preflight()] == ["no token"]
    assert asyncio.get_running_loop().time() == 5

    world.blind = True
    assert (await probe.inspect(KEY))[0] is Effect.UNKNOWN
