import math
import re
from urllib.parse import parse_qs

import promql_parser as promql

from watchdog.adapters.prometheus_answer import Numbers
from watchdog.adapters.prometheus_batch import (
    LONGEST_QUERY,
    MOST_MEMBERS,
    Ages,
    Batch,
    alone,
    observations,
    take_apart,
    together,
)
from watchdog.adapters.promql import syntax_tree
from watchdog.adapters.sources.prometheus import Ask
from watchdog.domain.observation import Sample
from watchdog.ports import Question

MEMBER = re.compile(r'label_replace\((.*?)\n?\),"__trigger__","(\d+)","",""\)', re.DOTALL)


def batch(*asks: tuple[str, str | None]) -> Batch:
    (only,) = batches(*asks)
    return only


def batches(*asks: tuple[str, str | None], most: int = 50) -> list[Batch]:
    parts = [
        take_apart(Question(f"q{n}", Ask(query=query, volume=volume)))
        for n, (query, volume) in enumerate(asks)
    ]
    return together(parts, most)


def query_of(batch: Batch) -> str:
    return parse_qs(batch.form.decode())["query"][0]


def members(batch: Batch) -> list[str]:
    return re.split(r"\)* or \(*(?=label_replace)", query_of(batch))


def seen(batch: Batch, numbers: Numbers, ages: Ages | None = None, time: float = 1e9) -> Sample:
    ages = ages or Ages()
    ((_, sample),) = observations(batch, numbers, ages.of(batch, numbers, time))
    assert isinstance(sample, Sample)
    return sample


def test_number_volume_and_freshness_are_members_of_one_query() -> None:
    one = batch(("sum(rate(x[5m]))", "sum(increase(x[5m]))"))

    assert query_of(one) == (
        'label_replace(time()-max(timestamp(x)),"__trigger__","0","","")'
        ' or label_replace((sum(rate(x[5m]))\n),"__trigger__","1","","")'
        ' or label_replace((sum(increase(x[5m]))\n),"__trigger__","2","","")'
    )


def test_a_scalar_becomes_a_vector_because_labels_need_one() -> None:
    assert "label_replace(vector(1 + 1\n)," in query_of(batch(("1 + 1", None)))


def test_equal_texts_and_selectors_become_one_member() -> None:
    one = batch(("sum(rate(x[5m]))", "sum(y)"), ("sum(rate(x[1m]))", "sum(y)"))

    assert len(members(one)) == 5


def test_a_batch_ends_at_the_number_of_questions_of_members_and_of_characters() -> None:
    questions = [(f"sum(x{n})", None) for n in range(120)]
    by_questions = batches(*questions, most=25)
    by_members = batches(*questions, most=100)
    by_length = batches(*((f"sum(x{n}{'a' * 900})", None) for n in range(60)), most=50)

    assert [len(one.parts) for one in by_questions] == [25, 25, 25, 25, 20]
    assert [len(members(one)) for one in by_members] == [200, 40]
    assert len(by_length) > 2
    assert all(len(query_of(one)) <= LONGEST_QUERY for one in by_length)
    assert MOST_MEMBERS == 200


def test_many_members_are_joined_in_halves_and_each_stands_there_once_in_its_order() -> None:
    one = batch(*((f"sum(x{n})", None) for n in range(50)))

    assert [int(found[2]) for found in MEMBER.finditer(query_of(one))] == list(range(100))
    assert _deepest_or(syntax_tree(query_of(one))) <= 4 + 8


def _deepest_or(tree: promql.Expr) -> int:
    """Through how many `or` the members at the bottom go, each of which hashes them anew."""
    match tree:
        case promql.ParenExpr():
            return _deepest_or(tree.expr)
        case promql.BinaryExpr():
            return 1 + max(_deepest_or(tree.lhs), _deepest_or(tree.rhs))
        case _:
            return 0


def test_a_question_longer_than_a_batch_may_be_is_still_asked() -> None:
    query, volume = (f'sum(x{{path="{letter * 7_980}"}})' for letter in "ab")

    one, two = batches((query, volume), ("sum(z)", None))

    assert [len(one.parts), len(two.parts)] == [1, 1]


def test_alone_a_question_keeps_its_volume_and_freshness() -> None:
    part = take_apart(Question("q", Ask(query="sum(x)", volume="sum(y)")))

    assert len(members(alone(part))) == 4


def test_each_question_gets_its_numbers_and_the_age_of_its_oldest_series() -> None:
    one = batch(("sum(x) / sum(y)", "sum(z)"))
    # In the order of the query: the ages of x, y and z, then the number and the volume.
    numbers = Numbers({"0": [1.0], "1": [7.0], "2": [3.0], "3": [0.5], "4": [250.0]}, ("w",))

    assert seen(one, numbers) == Sample((0.5,), age=7.0, volume=250.0, warnings=("w",))


def test_an_absent_member_is_no_series_and_an_ambiguous_volume_is_none() -> None:
    one = batch(("sum(x)", "sum(z)"))

    assert seen(one, Numbers({})) == Sample(())
    assert seen(one, Numbers({"3": [1.0, 2.0]})) == Sample((), volume=None)


def test_a_number_out_of_series_that_nobody_has_seen_is_infinitely_old() -> None:
    one = batch(("sum(x) or vector(0)", None))

    assert seen(one, Numbers({"1": [0.0]})) == Sample((0.0,), age=math.inf)


def test_a_number_without_any_series_behind_it_has_no_age() -> None:
    assert seen(batch(("vector(1)", None)), Numbers({"0": [1.0]})) == Sample((1.0,), age=None)


def test_a_series_never_seen_does_not_count_beside_one_that_is_fresh() -> None:
    errors = batch(("(sum(rate(errors[5m])) or vector(0)) / sum(rate(all[5m]))", None))

    assert seen(errors, Numbers({"1": [2.0], "2": [0.0]})).age == 2.0


def test_series_that_all_vanished_grow_old_for_twice_their_range_and_are_then_forgotten() -> None:
    ages = Ages()
    one = batch(("sum(rate(x[2m])) + sum(rate(y[2m]))", None))
    both = Numbers({"0": [1.0], "1": [2.0], "2": [5.0]})
    echo = Numbers({"2": [5.0]})

    assert seen(one, both, ages, time=1_000.0).age == 2.0
    assert seen(one, echo, ages, time=1_100.0).age == 102.0
    assert seen(one, echo, ages, time=1_238.0).age == 240.0
    assert seen(one, echo, ages, time=1_239.0).age == 240.0
    assert seen(one, echo, ages, time=1_240.0).age == math.inf
    assert seen(one, Numbers({}), ages, time=1_240.0).age is None


def test_a_vanished_series_does_not_count_beside_one_that_is_there() -> None:
    # A good rollback takes away the pods that had the errors, and only those.
    ages = Ages()
    errors = batch(("sum(rate(errors[5m])) / sum(rate(all[5m]))", None))
    seen(errors, Numbers({"0": [1.0], "1": [1.0], "2": [0.5]}), ages, time=1_000.0)

    assert seen(errors, Numbers({"1": [3.0], "2": [0.2]}), ages, time=1_100.0).age == 3.0
    assert seen(errors, Numbers({"1": [3.0]}), ages, time=1_100.0).age == 3.0


def test_a_vanished_series_does_not_count_while_the_volume_is_fresh() -> None:
    ages = Ages()
    errors = batch(("sum(rate(errors[5m]))", "sum(increase(all[5m]))"))
    seen(errors, Numbers({"0": [1.0], "1": [1.0], "2": [0.5], "3": [9.0]}), ages, time=1_000.0)

    assert seen(errors, Numbers({"1": [3.0], "3": [9.0]}), ages, time=1_100.0).age == 3.0


def test_the_largest_range_of_a_batch_decides_how_long_a_vanished_series_counts() -> None:
    ages = Ages()
    short, long = ("sum(rate(x[1m]))", None), ("sum(rate(x[1h]))", None)
    one = batch(short, long)
    ages.of(one, Numbers({"0": [0.0]}), 1_000.0)

    assert ages.of(one, Numbers({}), 8_000.0).vanished == {"0": 7_000.0}


def test_a_value_of_a_label_that_has_nothing_but_traffic_is_told_of() -> None:
    ask = Ask(query="rate(bad[5m])", volume="increase(all[5m])", for_each="route")
    one = alone(take_apart(Question("q", ask)))
    (place,) = one.places
    assert place.volume is not None
    labelled = {
        place.value: [({"route": "/a"}, 0.5)],
        place.volume: [({"route": "/a"}, 100.0), ({"route": "/b"}, 200.0)],
    }
    values = {member: [value for _, value in told] for member, told in labelled.items()}

    sample = seen(one, Numbers(values, labelled=labelled))

    assert sample.parts is not None
    assert {name: (part.values, part.volume) for name, part in sample.parts.items()} == {
        "/a": ((0.5,), 100.0),
        "/b": ((), 200.0),
    }


def by_route(*, errors: dict[str, float], ages: dict[str, float]) -> tuple[Batch, Numbers]:
    """What comes back for errors of routes, the newest samples of which are `ages` old."""
    ask = Ask(query="rate(bad[5m])", for_each="route")
    one = alone(take_apart(Question("q", ask)))
    (place,), (watched,) = one.places, one.watched
    told = {place.value: errors, watched.member: ages}
    labelled = {
        member: [({"route": route} if route else {}, value) for route, value in values.items()]
        for member, values in told.items()
        if values
    }
    values = {member: [value for _, value in of] for member, of in labelled.items()}
    return one, Numbers(values, labelled={k: v for k, v in labelled.items() if v[0][0]})


def ages_of(memory: Ages, time: float, **told: dict[str, float]) -> dict[str, float | None]:
    sample = seen(*by_route(**told), memory, time)
    assert sample.parts is not None
    return {route: part.age for route, part in sample.parts.items()}


def test_each_value_of_a_label_is_as_old_as_its_own_series() -> None:
    one, _ = by_route(errors={}, ages={})
    assert "time()-max by (route) (timestamp(bad))" in query_of(one)

    told = ages_of(Ages(), 1000, errors={"/a": 0.1, "/b": 0.9}, ages={"/a": 3.0, "/b": 200.0})

    assert told == {"/a": 3.0, "/b": 200.0}


def test_what_a_range_still_says_of_a_value_that_vanished_grows_old() -> None:
    ages, errors = Ages(), {"/a": 0.1, "/b": 0.9}
    assert ages_of(ages, 1000, errors=errors, ages={"/a": 3.0, "/b": 5.0})["/b"] == 5.0

    assert ages_of(ages, 1090, errors=errors, ages={"/a": 3.0}) == {"/a": 3.0, "/b": 95.0}


def test_a_label_that_only_the_query_makes_is_as_old_as_all_series() -> None:
    assert ages_of(Ages(), 1000, errors={"/a": 0.1}, ages={"": 7.0}) == {"/a": 7.0}


def test_the_ages_of_values_that_come_and_go_are_forgotten() -> None:
    ages = Ages()
    for number in range(200):
        ages_of(ages, 1000 + 60 * number, errors={"/a": 0.1}, ages={"/a": 1.0, f"/{number}": 1.0})

    assert sum(map(len, ages._parted.values())) < 30  # noqa: SLF001 -- nothing else tells
