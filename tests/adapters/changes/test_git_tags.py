import os
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.bed.deps import real_deps
from watchdog.adapters.changes.git_tags import Options, plugin
from watchdog.adapters.told_changes import NEWEST
from watchdog.domain.change import News
from watchdog.domain.errors import TransientError

EPOCH = 1_767_225_600


def git(folder: Path, *words: str, at: int = EPOCH) -> None:
    who = {"NAME": "ann", "EMAIL": "ann@example.org", "DATE": f"{at} +0000"}
    env = {f"GIT_{role}_{key}": one for role in ("AUTHOR", "COMMITTER") for key, one in who.items()}
    subprocess.run(
        ["git", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **env},
        check=True,
        capture_output=True,
        timeout=20,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    return tmp_path


async def tags(folder: Path, **options: object) -> list[News]:
    async with real_deps() as deps:
        chosen = Options.model_validate({"repository": str(folder), **options})
        source = plugin.build(chosen, deps)
        news = list(await source.news())
        await source.close()
    return news


async def test_an_annotated_tag_has_the_time_of_its_making(repository: Path) -> None:
    git(repository, "tag", "v1")
    git(repository, "tag", "-a", "v2", "-m", "second", at=EPOCH + 60)

    assert await tags(repository) == [News("v1", EPOCH), News("v2", EPOCH + 60)]


async def test_only_tags_that_match_are_releases(repository: Path) -> None:
    git(repository, "tag", "nightly")
    git(repository, "tag", "v1")
    git(repository, "tag", "release/7")

    assert [news.version for news in await tags(repository, match="v*")] == ["v1"]
    assert [news.version for news in await tags(repository, match="release/*")] == ["release/7"]


async def test_of_many_tags_the_newest_few_are_told(repository: Path) -> None:
    for number in range(NEWEST + 5):
        git(repository, "tag", "-a", f"v{number}", "-m", "x", at=EPOCH + number)

    told = [news.version for news in await tags(repository)]

    assert told == [f"v{number}" for number in range(5, NEWEST + 5)]


async def test_a_repository_without_tags_tells_of_nothing(repository: Path) -> None:
    assert await tags(repository) == []


async def test_a_folder_that_is_no_repository_is_an_error_in_gits_words(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="not a git repository"):
        await tags(tmp_path)


async def test_nothing_in_the_repository_is_changed(repository: Path) -> None:
    git(repository, "tag", "v1")
    before = sorted((path, path.stat().st_mtime_ns) for path in repository.rglob("*"))
    await tags(repository)

    assert sorted((path, path.stat().st_mtime_ns) for path in repository.rglob("*")) == before


@pytest.mark.parametrize(
    "options", [{"match": "v*; ls"}, {"match": ""}, {"repository": "."}, {"branch": "main"}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"repository": "/srv/app", **options})
