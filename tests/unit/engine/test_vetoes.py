from dataclasses import replace

import pytest

from tests.builders import a_target, a_trigger, at
from watchdog.domain.account import Account
from watchdog.domain.decision import Facts, Reason, decide, standing_refusals
from watchdog.domain.matrix import Proposal
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.target import Limits, Mode, Veto
from watchdog.domain.trigger import Severity
from watchdog.engine.sights import Looked
from watchdog.engine.vetoes import Vetoes

# The source `prometheus` of the builders is asked every 15 s.
YES, NO = Sample((1.0,), note="silence by ann"), Sample((0.0,))


def vetoes(veto: Veto | None = None) -> Vetoes:
    target = a_target(a_trigger("silenced"))
    return Vetoes(replace(target, vetoes=(veto or Veto("silenced"),)))


def a_round(seen: Observation | None, when: str = "15s", source: str = "prometheus") -> Looked:
    return Looked(source, 1, at(when), {} if seen is None else {"silenced": seen})


def test_a_yes_forbids_in_the_words_of_its_source() -> None:
    held = vetoes()
    held.take(a_round(YES))

    assert held.standing(at("16s")) == "silenced: silence by ann"


def test_a_no_forbids_nothing() -> None:
    held = vetoes()
    held.take(a_round(YES))
    held.take(a_round(NO, "30s"))

    assert held.standing(at("31s")) == ""


@pytest.mark.parametrize(
    "seen", [Gap(Unknown.TIMEOUT, "no answer"), None, Sample((float("nan"),)), Sample((1.0, 0.0))]
)
def test_what_cannot_be_told_forbids_unless_its_owner_says_otherwise(
    seen: Observation | None,
) -> None:
    held, loose = vetoes(), vetoes(Veto("silenced", refuses_unknown=False))
    for each in (held, loose):
        each.take(a_round(NO, "0s"))
        each.take(a_round(seen))

    assert held.standing(at("16s")).startswith("silenced cannot be told: ")
    assert loose.standing(at("16s")) == ""


def test_before_the_first_look_nothing_can_be_told() -> None:
    assert vetoes().standing(at("0s")) == "silenced cannot be told: nobody has looked yet"


def test_a_look_of_another_source_is_none() -> None:
    held = vetoes()
    held.take(a_round(NO, source="other"))

    assert "nobody has looked" in held.standing(at("16s"))


def test_an_old_look_says_nothing() -> None:
    held = vetoes()
    held.take(a_round(NO))

    assert held.standing(at("1m")) == ""
    assert "the last look is 47 s old" in held.standing(at("1m2s"))


def test_a_veto_refuses_and_says_whose_it_is() -> None:
    proposal = Proposal("undo", "errors", Severity.CRITICAL, at("30s"))
    facts = Facts(mode=Mode.AUTO, limits=Limits(), account=Account(), vetoed="silenced: by ann")
    refusal = decide(proposal, facts, at("1m"))

    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.VETOED, "silenced: by ann")
    assert [one.reason for one in standing_refusals(facts, at("1m"))] == [Reason.VETOED]
    assert decide(proposal, replace(facts, vetoed=""), at("1m")) is None
