from watchdog.domain.asking import Via
from watchdog.domain.events import CommandAnswered, CommandReceived, Event, Record
from watchdog.domain.moment import Moment
from watchdog.domain.receipts import KEPT, MOST, MOST_OF_ONE, Receipts

NOON = Moment(1000.0, 1.8e9)


def received(key: str = "k", by: str = "ana", asks: str = "a") -> CommandReceived:
    return CommandReceived("pause", -1, by, "", Via.API, key, asks)


def taken(*events: Event, at: Moment = NOON) -> Receipts:
    receipts = Receipts()
    for number, event in enumerate(events, 1):
        receipts.take(Record(number, at, event))
    return receipts


def test_what_was_taken_and_not_answered_is_known_without_an_answer() -> None:
    found = taken(received()).find("ana", "k", NOON)

    assert found is not None
    assert (found.command, found.asks, found.seq, found.status) == ("pause", "a", 1, None)


def test_an_answer_belongs_to_who_asked_under_that_key() -> None:
    receipts = taken(
        received(), received(by="ben"), CommandAnswered("pause", "ben", "k", 200, "{}")
    )
    ana, ben = (receipts.find(name, "k", NOON) for name in ("ana", "ben"))

    assert ana is not None
    assert ben is not None
    assert (ana.status, ben.status, ben.answer) == (None, 200, "{}")


def test_what_came_through_the_socket_has_no_key_to_remember() -> None:
    assert taken(received(key="")).find("ana", "", NOON) is None


def test_an_answer_to_nothing_is_no_receipt() -> None:
    answered = CommandAnswered("pause", "ana", "k", 200, "{}")

    assert taken(answered).find("ana", "k", NOON) is None


def test_a_key_is_forgotten_after_a_day_by_the_lesser_of_both_clocks() -> None:
    receipts = taken(received())

    assert receipts.find("ana", "k", NOON.after(KEPT - 1)) is not None
    assert receipts.find("ana", "k", Moment(NOON.elapsed + KEPT, NOON.wall)) is not None
    assert receipts.find("ana", "k", NOON.after(KEPT)) is None


def test_there_is_room_again_once_the_oldest_are_a_day_old() -> None:
    receipts = taken(*(received(key=str(number)) for number in range(MOST)))

    assert not receipts.has_room("ben", NOON)
    assert receipts.has_room("ben", NOON.after(KEPT))


def test_one_person_leaves_room_for_the_others() -> None:
    receipts = taken(*(received(key=str(number)) for number in range(MOST_OF_ONE)))
    receipts.take(Record(1, NOON, received("0")))

    assert not receipts.has_room("ana", NOON)
    assert receipts.has_room("ben", NOON)
    assert receipts.has_room("ana", NOON.after(KEPT))


def test_the_same_key_taken_anew_is_younger() -> None:
    receipts = taken(received("a"), received("b"))
    receipts.take(Record(3, NOON.after(KEPT - 1), received("a")))
    later = NOON.after(KEPT + 1)

    assert receipts.has_room("ana", later)
    assert receipts.find("a", "a", later) is None
    assert receipts.find("ana", "b", later) is None
    assert receipts.find("ana", "a", later) is not None
