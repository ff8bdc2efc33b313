"""In which slots our own evaluator has each rule's trigger firing."""

from collections.abc import Iterator, Sequence

from tests.builders import a_plan, a_signal, a_target, a_trigger, at
from tests.differential.rules import EVERY, LOOK_BACK, NOTHING, SLOTS, STALE, Rule
from watchdog.domain.observation import Observation, Sample
from watchdog.domain.trigger import Firing, Trigger
from watchdog.engine.evaluator import Evaluator, Looked


def firing(rules: Sequence[Rule]) -> list[tuple[bool, ...]]:
    """One yes or no a slot for each of `rules`."""
    evaluator = Evaluator(a_target(*(_trigger(rule) for rule in rules), plans=[a_plan()]))
    rounds = zip(*(answers(rule.words) for rule in rules), strict=True)
    found: list[list[bool]] = [[] for _ in rules]
    for slot, answered in enumerate(rounds):
        seen = {f"s{rule.number}": one for rule, one in zip(rules, answered, strict=True)}
        evaluator.take(Looked("prometheus", slot, at(slot * EVERY), seen))
        for rule, states in zip(rules, found, strict=True):
            states.append(isinstance(evaluator.statuses[f"s{rule.number}"].state, Firing))
    assert all(len(states) == SLOTS for states in found)
    return [tuple(states) for states in found]


def _trigger(rule: Rule) -> Trigger:
    name = f"s{rule.number}"
    return a_trigger(
        name,
        signal=a_signal(name, max_staleness=float(rule.max_staleness)),
        breach_when=rule.condition,
        hold=rule.hold,
        every=EVERY,
        confirm=rule.confirm,
        keep_firing_for=rule.keep_firing_for,
    )


def answers(words: Sequence[str]) -> Iterator[Observation]:
    """What our source makes of Prometheus' answer in each slot: the newest value and its age."""
    newest: tuple[int, float] | None = None
    for slot, word in enumerate(words):
        if word == STALE:
            newest = None
        elif word != NOTHING:
            newest = slot, float(word)
        if newest is None or (slot - newest[0]) * EVERY > LOOK_BACK:
            yield Sample(())
        else:
            yield Sample((newest[1],), age=float((slot - newest[0]) * EVERY))
