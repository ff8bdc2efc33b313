"""What the documentation lists is what there is, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from watchdog.domain.decision import REASONS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_every_reason_not_to_act_has_its_row() -> None:
    rows = [line for line in (ROOT / "docs/refusals.md").read_text().splitlines() if "| `" in line]

    assert rows == [f"| `{reason.value}` | {text} |" for reason, text in REASONS.items()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    links = _LINK.findall(page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
