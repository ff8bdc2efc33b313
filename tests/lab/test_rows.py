"""The short form of every other row of the fault lab, and of the table that they make."""

from pathlib import Path

import pytest

from tests.lab.boundaries import failpoints, listed
from tests.lab.clocks import clocks
from tests.lab.disks import KINDS, disks
from tests.lab.network import DEPENDENCIES, network
from tests.lab.outage import outage
from tests.lab.proxy import Toxic
from tests.lab.row import Row, percentile
from tests.lab.rows import ROWS
from tests.lab.sizes import DEFAULTS, size

SEED = 11
MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.timeout(300)
async def test_faults_at_boundaries_are_survived(tmp_path: Path) -> None:
    row = await failpoints(tmp_path, 0, SEED, 4, only=16)

    assert row.problems == []
    assert row.injected == 16


@pytest.mark.timeout(300)
async def test_faults_of_the_disk_are_survived(tmp_path: Path) -> None:
    row = await disks(tmp_path, 1, SEED, 4)

    assert row.problems == []
    assert row.injected >= len(KINDS) - 2


@pytest.mark.timeout(300)
async def test_pauses_and_wrong_clocks_are_survived(tmp_path: Path) -> None:
    row = await clocks(tmp_path, 1, SEED, lengths=(4.0,), only=8)

    assert row.problems == []
    assert row.injected == 8


@pytest.mark.timeout(300)
async def test_no_page_is_lost_in_an_outage(tmp_path: Path) -> None:
    row = await outage(tmp_path, 20, SEED, 4)

    assert row.problems == []
    assert row.injected == 20


@pytest.mark.timeout(300)
async def test_a_network_that_loses_answers_is_survived(tmp_path: Path) -> None:
    row = await network(tmp_path, 1, SEED, (Toxic.RESET_ANSWER,))

    assert row.problems == []
    assert row.injected == len(DEPENDENCIES)


def test_every_row_has_a_target_of_its_own_and_every_size_a_default() -> None:
    makefile = MAKEFILE.read_text()

    assert all(f"faults-{name}" in makefile for name in ROWS)
    assert all(size(name) > 0 for name in DEFAULTS)


def test_what_did_not_survive_is_counted_and_told() -> None:
    row = Row("x", "faults", "make faults-x", "7")
    row.judge(3, [], "a")
    row.judge(2, ["it broke"], "b")

    assert (row.injected, row.survived, row.problems, row.fine) == (5, 3, ["b: it broke"], False)
    assert str(row) == "| faults | 5 | 3 | 7 | 0 s | `make faults-x` |"


def test_nothing_injected_is_nothing_survived() -> None:
    assert not Row("x", "faults", "").fine


def test_the_boundaries_of_one_call_stand_in_one_line_in_order() -> None:
    found = dict.fromkeys(("append A | after", "append A | before", "append A | at its sync"))

    assert listed(found) == ["append A: before, at its sync, after"]


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 2.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == value
