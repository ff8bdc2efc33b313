"""The planted bugs still have their place, and a few of them are hunted with every change."""

from pathlib import Path

import pytest

from tests.mutants.hunt import ROOT, copy, fits, hunt
from tests.mutants.planted import BUGS, FEW, Bug
from tests.mutants.planted_runs import ALL_BUGS


@pytest.mark.parametrize("bug", ALL_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_has_its_place_and_its_tests(bug: Bug) -> None:
    assert fits(bug), f"{bug.file} does not hold {bug.old!r} once"
    for test in bug.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text() if name else (ROOT / file).exists()


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    assert len({bug.name for bug in ALL_BUGS}) == len(ALL_BUGS) >= 50


def test_a_few_are_caught_by_name(tmp_path: Path) -> None:
    copied = copy(tmp_path)
    few = [bug for bug in BUGS if bug.name in FEW]
    assert len(few) == len(FEW)

    found = [hunt(bug, copied) for bug in few]

    assert [one.bug.name for one in found if one.survived] == []


def test_what_does_not_apply_any_more_counts_as_survived(tmp_path: Path) -> None:
    copied = copy(tmp_path)
    lost = Bug("lost", BUGS[0].file, "this stands nowhere", "", BUGS[0].tests)

    found = hunt(lost, copied)

    assert found.survived
    assert "does not apply any more" in found.trouble
