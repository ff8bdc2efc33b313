from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchdog.adapters.kubernetes.containers import Chosen, chosen_container
from watchdog.adapters.kubernetes.environment import difference, operations
from watchdog.domain.errors import PermanentError

PATH = "/spec/template/spec/containers/0"


def container(*entries: Mapping[str, Any]) -> Chosen:
    return Chosen("app", PATH, {"name": "app", "env": list(entries)})


def entry(name: str, value: str = "") -> dict[str, Any]:
    # As the API server gives it back: an empty value is not written.
    return {"name": name, "value": value} if value else {"name": name}


def applied(one: Chosen, sent: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the API server makes of a JSON patch of one list."""
    env: list[dict[str, Any]] = [dict(each) for each in one.container.get("env") or []]
    for operation in sent:
        place = str(operation["path"]).removeprefix(f"{PATH}/env").strip("/")
        match operation["op"], place.split("/"):
            case "add", [""]:
                assert not env, "a list that is there would be lost"
                env = [dict(each) for each in operation["value"]]
            case "add", ["-"]:
                env.append(dict(operation["value"]))
            case "add", [number, "value"]:
                env[int(number)]["value"] = operation["value"]
            case "remove", [number]:
                del env[int(number)]
            case other:
                raise AssertionError(other)
    return env


def test_a_variable_that_is_there_gets_another_value_in_its_place() -> None:
    one = container(entry("A", "1"), entry("B", "2"), entry("C", "3"))

    sent = operations(one, {"B": "x"}, [])

    assert sent == [{"op": "add", "path": f"{PATH}/env/1/value", "value": "x"}]


def test_new_variables_come_last_in_the_order_in_which_they_are_written() -> None:
    one = container(entry("A", "1"))

    after = applied(one, operations(one, {"Z": "26", "B": "2"}, []))

    assert after == [entry("A", "1"), entry("Z", "26"), entry("B", "2")]


def test_a_container_without_variables_gets_a_list_of_them() -> None:
    one = Chosen("app", PATH, {"name": "app"})

    sent = operations(one, {"A": "1", "B": "2"}, [])

    assert sent == [
        {"op": "add", "path": f"{PATH}/env", "value": [entry("A", "1"), entry("B", "2")]}
    ]


def test_variables_go_and_the_others_keep_their_order() -> None:
    one = container(entry("A", "1"), entry("B", "2"), entry("C", "3"), entry("D", "4"))

    after = applied(one, operations(one, {"D": "x", "E": "5"}, ["A", "C", "none"]))

    assert after == [entry("B", "2"), entry("D", "x"), entry("E", "5")]


def test_nothing_is_sent_where_it_is_so_already() -> None:
    one = container(entry("A", "1"), entry("B"))

    assert operations(one, {"A": "1", "B": ""}, ["C"]) == []


def test_a_value_may_be_empty_which_is_not_the_same_as_missing() -> None:
    one = container(entry("A", "1"))

    after = applied(one, operations(one, {"A": "", "B": ""}, []))

    assert after == [{"name": "A", "value": ""}, {"name": "B", "value": ""}]


def test_of_two_with_one_name_the_last_counts_and_both_go() -> None:
    one = container(entry("A", "1"), entry("B", "2"), entry("A", "3"))

    assert operations(one, {"A": "3"}, []) == []
    assert applied(one, operations(one, {"A": "4"}, []))[2] == entry("A", "4")
    assert applied(one, operations(one, {}, ["A"])) == [entry("B", "2")]


@pytest.mark.parametrize(
    ("elsewhere", "said"),
    [
        (
            {"configMapKeyRef": {"name": "shop-flags", "key": "mode"}},
            "configMapKeyRef shop-flags/mode",
        ),
        ({"secretKeyRef": {"name": "shop", "key": "token"}}, "secretKeyRef shop/token"),
        ({"fieldRef": {"fieldPath": "status.podIP"}}, "fieldRef status.podIP"),
    ],
)
@pytest.mark.parametrize("by", ["set", "unset"])
def test_what_comes_from_elsewhere_is_refused_with_where_to_change_it(
    elsewhere: Mapping[str, Any], said: str, by: str
) -> None:
    one = container(entry("A", "1"), {"name": "MODE", "valueFrom": elsewhere})
    wanted, unwanted = ({"MODE": "off"}, []) if by == "set" else ({}, ["MODE"])

    with pytest.raises(PermanentError) as error:
        operations(one, wanted, unwanted)

    assert f"MODE comes from {said}; change it there" in str(error.value)
    # The others can be changed beside it.
    assert operations(one, {"A": "2"}, []) != []


def test_the_difference_names_what_changes_and_never_what_stood_there() -> None:
    one = container(entry("A", "1"), entry("B", "hunter2"), entry("C", "3"), entry("D"))

    said = difference(one, {"A": "1", "B": "x", "D": "y", "E": "5"}, ["C", "none"])

    assert said == "B = x is changed, D = y is changed, E = 5 is new, C goes"


def test_a_value_that_becomes_empty_is_called_so() -> None:
    one = container(entry("A", "1"))

    assert difference(one, {"A": "", "B": ""}, []) == "A = empty is changed, B = empty is new"


NAMES = st.sampled_from("ABCDEFGH")
VALUES = st.sampled_from(["", "0", "1", "two"])


@settings(deadline=None)
@given(
    st.lists(st.builds(entry, NAMES, VALUES), unique_by=lambda each: each["name"]),
    st.dictionaries(NAMES, VALUES),
    st.lists(NAMES, unique=True),
)
def test_exactly_the_named_variables_change(
    before: list[dict[str, Any]], wanted: dict[str, str], unwanted: list[str]
) -> None:
    unwanted = [name for name in unwanted if name not in wanted]
    one = container(*before)

    sent = operations(one, wanted, unwanted)
    after = applied(one, sent)

    values = {each["name"]: each.get("value", "") for each in after}
    old = {each["name"]: each.get("value", "") for each in before}
    kept = {name: value for name, value in old.items() if name not in unwanted}
    assert values == {**kept, **wanted}
    assert [each["name"] for each in after][: len(kept)] == list(kept)
    assert operations(Chosen("app", PATH, {"env": after}), wanted, unwanted) == []


def workload_of(*names: str, init: Sequence[str] = ()) -> dict[str, Any]:
    listed = {
        "containers": [{"name": name, "image": f"{name}:v1"} for name in names],
        "initContainers": [{"name": name} for name in init],
    }
    return {"spec": {"template": {"spec": listed}}}


def test_the_only_container_needs_no_name() -> None:
    found = chosen_container(workload_of("app", init=["migrate"]), None)

    assert (found.name, found.path, found.image) == ("app", PATH, "app:v1")


def test_one_of_several_containers_is_found_by_its_name() -> None:
    found = chosen_container(workload_of("proxy", "app"), "app")

    assert (found.name, found.path) == ("app", "/spec/template/spec/containers/1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "it has the containers proxy, app: say which by `container`"),
        ("shop", "container shop is none of its own; it has proxy, app"),
        (
            "migrate",
            "container migrate runs before the others, and is left alone; it has proxy, app",
        ),
    ],
)
def test_a_container_that_cannot_be_told_is_refused(name: str | None, said: str) -> None:
    with pytest.raises(PermanentError) as error:
        chosen_container(workload_of("proxy", "app", init=["migrate"]), name)

    assert str(error.value) == said
