from watchdog.domain.people import Person, holders_of, person_of_uid, roles_of

ANA = Person("ana", frozenset({"oncall", "dba"}), frozenset({1001, 1002}))
BEN = Person("ben", frozenset({"oncall"}))
PEOPLE = {"ana": ANA, "ben": BEN}


def test_a_person_has_their_roles() -> None:
    assert roles_of(PEOPLE, "ana") == {"oncall", "dba"}


def test_whoever_is_not_known_has_no_role() -> None:
    assert roles_of(PEOPLE, "eve") == frozenset()


def test_an_account_says_who_it_is() -> None:
    assert person_of_uid(PEOPLE, 1002) == ANA


def test_an_account_that_nobody_claims_is_nobodys() -> None:
    assert person_of_uid(PEOPLE, 0) is None


def test_a_role_is_held_by_all_who_have_it() -> None:
    assert holders_of(PEOPLE, "oncall") == ("ana", "ben")
    assert holders_of(PEOPLE, "dba") == ("ana",)
    assert holders_of(PEOPLE, "lead") == ()
