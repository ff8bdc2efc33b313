"""The pictures in docs/triggers.md show what the state machine does, today.

After a change: `python -m tests.architecture.test_trigger_pictures` draws them anew.
"""

from pathlib import Path

import pytest

from tests.bed.trigger_pictures import STORIES, picture

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = DOCS / "images/triggers"


@pytest.mark.parametrize("name", STORIES)
def test_a_picture_shows_what_the_state_machine_does(name: str) -> None:
    assert (PICTURES / f"{name}.svg").read_text(encoding="utf-8") == picture(STORIES[name])


def test_every_picture_is_shown_on_the_page() -> None:
    page = (DOCS / "triggers.md").read_text(encoding="utf-8")

    assert [name for name in STORIES if f"images/triggers/{name}.svg" not in page] == []
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(STORIES)


if __name__ == "__main__":
    for name, story in STORIES.items():
        (PICTURES / f"{name}.svg").write_text(picture(story), encoding="utf-8")
