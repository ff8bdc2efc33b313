import json
from dataclasses import replace

from tests.builders import a_check, a_plan, a_step, above
from watchdog.domain.plan import Repeat


def test_the_hash_of_a_plan_is_that_of_everything_in_it() -> None:
    plan = a_plan(a_step("one"), a_check("two"), final=[a_step("three")])

    changed = [
        a_plan(a_step("one"), a_check("two", expect=above(0.2)), final=[a_step("three")]),
        a_plan(a_step("one"), a_check("two"), final=[a_step("three", timeout="31s")]),
        a_plan(a_check("two"), a_step("one"), final=[a_step("three")]),
        a_plan(a_step("one", repeat=Repeat.ONCE), a_check("two"), final=[a_step("three")]),
        a_plan(a_step("one", options={"effect": "two"}), a_check("two"), final=[a_step("three")]),
        replace(plan, title="another"),
    ]

    assert len({plan.hash, *(other.hash for other in changed)}) == len(changed) + 1


def test_the_order_of_options_makes_no_other_plan() -> None:
    one = a_plan(a_step(options={"method": "POST", "url": "u"}))
    two = a_plan(a_step(options={"url": "u", "method": "POST"}))

    assert one.hash == two.hash


def test_the_text_of_a_plan_is_json() -> None:
    assert json.loads(a_plan(a_step("one")).text)["steps"][0]["name"] == "one"
