from collections.abc import Callable
from pathlib import Path

import pytest

MISSING = "no-program-has-this-name"


def test_a_program_that_is_installed_is_given_by_path(
    require_program: Callable[[str], str],
) -> None:
    assert Path(require_program("sh")).is_absolute()


def test_a_missing_program_skips_the_test(
    require_program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=MISSING):
        require_program(MISSING)


def test_a_missing_program_fails_the_test_in_ci(
    require_program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match=MISSING):
        require_program(MISSING)
