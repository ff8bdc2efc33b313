"""The engine does what an independent model of it says, whatever is done to both.

The short form; `make faults-model` plays 500 sequences of 50 steps. What fails is printed.
"""

from pathlib import Path

import pytest

from tests.model.hunt import NEEDED, hunted, replayed, run
from tests.model.pair import BY_HAND, PEOPLE, WORLD, DivergedError, Pair
from tests.storms.planted import PLANTED
from watchdog.domain.events import RunStarted

SEED = 2
# Too rare for a short form to come by each time.
RARE = 16


def test_the_engine_and_its_model_tell_the_same_story() -> None:
    played = run(60, SEED, 40)

    assert played.diverged == ""
    assert played.counts["steps"] >= 1500
    assert len(played.missing) <= RARE, played.missing


def test_they_do_with_a_journal_in_a_file() -> None:
    played = run(12, SEED, 30, sqlite=True)

    assert played.diverged == ""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_diverges(bug: str) -> None:
    assert hunted(bug).how != "", f"the model does not see: {bug}"


def test_the_moves_that_a_failure_prints_lead_there_again() -> None:
    bug = "what is over cancels the run"
    caught = hunted(bug)

    again = [replayed(caught.story, parts=PLANTED[bug][0]) for _ in range(3)]

    assert {f"DivergedError: {one}" for one in again} == {caught.how}
    assert replayed(caught.story) == ""


def test_what_every_rule_needs_is_named_once() -> None:
    assert len(set(NEEDED)) == len(NEEDED)


def test_a_model_that_is_wrong_is_told_so() -> None:
    pair = Pair()
    pair.second(PEOPLE)
    pair.system.pause("shop")

    with pytest.raises(DivergedError, match="refusals"):
        pair.compare()
    pair.close()


def test_runs_of_the_same_wall_clock_moment_have_names_of_their_own() -> None:
    """A clock that stepped back comes by each moment twice, and a restart remembers no name."""
    pair = Pair()
    for seconds in (0, -33):
        pair.step_clock(seconds)
        began = pair.now
        pair.second(BY_HAND)
        assert pair.by_hand("shop", "cut")
        pair.second(WORLD)
        pair.system.world.answer("shop", "denied", acts=False)
        pair.of["shop"].answered("denied")
        pair.compare()
        pair.crash(1)
        pair.to(began + 33 * 100)

    names = [r.event.run for r in pair.system.journal.records if isinstance(r.event, RunStarted)]
    pair.close()
    assert len(set(names)) == 2, names


def test_the_model_shares_no_code_with_the_engine() -> None:
    for file in Path(__file__).parent.glob("reference*.py"):
        assert "watchdog" not in file.read_text(), file
