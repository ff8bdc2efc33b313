import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.errors import ConfigError
from watchdog.domain.people import Person


def test_nobody_is_known_without_a_word(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    assert files.load("a.yaml").daemon.people == {}


def test_people_have_roles_and_accounts(files: Files) -> None:
    files.write("daemon.yaml", "people: {ana: {roles: [oncall, dba], uids: [1001]}, ben: {}}")

    assert files.load("daemon.yaml").daemon.people == {
        "ana": Person("ana", frozenset({"oncall", "dba"}), frozenset({1001})),
        "ben": Person("ben"),
    }


def test_people_may_be_users_of_a_cluster(files: Files) -> None:
    files.write(
        "daemon.yaml", "people: {ana: {kubernetes: ['system:serviceaccount:shop:ana', ada]}}"
    )

    users = frozenset({"system:serviceaccount:shop:ana", "ada"})
    assert files.load("daemon.yaml").daemon.people == {"ana": Person("ana", users=users)}


def test_the_environment_sets_them_as_well(files: Files) -> None:
    environ = {"ROLLBACK_WATCHDOG_PEOPLE": '{"ana": {"roles": ["lead"]}}'}
    files.write("a.yaml", MINIMAL)

    people = files.load("a.yaml", environ=environ).daemon.people
    assert people == {"ana": Person("ana", frozenset({"lead"}))}


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("{ana: {uids: [7]}, ben: {uids: [7]}}", "uid 7 is that of ana and of ben"),
        (
            "{ana: {kubernetes: [ada]}, ben: {kubernetes: [ada]}}",
            "user ada is that of ana and of ben",
        ),
        ("{ana: {uids: [-1]}}", "people.ana.uids[0]: "),
        ("{ana: {uids: [true]}}", "should be a whole number, not true or false"),
        ("{ana: {role: [lead]}}", "unknown key; did you mean 'roles'?"),
        ("{'a b': {}}", "is no name"),
    ],
)
def test_what_is_no_person_is_refused(files: Files, people: str, said: str) -> None:
    files.write("daemon.yaml", f"people: {people}")

    with pytest.raises(ConfigError) as refused:
        files.load("daemon.yaml")
    assert said in str(refused.value)
