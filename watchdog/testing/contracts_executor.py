"""What every executor must pass, ours and other people's, against a world that keeps count.

A test class inherits `ExecutorContract` and has a fixture `case` that yields an ExecutorCase.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from watchdog.domain.errors import InDoubtError, PermanentError
from watchdog.domain.events import Effect
from watchdog.plugins import AnyExecutorPlugin
from watchdog.ports import Deps, Finding

KEY = "run-7/step-2"
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class ExecutorCase:
    """One executor, options for each situation, and the world it changes.

    `keys` are those of the changes that reached the world so far, in order. `secret` is the
    value of a secret that all options refer to. Of the options, `works` succeed; `loses` make
    the change and then lose the answer; `hangs` never end by themselves; each of `defects` has
    one fault that preflight must see. `left_over` names what runs on for a step.
    """

    plugin: AnyExecutorPlugin
    deps: Deps
    secret: str
    works: BaseModel
    loses: BaseModel
    hangs: BaseModel
    defects: Mapping[str, BaseModel]
    keys: Callable[[], Sequence[str]]
    left_over: Callable[[], Sequence[object]]


class ExecutorContract:
    """Inherit it, and add the fixture `case`."""

    async def test_a_step_is_done_once_under_its_key(self, case: ExecutorCase) -> None:
        answer = await case.plugin.build(case.works, case.deps).execute(KEY)

        assert list(case.keys()) == [KEY]
        assert answer
        assert_fit_to_be_told(answer, case)

    async def test_a_step_whose_answer_is_lost_is_in_doubt(self, case: ExecutorCase) -> None:
        with pytest.raises(InDoubtError) as error:
            await case.plugin.build(case.loses, case.deps).execute(KEY)

        assert list(case.keys()) == [KEY]
        assert_fit_to_be_told(str(error.value), case)

    async def test_the_half_that_looks_changes_nothing(self, case: ExecutorCase) -> None:
        for options in (case.works, case.loses, case.hangs, *case.defects.values()):
            probe = case.plugin.probe(options, case.deps)
            await probe.preflight()
            probe.render()
            await probe.inspect(KEY)

        assert not hasattr(case.plugin.probe(case.works, case.deps), "execute")
        assert list(case.keys()) == []
        assert list(case.left_over()) == []

    async def test_a_step_without_a_defect_passes_preflight(self, case: ExecutorCase) -> None:
        findings = await case.plugin.probe(case.works, case.deps).preflight()

        assert refusals(findings) == []
        assert findings

    async def test_a_defect_is_seen_before_anything_is_changed(self, case: ExecutorCase) -> None:
        for name, options in case.defects.items():
            seen = refusals(await case.plugin.probe(options, case.deps).preflight())
            assert seen, f"preflight does not see: {name}"
            for text in seen:
                assert_fit_to_be_told(text, case)

            with pytest.raises(PermanentError) as error:
                await case.plugin.build(options, case.deps).execute(KEY)
            assert_fit_to_be_told(str(error.value), case)

        assert case.defects
        assert list(case.keys()) == []

    async def test_what_would_be_sent_is_shown_in_one_line_without_secrets(
        self, case: ExecutorCase
    ) -> None:
        for options in (case.works, *case.defects.values()):
            probe = case.plugin.probe(options, case.deps)
            assert_fit_to_be_told(probe.render(), case)
            await probe.preflight()
            assert_fit_to_be_told(probe.render(), case)

    async def test_a_look_never_claims_more_than_it_knows(self, case: ExecutorCase) -> None:
        effect, why = await case.plugin.probe(case.works, case.deps).inspect(KEY)

        assert effect is not Effect.APPLIED
        assert_fit_to_be_told(why, case)

    async def test_a_cancelled_step_leaves_nothing_running(self, case: ExecutorCase) -> None:
        executor = case.plugin.build(case.hangs, case.deps)
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as tasks:
            step = tasks.create_task(executor.execute(KEY))
            while not case.keys():
                assert not step.done(), "it ended before it had begun"
                await asyncio.sleep(0.005)
            assert list(case.left_over()) != [], "nothing runs, so nothing could be left over"
            step.cancel()

        assert step.cancelled()
        async with asyncio.timeout(_PATIENCE):
            while case.left_over():  # noqa: ASYNC110 (the world cannot tell when)
                await asyncio.sleep(0.005)


def refusals(findings: Sequence[Finding]) -> list[str]:
    """The texts of those findings that stop a run."""
    return [finding.text for finding in findings if not finding.ok]


def assert_fit_to_be_told(text: str, case: ExecutorCase) -> None:
    """One line, and no secret in it."""
    assert text.splitlines() == [text]
    assert case.secret not in text
