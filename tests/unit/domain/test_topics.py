from pathlib import Path

import pytest

from watchdog.domain.topics import MEANINGS, Topic

DOCS = Path(__file__).parents[3] / "docs/notifications.md"


@pytest.mark.parametrize("topic", list(Topic))
def test_every_topic_is_documented_in_its_own_words(topic: Topic) -> None:
    (row,) = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{topic}` |")]

    assert MEANINGS[topic] in row
