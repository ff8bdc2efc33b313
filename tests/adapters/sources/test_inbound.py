from collections.abc import Mapping
from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.bed.deps import now, real_deps
from watchdog.adapters.sources.inbound import Ask, InboundSource, Options, plugin
from watchdog.domain.claims import SignalReceived, Voice, Word
from watchdog.domain.inbound import Board
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Question

QUESTIONS = [
    Question("named", Ask(name="fraud")),
    Question("alert", Ask(alert="ShopBurns", labels={"service": "shop"})),
]


def a_board(*names: str) -> Board:
    """A board that has just heard of these alerts."""
    board, at = Board(), now()
    for seq, name in enumerate(names, 1):
        labels = {"alertname": name, "service": "shop"}
        how, start = Voice.ALERTMANAGER, at.wall
        event = SignalReceived("", name, how, Word.FIRING, name, start, start + 60, labels)
        board.take(seq, at, event)
    return board


async def seen(board: Board | None, heartbeat: str | None = None) -> Mapping[str, Observation]:
    async with real_deps() as deps:
        hearing = board.of("shop") if board is not None else None
        source = InboundSource(Options(heartbeat=heartbeat), replace(deps, hearing=hearing))
        answers = await source.observe(QUESTIONS, now())
        await source.close()
        return answers


async def test_an_active_alert_is_a_no_and_what_nobody_said_a_yes() -> None:
    answers = await seen(a_board("ShopBurns"))

    named, alert = answers["named"], answers["alert"]
    assert isinstance(named, Sample)
    assert isinstance(alert, Sample)
    assert (named.values, alert.values) == ((1.0,), (0.0,))
    assert alert.note.startswith("ShopBurns firing since ")


async def test_without_a_daemon_nothing_is_known() -> None:
    answers = await seen(None)

    gap = Gap(Unknown.NODATA, "only a running daemon hears what is said from outside")
    assert answers == {"named": gap, "alert": gap}


async def test_while_the_heartbeat_is_not_heard_nothing_is_known() -> None:
    silent = await seen(a_board("ShopBurns"), "Watchdog")
    beating = await seen(a_board("ShopBurns", "Watchdog"), "Watchdog")

    assert all(isinstance(each, Gap) for each in silent.values())
    assert all(isinstance(each, Sample) for each in beating.values())


def test_a_question_is_one_question() -> None:
    for wrong in ({}, {"name": "a", "alert": "b"}, {"name": "a", "labels": {"x": "y"}}):
        with pytest.raises(ValidationError):
            Ask.model_validate(wrong)


def test_it_is_hearsay() -> None:
    assert plugin.is_hearsay
