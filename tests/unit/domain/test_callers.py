import pytest

from watchdog.domain.callers import LONGEST_NAME, PREFIX, Caller, in_words, name_of
from watchdog.domain.people import Person

PEOPLE = {"ana": Person("ana", users=frozenset({"ada@example.com"})), "ben": Person("ben")}


def test_a_user_of_a_person_is_that_person_and_any_other_a_name_that_nobody_has() -> None:
    assert name_of(PEOPLE, Caller("ada@example.com")) == "ana"
    assert name_of(PEOPLE, Caller("ben")) == "kubernetes:ben"
    assert name_of(PEOPLE, Caller("ana")) == "kubernetes:ana"


@pytest.mark.parametrize(
    ("user", "can"),
    [
        ("system:serviceaccount:shop:ci", True),
        (f"system:serviceaccount:{'n' * 63}:{'a' * 253}", True),
        ("Ada Lovelace", True),
        ("", False),
        (" ada", False),
        ("ada ", False),
        ("ada\nben", False),
        ("a" * (LONGEST_NAME - len(PREFIX)), True),
        ("a" * (LONGEST_NAME - len(PREFIX) + 1), False),
    ],
)
def test_only_who_can_be_written_down_as_they_are_is_heard(user: str, *, can: bool) -> None:
    assert Caller(user).can_be_named is can


def test_a_right_is_named_as_rbac_does() -> None:
    assert in_words("pause", "shop") == "pause targets.rollback-watchdog.io/shop"
    assert in_words("kill", "") == "kill targets.rollback-watchdog.io, all of them"
