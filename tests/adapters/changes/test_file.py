import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.bed.deps import real_deps
from watchdog.adapters.changes.file import Options, plugin
from watchdog.adapters.told_changes import NEWEST
from watchdog.domain.change import ChangeKind, News
from watchdog.domain.errors import ConfigError, TransientError


async def read(path: Path) -> list[News]:
    async with real_deps() as deps:
        source = plugin.build(Options(path=str(path)), deps)
        news = list(await source.news())
        await source.close()
    return news


def line(version: str, at: object = 1_767_225_600, **more: object) -> str:
    return json.dumps({"version": version, "at": at, **more}) + "\n"


async def test_each_line_is_a_change_oldest_first(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    more = {"previous": "v1", "by": "ann", "kind": "config", "reference": "job 7"}
    file.write_text(line("v2", "2026-01-01T00:01:00Z", **more) + "\n" + line("v1"))

    assert await read(file) == [
        News("v1", 1_767_225_600.0),
        News("v2", 1_767_225_660.0, "v1", "ann", ChangeKind.CONFIG, "job 7"),
    ]


async def test_a_line_that_is_still_being_written_is_no_line_yet(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    file.write_text(line("v1") + line("v2")[:20])

    assert [news.version for news in await read(file)] == ["v1"]


async def test_a_wrong_line_further_up_hides_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    file.write_text(line("v1") + "oops\n" + "[" * 100_000 + "\n" + line("v2"))

    assert [news.version for news in await read(file)] == ["v1", "v2"]


async def test_a_wrong_last_line_is_an_error_that_says_why(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    file.write_text(line("v1") + '{"verison": "v2"}\n')

    with pytest.raises(ConfigError, match=r"the last line is no change: version: field required"):
        await read(file)


async def test_of_a_long_file_only_the_end_is_read(tmp_path: Path) -> None:
    file = tmp_path / "deploys"
    file.write_text("".join(line(f"v{number}", 1e9 + number) for number in range(20_000)))

    news = await read(file)

    assert len(news) == NEWEST
    assert news[-1].version == "v19999"


async def test_a_file_that_is_missing_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="no such file"):
        await read(tmp_path / "nothing")


async def test_an_empty_file_tells_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "deploys").touch()

    assert await read(tmp_path / "deploys") == []


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(ValidationError, match="relative"):
        Options(path="deploys.jsonl")
