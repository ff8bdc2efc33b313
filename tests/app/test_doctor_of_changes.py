import json
from dataclasses import replace
from pathlib import Path

from tests.bed.deps import now, real_deps
from tests.builders import a_target
from watchdog.app.doctor_of_changes import changes_of_target
from watchdog.app.examined import Examined, Health
from watchdog.domain.target import ChangeRules, ChangeSourceSpec


async def examined(
    file: Path, variable: str = "CI_TOKEN", listen: str = "127.0.0.1:9095"
) -> list[Examined]:
    spec = ChangeSourceSpec("file", "file", {"path": str(file)}, 30.0)
    target = replace(a_target(), changes=ChangeRules((spec,), {"env": variable}))
    async with real_deps(CI_TOKEN="hush-hush") as deps:
        return await changes_of_target(target, deps, listen)


async def test_the_doctor_says_what_each_source_told_last(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    file.write_text('{"version": "v1", "at": "2026-01-01T00:00:00Z"}\n')

    source, ci = await examined(file)

    assert (source.health, source.text) == (Health.OK, "the last of 1: v1 at 2026-01-01T00:00:00Z")
    assert ci.health is Health.OK
    assert "hush-hush" not in ci.text


async def test_the_doctor_says_what_is_wrong_with_a_source_or_the_token(tmp_path: Path) -> None:
    source, ci = await examined(tmp_path / "nothing", variable="NO_SUCH")

    assert (source.health, ci.health) == (Health.WRONG, Health.WRONG)
    assert "no such file" in source.text


async def test_the_doctor_does_not_believe_in_the_future(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    file.write_text(json.dumps({"version": "v1", "at": now().wall + 9999}) + "\n")

    (source, _) = await examined(file)

    assert source.health is Health.WRONG
    assert "begin" in source.text


async def test_a_webhook_without_pages_is_said(tmp_path: Path) -> None:
    (tmp_path / "deploys").touch()

    (_, ci) = await examined(tmp_path / "deploys", listen="")

    assert ci.health is Health.WRONG
    assert "`listen`" in ci.text


async def test_a_source_without_news_is_worth_a_note(tmp_path: Path) -> None:
    (tmp_path / "deploys").touch()

    assert (await examined(tmp_path / "deploys"))[0].health is Health.NOTE


async def test_without_changes_there_is_nothing_to_look_at() -> None:
    async with real_deps() as deps:
        assert await changes_of_target(a_target(), deps, "") == []
