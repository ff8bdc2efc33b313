"""A person gives a signal on the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.command_line import called, daemon
from tests.bed.inbound import write_inbound_files
from tests.bed.shop import Shop, a_shop, wait_until


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def test_a_signal_by_hand_does_what_the_file_says_of_it(shop: Shop, tmp_path: Path) -> None:
    file = write_inbound_files(tmp_path, shop)
    socket = tmp_path / "state/journal.sock"
    why = ("--reason", "a call from the bank", "--by", "Ann")
    with daemon(file) as running:
        unknown = called("signal", file, "fire", "--target", "shop", *why)
        nowhere = called("signal", "basket", "fraud", *why, "--socket", socket)
        soon = called("signal", file, "fraud", "--for", "soon", *why)
        given = called("signal", file, "fraud", "--target", "shop", "--for", "5m", *why)
        running.wait_for("run_ended")
        taken = called("signal", file, "fraud", "--target", "shop", "--withdraw", "--json", *why)
        wait_until(
            lambda: {one["verdict"] for one in running.target["triggers"]} == {"ok"}, "it is over"
        )

    assert (unknown.code, nowhere.code, soon.code) == (2, 2, 2)
    assert "there is no signal 'fire' that target shop asks for; there are: fraud" in unknown.err
    assert "there is no target 'basket'" in nowhere.err
    assert given.out == (
        "signal fraud of target shop is given by Ann for 5m, or until it is withdrawn\n"
    )
    assert taken.json["done"] == "signal fraud of target shop is withdrawn by Ann"
    assert shop.undone == 1


def test_the_doctor_finds_nothing_wrong_with_a_signal_that_only_a_daemon_hears(
    shop: Shop, tmp_path: Path
) -> None:
    said = called("doctor", write_inbound_files(tmp_path, shop))

    assert said.code == 0, said.out + said.err
    assert "signal fraud" in said.out
